"""The escalation score: 0.3 drift + 0.4 conflict + 0.3 emotion, taken apart (SCIENCE section 5.4).

Three rules complete the weighted sum: a conflict that hides behind calm words scores only
once it is confirmed; where both channels are openly negative, a floor under the sum lets
the session escalate without any conflict; and where a channel is
missing, the signals that need both are left out and the rest is renormalised and discounted.
"""

from __future__ import annotations

from typing import NamedTuple

from subtone.contracts.base import TimeMs
from subtone.contracts.calibration import ConflictCalibration, SessionCalibration
from subtone.contracts.session_state import Detail, EscalationScore, ScoreContributor
from subtone.contracts.signal_correlation import ConflictReport
from subtone.contracts.vocabulary import DriftState, Severity, Signal
from subtone.kernel.statistics import clamp


class _Measured(NamedTuple):
    """One signal before weighting; ``score`` is None where the signal does not exist."""

    signal: Signal
    score: float | None
    nominal_weight: float
    details: dict[str, float]


def score_escalation(
    t_ms: TimeMs,
    text_negativity: float | None,
    voice_negativity: float | None,
    drift_state: DriftState,
    conflict: ConflictReport,
    calibration: SessionCalibration,
    conflict_calibration: ConflictCalibration,
) -> EscalationScore:
    """Score one moment.

    Args:
        t_ms: event time of the moment.
        text_negativity: smoothed, in [0, 1]; None when the channel has nothing fresh.
        voice_negativity: likewise.
        drift_state: state of the drift machine after this moment.
        conflict: the moment's conflict and whether masking is confirmed.
        calibration: weights, drift bases, floor factor, single-channel discount.
        conflict_calibration: what the two severities are worth.

    Returns:
        The score in [0, 1] with its three contributors in ``Signal`` order. Their
        contributions sum to ``raw``; their shares sum to 1, or are all 0 when raw is 0.

    """
    existing = [n for n in (text_negativity, voice_negativity) if n is not None]
    is_complete = len(existing) == 2
    measured = (
        _drift(existing, drift_state, calibration),
        _conflict(is_complete, conflict, calibration, conflict_calibration),
        _emotion(text_negativity, voice_negativity, calibration),
    )
    nominal = sum(m.nominal_weight for m in measured)
    available = sum(m.nominal_weight for m in measured if m.score is not None)
    alone = (
        calibration.single_channel_discount
        if voice_negativity is None
        else calibration.voice_alone_discount
    )
    discount = 1.0 if is_complete else alone

    weights = tuple(
        0.0 if m.score is None else discount * _ratio(m.nominal_weight, available) for m in measured
    )
    contributions = tuple(w * (m.score or 0.0) for w, m in zip(weights, measured, strict=True))
    total = sum(contributions)
    contributors = tuple(
        ScoreContributor(
            signal=m.signal,
            score=m.score or 0.0,
            weight=w,
            contribution=c,
            share=clamp(_ratio(c, total)),
            details=tuple(Detail(name=name, value=value) for name, value in m.details.items()),
        )
        for m, w, c in zip(measured, weights, contributions, strict=True)
    )
    raw = clamp(total)
    floor = _floor(existing, calibration) if is_complete else 0.0
    return EscalationScore(
        t_event_ms=t_ms,
        score=max(raw, floor),
        raw=raw,
        floor=floor,
        is_floor_applied=floor > raw,
        coverage=clamp(_ratio(available, nominal)),
        contributors=contributors,
        # max keeps the first of equals, which is the documented tie-break
        dominant_signal=max(contributors, key=lambda c: c.contribution).signal,
    )


def _drift(
    existing: list[float], drift_state: DriftState, calibration: SessionCalibration
) -> _Measured:
    if len(existing) < 2:
        return _Measured(Signal.DRIFT, None, calibration.weight_drift, {})
    base = {
        DriftState.ALIGNED_POSITIVE: calibration.drift_base_aligned_positive,
        DriftState.CROSS_DEESCALATING: calibration.drift_base_cross_deescalating,
        DriftState.DIVERGING: calibration.drift_base_diverging,
        DriftState.ALIGNED_NEGATIVE: calibration.drift_base_aligned_negative,
        DriftState.CROSS_ESCALATING: calibration.drift_base_cross_escalating,
    }[drift_state]
    level = sum(existing) / 2.0
    score = min(1.0, base + calibration.drift_level_weight * level)
    return _Measured(Signal.DRIFT, score, calibration.weight_drift, {"base": base, "level": level})


def _conflict(
    is_complete: bool,
    report: ConflictReport,
    calibration: SessionCalibration,
    conflict_calibration: ConflictCalibration,
) -> _Measured:
    if not is_complete:
        return _Measured(Signal.CONFLICT, None, calibration.weight_conflict, {})
    found = report.conflict
    if found is None:
        return _Measured(Signal.CONFLICT, 0.0, calibration.weight_conflict, {})
    severity = {
        Severity.HIGH: conflict_calibration.severity_high,
        Severity.MEDIUM: conflict_calibration.severity_medium,
    }[found.severity]
    # One window in twenty disagrees by chance: an unconfirmed mask must not raise the score.
    does_score = report.is_masking_confirmed or not found.is_masking
    return _Measured(
        Signal.CONFLICT,
        severity * abs(found.gap) if does_score else 0.0,
        calibration.weight_conflict,
        {"severity": severity, "gap": found.gap, "on_ticks": float(report.on_ticks)},
    )


def _emotion(
    text_negativity: float | None,
    voice_negativity: float | None,
    calibration: SessionCalibration,
) -> _Measured:
    by_channel = {"text_negativity": text_negativity, "voice_negativity": voice_negativity}
    details = {name: value for name, value in by_channel.items() if value is not None}
    if not details:
        return _Measured(Signal.EMOTION, None, calibration.weight_emotion, {})
    peak = max(details.values())
    level = sum(details.values()) / len(details)
    peak_weight = calibration.emotion_max_weight
    score = clamp(peak_weight * peak + (1.0 - peak_weight) * level)
    return _Measured(Signal.EMOTION, score, calibration.weight_emotion, details)


def _floor(existing: list[float], calibration: SessionCalibration) -> float:
    """Under the sum where both channels are negative: their weighted geometric mean, lifted.

    A raging voice says how sour words are meant, and neither channel lifts the other from
    nothing.
    """
    milder, worse = min(existing), max(existing)
    share = calibration.floor_milder_share
    both: float = milder**share * worse ** (1.0 - share)
    return min(1.0, calibration.floor_factor * both)


def _ratio(part: float, whole: float) -> float:
    """Share of a whole; nothing has no shares."""
    return part / whole if whole > 0.0 else 0.0
