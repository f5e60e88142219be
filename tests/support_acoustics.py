"""Synthetic signals the acoustics tests share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from subtone.kernel.voice_intelligence.acoustics import (
    Frames,
    concat,
    feed_samples,
    flush,
    open_track,
)

F32 = NDArray[np.float32]


def silence(rate: int, seconds: float) -> F32:
    return np.zeros(round(rate * seconds), np.float32)


def noise(rate: int, seconds: float, level_db: float, seed: int = 0) -> F32:
    rng = np.random.default_rng(seed)
    n = round(rate * seconds)
    return np.asarray(rng.standard_normal(n) * 10.0 ** (level_db / 20.0), np.float32)


def line_voice(
    rate: int,
    seconds: float,
    f0_hz: float | NDArray[np.float64],
    level_db: float = -20.0,
    *,
    phase_spread: float = 0.37,
) -> F32:
    """Equal harmonics of 300-3400 Hz: on a telephone line the fundamental is missing.

    phase_spread 0 is a train of pulses; more spreads each pulse over its period.
    """
    n = round(rate * seconds)
    f0 = np.broadcast_to(np.asarray(f0_hz, np.float64), n)
    phase = 2.0 * np.pi * np.cumsum(f0) / rate
    wave = np.zeros(n)
    for h in range(1, int(3400.0 / f0.min()) + 1):
        inside = (h * f0 >= 300.0) & (h * f0 <= 3400.0)
        wave += inside * np.cos(h * phase + phase_spread * h * h)
    rms = np.sqrt(np.mean(wave**2))
    return np.asarray(wave / rms * 10.0 ** (level_db / 20.0), np.float32)


def syllables(rate: int, seconds: float, per_s: float, f0_hz: float = 140.0) -> F32:
    """A voice whose level swings by 12 dB per_s times a second."""
    voice = line_voice(rate, seconds, f0_hz)
    t = np.arange(len(voice)) / rate
    swing_db = 6.0 * np.sin(2.0 * np.pi * per_s * t - np.pi / 2.0)
    return (voice * 10.0 ** (swing_db / 20.0)).astype(np.float32)


def whole(samples: F32, rate: int, t_start_ms: int = 0, *, is_pitch_tracked: bool = True) -> Frames:
    """All frames of one recording."""
    state = open_track(rate, t_start_ms, is_pitch_tracked=is_pitch_tracked)
    state, body = feed_samples(state, samples)
    _, tail = flush(state)
    return concat(*(part for part in (body, tail) if part is not None))
