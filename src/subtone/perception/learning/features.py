"""What a head may read of a clip: pooled Whisper layers, acoustics, a plain log-mel, or frames.

An extractor turns samples into (layers, n) float32, or into one layer's (frames, width)
float16, and has a name that changes with its output, so that cached features are never taken
for another's.
"""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from subtone.perception.encoder.audio import as_samples
from subtone.perception.encoder.log_mel import log_mel
from subtone.perception.encoder.whisper import WhisperEncoder
from subtone.perception.encoding import FRAMES_PER_SECOND, FloatArray
from subtone.perception.heads.acoustic import acoustic_vector
from subtone.perception.heads.pooling import layer_states

HalfArray = NDArray[np.float16]

LOG_MEL_BANDS: Final = 80
MOST_FRAMES: Final = 30 * FRAMES_PER_SECOND  # of one clip; a longer one is read to here


class Extractor(Protocol):
    """Samples to features."""

    @property
    def name(self) -> str:
        """Encoder, digest, precision and padding, or a version: the cache's key."""
        ...

    def __call__(self, samples: FloatArray) -> FloatArray:
        """(layers, n) of mono samples at 16 kHz."""
        ...


class WhisperLayers:
    """[mean; std] of every layer over the speech of a clip, as a served recording is encoded.

    A clip in which no speech is found is encoded whole, so that no clip is lost.
    """

    def __init__(self, encoder: WhisperEncoder) -> None:
        self.encoder = encoder
        self.name = f"{encoder.name}/{encoder.padding}"

    def __call__(self, samples: FloatArray) -> FloatArray:
        """(blocks + 1, 2 * width)."""
        audio = self.encoder.encode(samples, 16_000)
        return audio.pooled if audio.windows else self.encoder.encode_window(samples).pooled


class WhisperFrames:
    """The frames of one layer over the speech of a clip, for pooling that is learnt.

    Rounded to float16, a thousandth of a state: 1 KB a frame at width 512.
    """

    def __init__(self, encoder: WhisperEncoder, layer: int) -> None:
        self.encoder, self.layer = encoder, layer
        self.name = f"{encoder.name}/{encoder.padding}/L{layer}/frames"

    def __call__(self, samples: FloatArray) -> HalfArray:
        """(frames, width), at most ``MOST_FRAMES``; a clip without speech is encoded whole."""
        audio = self.encoder.encode(samples, 16_000)
        if audio.windows:
            states = layer_states(audio, self.layer)
        else:
            states = self.encoder.encode_window(samples).states[self.layer]
        return states[:MOST_FRAMES].astype(np.float16)


class Acoustics:
    """The kernel's acoustic window as one vector; needs no model."""

    name = "acoustics/2"

    def __call__(self, samples: FloatArray) -> FloatArray:
        """(1, len(ACOUSTIC_FEATURES))."""
        return acoustic_vector(samples)[None]


class LogMel:
    """Mean and deviation of Whisper's input: what a probe must beat."""

    name = "log-mel/1"

    def __call__(self, samples: FloatArray) -> FloatArray:
        """(1, 160)."""
        mel = log_mel(as_samples(samples), LOG_MEL_BANDS)
        return np.concatenate([mel.mean(axis=1), mel.std(axis=1)])[None].astype(np.float32)
