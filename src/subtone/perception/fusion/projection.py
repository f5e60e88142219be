"""Projection heads: every modality's vector into one space where they can be compared."""

from __future__ import annotations

import numpy as np

from subtone.perception.encoding import EncodedAudio
from subtone.perception.fusion.vectors import ModalityVector
from subtone.perception.heads.errors import HeadError
from subtone.perception.heads.files import StoredHead
from subtone.perception.heads.pooling import Pooling


class ProjectionHead:
    """One modality's way into the shared space; vectors of length 1, so cosine is a product.

    Raises HeadError for a head of another task.
    """

    def __init__(self, head: StoredHead, modality: str) -> None:
        space = head.card.gives_space
        if space is None:
            raise HeadError(
                head.card.name, f"is a head for {head.card.task}, not a projection", "give one"
            )
        self._head = head
        self._modality = modality
        self.space: str = space
        self.size_bytes = head.size_bytes

    def project_audio(self, audio: EncodedAudio) -> ModalityVector:
        """A recording that has speech. Raises HeadError where its encoder is another one."""
        if self._head.card.pooling is Pooling.NONE:
            raise HeadError(self._head.card.name, "reads vectors, not audio", "give it vectors")
        return self._project(self._head.pool(audio))

    def project(self, given: ModalityVector) -> ModalityVector:
        """A text's, an image's or a precomputed vector. Raises HeadError for another space."""
        self._head.require_space(given.space)
        if given.width != self._head.input_width:
            raise HeadError(
                self._head.card.name,
                f"reads a width of {self._head.input_width}, and was given {given.width}",
                "use the encoder it was trained with",
            )
        return self._project(given.vector)

    def _project(self, vector: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> ModalityVector:
        projected = self._head.outputs(vector[None])[0]
        return ModalityVector(modality=self._modality, space=self.space, vector=projected)
