"""The whole way of the data: one inbound event in, everything that follows from it out.

``feed(state, event) -> (state, outputs)`` is pure. Time arrives as stamps: a moment closes
when every audio track (in a chat, the text) has passed it by the watermark, when a Tick
says so, or when the call ends. How the bytes were cut into events never changes a result.

    AudioChunk -------> hear -> frames --> read_voice -> scores ----+
    Chat, Transcript -> read -> spans, scores -> text_evidence -----+-> decide -> explain
    Intervention ---------------------------------------------------+     |
    Tick, CallEnded --> the clock that closes moments          drift, conflict, score, state
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

import msgspec

from subtone.contracts import inbound as ev
from subtone.contracts.calibration import Calibration, TextCalibration
from subtone.contracts.outputs import AnalysedTurn, Decision, Notice, Outputs, ScoredTurn
from subtone.contracts.session_state import Counterfactual, SessionSnapshot, StateTransition
from subtone.contracts.signal_correlation import AlignedMoment, EmotionCorrelation
from subtone.contracts.vocabulary import Channel, Role, SessionState
from subtone.contracts.voice_intelligence import (
    EmotionPoint,
    EmotionTrend,
    TextEmotionScores,
    TextTurn,
)
from subtone.kernel.decision import (
    Decided,
    DecisionMemory,
    Step,
    decide,
    final_state,
    observed_peaks,
    scored_dimensions,
)
from subtone.kernel.session_state.explain import counterfactuals, explain
from subtone.kernel.session_state.policy import recommend
from subtone.kernel.signal_correlation.alignment import spread_turn, text_evidence
from subtone.kernel.signal_correlation.moment import (
    MomentInput,
    VoiceEvidence,
    amended_moment,
    timeline_alignment,
)
from subtone.kernel.voice_intelligence import hearing
from subtone.kernel.voice_intelligence.acoustics import HOP_MS
from subtone.kernel.voice_intelligence.hearing import HearingMemory, VoiceReading
from subtone.kernel.voice_intelligence.text_emotion import score_text
from subtone.kernel.voice_intelligence.text_features import measure_text
from subtone.kernel.voice_intelligence.text_tokens import detect_language
from subtone.kernel.voice_intelligence.tracker import TrackMemory
from subtone.kernel.voice_intelligence.tracks import OPENING, follow
from subtone.kernel.voice_intelligence.voice_emotion import valence_evidence

RERUN_STEPS = 6  # ticks a counterfactual looks back: 30 s, the validity of text
HEADS_KEPT = 16
MIN_TAIL_MS = 1_000  # a shorter rest after the last full tick is not a moment of its own
# the baseline is built before any real tension, and kept up only in calm
BUILDING_STATES = (SessionState.CALM, SessionState.RISING_TENSION)


class PeerError(ValueError):
    """The event stream broke its contract: the sender's fault, said in one line."""


@dataclass(frozen=True, slots=True)
class CallState:
    """Everything the kernel knows about one call; small, explicit, replayable."""

    calibration: Calibration
    call: ev.CallStarted | None = None
    hearing: HearingMemory = field(default_factory=HearingMemory)
    turns: tuple[AnalysedTurn, ...] = ()  # customer turns that are still fresh
    heads: tuple[ev.HeadResult, ...] = ()
    interventions_ms: tuple[int, ...] = ()  # not yet seen by a moment
    emotion_tracks: tuple[TrackMemory, ...] = OPENING
    memory: DecisionMemory = field(default_factory=DecisionMemory)
    steps: tuple[Step, ...] = ()  # the last few ticks, as they can be run again
    moments: tuple[AlignedMoment, ...] = ()  # of those ticks
    correlation: EmotionCorrelation | None = None
    clock_ms: int = 0  # what Ticks, and in a chat the texts, have passed
    late_count: int = 0
    is_ended: bool = False


def start(calibration: Calibration | None = None) -> CallState:
    """The state before a call's first event."""
    return CallState(calibration=calibration or Calibration())


