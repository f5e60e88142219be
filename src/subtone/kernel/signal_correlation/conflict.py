"""Words and voice that disagree: the four conflict patterns, and when masking is confirmed.

Source: SCIENCE sections 0 (row 4 is not masking), 3 (suppression) and 5.4 (thresholds).
A conflict is evidence to look, not proof of a feeling.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from subtone.contracts.calibration import ConflictCalibration
from subtone.contracts.signal_correlation import Conflict, ConflictReport
from subtone.contracts.vocabulary import ConflictType, Severity


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open range of a negativity: low <= value < high."""

    low: float = 0.0
    high: float = math.inf

    def holds(self, value: float) -> bool:
        """Whether value lies inside."""
        return self.low <= value < self.high


@dataclass(frozen=True, slots=True)
class ConflictRow:
    """One pattern; masking needs the voice worse by the gap, otherwise the words."""

    type: ConflictType
    severity: Severity
    is_masking: bool
    text: Span
    voice: Span
    min_positivity: float = 0.0


def conflict_rows(calibration: ConflictCalibration) -> tuple[ConflictRow, ...]:
    """The four patterns in order of precedence: the first that matches wins."""
    return (
        ConflictRow(
            type=ConflictType.TEXT_POSITIVE_VOICE_NEGATIVE,
            severity=Severity.HIGH,
            is_masking=True,
            text=Span(),
            voice=Span(low=calibration.voice_negative),
            min_positivity=calibration.text_positive,
        ),
        ConflictRow(
            type=ConflictType.TEXT_CALM_VOICE_AGITATED,
            severity=Severity.HIGH,
            is_masking=True,
            text=Span(high=calibration.text_calm),
            voice=Span(low=calibration.voice_agitated),
        ),
        ConflictRow(
            type=ConflictType.TEXT_NEUTRAL_VOICE_STRESSED,
            severity=Severity.MEDIUM,
            is_masking=True,
            text=Span(low=calibration.text_calm, high=calibration.text_neutral),
            voice=Span(low=calibration.voice_agitated),
        ),
        ConflictRow(
            type=ConflictType.VOICE_CALM_TEXT_FRUSTRATED,
            severity=Severity.MEDIUM,
            is_masking=False,
            text=Span(low=calibration.text_frustrated),
            voice=Span(high=calibration.voice_calm),
        ),
    )


def detect_conflict(
    t_ms: int,
    text_negativity: float,
    voice_negativity: float,
    positivity: float,
    is_suppressed: bool,
    calibration: ConflictCalibration,
) -> Conflict | None:
    """The first pattern that both smoothed negativities and the text positivity match.

    All three are in [0, 1]. Suppressed words ("fine.", 没事) lower the gap needed.
    """
    gap = voice_negativity - text_negativity
    needed = calibration.gap_suppressed if is_suppressed else calibration.gap
    for row in conflict_rows(calibration):
        if (
            (gap if row.is_masking else -gap) >= needed
            and row.text.holds(text_negativity)
            and row.voice.holds(voice_negativity)
            and positivity >= row.min_positivity
        ):
            return Conflict(
                type=row.type,
                severity=row.severity,
                is_masking=row.is_masking,
                gap=gap,
                text_negativity=text_negativity,
                voice_negativity=voice_negativity,
                t_event_ms=t_ms,
            )
    return None


@dataclass(frozen=True, slots=True)
class ConflictMemory:
    """Consecutive ticks with and without masking, and the run they belong to."""

    on_ticks: int = 0
    off_ticks: int = 0
    is_masking_confirmed: bool = False
    since_ms: int | None = None  # first moment of the run, confirmed or not


def step_conflict(
    memory: ConflictMemory, t_ms: int, conflict: Conflict | None, calibration: ConflictCalibration
) -> tuple[ConflictMemory, ConflictReport]:
    """Count one tick: masking is confirmed after 2 ticks with it, cleared after 3 without.

    A moment without a usable channel has no conflict and counts as a tick without. The
    report names ``since_ms`` only while masking is confirmed.
    """
    is_masking = conflict is not None and conflict.is_masking
    on_ticks = memory.on_ticks + 1 if is_masking else 0
    off_ticks = 0 if is_masking else memory.off_ticks + 1
    is_confirmed = on_ticks >= calibration.confirm_ticks or (
        memory.is_masking_confirmed and off_ticks < calibration.clear_ticks
    )
    since_ms = None
    if is_masking or is_confirmed:
        since_ms = t_ms if memory.since_ms is None else memory.since_ms
    return ConflictMemory(on_ticks, off_ticks, is_confirmed, since_ms), ConflictReport(
        t_event_ms=t_ms,
        conflict=conflict,
        is_masking_confirmed=is_confirmed,
        on_ticks=on_ticks,
        off_ticks=off_ticks,
        since_ms=since_ms if is_confirmed else None,
    )
