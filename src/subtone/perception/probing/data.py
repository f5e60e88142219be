"""The labelled matrix that every analysis reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from subtone.perception.encoding import FloatArray
from subtone.perception.errors import PerceptionError

F64 = NDArray[np.float64]
Index = NDArray[np.intp]

LEAST_SPEAKERS = 4
MOST_CLIPS = 5_000  # the distances between all of them are held at once


class ProbeError(PerceptionError):
    """What is to be probed cannot be; the message says whose fault it is and what to do."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ProbeData:
    """Vectors (n, d) with the labels of each row, and where they come from.

    ``sentence`` names the words that were spoken, equal for equal words; where it is unknown
    give every row the same, and nothing is claimed about unseen sentences. Raises ProbeError
    where labels and rows do not fit, a value is not finite, all rows are the same, or there
    are fewer than four speakers, fewer than two emotions or more than 5000 rows.
    """

    vectors: FloatArray
    emotion: tuple[str, ...]
    speaker: tuple[str, ...]
    sentence: tuple[str, ...]
    gender: tuple[str | None, ...]
    corpus: str
    language: str
    band: str  # "wide" or "telephone"
    is_acted: bool
    space: str = "vectors as given"  # which model and layer they are of
    encoder: str = "unknown"  # checkpoint, digest and precision
    left_out: int = 0  # clips without speech

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or not self.vectors.size:
            raise ProbeError(f"vectors have shape {self.vectors.shape}; rows of numbers are needed")
        for name in ("emotion", "speaker", "sentence", "gender"):
            count = len(getattr(self, name))
            if count != len(self.vectors):
                raise ProbeError(
                    f"{count} values of {name} for {len(self.vectors)} vectors: "
                    "give one label for each row"
                )
        require_finite("vectors", self.vectors)
        if len(self.vectors) > MOST_CLIPS:
            raise ProbeError(
                f"{len(self.vectors)} clips, at most {MOST_CLIPS} can be probed: draw a part of "
                "every speaker's"
            )
        if not np.ptp(self.vectors, axis=0).any():
            raise ProbeError("all vectors are the same: whatever made them is broken")
        if len(self.speakers) < LEAST_SPEAKERS or len(self.emotions) < 2:
            raise ProbeError(
                f"{len(self.speakers)} speakers and {len(self.emotions)} emotions: unseen "
                f"speakers need at least {LEAST_SPEAKERS} speakers and 2 emotions"
            )

    @cached_property
    def emotions(self) -> tuple[str, ...]:
        """The classes, sorted."""
        return tuple(sorted(set(self.emotion)))

    @cached_property
    def speakers(self) -> tuple[str, ...]:
        """The speakers, sorted."""
        return tuple(sorted(set(self.speaker)))

    @cached_property
    def sentences(self) -> tuple[str, ...]:
        """The sentences, sorted."""
        return tuple(sorted(set(self.sentence)))

    @property
    def has_shared_sentences(self) -> bool:
        """Whether there are two sentences at least, and each is spoken by two people at least."""
        pairs = Counter(
            sentence for sentence, _ in set(zip(self.sentence, self.speaker, strict=True))
        )
        return len(pairs) > 1 and min(pairs.values()) > 1

    @property
    def has_known_gender(self) -> bool:
        """Whether every row has a gender, and there are two at least."""
        return None not in self.gender and len(set(self.gender)) > 1


def require_finite(name: str, vectors: FloatArray) -> None:
    """Raise ProbeError for NaN or infinity."""
    if not np.isfinite(vectors).all():
        raise ProbeError(f"{name} hold NaN or infinity: encode the recordings again")


def codes(labels: Sequence[str | None]) -> Index:
    """Each label as its place among the sorted labels."""
    return np.unique(np.array([str(label) for label in labels]), return_inverse=True)[1]
