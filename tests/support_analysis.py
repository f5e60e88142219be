"""Authored analyses for the surfaces: a three-minute call whose words stay mild, and others."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from subtone.contracts.analysis import AnalysedTurn, CallAnalysis, TrackSummary
from subtone.contracts.calibration import Calibration
from subtone.contracts.outputs import Decision, Notice, ScoredTurn
from subtone.contracts.session_state import (
    Counterfactual,
    Detail,
    EscalationScore,
    LocalText,
    PolicyRecommendation,
    ScoreContributor,
    SessionSnapshot,
    StateBasis,
    StateTransition,
    VoiceEvidence,
    WordEvidence,
)
from subtone.contracts.signal_correlation import (
    AlignedMoment,
    Conflict,
    ConflictReport,
    DriftAssessment,
    EmotionCorrelation,
    TimelineAlignment,
)
from subtone.contracts.vocabulary import (
    Action,
    AmdCause,
    AmdVerdict,
    ChannelStatus,
    DriftState,
    Language,
    PitchContour,
    Region,
    Role,
    SessionState,
    Severity,
    Signal,
    SpanKind,
    TextDimension,
    TrendSymbol,
    VoiceDimension,
)
from subtone.contracts.voice_intelligence import (
    AcousticFeatures,
    AmdResult,
    SpeakerBaseline,
    TextEmotionScores,
    TextFeatures,
    TextSpan,
    TextTurn,
    VoiceEmotionScores,
)
from support_authored_call import (
    ACTIONS,
    CONFLICTS,
    DRIFT_BASE,
    DRIFT_EDGES,
    HOP_MS,
    MASKED,
    NEGATIVITY,
    REASONS,
    STATE_EDGES,
    TEXT_MISSING,
    TURNS,
    VOICE_MISSING,
)


def _turns(language: Literal["en", "zh"]) -> tuple[AnalysedTurn, ...]:
    return tuple(_turn(i, language) for i in range(len(TURNS)))


def _turn(i: int, language: Literal["en", "zh"]) -> AnalysedTurn:
    start, end, role, en, zh, marks = TURNS[i]
    text = en if language == "en" else zh
    spoken = Language.EN if language == "en" else Language.ZH
    turn = TextTurn(
        turn_id=f"t{i}",
        role=role,
        t_event_ms=int(start * 1000),
        t_end_ms=int(end * 1000),
        t_seen_ms=int(end * 1000) + 400,
        text=text,
        language=spoken,
    )
    spans = tuple(
        TextSpan(
            start=text.index(words),
            end=text.index(words) + len(words),
            text=words,
            kind=kind,
            contribution=0.4,
            rule=f"lexicon:{words}",
        )
        for kind, words in ((k, e if language == "en" else z) for k, e, z in marks)
    )
    if role is not Role.CUSTOMER:
        return AnalysedTurn(turn=turn, scored=None)
    features = TextFeatures(
        turn_id=turn.turn_id,
        language=spoken,
        length_chars=len(text),
        length_tokens=len(text.split()),
        exclamation_count=text.count("!"),
        question_count=text.count("?"),
        caps_ratio=0.1,
        is_mixed_caps=False,
        repetition_count=0,
        is_suppressed=any(k is SpanKind.SUPPRESSION for k, _, _ in marks),
        is_rhetorical=False,
        has_escalation_request=any(k is SpanKind.ESCALATION_REQUEST for k, _, _ in marks),
        emphasis=1.0,
        spans=spans,
    )
    return AnalysedTurn(turn=turn, scored=ScoredTurn(features=features, scores=_text(turn, spans)))


def _text(
    turn: TextTurn, spans: tuple[TextSpan, ...], frustration: float = 0.1
) -> TextEmotionScores:
    suppressed = any(s.kind is SpanKind.SUPPRESSION for s in spans)
    return TextEmotionScores(
        turn_id=turn.turn_id,
        t_event_ms=turn.t_event_ms,
        t_end_ms=turn.t_end_ms,
        t_seen_ms=turn.t_seen_ms,
        frustration=frustration,
        confusion=0.0,
        urgency=0.05,
        calm=0.0 if suppressed else 0.5,
        positivity=0.6 if any(s.kind is SpanKind.POSITIVITY for s in spans) else 0.0,
        dominant_emotion=None if suppressed else TextDimension.CALM,
        confidence=0.6,
        is_suppressed=suppressed,
        has_escalation_request=any(s.kind is SpanKind.ESCALATION_REQUEST for s in spans),
        spans=spans,
    )


def _moment(k: int, turns: tuple[AnalysedTurn, ...]) -> AlignedMoment:
    t, (n_text, n_voice) = (k + 1) * HOP_MS, NEGATIVITY[k]
    has_text, has_voice = k not in TEXT_MISSING, k not in VOICE_MISSING
    heard = [a for a in turns if a.scored is not None and a.turn.t_event_ms < t]
    latest = heard[-1] if heard else None
    text = (
        _text(latest.turn, latest.scored.scores.spans, frustration=n_text)
        if has_text and latest is not None and latest.scored is not None
        else None
    )
    z = min(3.0, n_voice * 3)
    voice = VoiceEmotionScores(
        track_id="left",
        t_start_ms=max(0, t - 10_000),
        t_event_ms=t,
        agitation=n_voice,
        stress=n_voice * 0.7,
        hesitation=0.2,
        calm=1 - n_voice,
        dominant_emotion=VoiceDimension.AGITATION if n_voice > 0.4 else VoiceDimension.CALM,
        confidence=0.8,
        deviations=(),
        voiced_ms=2_100,
        is_caller_known=True,
    )
    features = AcousticFeatures(
        track_id="left",
        t_start_ms=max(0, t - 10_000),
        t_event_ms=t,
        sample_rate_hz=8000,
        energy_mean=-26.0 + 3 * z,
        energy_variance=36.0,
        intensity_drift=0.2,
        pitch_mean_hz=190.0 * 2 ** (2 * z / 12),
        pitch_mean_semitones=33.5 + 2 * z,
        pitch_variance=4.0,
        pitch_contour=PitchContour.RISING,
        speaking_rate=4.2,
        articulation_rate=4.9,
        silence_ratio=0.14,
        pause_count=2,
        pause_mean_ms=380,
        speech_continuity=0.86,
        tilt_db=-9.0,
        voiced_ms=2_100,
        speech_ms=3_600,
        snr_db=24.0,
        concealed_ratio=0.0,
    )
    return AlignedMoment(
        index=k,
        t_event_ms=t,
        t_seen_ms=t + 3_200,
        text_status=ChannelStatus.OK if has_text else ChannelStatus.UNAVAILABLE,
        voice_status=ChannelStatus.OK if has_voice else ChannelStatus.INSUFFICIENT,
        text=text,
        voice=voice if has_voice else None,
        features=features if has_voice else None,
        valence_evidence=0.0,
        text_negativity_raw=n_text if has_text else None,
        voice_negativity_raw=n_voice if has_voice else None,
        text_negativity=n_text if has_text else None,
        voice_negativity=n_voice if has_voice else None,
        customer_talk_ms=3_000 if has_voice else 0,
        agent_talk_ms=1_200 if has_voice else 5_000,
        overlap_ms=100 if has_voice else 0,
    )


def _score(
    t: int, terms: tuple[float, float, float], floor: float, *, both: bool
) -> EscalationScore:
    weights = (0.3, 0.4, 0.3) if both else (0.0, 0.0, 0.9)
    parts = [w * x for w, x in zip(weights, terms, strict=True)]
    raw = sum(parts)
    details = (
        (Detail(name="base", value=0.5), Detail(name="level", value=0.4)),
        (Detail(name="severity", value=1.0), Detail(name="gap", value=terms[1])),
        (Detail(name="text_negativity", value=0.1), Detail(name="voice_negativity", value=0.6)),
    )
    contributors = tuple(
        ScoreContributor(
            signal=signal,
            score=terms[i],
            weight=weights[i],
            contribution=parts[i],
            share=parts[i] / raw if raw else 0.0,
            details=details[i],
        )
        for i, signal in enumerate(Signal)
    )
    return EscalationScore(
        t_event_ms=t,
        score=max(raw, floor),
        raw=raw,
        floor=floor,
        is_floor_applied=floor > raw,
        coverage=1.0 if both else 0.3,
        contributors=contributors,
        dominant_signal=max(contributors, key=lambda c: c.contribution).signal,
    )


def _basis(
    k: int, moment: AlignedMoment, score: EscalationScore, drift: DriftState,
    conflict: Conflict | None, turns: tuple[AnalysedTurn, ...],
) -> StateBasis:  # fmt: skip
    t = moment.t_event_ms
    carrying = [
        a for a in turns
        if a.scored is not None
        and a.scored.scores.spans
        and t - 20_000 <= a.turn.t_end_ms <= t + 5_000
    ]  # fmt: skip
    words = tuple(
        WordEvidence(
            turn_id=a.turn.turn_id,
            t_event_ms=a.turn.t_event_ms,
            t_end_ms=a.turn.t_end_ms,
            quote=a.turn.text,
            spans=a.scored.scores.spans,
        )
        for a in carrying
        if a.scored is not None
    )
    voice = VoiceEvidence(
        t_start_ms=max(0, t - 10_000),
        t_end_ms=t,
        observation=LocalText(
            en="pitch 4.1 semitones and level 5 dB above this caller's own baseline",
            zh="音高比来电者自身基线高 4.1 个半音，音量高 5 dB",
        ),
    )
    counter = Counterfactual(
        channel="voice",
        dimension="agitation",
        stayed_below=0.41,
        observed=0.70,
        sentence=LocalText(
            en="Had voice agitation stayed below 0.41 (peak 0.70), the state would have held.",
            zh="如果语音激动度保持在 0.41 以下(实际峰值 0.70)，则不会发生此变化。",
        ),
    )
    is_edge = k in STATE_EDGES
    return StateBasis(
        t_event_ms=t,
        score=score,
        dominant_signal=score.dominant_signal,
        drift_state=drift,
        conflict=conflict,
        path=LocalText(
            en=f"Moment {k + 1}: both channels read, drift {drift.value}, score {score.score:.2f}.",
            zh=f"第 {k + 1} 个时刻：两个通道均已读取，分数 {score.score:.2f}。",
        ),
        reasons=(REASONS[k],) if is_edge else (),
        words=words,
        voice=(voice,) if moment.voice is not None else (),
        counterfactuals=(counter,) if is_edge else (),
        calibration_version="default-1",
    )


def _decisions(turns: tuple[AnalysedTurn, ...]) -> tuple[Decision, ...]:
    found: list[Decision] = []
    state, since, drift = SessionState.CALM, 0, DriftState.ALIGNED_POSITIVE
    for k, (n_text, n_voice) in enumerate(NEGATIVITY):
        moment = _moment(k, turns)
        t = moment.t_event_ms
        both = moment.text is not None and moment.voice is not None
        gap, level = n_voice - n_text, (n_voice + n_text) / 2
        before, edge = drift, "hold"
        drift, edge = DRIFT_EDGES.get(k, (drift, edge))
        severity = Severity.HIGH if k < 17 else Severity.MEDIUM
        conflict = (
            Conflict(
                type=CONFLICTS[k],
                severity=severity,
                is_masking=True,
                gap=gap,
                text_negativity=n_text,
                voice_negativity=n_voice,
                t_event_ms=t,
            )
            if k in CONFLICTS
            else None
        )
        weight = {Severity.HIGH: 1.0, Severity.MEDIUM: 0.6}[severity]
        terms = (
            min(1.0, DRIFT_BASE[drift] + 0.1 * level),
            weight * abs(gap) if conflict is not None and k in MASKED else 0.0,
            0.6 * max(n_text, n_voice) + 0.4 * level,
        )
        score = _score(t, terms, min(1.0, 1.1 * min(n_text, n_voice)), both=both)
        basis = _basis(k, moment, score, drift, conflict, turns)
        transition = None
        if k in STATE_EDGES:
            old, (state, name) = state, STATE_EDGES[k]
            since = t
            transition = StateTransition(
                t_event_ms=t, t_seen_ms=moment.t_seen_ms, from_state=old, to_state=state,
                edge=name, score=score.score, masked=k in MASKED, basis=basis,
            )  # fmt: skip
        action = ACTIONS.get(state, Action.NONE)
        found.append(
            Decision(
                moment=moment,
                drift=DriftAssessment(
                    t_event_ms=t, state=drift, from_state=before, edge=edge, cause=edge,
                    region=Region.VOICE_WORSE if gap >= 0.25 else Region.POSITIVE,
                    trend=TrendSymbol.FLAT, gap=gap, level=level,
                    is_intervention_fresh=18 <= k < 24,
                ),
                conflict=ConflictReport(
                    t_event_ms=t, conflict=conflict, is_masking_confirmed=k in MASKED,
                    on_ticks=0, off_ticks=0, since_ms=50_000 if k in MASKED else None,
                ),
                snapshot=SessionSnapshot(
                    call_id="call-0142", t_event_ms=t, t_seen_ms=moment.t_seen_ms, state=state,
                    since_ms=since, masked=k in MASKED, has_escalation_request=15 <= k < 24,
                    score=score, drift_state=drift, moment_index=k,
                ),
                basis=basis,
                transition=transition,
                recommendation=PolicyRecommendation(
                    t_event_ms=t, state=state, action=action,
                    reason=LocalText(
                        en=f"{action.value}: listen to the last 20 seconds.",
                        zh="请听最近 20 秒。",
                    ),
                ),
                points=(),
                trends=(),
            )
        )  # fmt: skip
    return tuple(found)


def _envelope(role: Role, duration_ms: int, hop_ms: int) -> tuple[float, ...]:
    spoken = [(a * 1000, b * 1000) for a, b, r, *_ in TURNS if role in (r, Role.UNKNOWN)]
    return tuple(
        round(0.25 + 0.3 * abs(math.sin(i * 0.9)) + 0.3 * abs(math.sin(i * 0.13)), 3)
        if any(a <= i * hop_ms < b for a, b in spoken)
        else 0.012
        for i in range(duration_ms // hop_ms)
    )


def _track(track_id: str, role: Role, *, scored: bool, duration_ms: int = 180_000) -> TrackSummary:
    return TrackSummary(
        track_id=track_id,
        role=role,
        sample_rate_hz=8000,
        source_rate_hz=8000,
        duration_ms=duration_ms,
        talk_ms=84_000 if role is Role.CUSTOMER else 61_000,
        is_emotion_scored=scored,
        envelope_hop_ms=100,
        envelope=_envelope(role, duration_ms, 100),
    )


def hidden_frustration_call(language: Literal["en", "zh"] = "en") -> CallAnalysis:
    """Three minutes, 36 decisions: mild words, an agitated voice, an intervention, relief."""
    turns = _turns(language)
    return CallAnalysis(
        call_id="call-0142",
        source="billing-0142.wav",
        software_version="0.1.0",
        calibration=Calibration(),
        duration_ms=180_000,
        is_timing_only=False,
        tracks=(
            _track("left", Role.CUSTOMER, scored=True),
            _track("right", Role.AGENT, scored=False),
        ),
        turns=turns,
        decisions=_decisions(turns),
        amd=AmdResult(
            track_id="left", verdict=AmdVerdict.HUMAN, cause=AmdCause.HUMAN_PAUSE,
            t_event_ms=1_900, confidence=0.9, initial_silence_ms=300, greeting_ms=800,
            word_count=2, beep_ms=None, hint="",
        ),
        baseline=SpeakerBaseline(
            track_id="left", voiced_ms=4_200, is_established=True, quality=1.0, features=()
        ),
        alignment=TimelineAlignment(
            t_event_ms=180_000, moment_count=36, text_moment_count=33, voice_moment_count=33,
            late_event_count=0, gap_ms=0, watermark_ms=180_000, coverage=66 / 72,
        ),
        correlation=EmotionCorrelation(
            t_event_ms=180_000, pair_count=31, is_significant=True, r=0.46, lag_ms=10_000
        ),
        notices=(Notice(t_event_ms=92_000, code="late_text", count=2),),
    )  # fmt: skip


def calm_call() -> CallAnalysis:
    """The first 40 seconds of the same call: nothing happens."""
    call = hidden_frustration_call()
    return msgspec.structs.replace(
        call, duration_ms=40_000, decisions=call.decisions[:8], turns=call.turns[:4],
        tracks=(_track("left", Role.CUSTOMER, scored=True, duration_ms=40_000),), notices=(),
    )  # fmt: skip


def timing_only_call() -> CallAnalysis:
    """A mono file whose speaker nobody named: talk and silence, no state."""
    return msgspec.structs.replace(
        hidden_frustration_call(),
        call_id="call-0200", source="unknown-roles.wav", is_timing_only=True,
        turns=(), decisions=(),
        tracks=(_track("mono", Role.UNKNOWN, scored=False),), amd=None, baseline=None,
        alignment=None, correlation=None, notices=(Notice(t_event_ms=0, code="unknown_role"),),
    )  # fmt: skip


def chat_call(texts: tuple[str, ...]) -> CallAnalysis:
    """Text only, with the given customer turns in place of the authored ones."""
    call = hidden_frustration_call()
    turns = tuple(
        AnalysedTurn(
            turn=msgspec.structs.replace(
                call.turns[1].turn,
                turn_id=f"c{i}",
                text=text,
                t_event_ms=5_000 * i,
                t_end_ms=5_000 * i,
            ),
            scored=None,
        )
        for i, text in enumerate(texts)
    )
    return msgspec.structs.replace(call, tracks=(), turns=turns, amd=None, baseline=None)
