"""The seven-state session machine: one table and the step that reads it (SCIENCE section 5.3).

``SESSION_EDGES`` is the whole machine. ``step_session`` keeps four small counters and takes
the first edge of the current state whose conditions all hold; a move that is not in the
table cannot happen, and the diagram in the documentation is drawn from the same rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from subtone.contracts.calibration import SessionCalibration
from subtone.contracts.vocabulary import SessionState

HOLD = "hold"  # no edge applies
DWELL = "dwell"  # too soon after the last move for any but an escalating edge
NO_EVIDENCE = "no_evidence"  # neither channel had anything to judge by: no tick was taken

_EPSILON = 1e-9  # scores are sums of decimal fractions: 0.55 must compare as 0.55
_TROUGH_STEP = 0.05  # a new low counts once it is one such step deeper
_TOP_BAND = 3


class Condition(StrEnum):
    """What an edge may ask, in the words the documentation prints."""

    HELD_ABOVE_ACTIVE = "score > active, in band 3 for active_ticks"
    ABOVE_RISK = "score > risk"
    ABOVE_RISING = "score > rising"
    BELOW_RISK_EXIT = "score <= risk - hysteresis"
    BELOW_ACTIVE_EXIT = "score <= active - hysteresis"
    QUIET = "score < resolved for resolved_ticks"
    BAND_HIGH = "band >= 2"
    BAND_RAISED = "band >= 1"
    BAND_LOW = "band 0"
    MASKED = "masking confirmed"
    UNMASKED = "masking not confirmed"
    DWELT = "dwell over"
    DWELT_OR_ABOVE_RISK = "dwell over or score > risk"
    STALLED = "no new low for stall_ticks"


class SessionEdge(NamedTuple):
    """One row of the table: taken when all conditions hold and no earlier row applied."""

    from_state: SessionState
    to_state: SessionState
    edge: str
    conditions: tuple[Condition, ...]
    precedence: int  # order in which the rows of one state are tried, 1 first


@dataclass(frozen=True, slots=True)
class SessionMemory:
    """All the machine remembers between two ticks.

    ``age_ticks`` counts ticks in the state; in ``deescalating`` it counts ticks since the
    last new low, so that a slow but steady recovery is not mistaken for a stall.
    """

    state: SessionState
    band: int  # 0 low, 1 above rising, 2 above risk, 3 above active; Schmitt, 0..3
    quiet_ticks: int  # consecutive ticks below resolved, saturating
    high_ticks: int  # consecutive ticks in band 3, saturating
    age_ticks: int  # saturating
    trough_bucket: int  # lowest score bucket while deescalating, else 0


# A session begins as if it had long been calm: nothing makes its first move wait.
START = SessionMemory(
    state=SessionState.CALM,
    band=0,
    quiet_ticks=0,
    high_ticks=0,
    age_ticks=SessionCalibration().stall_ticks,
    trough_bucket=0,
)


def _rows(
    from_state: SessionState, *rows: tuple[SessionState, str, tuple[Condition, ...]]
) -> tuple[SessionEdge, ...]:
    return tuple(
        SessionEdge(from_state, to_state, edge, conditions, precedence)
        for precedence, (to_state, edge, conditions) in enumerate(rows, start=1)
    )


_S = SessionState
_C = Condition

SESSION_EDGES: tuple[SessionEdge, ...] = (
    *_rows(
        _S.CALM,
        (_S.HIDDEN_FRUSTRATION, "conflict_detected", (_C.MASKED, _C.DWELT_OR_ABOVE_RISK)),
        (_S.ESCALATION_RISK, "score_gt_0.55", (_C.ABOVE_RISK, _C.UNMASKED)),
        (_S.RISING_TENSION, "score_gt_0.25", (_C.ABOVE_RISING, _C.UNMASKED, _C.DWELT)),
    ),
    *_rows(
        _S.RISING_TENSION,
        (_S.HIDDEN_FRUSTRATION, "conflict_detected", (_C.MASKED, _C.DWELT_OR_ABOVE_RISK)),
        (_S.ESCALATION_RISK, "score_gt_0.55", (_C.ABOVE_RISK, _C.UNMASKED)),
        (_S.CALM, "tension_eased", (_C.BAND_LOW, _C.UNMASKED, _C.DWELT)),
    ),
    *_rows(
        _S.HIDDEN_FRUSTRATION,
        (_S.ACTIVE_ESCALATION, "score_gt_0.75", (_C.HELD_ABOVE_ACTIVE,)),
        (_S.ESCALATION_RISK, "score_gt_0.55", (_C.ABOVE_RISK, _C.DWELT)),
        (_S.RISING_TENSION, "conflict_cleared", (_C.UNMASKED, _C.BAND_RAISED, _C.DWELT)),
        (_S.CALM, "conflict_cleared", (_C.UNMASKED, _C.BAND_LOW, _C.DWELT)),
    ),
    *_rows(
        _S.ESCALATION_RISK,
        (_S.ACTIVE_ESCALATION, "score_gt_0.75", (_C.HELD_ABOVE_ACTIVE,)),
        (_S.DEESCALATING, "score_falling", (_C.BELOW_RISK_EXIT, _C.DWELT)),
    ),
    *_rows(
        _S.ACTIVE_ESCALATION,
        (_S.DEESCALATING, "score_falling", (_C.BELOW_ACTIVE_EXIT, _C.DWELT)),
    ),
    *_rows(
        _S.DEESCALATING,
        (_S.ACTIVE_ESCALATION, "score_gt_0.75", (_C.HELD_ABOVE_ACTIVE,)),
        (_S.RESOLVED, "score_lt_0.15", (_C.QUIET, _C.UNMASKED, _C.DWELT)),
        (_S.ESCALATION_RISK, "stalled_high", (_C.STALLED, _C.BAND_HIGH, _C.DWELT)),
        (_S.HIDDEN_FRUSTRATION, "residual_conflict", (_C.STALLED, _C.MASKED, _C.DWELT)),
        (_S.RISING_TENSION, "residual_tension", (_C.STALLED, _C.BAND_RAISED, _C.DWELT)),
        (_S.CALM, "settled", (_C.STALLED, _C.BAND_LOW, _C.DWELT)),
    ),
    *_rows(
        _S.RESOLVED,
        (_S.HIDDEN_FRUSTRATION, "conflict_detected", (_C.MASKED, _C.ABOVE_RISK)),
        (_S.ESCALATION_RISK, "score_gt_0.55", (_C.ABOVE_RISK, _C.UNMASKED)),
        (_S.HIDDEN_FRUSTRATION, "reopened_conflict", (_C.MASKED, _C.DWELT)),
        (_S.RISING_TENSION, "reopened", (_C.ABOVE_RISING, _C.UNMASKED, _C.DWELT)),
    ),
)


class _Reading(NamedTuple):
    """The memory with this tick counted in, and this tick's input."""

    memory: SessionMemory
    score: float
    is_masked: bool
    calibration: SessionCalibration

    def is_above(self, threshold: float) -> bool:
        return self.score > threshold + _EPSILON

    @property
    def has_dwelt(self) -> bool:
        return self.memory.age_ticks >= self.calibration.dwell_ticks


