"""One tick of the common clock: both channels in, an aligned moment and its drift out.

Smoothing, holding and forgetting happen here and only here. A channel that brings nothing
fresh holds its last smoothed value for a while, then is missing; it never becomes calm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from subtone.contracts.calibration import Calibration, VoiceCalibration
from subtone.contracts.signal_correlation import (
    AlignedMoment,
    ConflictReport,
    DriftAssessment,
    EmotionCorrelation,
    HeadShare,
    TimelineAlignment,
)
from subtone.contracts.vocabulary import ChannelStatus, HeadKind
from subtone.contracts.voice_intelligence import AcousticFeatures, HeadEvidence, VoiceEmotionScores
from subtone.kernel.signal_correlation.alignment import TextEvidence
from subtone.kernel.signal_correlation.conflict import (
    ConflictMemory,
    detect_conflict,
    step_conflict,
)
from subtone.kernel.signal_correlation.correlation import CorrelationMemory, step_correlation
from subtone.kernel.signal_correlation.drift import DriftMemory, intervene, step_drift
from subtone.kernel.signal_correlation.negativity import (
    fused_agitation,
    text_negativity,
    voice_negativity,
)
from subtone.kernel.statistics import share_above, smooth


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceEvidence:
    """What the voice channel knows at one tick."""

    status: ChannelStatus
    scores: VoiceEmotionScores | None
    features: AcousticFeatures | None
    words_valence: float  # how far the words let arousal count as negative
    customer_talk_ms: int
    agent_talk_ms: int
    overlap_ms: int
    heads: tuple[HeadEvidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentInput:
    """Everything one tick is decided from; re-running these reproduces the decision."""

    index: int
    t_event_ms: int
    t_seen_ms: int
    text: TextEvidence
    voice: VoiceEvidence
    interventions_ms: tuple[int, ...] = ()  # since the previous tick


@dataclass(frozen=True, slots=True)
class Held:
    """One channel's smoothed negativity and when it was last fed."""

    value: float | None = None
    fed_ms: int = 0

    def feed(
        self,
        t_ms: int,
        raw: float | None,
        trust: float,
        hold_s: float,
        step_s: float,
        half_life_s: float,
    ) -> Held:
        """Smooth one value in; hold without one for hold_s; then forget.

        trust in [0, 1] shortens the step, so doubtful evidence moves the value less; a
        first value has no history to be weighed against and is scaled instead.
        """
        if raw is None:
            return Held() if t_ms - self.fed_ms > hold_s * 1000.0 else self
        if self.value is None:
            return Held(raw * trust, t_ms)
        return Held(smooth(self.value, raw, step_s * trust, half_life_s), t_ms)


@dataclass(frozen=True, slots=True)
class MomentMemory:
    """State of the correlation stage between two ticks."""

    t_event_ms: int = 0
    text: Held = Held()
    voice: Held = Held()
    drift: DriftMemory = field(default_factory=DriftMemory)
    conflict: ConflictMemory = field(default_factory=ConflictMemory)
    correlation: CorrelationMemory = field(default_factory=CorrelationMemory)
    moment_count: int = 0
    text_count: int = 0
    voice_count: int = 0


@dataclass(frozen=True, slots=True)
class Correlated:
    """What the correlation stage found at one tick."""

    moment: AlignedMoment
    drift: DriftAssessment
    conflict: ConflictReport
    correlation: EmotionCorrelation


def correlate(
    memory: MomentMemory, given: MomentInput, calibration: Calibration
) -> tuple[MomentMemory, Correlated]:
    """Advance by one tick."""
    t_ms = given.t_event_ms
    step_s = (t_ms - memory.t_event_ms) / 1000.0
    text_raw = None if given.text.scores is None else _text_raw(given, calibration)
    voice_raw = _voice_raw(given, given.voice.heads, calibration)
    trust = 0.0 if given.voice.scores is None else given.voice.scores.confidence
    half_life_s = calibration.alignment.smoothing_half_life_s
    # text evidence already lives for its validity inside text_evidence
    text = memory.text.feed(t_ms, text_raw, 1.0, 0.0, step_s, half_life_s)
    # a voice that may no longer be scored is dropped at once, not held
    is_permitted = given.voice.status is not ChannelStatus.NOT_PERMITTED
    hold_s = calibration.voice.hold_s if is_permitted else 0.0
    voice = memory.voice.feed(t_ms, voice_raw, trust, hold_s, step_s, half_life_s)

    drift_memory = memory.drift
    for intervention_ms in given.interventions_ms:
        drift_memory = intervene(drift_memory, intervention_ms)
    drift_memory, drift = step_drift(drift_memory, t_ms, text.value, voice.value, calibration.drift)
    found = None
    if text.value is not None and voice.value is not None:
        found = detect_conflict(
            t_ms,
            text.value,
            voice.value,
            given.text.positivity,
            given.text.is_suppressed,
            calibration.conflict,
        )
        # words that turned openly negative this very tick mask nothing, however mild on average
        has_turned = text_raw is not None and text_raw >= calibration.conflict.text_neutral
        if found is not None and found.is_masking and has_turned:
            found = None
    conflict_memory, conflict = step_conflict(memory.conflict, t_ms, found, calibration.conflict)
    correlation_memory, correlation = step_correlation(
        memory.correlation, t_ms, text_raw, voice_raw, calibration.alignment
    )
    after = MomentMemory(
        t_event_ms=t_ms,
        text=text,
        voice=voice,
        drift=drift_memory,
        conflict=conflict_memory,
        correlation=correlation_memory,
        moment_count=memory.moment_count + 1,
        text_count=memory.text_count + (text.value is not None),
        voice_count=memory.voice_count + (voice.value is not None),
    )
    return after, Correlated(
        _moment(given, text_raw, voice_raw, text, voice, calibration),
        drift,
        conflict,
        correlation,
    )


