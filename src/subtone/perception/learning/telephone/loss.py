"""Lost packets and what a simple decoder puts in their place.

Loss comes in bursts by a two-state Markov chain (Gilbert 1960). Concealment repeats the last
pitch period and fades it out over 60 ms, in the manner of ITU-T G.711 appendix I.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from subtone.perception.encoding import FloatArray
from subtone.perception.learning.telephone.codecs import LINE_RATE_HZ, PACKET_SAMPLES

_SHORTEST_PERIOD: Final = LINE_RATE_HZ // 200  # 5 ms to 15 ms, as the appendix
_LONGEST_PERIOD: Final = LINE_RATE_HZ * 15 // 1000
_FADE_SAMPLES: Final = LINE_RATE_HZ * 60 // 1000
_LAP: Final = LINE_RATE_HZ // 400  # 2.5 ms of cross-fade back into what arrived


def lost_packets(
    n_samples: int, rate: float, mean_burst: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Which 20 ms packets of n samples are lost: ``rate`` of them, in bursts."""
    n = -(-n_samples // PACKET_SAMPLES)
    ends = 1.0 / mean_burst
    begins = min(ends * rate / (1.0 - rate), 1.0)
    drawn = rng.random(n)
    is_lost = np.zeros(n, np.bool_)
    for i in range(1, n):  # the first packet arrives: there is nothing to conceal it with
        is_lost[i] = drawn[i] < (1.0 - ends if is_lost[i - 1] else begins)
    return is_lost


def conceal(samples: FloatArray, is_lost: NDArray[np.bool_]) -> FloatArray:
    """Samples [n] at 8 kHz with the lost packets made up from what came before."""
    out = samples.copy()
    edges = np.flatnonzero(np.diff(np.pad(is_lost, 1).astype(np.int8))).reshape(-1, 2)
    for first, last in edges.tolist():
        at, end = first * PACKET_SAMPLES, min(last * PACKET_SAMPLES, len(out))
        past = out[max(at - 3 * _LONGEST_PERIOD, 0) : at]
        lap = min(_LAP, len(out) - end)
        made = _continued(past, end + lap - at)
        out[at:end] = made[: end - at]
        back = np.linspace(0.0, 1.0, lap, endpoint=False, dtype=np.float32)
        out[end : end + lap] = back * out[end : end + lap] + (1.0 - back) * made[end - at :]
    return out


def _continued(past: FloatArray, n: int) -> FloatArray:
    fade = np.clip(1.0 - np.arange(n) / _FADE_SAMPLES, 0.0, 1.0).astype(np.float32)
    if len(past) < 2 * _LONGEST_PERIOD:
        return np.zeros(n, np.float32)
    recent = past[-_LONGEST_PERIOD:].astype(np.float64)
    best, period = -np.inf, _LONGEST_PERIOD
    for lag in range(_SHORTEST_PERIOD, _LONGEST_PERIOD + 1):
        before = past[-_LONGEST_PERIOD - lag : -lag].astype(np.float64)
        likeness = float(recent @ before) / (float(np.linalg.norm(before)) + 1e-9)
        if likeness > best:
            best, period = likeness, lag
    made: FloatArray = np.resize(past[-period:], n) * fade
    return made
