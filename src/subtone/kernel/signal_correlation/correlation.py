"""Do the words follow the voice? Lagged correlation of the two negativities (SCIENCE section 4)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from subtone.contracts.calibration import AlignmentCalibration
from subtone.contracts.signal_correlation import EmotionCorrelation
from subtone.kernel.statistics import clamp

MAX_MOMENTS = 120  # ten minutes of 5 s moments: long enough for r, short enough to be about now
MIN_Z = 3.0  # strict, because five lags are tried at every tick of a call
MIN_SD = 1e-6  # a series that spreads less than this is constant up to rounding


@dataclass(frozen=True, slots=True)
class CorrelationMemory:
    """The last MAX_MOMENTS moments with any channel: (t_ms, text, voice), None where missing."""

    moments: tuple[tuple[int, float | None, float | None], ...] = ()


def step_correlation(
    memory: CorrelationMemory,
    t_ms: int,
    text_negativity: float | None,
    voice_negativity: float | None,
    calibration: AlignmentCalibration,
) -> tuple[CorrelationMemory, EmotionCorrelation]:
    """Add one moment and return the largest Pearson r over lags within +-10 s.

    Both series drift slowly, and slow series correlate by chance: r counts only when it also
    stands out from the pairs' effective number, n (1 - ab) / (1 + ab) with the lag-1
    autocorrelations a and b (Bartlett 1946), by Fisher's z.

    A pair is the voice at t and the text at t + lag, both present; a gap in either simply
    yields no pair, so lags always mean media time. r and the lag are given only when
    r > .4 over at least 30 pairs; ``pair_count`` is then that lag's, else that of lag 0.
    A constant series has no correlation. Of equal r the lag nearest 0 is reported.
    """
    moments = memory.moments
    if text_negativity is not None or voice_negativity is not None:
        moments = (*moments, (t_ms, text_negativity, voice_negativity))[-MAX_MOMENTS:]

    text = {t: words for t, words, _ in moments if words is not None}
    voice = {t: sound for t, _, sound in moments if sound is not None}
    reach = calibration.correlation_lag_ms // calibration.hop_ms
    lags_ms = [k * calibration.hop_ms for k in sorted(range(-reach, reach + 1), key=abs)]

    best_r, best_lag_ms, pair_count = calibration.correlation_min_r, None, 0
    for lag_ms in lags_ms:
        pairs = [(sound, text[t + lag_ms]) for t, sound in voice.items() if t + lag_ms in text]
        if lag_ms == 0:
            pair_count = len(pairs)
        r = _pearson(pairs) if len(pairs) >= calibration.correlation_min_pairs else 0.0
        if r > best_r and _stands_out(pairs, r):
            best_r, best_lag_ms, pair_count = r, lag_ms, len(pairs)

    return CorrelationMemory(moments), EmotionCorrelation(
        t_event_ms=t_ms,
        pair_count=pair_count,
        is_significant=best_lag_ms is not None,
        r=None if best_lag_ms is None else best_r,
        lag_ms=best_lag_ms,
    )


def _pearson(pairs: list[tuple[float, float]]) -> float:
    """Pearson's r of paired values; 0 where it is undefined (fewer than 2, or constant)."""
    if len(pairs) < 2:
        return 0.0
    table = np.asarray(pairs)
    deviations = table - table.mean(axis=0)
    sd = np.sqrt((deviations**2).mean(axis=0))
    if sd.min() < MIN_SD:
        return 0.0
    return clamp(float((deviations[:, 0] * deviations[:, 1]).mean() / (sd[0] * sd[1])), -1.0, 1.0)


def _stands_out(pairs: list[tuple[float, float]], r: float) -> bool:
    """Whether r is more than two slow series of this length show by chance."""
    table = np.asarray(pairs)
    persistence = 1.0
    for column in (table[:, 0], table[:, 1]):
        steps = list(zip(column[:-1].tolist(), column[1:].tolist(), strict=True))
        persistence *= max(_pearson(steps), 0.0)
    effective = len(pairs) * (1.0 - persistence) / (1.0 + persistence)
    fisher_z = math.atanh(min(r, 1.0 - 1e-9))
    return effective > 3.0 and fisher_z * math.sqrt(effective - 3.0) >= MIN_Z
