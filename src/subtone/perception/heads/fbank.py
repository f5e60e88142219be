"""Kaldi's log mel filter bank, as speaker models were trained on it, in numpy.

25 ms frames every 10 ms without padding, mean removed, pre-emphasis .97, a Hamming or Povey
window, power spectrum of 512 points, triangles on the mel scale 1127 ln(1 + f / 700) between
20 Hz and Nyquist, natural logarithm, no dither. Samples count as 16-bit integers, as Kaldi
reads them. Source: Kaldi, feat/feature-window and feat/mel-computations.
"""

from __future__ import annotations

from functools import cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from subtone.perception.encoding import SAMPLE_RATE_HZ, FloatArray

FRAME_SAMPLES: Final = 400
HOP_SAMPLES: Final = 160
FFT_POINTS: Final = 512
LOW_HZ: Final = 20.0
PRE_EMPHASIS: Final = 0.97
FULL_SCALE: Final = 32_768.0
FLOOR: Final = float(np.finfo(np.float32).eps)

WindowShape = Literal["hamming", "povey"]


def log_mel_bank(
    samples: FloatArray, bands: int = 80, window: WindowShape = "hamming"
) -> FloatArray:
    """(frames, bands) from samples (n) at 16 kHz in [-1, 1]; no frames below 400 samples."""
    if len(samples) < FRAME_SAMPLES:
        return np.zeros((0, bands), np.float32)
    scaled = samples.astype(np.float64) * FULL_SCALE
    frames = np.lib.stride_tricks.sliding_window_view(scaled, FRAME_SAMPLES)[::HOP_SAMPLES]
    frames = frames - frames.mean(axis=1, keepdims=True)
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    shaped = (frames - PRE_EMPHASIS * before) * _window(window)
    power = np.abs(np.fft.rfft(shaped, FFT_POINTS, axis=1)) ** 2
    energies = power[:, :-1] @ _triangles(bands).T  # Kaldi's bank leaves the Nyquist bin out
    return np.log(np.maximum(energies, FLOOR)).astype(np.float32)


@cache
def _window(shape: WindowShape) -> NDArray[np.float64]:
    if shape == "hamming":
        return np.hamming(FRAME_SAMPLES)
    return np.hanning(FRAME_SAMPLES) ** 0.85


@cache
def _triangles(bands: int) -> NDArray[np.float64]:
    """(bands, FFT_POINTS / 2): triangles that are straight on the mel scale, as Kaldi's."""
    edges = np.linspace(_mel(LOW_HZ), _mel(SAMPLE_RATE_HZ / 2), bands + 2)
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    bins = _mel(np.arange(FFT_POINTS // 2) * SAMPLE_RATE_HZ / FFT_POINTS)
    rising = (bins - left) / (centre - left)
    falling = (right - bins) / (right - centre)
    triangles: NDArray[np.float64] = np.maximum(0.0, np.minimum(rising, falling))
    return triangles


def _mel(hz: float | NDArray[np.float64]) -> NDArray[np.float64]:
    return 1127.0 * np.log1p(np.asarray(hz, np.float64) / 700.0)
