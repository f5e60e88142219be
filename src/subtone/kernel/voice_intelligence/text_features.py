"""Measure one message: tokens, hits, rules, emphasis (SCIENCE section 3)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from subtone.contracts.calibration import TextCalibration
from subtone.contracts.vocabulary import Language, SpanKind
from subtone.contracts.voice_intelligence import TextFeatures, TextSpan, TextTurn
from subtone.kernel.voice_intelligence.text_emphasis import Emphasis, measure_emphasis
from subtone.kernel.voice_intelligence.text_fitted import WEIGHTS, fitted_hits
from subtone.kernel.voice_intelligence.text_matcher import LEXICON
from subtone.kernel.voice_intelligence.text_rules import Hit, apply_rules
from subtone.kernel.voice_intelligence.text_tokens import (
    Token,
    detect_language,
    fold,
    tokenise,
)


def share_of(strength: float) -> float:
    """Score that one span of this strength makes alone, in (-1, 1): 1 - exp(-strength/2).

    A strength below 0 makes the same share below 0.
    """
    return math.copysign(1.0 - math.exp(-abs(strength) / 2.0), strength)


def strength_of(share: float) -> float:
    """Strength behind a share; the inverse of ``share_of``."""
    return math.copysign(-2.0 * math.log1p(-abs(share)), share)


def measure_text(
    turn: TextTurn, calibration: TextCalibration, fitted: Mapping[str, float] = WEIGHTS
) -> TextFeatures:
    """Features of one turn, any language, any length; linear in the length of the text.

    A scoring span's ``contribution`` is the score it would make alone after all rules but
    emphasis (``share_of`` its strength), an emphasis span's is what it adds to P, an
    escalation request's is the frustration it demands, a suppression phrase's is 1, a
    fitted term's is its signed share before the bound.
    Offsets point into ``turn.text`` as it was written. ``fitted`` are signed weights of
    fitted terms, in the unit of the authored lexicon's.
    """
    folded = fold(turn.text)
    tokens = tokenise(folded)
    hits = apply_rules(tokens, LEXICON.units(tokens), calibration)
    hits += fitted_hits(tokens, hits, calibration, fitted)
    emphasis = measure_emphasis(folded, tokens, calibration)
    kinds = {hit.kind for hit in hits}
    spans = (
        *_hit_spans(turn.text, tokens, hits, calibration),
        *_stress_spans(turn.text, emphasis),
    )
    language = turn.language
    return TextFeatures(
        turn_id=turn.turn_id,
        language=detect_language(turn.text) if language is Language.UNDETERMINED else language,
        length_chars=len(turn.text),
        length_tokens=sum(token.norm[:1].isalnum() for token in tokens),
        exclamation_count=emphasis.exclamation_count,
        question_count=emphasis.question_count,
        caps_ratio=emphasis.caps_ratio,
        is_mixed_caps=emphasis.is_mixed_caps,
        repetition_count=emphasis.repetition_count,
        is_suppressed=SpanKind.SUPPRESSION in kinds,
        is_rhetorical=SpanKind.RHETORICAL_QUESTION in kinds,
        has_escalation_request=SpanKind.ESCALATION_REQUEST in kinds,
        emphasis=1.0 + sum(stress.bonus for stress in emphasis.stresses),
        spans=tuple(sorted(spans, key=lambda span: (span.start, span.end))),
    )


def _hit_spans(
    text: str, tokens: Sequence[Token], hits: Sequence[Hit], calibration: TextCalibration
) -> Iterator[TextSpan]:
    flags = {
        SpanKind.ESCALATION_REQUEST: calibration.escalation_request_frustration,
        SpanKind.SUPPRESSION: 1.0,
    }
    for hit in hits:
        start, end = tokens[hit.first].start, tokens[hit.last].end
        yield TextSpan(
            start=start,
            end=end,
            text=text[start:end],
            kind=hit.kind,
            contribution=flags.get(hit.kind, share_of(hit.strength)),
            rule=hit.rule,
        )


def _stress_spans(text: str, emphasis: Emphasis) -> Iterator[TextSpan]:
    for stress in emphasis.stresses:
        yield TextSpan(
            start=stress.start,
            end=stress.end,
            text=text[stress.start : stress.end],
            kind=SpanKind.EMPHASIS,
            contribution=min(stress.bonus, 1.0),
            rule=stress.rule,
        )
