"""Builders of one tick's input for tests of the correlation and decision stages."""

from __future__ import annotations

from typing import Any

from subtone.contracts.vocabulary import ChannelStatus, VoiceDimension
from subtone.contracts.voice_intelligence import HeadEvidence, TextEmotionScores, VoiceEmotionScores
from subtone.kernel.signal_correlation.alignment import TextEvidence
from subtone.kernel.signal_correlation.moment import MomentInput, VoiceEvidence

NO_TEXT = TextEvidence(ChannelStatus.UNAVAILABLE)


def words(frustration: float, **changes: Any) -> TextEvidence:
    scores = TextEmotionScores(
        turn_id="t",
        t_event_ms=0,
        t_end_ms=0,
        t_seen_ms=0,
        frustration=frustration,
        confusion=0.0,
        urgency=0.0,
        calm=0.0,
        positivity=0.0,
        dominant_emotion=None,
        confidence=1.0,
        is_suppressed=False,
        has_escalation_request=False,
        spans=(),
    )
    return TextEvidence(ChannelStatus.OK, scores, **changes)


def voice(
    agitation: float | None,
    confidence: float = 1.0,
    valence: float = 1.0,
    heads: tuple[HeadEvidence, ...] = (),
) -> VoiceEvidence:
    scores = None
    if agitation is not None:
        scores = VoiceEmotionScores(
            track_id="customer",
            t_start_ms=0,
            t_event_ms=0,
            agitation=agitation,
            stress=0.2,
            hesitation=0.2,
            calm=0.0,
            dominant_emotion=VoiceDimension.AGITATION,
            confidence=confidence,
            deviations=(),
            voiced_ms=2_000,
            is_caller_known=True,
        )
    return VoiceEvidence(
        status=ChannelStatus.OK if scores else ChannelStatus.INSUFFICIENT,
        scores=scores,
        features=None,
        words_valence=valence,
        customer_talk_ms=0,
        agent_talk_ms=0,
        overlap_ms=0,
        heads=heads,
    )


def given_at(tick: int, text: TextEvidence, heard: VoiceEvidence, *helped_ms: int) -> MomentInput:
    return MomentInput(
        index=tick - 1,
        t_event_ms=5_000 * tick,
        t_seen_ms=0,
        text=text,
        voice=heard,
        interventions_ms=helped_ms,
    )