_HOLDS: dict[Condition, Callable[[_Reading], bool]] = {
    _C.HELD_ABOVE_ACTIVE: lambda r: (
        r.is_above(r.calibration.active) and r.memory.high_ticks >= r.calibration.active_ticks
    ),
    _C.ABOVE_RISK: lambda r: r.is_above(r.calibration.risk),
    _C.ABOVE_RISING: lambda r: r.is_above(r.calibration.rising),
    _C.BELOW_RISK_EXIT: lambda r: not r.is_above(r.calibration.risk - r.calibration.hysteresis),
    _C.BELOW_ACTIVE_EXIT: lambda r: not r.is_above(r.calibration.active - r.calibration.hysteresis),
    _C.QUIET: lambda r: r.memory.quiet_ticks >= r.calibration.resolved_ticks,
    _C.BAND_HIGH: lambda r: r.memory.band >= 2,
    _C.BAND_RAISED: lambda r: r.memory.band >= 1,
    _C.BAND_LOW: lambda r: r.memory.band == 0,
    _C.MASKED: lambda r: r.is_masked,
    _C.UNMASKED: lambda r: not r.is_masked,
    _C.DWELT: lambda r: r.has_dwelt,
    _C.DWELT_OR_ABOVE_RISK: lambda r: r.has_dwelt or r.is_above(r.calibration.risk),
    _C.STALLED: lambda r: r.memory.age_ticks >= r.calibration.stall_ticks,
}

