"""A speaker's own normal in feature space: causal, from the first neutral utterances.

A contrast reads the difference from the mean of the first three utterances (SCIENCE section
1). A class head is taught to read what is left when *half* of the normal is taken off: all of
it told classes worse than none on EMO-DB and RAVDESS, for the noise of a mean of a few
utterances goes into every clip.

In training the mean is over all of a speaker's neutral clips, the judged one among them, so
that all clips of a speaker are moved alike; a test is by other clips only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from subtone.perception.encoding import FloatArray
from subtone.perception.heads.centre import BASELINE_UTTERANCES
from subtone.perception.learning.clips import Clip
from subtone.perception.learning.errors import LearningError
from subtone.perception.learning.training.table import Table

NORMAL_LABEL: Final = "neutral"
CLASS_SHARE: Final = 0.5  # of the normal, taken off for a class head
TWENTY_SECONDS: Final = 7  # utterances of acted corpora, at about three seconds

Bools = NDArray[np.bool_]


def centred_on_all(
    x: FloatArray, clips: Sequence[Clip], share: float = 1.0
) -> tuple[FloatArray, Bools]:
    """(clips, ...) less a share of each speaker's neutral mean, and which clips have one."""
    moved, has_normal = x.astype(np.float32, copy=True), np.zeros(len(x), np.bool_)
    for theirs, normal in _speakers(clips):
        if len(normal):
            moved[theirs] -= np.float32(share) * x[normal].mean(axis=0)
            has_normal[theirs] = True
    return moved, has_normal


def centred_on_first(
    x: FloatArray,
    clips: Sequence[Clip],
    *,
    most: int = BASELINE_UTTERANCES,
    share: float = 1.0,
    seed: int = 0,
) -> tuple[FloatArray, Bools]:
    """The same by up to ``most`` neutral clips other than the judged one, as if they came first.

    Which ones is drawn by ``seed``, once per speaker, so a neutral clip that is among them
    is judged against the next one in their order. The second value is False where a speaker
    has fewer than three others.
    """
    rng = np.random.default_rng(seed)
    moved, has_normal = x.astype(np.float32, copy=True), np.zeros(len(x), np.bool_)
    for theirs, normal in _speakers(clips):
        order = rng.permutation(normal)
        for i in theirs:
            first = order[order != i][:most]
            if len(first) >= BASELINE_UTTERANCES:
                moved[i] -= np.float32(share) * x[first].mean(axis=0)
                has_normal[i] = True
    return moved, has_normal


def centred_table(table: Table, share: float = 1.0) -> Table:
    """What a head is taught: every rendition centred, without speakers who have no normal.

    Raises LearningError where nobody has one.
    """
    has_normal = centred_on_all(next(iter(table.values.values())), table.clips)[1]
    if not has_normal.any():
        raise LearningError(
            f"no speaker has a clip labelled {NORMAL_LABEL}, so nobody's own normal is known; add "
            "such clips, or train a head that is not relative to the speaker"
        )
    centred = table.mapped(lambda values, clips: centred_on_all(values, clips, share)[0])
    return centred.take(np.flatnonzero(has_normal))


def _speakers(clips: Sequence[Clip]) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Rows of each speaker, and those of them that are neutral."""
    voices = np.array([clip.voice for clip in clips])
    is_normal = np.array([clip.label == NORMAL_LABEL for clip in clips])
    return [
        (np.flatnonzero(voices == voice), np.flatnonzero((voices == voice) & is_normal))
        for voice in np.unique(voices)
    ]