def feed(state: CallState, event: ev.InboundEvent) -> tuple[CallState, Outputs]:
    """Take one event. Raises PeerError, changing nothing, when the event cannot be."""
    state, found = _take(state, event)
    decisions = []
    while (t_ms := _due_ms(state)) is not None:
        state, decision = _close_moment(state, t_ms, event.t_seen_ms)
        decisions.append(decision)
    if not decisions:
        return state, found
    return state, msgspec.structs.replace(
        found,
        decisions=tuple(decisions),
        baseline=hearing.customer_baseline(state.hearing, state.calibration),
        correlation=state.correlation,
        alignment=timeline_alignment(
            state.memory.moments,
            state.late_count,
            hearing.gap_ms(state.hearing),
            state.calibration,
        ),
    )


def _take(state: CallState, event: ev.InboundEvent) -> tuple[CallState, Outputs]:
    """Let one event into the state; nothing is decided here."""
    _require_open(state, event)
    match event:
        case ev.CallStarted():
            return _begin(state, event)
        case ev.AudioChunk():
            return _hear(state, event)
        case ev.ChatMessage() | ev.TranscriptSegment():
            return _read(state, event)
        case ev.HeadResult():
            return replace(state, heads=(*state.heads, event)[-HEADS_KEPT:]), Outputs()
        case ev.Intervention():
            pending = (*state.interventions_ms, event.t_event_ms)
            return replace(state, interventions_ms=pending), Outputs()
        case ev.ConsentChanged():
            heard = hearing.set_consent(state.hearing, event.is_voice_emotion_allowed)
            return replace(state, hearing=heard), _noticed(event, "consent_changed")
        case ev.Paused():
            heard, segments = hearing.pause(state.hearing)
            noticed = msgspec.structs.replace(_noticed(event, "paused"), segments=segments)
            return replace(state, hearing=heard), noticed
        case ev.Resumed():
            heard = hearing.resume(state.hearing)
            return replace(state, hearing=heard), _noticed(event, "resumed")
        case ev.Tick():
            return replace(state, clock_ms=max(state.clock_ms, event.t_event_ms)), Outputs()
        case ev.CallEnded():
            heard, segments = hearing.close_tracks(state.hearing)
            end_ms = max(event.t_event_ms, hearing.through_ms(heard) or 0)
            state = replace(state, hearing=heard, clock_ms=end_ms, is_ended=True)
            return state, Outputs(segments=segments)


def _begin(state: CallState, event: ev.CallStarted) -> tuple[CallState, Outputs]:
    unknown = sum(track.role is Role.UNKNOWN for track in event.tracks)
    state = replace(state, call=event, hearing=hearing.open_hearing(event))
    return state, _noticed(event, "unknown_role", unknown) if unknown else Outputs()


def _hear(state: CallState, chunk: ev.AudioChunk) -> tuple[CallState, Outputs]:
    try:
        memory, heard = hearing.hear(state.hearing, chunk, state.calibration)
    except ValueError as error:
        raise PeerError(str(error)) from error
    return replace(state, hearing=memory), Outputs(
        segments=heard.segments, amd=heard.amd, notices=heard.notices
    )


def _read(
    state: CallState, event: ev.ChatMessage | ev.TranscriptSegment
) -> tuple[CallState, Outputs]:
    """Score the customer's words; an agent's or an unknown speaker's are only clocked."""
    if state.hearing.is_paused:
        return state, _noticed(event, "text_while_paused")
    turn = _turn(event)
    if not state.hearing.tracks:
        state = replace(state, clock_ms=max(state.clock_ms, turn.t_end_ms))
    memory, amd = hearing.hear_words(state.hearing, turn, state.calibration)
    state = replace(state, hearing=memory)
    if turn.role is not Role.CUSTOMER:
        return state, Outputs(turns=(AnalysedTurn(turn=turn, scored=None),), amd=amd)
    parts = spread_turn(turn, state.calibration.alignment.hop_ms)
    scored = tuple(_scored(part, state.calibration.text) for part in parts)
    found = Outputs(turns=scored, amd=amd)
    state = replace(state, turns=state.turns + scored)
    last_ms = state.memory.moments.t_event_ms
    if not state.memory.moments.moment_count or turn.t_end_ms > last_ms:
        return state, found
    late = replace(state, late_count=state.late_count + 1)
    return late, msgspec.structs.replace(
        found,
        amended=tuple(_amended(late, m) for m in state.moments if m.t_event_ms >= turn.t_end_ms),
        notices=(Notice(t_event_ms=turn.t_event_ms, code="late_text"),),
    )