_EDGES_FROM = {s: tuple(e for e in SESSION_EDGES if e.from_state is s) for s in SessionState}


def step_session(
    memory: SessionMemory,
    score: float,
    is_masking_confirmed: bool,
    calibration: SessionCalibration,
) -> tuple[SessionMemory, str]:
    """Take one tick.

    Args:
        memory: what the last step returned, or ``START``.
        score: escalation score of this moment, in [0, 1].
        is_masking_confirmed: whether a conflict of types 1 to 3 is confirmed.
        calibration: thresholds, hysteresis, and the tick counts.

    Returns:
        The new memory and the name of the edge taken; ``"dwell"`` when the state stands
        because its minimum stay is not over, ``"hold"`` when it stands otherwise.

    """
    counted = _count(memory, score, calibration)
    reading = _Reading(counted, score, is_masking_confirmed, calibration)
    for edge in _EDGES_FROM[memory.state]:
        if all(_HOLDS[condition](reading) for condition in edge.conditions):
            does_fall = edge.to_state is SessionState.DEESCALATING
            moved = replace(
                counted,
                state=edge.to_state,
                age_ticks=0,
                trough_bucket=_bucket(score) if does_fall else 0,
            )
            return moved, edge.edge
    return counted, HOLD if reading.has_dwelt else DWELL


def _count(memory: SessionMemory, score: float, calibration: SessionCalibration) -> SessionMemory:
    """Count this tick into the memory; every counter saturates, so the memory is finite."""
    band = _band(memory.band, score, calibration)
    is_quiet = score < calibration.resolved - _EPSILON
    longest = max(calibration.stall_ticks, calibration.dwell_ticks)
    age, trough = min(memory.age_ticks + 1, longest), memory.trough_bucket
    if memory.state is SessionState.DEESCALATING and _bucket(score) < trough:
        age, trough = min(age, calibration.dwell_ticks), _bucket(score)
    return SessionMemory(
        state=memory.state,
        band=band,
        quiet_ticks=min(memory.quiet_ticks + 1, calibration.resolved_ticks) if is_quiet else 0,
        high_ticks=(
            min(memory.high_ticks + 1, calibration.active_ticks) if band == _TOP_BAND else 0
        ),
        age_ticks=age,
        trough_bucket=trough,
    )


def _band(band: int, score: float, calibration: SessionCalibration) -> int:
    """Schmitt trigger with three thresholds: up above each, down at its exit."""
    thresholds = (calibration.rising, calibration.risk, calibration.active)
    while band < _TOP_BAND and score > thresholds[band] + _EPSILON:
        band += 1
    while band > 0 and score <= thresholds[band - 1] - calibration.hysteresis + _EPSILON:
        band -= 1
    return band


def _bucket(score: float) -> int:
    """Number of the trough step a score lies in, closed above: (0.10, 0.15] is 3."""
    return 0 if score <= _EPSILON else int((score - _EPSILON) / _TROUGH_STEP) + 1
