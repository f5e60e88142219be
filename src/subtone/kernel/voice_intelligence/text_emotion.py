"""Score the emotion of one turn's text from its features (SCIENCE section 3)."""

from __future__ import annotations

from collections.abc import Sequence

from subtone.contracts.base import ContractError
from subtone.contracts.calibration import TextCalibration
from subtone.contracts.vocabulary import SpanKind, TextDimension
from subtone.contracts.voice_intelligence import (
    TextEmotionScores,
    TextFeatures,
    TextSpan,
    TextTurn,
)
from subtone.kernel.voice_intelligence.text_features import share_of, strength_of
from subtone.kernel.voice_intelligence.text_fitted import AT_EASE, FRUSTRATION_KINDS, fitted_share

_TEXT_KINDS = (
    *FRUSTRATION_KINDS,
    SpanKind.CONFUSION,
    SpanKind.URGENCY,
    SpanKind.CALM,
    SpanKind.ESCALATION_REQUEST,
)
_FULL_CONFIDENCE_HITS = 3
_MIN_TOP = 0.05


def score_text(
    turn: TextTurn, features: TextFeatures, calibration: TextCalibration
) -> TextEmotionScores:
    """Four dimensions and positivity, all in [0, 1].

    Each dimension is 1 - exp(-strength·P/2) over the summed strength of its spans; P, the
    emphasis, applies to frustration and urgency only. Fitted terms raise or relieve what
    the authored ones made, within their calibrated bounds. An escalation request joins
    frustration as independent evidence (noisy or), so it is never below the calibrated
    floor. Calm is what the other three leave of it, and nothing at all behind a
    suppression phrase. Positivity shrinks with frustration: praise inside a complaint is
    irony more often than praise. ``dominant_emotion`` is None, with confidence 0, when
    nothing was found.

    Raises:
        ContractError: ``features`` were measured on another turn (the caller's fault).

    """
    if features.turn_id != turn.turn_id:
        raise ContractError(
            f"score_text got features of turn {features.turn_id!r} for turn {turn.turn_id!r}: "
            "pass the features that measure_text made from this turn"
        )
    spans = features.spans
    emphasis = features.emphasis
    frustration = _with_fitted(
        share_of(_strength(spans, *FRUSTRATION_KINDS) * emphasis), spans, calibration
    )
    if features.has_escalation_request:
        frustration = 1.0 - (1.0 - frustration) * (1.0 - calibration.escalation_request_frustration)
    confusion = share_of(_strength(spans, SpanKind.CONFUSION))
    urgency = share_of(_strength(spans, SpanKind.URGENCY) * emphasis)
    text_hits = sum(span.kind in _TEXT_KINDS for span in spans)
    calm = share_of(_strength(spans, SpanKind.CALM)) if text_hits else calibration.calm_without_hits
    calm *= 0.0 if features.is_suppressed else 1.0 - max(frustration, confusion, urgency)
    scores = {
        TextDimension.FRUSTRATION: frustration,
        TextDimension.CONFUSION: confusion,
        TextDimension.URGENCY: urgency,
        TextDimension.CALM: calm,
    }
    hits = text_hits + sum(span.kind is SpanKind.POSITIVITY for span in spans)
    dominant, margin = _dominant(scores)
    is_neutral = hits == 0 or scores[dominant] == 0.0
    return TextEmotionScores(
        turn_id=turn.turn_id,
        t_event_ms=turn.t_event_ms,
        t_end_ms=turn.t_end_ms,
        t_seen_ms=turn.t_seen_ms,
        frustration=frustration,
        confusion=confusion,
        urgency=urgency,
        calm=calm,
        positivity=share_of(_strength(spans, SpanKind.POSITIVITY)) * (1.0 - frustration),
        dominant_emotion=None if is_neutral else dominant,
        confidence=min(1.0, hits / _FULL_CONFIDENCE_HITS) * margin,
        is_suppressed=features.is_suppressed,
        has_escalation_request=features.has_escalation_request,
        spans=spans,
    )


def _with_fitted(
    frustration: float, spans: Sequence[TextSpan], calibration: TextCalibration
) -> float:
    """Frustration with the bounded evidence of fitted terms, joined as independent.

    A message that is glad or calm in so many words, everyday words do not turn.
    """
    share = fitted_share(_strength(spans, SpanKind.FITTED), calibration)
    if share > 0.0:
        share *= max(0.0, 1.0 - _strength(spans, *AT_EASE))
        return 1.0 - (1.0 - frustration) * (1.0 - calibration.fitted_max * share)
    return frustration * (1.0 + calibration.fitted_relief * share)


def _strength(spans: Sequence[TextSpan], *kinds: SpanKind) -> float:
    return sum(strength_of(span.contribution) for span in spans if span.kind in kinds)


def _dominant(scores: dict[TextDimension, float]) -> tuple[TextDimension, float]:
    """The strongest dimension, and its lead over the second relative to its strength."""
    ranked = sorted(scores, key=lambda dimension: -scores[dimension])
    top, second = scores[ranked[0]], scores[ranked[1]]
    return ranked[0], (top - second) / max(top, _MIN_TOP)
