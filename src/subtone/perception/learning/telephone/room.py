"""Around the talker: the room's reverberation, and noise.

The room is Polack's (1988): white noise under an exponential decay after the direct sound.
The noise is pink-like and wanders slowly in level, as rooms and streets do.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from subtone.perception.encoding import SAMPLE_RATE_HZ, FloatArray

_FRAME: Final = SAMPLE_RATE_HZ // 100
_QUIETEST_DB: Final = -120.0
_DIRECT_TO_REVERBERANT_DB: Final = (3.0, 12.0)
_LN_1000: Final = 6.9078  # 60 dB in nepers


def speech_level_db(samples: FloatArray) -> float:
    """Median level in dB re full scale of the 10 ms frames within 30 dB of the loud ones."""
    frames = samples[: len(samples) // _FRAME * _FRAME].astype(np.float64).reshape(-1, _FRAME)
    if not len(frames):
        return _QUIETEST_DB
    levels = 10.0 * np.log10(np.maximum((frames**2).mean(axis=1), 1e-12))
    return float(np.median(levels[levels >= np.percentile(levels, 95) - 30.0]))


def reverberate(samples: FloatArray, rt60_s: float, rng: np.random.Generator) -> FloatArray:
    """Samples [n] in a room that takes ``rt60_s`` seconds to fall by 60 dB, [n]."""
    n = int(rt60_s * SAMPLE_RATE_HZ)
    at_s = np.arange(n) / SAMPLE_RATE_HZ
    tail = rng.standard_normal(n) * np.exp(-_LN_1000 * at_s / rt60_s)
    tail[: SAMPLE_RATE_HZ // 500] = 0.0
    ratio_db = rng.uniform(*_DIRECT_TO_REVERBERANT_DB)
    tail *= 10.0 ** (-ratio_db / 20.0) / max(float(np.linalg.norm(tail)), 1e-9)
    tail[0] = 1.0
    size = 1 << (len(samples) + n).bit_length()
    heard = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(tail, size), size)
    return heard[: len(samples)].astype(np.float32)


def add_noise(samples: FloatArray, snr_db: float, rng: np.random.Generator) -> FloatArray:
    """Samples [n] with noise ``snr_db`` below the speech level."""
    n = len(samples)
    if not n:
        return samples
    spectrum = np.fft.rfft(rng.standard_normal(n))
    hz = np.fft.rfftfreq(n, 1.0 / SAMPLE_RATE_HZ)
    slope = rng.uniform(0.0, 1.0)  # white to pink
    noise = np.fft.irfft(spectrum / np.maximum(hz, 50.0) ** (slope / 2.0), n)
    noise *= 10.0 ** ((speech_level_db(samples) - snr_db) / 20.0) / max(float(noise.std()), 1e-12)
    return (samples + noise).astype(np.float32)
