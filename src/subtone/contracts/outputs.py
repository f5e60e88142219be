"""What the kernel hands out for one inbound event; all in event-time order."""

from __future__ import annotations

from subtone.contracts.base import Contract, Count, Name, TimeMs
from subtone.contracts.session_state import (
    PolicyRecommendation,
    SessionSnapshot,
    StateBasis,
    StateTransition,
)
from subtone.contracts.signal_correlation import (
    AlignedMoment,
    ConflictReport,
    DriftAssessment,
    EmotionCorrelation,
    TimelineAlignment,
)
from subtone.contracts.voice_intelligence import (
    AmdResult,
    EmotionPoint,
    EmotionTrend,
    SpeakerBaseline,
    TextEmotionScores,
    TextFeatures,
    TextTurn,
    VoiceEmotionScores,
)


class Notice(Contract, frozen=True, kw_only=True):
    """Something about the input a person should know; never a word or a name."""

    t_event_ms: TimeMs
    code: Name  # e.g. "late_text", "unknown_role", "gap", "consent_withdrawn"
    count: Count = 1


class SpeechSegment(Contract, frozen=True, kw_only=True):
    """One stretch of speech on one track; timing only, made for every role."""

    track_id: Name
    t_event_ms: TimeMs
    t_end_ms: TimeMs


class Decision(Contract, frozen=True, kw_only=True):
    """Everything that followed from one aligned moment."""

    moment: AlignedMoment
    drift: DriftAssessment
    conflict: ConflictReport
    snapshot: SessionSnapshot
    basis: StateBasis
    transition: StateTransition | None
    recommendation: PolicyRecommendation
    points: tuple[EmotionPoint, ...]
    trends: tuple[EmotionTrend, ...]
    agent_voice: VoiceEmotionScores | None = None  # only where an operator turned it on


class ScoredTurn(Contract, frozen=True, kw_only=True):
    """What was found in one text turn."""

    features: TextFeatures
    scores: TextEmotionScores


class AnalysedTurn(Contract, frozen=True, kw_only=True):
    """One turn on the call's clock; only the customer's is scored, long ones in parts."""

    turn: TextTurn
    scored: ScoredTurn | None


class Outputs(Contract, frozen=True, kw_only=True):
    """All that one feed returned."""

    turns: tuple[AnalysedTurn, ...] = ()
    segments: tuple[SpeechSegment, ...] = ()
    decisions: tuple[Decision, ...] = ()
    amended: tuple[AlignedMoment, ...] = ()
    amd: AmdResult | None = None
    baseline: SpeakerBaseline | None = None
    correlation: EmotionCorrelation | None = None
    alignment: TimelineAlignment | None = None
    notices: tuple[Notice, ...] = ()
