"""All eight emotion tracks of one call, advanced together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from subtone.contracts.calibration import Calibration
from subtone.contracts.vocabulary import Channel, TextDimension, VoiceDimension
from subtone.contracts.voice_intelligence import EmotionPoint, EmotionTrend
from subtone.kernel.voice_intelligence.tracker import (
    TrackMemory,
    deviation_of,
    open_track,
    track,
)

Dimension = TextDimension | VoiceDimension
OPENING: Final = tuple(
    open_track(channel, dimension)
    for channel, dimensions in ((Channel.TEXT, TextDimension), (Channel.VOICE, VoiceDimension))
    for dimension in dimensions
)


def _calm_deviation(
    values: Mapping[tuple[Channel, str], float], memory: TrackMemory, calibration: Calibration
) -> float | None:
    """Calm is one minus an alarming score: its deviation is that score's, turned round."""
    value = values.get((memory.channel, memory.dimension))
    if value is None or memory.dimension != VoiceDimension.CALM:
        return None
    return -deviation_of(1.0 - value, calibration.voice)


def follow(
    tracks: tuple[TrackMemory, ...],
    values: Mapping[tuple[Channel, Dimension], float],
    confidences: Mapping[Channel, float],
    *,
    t_ms: int,
    step_ms: int,
    calibration: Calibration,
) -> tuple[tuple[TrackMemory, ...], tuple[EmotionPoint, ...], tuple[EmotionTrend, ...]]:
    """Advance every track by one tick; a dimension without a value holds."""
    by_name: Mapping[tuple[Channel, str], float] = {(c, str(d)): v for (c, d), v in values.items()}
    advanced = [
        track(
            memory,
            t_ms=t_ms,
            value=by_name.get((memory.channel, memory.dimension)),
            z=_calm_deviation(by_name, memory, calibration),
            confidence=confidences.get(memory.channel, 0.0),
            hop_s=step_ms / 1000.0,
            calibration=calibration,
        )
        for memory in tracks
    ]
    return (
        tuple(memory for memory, _, _ in advanced),
        tuple(point for _, point, _ in advanced if point is not None),
        tuple(trend for _, _, trend in advanced if trend is not None),
    )
