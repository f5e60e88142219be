"""Text and images beside sound: encoders, and projections into spaces that several share.

Each part may be missing, and then its modality is: nothing is made up for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from subtone.perception.encoding import EncodedAudio
from subtone.perception.fusion.projection import ProjectionHead
from subtone.perception.fusion.vectors import ImageEncoder, ModalityVector, TextEncoder


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossModal:
    """What makes vectors of other things than sound, and sound comparable with them.

    Without a projection a text or an image stands in its encoder's own space.
    """

    text: TextEncoder | None = None
    image: ImageEncoder | None = None
    audio_projection: ProjectionHead | None = None
    text_projection: ProjectionHead | None = None
    image_projection: ProjectionHead | None = None

    def of_audio(self, encoded: EncodedAudio) -> tuple[ModalityVector, ...]:
        """A recording's vector in the shared space; none without a projection or speech."""
        if self.audio_projection is None or not encoded.windows:
            return ()
        return (self.audio_projection.project_audio(encoded),)

    def of_text(self, text: str | None) -> tuple[ModalityVector, ...]:
        """A text's vector; none without an encoder or words. Raises HeadError."""
        if self.text is None or not text or not text.strip():
            return ()
        return (_projected(self.text.encode(text), self.text_projection),)

    def of_image(self, image: bytes) -> tuple[ModalityVector, ...]:
        """An image's vector; none without an encoder. Raises HeadError for what is no image."""
        if self.image is None:
            return ()
        return (_projected(self.image.encode(image), self.image_projection),)


def _projected(vector: ModalityVector, projection: ProjectionHead | None) -> ModalityVector:
    return vector if projection is None else projection.project(vector)
