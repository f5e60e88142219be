"""Emotion tracks: one dimension of one channel over time, smoothed, with trend and onset.

- Level: EWMA, alpha = 1 - 2^(-hop/half-life).
- Trend: least-squares change of the smoothed level over the last ``slope_ticks`` (30 s).
- Onset: one-sided CUSUM (Page 1954), S = max(0, S + z - slack), alarm at S >= ``cusum_alarm``;
  with independent standard normal z the mean gap between false alarms is about 930 samples and
  the mean delay 10.4 at +1 and 4.0 at +2 standard deviations.

The alarm holds until S is 0 again. S is capped at twice the alarm, so that relief is seen within
about as many samples as it took to alarm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from subtone.contracts.calibration import Calibration, DriftCalibration, VoiceCalibration
from subtone.contracts.vocabulary import Channel, Direction
from subtone.contracts.voice_intelligence import EmotionPoint, EmotionTrend
from subtone.kernel.statistics import clamp, ols_change, smooth

_CAP_ALARMS: Final = 2.0
_MAX_Z: Final = 3.0


@dataclass(frozen=True, slots=True)
class TrackMemory:
    """State of one emotion track."""

    channel: Channel
    dimension: str
    smoothed: tuple[float, ...] = ()  # newest last, one per tick
    cusum: float = 0.0
    run_start_ms: int | None = None  # when S last left 0
    is_alarmed: bool = False


def open_track(channel: Channel, dimension: str) -> TrackMemory:
    """Return an empty track, e.g. ``(Channel.VOICE, "agitation")``."""
    return TrackMemory(channel=channel, dimension=dimension)


def track(
    memory: TrackMemory,
    *,
    t_ms: int,
    value: float | None,
    z: float | None,
    confidence: float,
    hop_s: float,
    calibration: Calibration,
) -> tuple[TrackMemory, EmotionPoint | None, EmotionTrend | None]:
    """Advance one tick.

    ``value`` is a score in 0..1, or None where the channel has no usable evidence: then level and
    CUSUM hold, no point is made, and the trend is that of the held level. Before the first value
    there is neither point nor trend. ``z`` is the deviation from the caller's own baseline in
    standard deviations; without one (text) it is read back from the score by `deviation_of`.
    """
    if value is None:
        if not memory.smoothed:
            return memory, None, None
        memory = _remember(memory, memory.smoothed[-1], calibration)
        return memory, None, _trend(memory, t_ms, calibration)
    previous = memory.smoothed[-1] if memory.smoothed else None
    half_life_s = calibration.alignment.smoothing_half_life_s
    memory = _remember(memory, smooth(previous, value, hop_s, half_life_s), calibration)
    deviation = deviation_of(value, calibration.voice) if z is None else z
    memory = _accumulate(memory, t_ms, deviation, calibration)
    point = EmotionPoint(
        channel=memory.channel,
        dimension=memory.dimension,
        t_event_ms=t_ms,
        value=value,
        smoothed=clamp(memory.smoothed[-1]),
        confidence=confidence,
    )
    return memory, point, _trend(memory, t_ms, calibration)


def deviation_of(value: float, calibration: VoiceCalibration) -> float:
    """Return the deviation in standard deviations, -3..3, that a score in 0..1 stands for.

    Inverse of the logistic that made the score, so .20 -> 0, .45 -> 1, .73 -> 2, .90 -> 3.
    """
    if value <= 0.0:
        return -_MAX_Z
    if value >= 1.0:
        return _MAX_Z
    logit = math.log(value / (1.0 - value))
    z = (logit + calibration.logistic_offset) / calibration.logistic_slope
    return clamp(z, -_MAX_Z, _MAX_Z)


def _remember(memory: TrackMemory, level: float, calibration: Calibration) -> TrackMemory:
    ticks = calibration.drift.slope_ticks
    return replace(memory, smoothed=(*memory.smoothed, level)[-max(ticks, 1) :])


def _accumulate(memory: TrackMemory, t_ms: int, z: float, calibration: Calibration) -> TrackMemory:
    slack, alarm = calibration.alignment.cusum_slack, calibration.alignment.cusum_alarm
    cusum = clamp(memory.cusum + z - slack, 0.0, _CAP_ALARMS * alarm)
    if cusum == 0.0:
        return replace(memory, cusum=0.0, run_start_ms=None, is_alarmed=False)
    return replace(
        memory,
        cusum=cusum,
        run_start_ms=t_ms if memory.run_start_ms is None else memory.run_start_ms,
        is_alarmed=memory.is_alarmed or cusum >= alarm,
    )


def _trend(memory: TrackMemory, t_ms: int, calibration: Calibration) -> EmotionTrend:
    change = clamp(ols_change(memory.smoothed), -1.0, 1.0)
    return EmotionTrend(
        channel=memory.channel,
        dimension=memory.dimension,
        t_event_ms=t_ms,
        direction=_direction(change, calibration.drift),
        change_30s=change,
        cusum=memory.cusum,
        onset_ms=memory.run_start_ms if memory.is_alarmed else None,
    )


def _direction(change: float, calibration: DriftCalibration) -> Direction:
    if change >= calibration.worse:
        return Direction.RISING
    if change <= calibration.better:
        return Direction.FALLING
    return Direction.FLAT