def amended_moment(moment: AlignedMoment, text: TextEvidence) -> AlignedMoment:
    """A closed moment as it would have read had a late text come in time.

    A record beside history: nothing that was decided changes.
    """
    return msgspec.structs.replace(
        moment,
        text_status=text.status,
        text=text.scores,
        text_negativity_raw=None if text.scores is None else text_negativity(text.scores),
        is_amended=True,
    )


def timeline_alignment(
    memory: MomentMemory, late_event_count: int, gap_ms: int, calibration: Calibration
) -> TimelineAlignment:
    """How well both channels covered the call so far."""
    slots = 2 * memory.moment_count
    return TimelineAlignment(
        t_event_ms=memory.t_event_ms,
        moment_count=memory.moment_count,
        text_moment_count=memory.text_count,
        voice_moment_count=memory.voice_count,
        late_event_count=late_event_count,
        gap_ms=gap_ms,
        watermark_ms=calibration.alignment.watermark_ms,
        coverage=(memory.text_count + memory.voice_count) / slots if slots else 0.0,
    )


def _text_raw(given: MomentInput, calibration: Calibration) -> float | None:
    scores = given.text.scores
    if scores is None:
        return None
    negativity = text_negativity(scores)
    if given.text.has_escalation_request:  # a hard signal: polite wording does not dilute it
        negativity = max(negativity, calibration.text.escalation_request_frustration)
    return negativity


def valence_factor(
    words_valence: float,
    positivity: float,
    heads: Sequence[HeadEvidence],
    calibration: VoiceCalibration,
) -> float:
    """How far arousal may count as negative: the words, times what each valence finding leaves.

    A finding is pulled towards "no opinion" where its weight is low, and where no positive word
    was said: at a contact centre an excited voice without a glad word is more often angry.
    """
    agreed = calibration.unspoken_joy + (1.0 - calibration.unspoken_joy) * positivity
    for head in heads:
        if head.head is not HeadKind.AROUSAL:
            words_valence *= 1.0 - head.weight * agreed * (1.0 - head.value)
    return words_valence


def _voice_raw(
    given: MomentInput, heads: Sequence[HeadEvidence], calibration: Calibration
) -> float | None:
    scores = given.voice.scores
    if scores is None:
        return None
    agitation, displeased = scores.agitation, 0.0
    for head in heads:
        if head.head is HeadKind.AROUSAL:
            weight = head.weight * calibration.voice.arousal_head_weight
            agitation = fused_agitation(agitation, head.value, weight)
        elif head.head is HeadKind.VALENCE:
            clearly = share_above(head.value, calibration.voice.displeasure_from)
            displeased = calibration.voice.displeasure_weight * head.weight * clearly
    return voice_negativity(
        msgspec.structs.replace(scores, agitation=agitation) if heads else scores,
        _valence(given, heads, calibration),
        calibration.drift.baseline_score,
        displeased,
    )


def _valence(given: MomentInput, heads: Sequence[HeadEvidence], calibration: Calibration) -> float:
    return valence_factor(
        given.voice.words_valence, given.text.positivity, heads, calibration.voice
    )


def _head_shares(
    given: MomentInput, voice_raw: float | None, calibration: Calibration
) -> tuple[HeadShare, ...]:
    """What each head did: the raw negativity with all of them, less that without this one."""
    shares = []
    heads = given.voice.heads
    for head in heads if voice_raw is not None else ():
        without = _voice_raw(given, [h for h in heads if h is not head], calibration)
        shares.append(
            HeadShare(
                evidence=head,
                effect=(voice_raw or 0.0) - (without or 0.0),
            )
        )
    return tuple(shares)


def _moment(
    given: MomentInput,
    text_raw: float | None,
    voice_raw: float | None,
    text: Held,
    voice: Held,
    calibration: Calibration,
) -> AlignedMoment:
    return AlignedMoment(
        index=given.index,
        t_event_ms=given.t_event_ms,
        t_seen_ms=given.t_seen_ms,
        text_status=given.text.status,
        voice_status=given.voice.status,
        text=given.text.scores,
        voice=given.voice.scores,
        features=given.voice.features,
        valence_evidence=_valence(given, given.voice.heads, calibration),
        text_negativity_raw=text_raw,
        voice_negativity_raw=voice_raw,
        text_negativity=text.value,
        voice_negativity=voice.value,
        customer_talk_ms=given.voice.customer_talk_ms,
        agent_talk_ms=given.voice.agent_talk_ms,
        overlap_ms=given.voice.overlap_ms,
        heads=_head_shares(given, voice_raw, calibration),
    )