def _due_ms(state: CallState) -> int | None:
    """The next moment that may close, in event time; None while the clock is behind."""
    if state.call is None:
        return None
    alignment = state.calibration.alignment
    last_ms = state.memory.moments.t_event_ms
    next_ms = last_ms + alignment.hop_ms
    if state.is_ended:  # a tail of a second or more is a shorter last moment
        if last_ms < next_ms <= state.clock_ms:
            return next_ms
        tail_ms = state.clock_ms // HOP_MS * HOP_MS
        is_first = not state.memory.moments.moment_count
        return (
            tail_ms
            if tail_ms > last_ms and (is_first or tail_ms - last_ms >= MIN_TAIL_MS)
            else None
        )
    passed_ms = max(state.clock_ms, hearing.through_ms(state.hearing) or 0)
    return next_ms if passed_ms >= next_ms + alignment.watermark_ms else None


def _close_moment(state: CallState, t_ms: int, t_seen_ms: int) -> tuple[CallState, Decision]:
    """Decide one tick from everything that had happened by then, and explain it."""
    calibration = state.calibration
    step_ms = t_ms - state.memory.moments.t_event_ms
    heard = hearing.read_voice(state.hearing, t_ms, step_ms, calibration)
    text = text_evidence(_scores(state), t_ms, calibration.text)
    valence = valence_evidence(t_ms, text.positivity, state.heads, calibration.voice)
    given = MomentInput(
        index=state.memory.moments.moment_count,
        t_event_ms=t_ms,
        t_seen_ms=t_seen_ms,
        text=text,
        voice=VoiceEvidence(
            status=heard.customer.status,
            scores=heard.customer.scores,
            features=heard.customer.features,
            valence_evidence=valence,
            customer_talk_ms=heard.customer_talk_ms,
            agent_talk_ms=heard.agent_talk_ms,
            overlap_ms=heard.overlap_ms,
        ),
        interventions_ms=tuple(i for i in state.interventions_ms if i <= t_ms),
    )
    memory, decided = decide(state.memory, given, calibration)
    voice = heard.customer.scores
    steps = (*state.steps, Step(state.memory, given))[-RERUN_STEPS:]
    moments = (*state.moments, decided.correlated.moment)[-RERUN_STEPS:]
    state = replace(
        state,
        memory=memory,
        steps=steps,
        moments=moments,
        correlation=decided.correlated.correlation,
    )
    emotion_tracks, points, trends = follow(
        state.emotion_tracks,
        scored_dimensions(given),
        {
            Channel.TEXT: text.scores.confidence if text.scores else 0.0,
            Channel.VOICE: voice.confidence if voice else 0.0,
        },
        t_ms=t_ms,
        step_ms=step_ms,
        calibration=calibration,
    )
    decision = _explain(state, decided, heard, points, trends)
    return _move_on(
        replace(state, emotion_tracks=emotion_tracks), decided, heard, step_ms
    ), decision


def _explain(
    state: CallState,
    decided: Decided,
    heard: VoiceReading,
    points: tuple[EmotionPoint, ...],
    trends: tuple[EmotionTrend, ...],
) -> Decision:
    """Say why, what would have changed it, and what to do."""
    found, given = decided.correlated, state.steps[-1].given
    t_ms, validity_ms = given.t_event_ms, state.calibration.text.validity_s * 1000.0
    fresh = [
        (t.turn, t.scored.scores)
        for t in state.turns
        if t.scored is not None and 0 <= t_ms - t.turn.t_end_ms <= validity_ms
    ]
    what_if: tuple[Counterfactual, ...] = ()
    if decided.is_transition:
        rerun = partial(final_state, state.steps, state.calibration)
        what_if = counterfactuals(rerun, observed_peaks(state.steps), decided.from_state)
    basis = explain(
        found.moment,
        decided.score,
        found.drift,
        found.conflict,
        decided.from_state,
        decided.to_state,
        decided.edge,
        fresh,
        state.calibration,
        what_if,
    )
    is_masked = found.conflict.is_masking_confirmed
    transition = None
    if decided.is_transition:
        transition = StateTransition(
            t_event_ms=t_ms,
            t_seen_ms=given.t_seen_ms,
            from_state=decided.from_state,
            to_state=decided.to_state,
            edge=decided.edge,
            score=decided.score.score,
            masked=is_masked,
            basis=basis,
        )
    has_request = given.text.has_escalation_request
    return Decision(
        moment=found.moment,
        drift=found.drift,
        conflict=found.conflict,
        snapshot=SessionSnapshot(
            call_id=_call(state).call_id,
            t_event_ms=t_ms,
            t_seen_ms=given.t_seen_ms,
            state=decided.to_state,
            since_ms=state.memory.since_ms,
            masked=is_masked,
            has_escalation_request=has_request,
            score=decided.score,
            drift_state=found.drift.state,
            moment_index=given.index,
        ),
        basis=basis,
        transition=transition,
        recommendation=recommend(t_ms, decided.to_state, has_request, basis.reasons[:1]),
        points=points,
        trends=trends,
        agent_voice=heard.agent.scores,
    )


