"""What one encoder pass leaves for every task: all layers, valid frames only."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from subtone.contracts.memory import Encoding

FloatArray = NDArray[np.float32]

SAMPLE_RATE_HZ = 16_000
FRAMES_PER_SECOND = 50  # one encoder frame is 320 samples at 16 kHz


@dataclass(frozen=True, eq=False, kw_only=True)
class EncodedWindow:
    """One window of one recording after one encoder pass.

    ``states`` is (blocks + 1, valid_frames, width) float32: index 0 is the input of the
    first block, the last index the output after the final layer norm, as Hugging Face's
    ``hidden_states``; rows beyond the real audio are cut off. ``decoder_states`` is
    (frames, width), padding included, as the decoder wants it.
    """

    t_event_ms: int
    t_end_ms: int
    samples: FloatArray  # mono at 16 kHz, [-1, 1]
    states: FloatArray
    decoder_states: FloatArray

    @property
    def valid_frames(self) -> int:
        """Frames of real audio, at 50 a second."""
        return int(self.states.shape[1])

    @cached_property
    def pooled(self) -> FloatArray:
        """(blocks + 1, 2 * width): [mean; std] over the valid frames of each layer."""
        return np.concatenate([self.states.mean(axis=1), self.states.std(axis=1)], axis=1)


@dataclass(frozen=True, eq=False, kw_only=True)
class EncodedAudio:
    """A recording's windows, in order, and which encoder made them."""

    encoder: str  # checkpoint name, digest and precision
    space: str  # stem of the spaces; a layer's space is f"{space}/L{layer}"
    duration_ms: int
    windows: tuple[EncodedWindow, ...]  # none where there was no speech

    @cached_property
    def pooled(self) -> FloatArray:
        """(blocks + 1, 2 * width) over the valid frames of all windows; empty without any."""
        if not self.windows:
            return np.zeros((0, 0), np.float32)
        frames = np.array([w.valid_frames for w in self.windows], np.float64)
        share = (frames / frames.sum())[:, None, None]
        width = self.windows[0].states.shape[2]
        stacked = np.stack([w.pooled.astype(np.float64) for w in self.windows])
        mean = (share * stacked[:, :, :width]).sum(axis=0)
        square = (share * (stacked[:, :, width:] ** 2 + stacked[:, :, :width] ** 2)).sum(axis=0)
        std = np.sqrt(np.maximum(square - mean**2, 0.0))
        return np.concatenate([mean, std], axis=1).astype(np.float32)

    def encoding(self, layer: int, window: EncodedWindow | None = None) -> Encoding:
        """The pooled vector of one layer as a contract: of the recording, or of one window."""
        parts = self.windows if window is None else (window,)
        pooled = self.pooled if window is None else window.pooled
        return Encoding(
            encoder=self.encoder,
            space=f"{self.space}/L{layer}",
            layer=layer,
            t_event_ms=parts[0].t_event_ms,
            t_end_ms=parts[-1].t_end_ms,
            valid_frames=sum(part.valid_frames for part in parts),
            vector=tuple(pooled[layer].tolist()),
        )
