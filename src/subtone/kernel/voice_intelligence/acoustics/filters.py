"""Linear-phase filters, applied centred so that nothing moves in time."""

from __future__ import annotations

import numpy as np

from subtone.kernel.voice_intelligence.acoustics.arrays import F32


def lowpass(half_length: int, cutoff: float) -> F32:
    """Return 2*half_length+1 taps of a Hamming-windowed sinc with unit gain at 0 Hz.

    cutoff is the -6 dB point as a fraction of the sample rate, 0 to 0.5.
    """
    n = np.arange(-half_length, half_length + 1)
    taps = np.sinc(2.0 * cutoff * n) * np.hamming(len(n))
    return np.asarray(taps / taps.sum(), np.float32)


_HALF_BAND = lowpass(23, 0.25)[0::2].copy()  # the odd offsets; the even ones are zero


def halve_rate(samples: F32) -> F32:
    """Return [n] samples at half the rate, [n/2]; output i lies on input 2i.

    A half-band filter: all even-offset taps but the middle one vanish, so one
    convolution of the odd samples is the whole work. The first and last 12
    outputs see zeros beyond the edge.
    """
    odd_sum = np.convolve(samples[1::2], _HALF_BAND, "full")
    half = len(_HALF_BAND) // 2
    evens = samples[0::2]
    return np.float32(0.5) * evens + odd_sum[half - 1 : half - 1 + len(evens)]


def remove_mean(samples: F32, window: int) -> F32:
    """Return samples minus their centred moving average over window (even) samples.

    With a 20 ms window this removes any constant offset exactly and most below
    35 Hz, and leaves 60 Hz and above. The half window at either edge becomes zero.
    """
    total = np.empty(len(samples) + 1, np.float64)
    total[0] = 0.0
    np.cumsum(samples, dtype=np.float64, out=total[1:])
    half = window // 2
    centred = np.zeros_like(samples)
    mean = (total[window:-1] - total[: -window - 1]) / window
    centred[half:-half] = samples[half:-half] - mean
    return centred
