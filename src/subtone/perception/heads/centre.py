"""A caller's own normal, from their first utterances, and what a head reads against it.

The centre is causal and needs no label: the mean of the first three utterances. A contrast
reads all of the difference from it (SCIENCE section 1), a class head what is left when the
share on its card is taken off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from subtone.perception.encoding import FRAMES_PER_SECOND, EncodedAudio, FloatArray
from subtone.perception.heads.errors import HeadError
from subtone.perception.heads.files import StoredHead

MIN_FRAMES: Final = 25  # half a second at 50 a second, as the kernel's voice channel asks
BASELINE_UTTERANCES: Final = 3
BASELINE_FRAMES: Final = 4 * FRAMES_PER_SECOND  # as much voice as the kernel's baseline asks for


@dataclass(frozen=True, eq=False, kw_only=True)
class SpeakerCentre:
    """The mean pooled encoding of one caller's first utterances; a value, so it can be kept.

    Utterances weigh by their length: three short answers are nobody's normal.
    mean: (blocks + 1, 2 * width), None before the first utterance.
    """

    utterances: int = 0
    frames: int = 0
    mean: FloatArray | None = None

    @property
    def is_established(self) -> bool:
        """Whether the caller's own normal is known; from then on it stands."""
        return self.utterances >= BASELINE_UTTERANCES and self.frames >= BASELINE_FRAMES

    def add(self, audio: EncodedAudio) -> SpeakerCentre:
        """Include one utterance; too short ones and those after the baseline change nothing."""
        frames = spoken_frames(audio)
        if self.is_established or frames < MIN_FRAMES:
            return self
        if self.mean is None:
            return SpeakerCentre(utterances=1, frames=frames, mean=audio.pooled)
        if self.mean.shape != audio.pooled.shape:
            raise HeadError(
                "speaker baseline",
                "was begun with another encoder",
                "begin a new baseline when the encoder changes",
            )
        total = self.frames + frames
        share = np.float32(frames / total)
        return SpeakerCentre(
            utterances=self.utterances + 1,
            frames=total,
            mean=self.mean + (audio.pooled - self.mean) * share,
        )


def spoken_frames(audio: EncodedAudio) -> int:
    """Frames of speech, 50 a second."""
    return sum(window.valid_frames for window in audio.windows)


def heard_vector(
    head: StoredHead, audio: EncodedAudio, centre: SpeakerCentre | None
) -> FloatArray | None:
    """(input) that a head reads of an utterance, less its share of the caller's normal.

    None below half a second of speech, and for a head relative to the speaker as long as
    the normal is not known. Raises HeadError where the recording, or the normal, was encoded
    by another encoder.
    """
    if spoken_frames(audio) < MIN_FRAMES:
        return None
    share = head.card.share_of_normal
    if share == 0.0:
        return head.pool(audio)
    if centre is None or centre.mean is None or not centre.is_established:
        return None
    return head.pool(audio) - np.float32(share) * head.select(centre.mean)