def _move_on(state: CallState, decided: Decided, heard: VoiceReading, step_ms: int) -> CallState:
    """Learn what is normal while it is calm, and drop what no later moment can reach."""
    calibration, t_ms = state.calibration, state.memory.moments.t_event_ms
    memory = state.hearing
    is_calm = decided.to_state is SessionState.CALM
    if is_calm or (
        decided.to_state in BUILDING_STATES and not hearing.is_caller_known(memory, calibration)
    ):
        memory = hearing.learn(memory, heard, step_ms / 1000.0, calibration)
    oldest_turn_ms = t_ms - RERUN_STEPS * calibration.alignment.hop_ms
    oldest_turn_ms -= int(calibration.text.validity_s * 1000.0)
    return replace(
        state,
        hearing=hearing.forget_before(memory, t_ms - calibration.voice.window_ms),
        turns=tuple(t for t in state.turns if t.turn.t_end_ms >= oldest_turn_ms),
        interventions_ms=tuple(i for i in state.interventions_ms if i > t_ms),
    )


def _amended(state: CallState, moment: AlignedMoment) -> AlignedMoment:
    text = text_evidence(_scores(state), moment.t_event_ms, state.calibration.text)
    return amended_moment(moment, text)


def _scored(turn: TextTurn, calibration: TextCalibration) -> AnalysedTurn:
    features = measure_text(turn, calibration)
    scores = score_text(turn, features, calibration)
    return AnalysedTurn(turn=turn, scored=ScoredTurn(features=features, scores=scores))


def _scores(state: CallState) -> list[TextEmotionScores]:
    return [t.scored.scores for t in state.turns if t.scored is not None]


def _turn(event: ev.ChatMessage | ev.TranscriptSegment) -> TextTurn:
    if isinstance(event, ev.ChatMessage):
        turn_id, t_end_ms = event.message_id, event.t_event_ms
    else:
        turn_id, t_end_ms = event.segment_id, event.t_end_ms
    return TextTurn(
        turn_id=turn_id,
        role=event.role,
        t_event_ms=event.t_event_ms,
        t_end_ms=t_end_ms,
        t_seen_ms=event.t_seen_ms,
        text=event.text,
        language=event.language or detect_language(event.text),
        words=event.words if isinstance(event, ev.TranscriptSegment) else (),
    )


def _require_open(state: CallState, event: ev.InboundEvent) -> None:
    if isinstance(event, ev.CallStarted):
        if state.call is not None:
            raise PeerError(f"call {event.call_id!r} was started twice")
        return
    if state.call is None:
        raise PeerError(f"{type(event).__name__} before CallStarted: announce the call first")
    if event.call_id != state.call.call_id:
        raise PeerError(f"event of call {event.call_id!r} fed to call {state.call.call_id!r}")
    if state.is_ended:
        raise PeerError(f"{type(event).__name__} after CallEnded")


def _call(state: CallState) -> ev.CallStarted:
    if state.call is None:  # unreachable: _require_open refuses everything before CallStarted
        raise PeerError("no call was started")
    return state.call


def _noticed(event: ev.Inbound, code: str, count: int = 1) -> Outputs:
    return Outputs(notices=(Notice(t_event_ms=event.t_event_ms, code=code, count=count),))
