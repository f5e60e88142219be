"""Pitch candidates on a telephone line, where the fundamental itself is often missing.

Two normalised cross-correlation functions (Talkin 1995, RAPT) are summed: one of the
low-passed signal and one of its low-passed envelope, in which the harmonics above
300 Hz beat at the missing fundamental. Cross-products are computed once per 10 ms
block and summed over the blocks of a window.

The constants were searched on EMO-DB speakers 03 to 11 alone, on a telephone line clean
and in noise (``python -m bench.pitch --split tuning``).
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from subtone.kernel.voice_intelligence.acoustics.arrays import F32
from subtone.kernel.voice_intelligence.acoustics.filters import lowpass, remove_mean
from subtone.kernel.voice_intelligence.acoustics.viterbi import StepCosts

RATE_HZ = 8000
HOP = RATE_HZ // 100
F0_MIN_HZ = 60.0
F0_MAX_HZ = 500.0
LAG_MIN = int(RATE_HZ / F0_MAX_HZ) - 1  # one beyond each end: a peak needs both neighbours
LAG_MAX = int(RATE_HZ / F0_MIN_HZ) + 2
CANDIDATES = 6  # the unvoiced one and the five best peaks
_BLOCKS = 2  # correlation window, in hops
_MID_LAG = 40  # products of a window centre on its middle plus half the lag
_N_FFT = 256
_SIGNAL_LOWPASS = lowpass(15, 900.0 / RATE_HZ)
_ENVELOPE_LOWPASS = lowpass(15, 560.0 / RATE_HZ)
_SIGNAL_WEIGHT = 0.59
_LAG_COST = 0.03  # per octave below F0_MAX_HZ: of equal peaks the shortest period is true
STEP_COSTS = StepCosts(octave_jump=0.7, voicing=0.28)
IMPOSSIBLE = np.float32(-1e9)
_VOICING_THRESHOLD = 0.51
_SILENT_BELOW_SPEECH_DB = 25.0  # from here down a frame needs ever more to be voiced
_SILENCE_COST_PER_DB = 0.02
_NOISE_WEIGHT = 1.5  # the tracked floor is a minimum: the mean noise is above it
_LEAST_CLEAN = 0.67
_QUIET = 1e-7  # energy that carries no pitch: below one step of 16-bit audio per sample


def candidates(samples: F32, n: int, first: int) -> tuple[F32, F32]:
    """Return (octaves, strength) of n frames, each [n, CANDIDATES]; column 0 is unvoiced.

    samples at 8 kHz, mean removed; the first frame begins at samples[first], and 40 ms
    before the first and after the last frame must be present. octaves is log2 of the
    frequency in hertz, strength at most 1; absent candidates have strength -1e9.
    """
    start = first + HOP // 2 - (_BLOCKS * HOP) // 2 - _MID_LAG // 2
    signal = np.convolve(samples, _SIGNAL_LOWPASS, "same")
    envelope = _envelope(samples)
    r = np.float32(_SIGNAL_WEIGHT) * _nccf(signal, n, start)
    r += np.float32(1.0 - _SIGNAL_WEIGHT) * _nccf(envelope, n, start)
    return _peaks(r)


def unvoiced_strength(level_db: F32, speaking_db: float, floor_db: float) -> F32:
    """Return the strength of the unvoiced candidate, [n].

    It rises where the level is far below the speech level, and falls with the share of
    noise in the power, because noise lowers the correlation of a voice by that share.
    """
    below = np.maximum(np.float32(speaking_db - _SILENT_BELOW_SPEECH_DB) - level_db, 0.0)
    noise = np.float32(_NOISE_WEIGHT) * np.exp2((floor_db - level_db) / np.float32(3.0103))
    clean = np.maximum(np.float32(1.0) - noise, np.float32(_LEAST_CLEAN))
    return np.asarray(_VOICING_THRESHOLD * clean + _SILENCE_COST_PER_DB * below, np.float32)


def _envelope(samples: F32) -> F32:
    """Return the low-passed envelope without its mean, [n].

    Squares and not magnitudes are low-passed: the products of two harmonics below
    3.4 kHz do not fold back under the low-pass, the higher orders of a magnitude do.
    """
    power = np.convolve(samples * samples, _ENVELOPE_LOWPASS, "same")
    return remove_mean(np.sqrt(np.maximum(power, np.float32(0.0))), 2 * HOP)


def _nccf(x: F32, n: int, start: int) -> F32:
    """Return the normalised cross-correlation of n frames at lags LAG_MIN..LAG_MAX."""
    blocks = n + _BLOCKS - 1
    part = x[start : start + blocks * HOP + LAG_MAX]
    stride = part.strides[0]
    near = part[: blocks * HOP].reshape(blocks, HOP)
    far = as_strided(part, (blocks, HOP + LAG_MAX), (HOP * stride, stride), writeable=False)
    cross = np.fft.rfft(near, _N_FFT).conj()
    cross *= np.fft.rfft(far, _N_FFT)
    summed = cross[:n].copy()
    for shift in range(1, _BLOCKS):
        summed += cross[shift : shift + n]
    r: F32 = np.fft.irfft(summed, _N_FFT)[:, LAG_MIN : LAG_MAX + 1].astype(np.float32, copy=False)
    total = np.cumsum(part.astype(np.float64) ** 2)
    window = _BLOCKS * HOP
    energy = total[window - 1 :].copy()
    energy[1:] -= total[: len(energy) - 1]
    scale = (1.0 / np.sqrt(np.maximum(energy, 0.0) + _QUIET)).astype(np.float32)
    lagged = sliding_window_view(scale, LAG_MAX + 1)[: n * HOP : HOP]
    r *= lagged[:, LAG_MIN:]
    r *= lagged[:, :1]
    return r


_LAG_PENALTY = (
    _LAG_COST * np.log2(np.arange(LAG_MIN, LAG_MAX + 1) * (F0_MAX_HZ / RATE_HZ))
).astype(np.float32)


def _peaks(r: F32) -> tuple[F32, F32]:
    """Return the unvoiced candidate and the best local maxima, by parabolic interpolation."""
    n = len(r)
    middle = r[:, 1:-1]
    is_peak = (middle >= r[:, :-2]) & (middle > r[:, 2:])
    weighed = np.where(is_peak, middle - _LAG_PENALTY[1:-1], IMPOSSIBLE)
    k = CANDIDATES - 1
    best = np.argpartition(weighed, weighed.shape[1] - k, axis=1)[:, -k:]
    rows = np.arange(n)[:, None]
    strength = np.zeros((n, CANDIDATES), np.float32)
    strength[:, 1:] = weighed[rows, best]
    left, centre, right = r[rows, best], r[rows, best + 1], r[rows, best + 2]
    bend = np.minimum(left - 2.0 * centre + right, np.float32(-1e-6))
    offset = np.clip(np.float32(0.5) * (left - right) / bend, -0.5, 0.5)
    strength[:, 1:] -= np.where(
        strength[:, 1:] > -1.0, np.float32(0.25) * (left - right) * offset, np.float32(0.0)
    )
    octaves = np.zeros((n, CANDIDATES), np.float32)
    octaves[:, 1:] = np.log2(RATE_HZ / (best + (LAG_MIN + 1) + offset))
    return octaves, strength
