"""Domain signal_correlation (L3): two channels on one clock, and their disagreement (6)."""

from __future__ import annotations

from subtone.contracts.base import (
    Contract,
    Count,
    DurationMs,
    LagMs,
    SeenMs,
    Signed1,
    TimeMs,
    Unit01,
)
from subtone.contracts.vocabulary import (
    ChannelStatus,
    ConflictType,
    DriftState,
    Region,
    Severity,
    TrendSymbol,
)
from subtone.contracts.voice_intelligence import (
    AcousticFeatures,
    HeadEvidence,
    TextEmotionScores,
    VoiceEmotionScores,
)


class HeadShare(Contract, frozen=True, kw_only=True):
    """What one model's finding did to the voice channel at one moment."""

    evidence: HeadEvidence
    effect: Signed1  # raw voice negativity with it less without it


class AlignedMoment(Contract, frozen=True, kw_only=True):
    """Both channels at one tick of event time.

    A channel whose status is not ``ok`` has no raw negativity: absent is never calm. The
    smoothed value holds for up to 30 s after the last evidence, then is None.
    """

    index: Count  # ticks since the call began
    t_event_ms: TimeMs
    t_seen_ms: SeenMs  # stamp of the event that closed the moment
    text_status: ChannelStatus
    voice_status: ChannelStatus
    text: TextEmotionScores | None  # decay-weighted over the fresh turns; spans of all of them
    voice: VoiceEmotionScores | None
    features: AcousticFeatures | None
    valence_evidence: Unit01  # how far positive words (or a valence head) discount the voice
    text_negativity_raw: Unit01 | None
    voice_negativity_raw: Unit01 | None
    text_negativity: Unit01 | None  # smoothed
    voice_negativity: Unit01 | None  # smoothed
    customer_talk_ms: DurationMs  # in the last hop
    agent_talk_ms: DurationMs
    overlap_ms: DurationMs
    heads: tuple[HeadShare, ...] = ()  # models that had a say in the voice channel
    is_amended: bool = False  # data came after the watermark; history stands, this is the record


class TimelineAlignment(Contract, frozen=True, kw_only=True):
    """How well the two channels cover the call so far."""

    t_event_ms: TimeMs
    moment_count: Count
    text_moment_count: Count
    voice_moment_count: Count
    late_event_count: Count
    gap_ms: DurationMs
    watermark_ms: DurationMs
    coverage: Unit01  # share of moments x channels with usable evidence


class EmotionCorrelation(Contract, frozen=True, kw_only=True):
    """Cross-channel correlation; r and lag only when significant (r > .4, n >= 30)."""

    t_event_ms: TimeMs
    pair_count: Count
    is_significant: bool
    r: Signed1 | None
    lag_ms: LagMs | None  # positive: the text follows the voice


class DriftAssessment(Contract, frozen=True, kw_only=True):
    """State of the drift machine after one moment."""

    t_event_ms: TimeMs
    state: DriftState
    from_state: DriftState  # equals state when nothing moved
    edge: str  # "hold" when nothing moved
    cause: str  # the same edge may have another cause: voice_follows_text
    region: Region
    trend: TrendSymbol
    gap: Signed1  # voice minus text negativity
    level: Unit01  # mean negativity
    is_intervention_fresh: bool


class Conflict(Contract, frozen=True, kw_only=True):
    """Words and voice disagree at one moment: evidence to look, not proof of a feeling."""

    type: ConflictType
    severity: Severity
    is_masking: bool
    gap: Signed1
    text_negativity: Unit01
    voice_negativity: Unit01
    t_event_ms: TimeMs


class ConflictReport(Contract, frozen=True, kw_only=True):
    """The conflict of one moment and whether masking is confirmed (2 ticks on, 3 off)."""

    t_event_ms: TimeMs
    conflict: Conflict | None
    is_masking_confirmed: bool
    on_ticks: Count
    off_ticks: Count
    since_ms: TimeMs | None  # first moment of the confirmed conflict
