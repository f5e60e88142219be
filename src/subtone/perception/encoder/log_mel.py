"""Whisper's log-mel spectrogram in NumPy.

Slaney mel scale with area normalisation (Slaney 1998, Auditory Toolbox), periodic Hann
window of 400 samples, hop 160, reflected edges; log10, clipped 8 below the loudest value,
(x + 4) / 4, as in openai/whisper ``audio.py``.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from subtone.perception.encoding import SAMPLE_RATE_HZ, FloatArray

FFT_SAMPLES = 400
HOP_SAMPLES = 160
_LINEAR_HZ_PER_MEL = 200.0 / 3.0
_LOG_FROM_HZ = 1000.0
_LOG_FROM_MEL = _LOG_FROM_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0
_POWER_FLOOR = 1e-10
_RANGE_LOG10 = 8.0


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    log_part = _LOG_FROM_HZ * np.exp(_LOG_STEP * (mel - _LOG_FROM_MEL))
    return np.where(mel < _LOG_FROM_MEL, mel * _LINEAR_HZ_PER_MEL, log_part)


@cache
def mel_filters(n_mels: int) -> FloatArray:
    """Triangular filters (n_mels, 201) from 0 Hz to 8 kHz, each of equal area."""
    nyquist_hz = SAMPLE_RATE_HZ / 2
    top_mel = _LOG_FROM_MEL + np.log(nyquist_hz / _LOG_FROM_HZ) / _LOG_STEP
    edges_hz = _mel_to_hz(np.linspace(0.0, top_mel, n_mels + 2))
    bins_hz = np.linspace(0.0, nyquist_hz, FFT_SAMPLES // 2 + 1)
    low, centre, high = (edges_hz[i : i + n_mels, None] for i in range(3))
    rising = (bins_hz - low) / (centre - low)
    falling = (high - bins_hz) / (high - centre)
    filters = np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (high - low))
    return filters.astype(np.float32)


@cache
def _window() -> FloatArray:
    return np.hanning(FFT_SAMPLES + 1)[:-1].astype(np.float32)


def log_mel(samples: FloatArray, n_mels: int) -> FloatArray:
    """(n_mels, n // 160) of samples [n] at 16 kHz; n is more than 200."""
    padded = np.pad(samples, FFT_SAMPLES // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT_SAMPLES)[::HOP_SAMPLES]
    frames = frames[: len(samples) // HOP_SAMPLES]
    spectrum = np.fft.rfft(frames * _window())
    power = spectrum.real**2 + spectrum.imag**2
    mel = mel_filters(n_mels) @ power.T.astype(np.float32)
    log = np.log10(np.maximum(mel, _POWER_FLOOR))
    scaled: FloatArray = (np.maximum(log, log.max() - _RANGE_LOG10) + 4.0) / 4.0
    return scaled.astype(np.float32, copy=False)
