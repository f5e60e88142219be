"""One vector of one modality: computed here by an encoder, or brought along precomputed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from subtone.contracts.memory import Encoding
from subtone.perception.encoding import FloatArray
from subtone.perception.heads.errors import HeadError


@dataclass(frozen=True, eq=False, kw_only=True)
class ModalityVector:
    """A finite vector and the space it may be compared in. A missing modality is None."""

    modality: str
    space: str
    vector: FloatArray  # (width)

    @property
    def width(self) -> int:
        """Its length."""
        return len(self.vector)

    def encoding(self, t_event_ms: int = 0, t_end_ms: int = 0, valid_frames: int = 0) -> Encoding:
        """The contract, for storing and searching."""
        return Encoding(
            encoder=self.space,
            space=self.space,
            layer=0,
            t_event_ms=t_event_ms,
            t_end_ms=t_end_ms,
            valid_frames=valid_frames,
            vector=tuple(self.vector.tolist()),
        )


class ImageEncoder(Protocol):
    """Turns the bytes of an image file into a vector."""

    def encode(self, image: bytes) -> ModalityVector:
        """Raises HeadError for bytes that are no image it can read."""
        ...


class TextEncoder(Protocol):
    """Turns a text into a vector."""

    def encode(self, text: str) -> ModalityVector:
        """Raises HeadError for a text without a token."""
        ...


def precomputed(
    modality: str, values: Sequence[float] | FloatArray, *, space: str, width: int
) -> ModalityVector:
    """A vector computed elsewhere.

    Raises HeadError where it is not of the width, not finite, or all zeros: zeros are how
    others write "missing", and a missing modality is None here.
    """
    vector = np.asarray(values, np.float32)
    if vector.shape != (width,):
        raise HeadError(
            f"{modality} vector",
            f"has the shape {vector.shape}, not ({width},)",
            "check who made it",
        )
    if not np.isfinite(vector).all():
        raise HeadError(f"{modality} vector", "is not finite", "check who made it")
    if not vector.any():
        raise HeadError(f"{modality} vector", "is all zeros", "leave a missing modality out")
    return ModalityVector(modality=modality, space=space, vector=vector)
