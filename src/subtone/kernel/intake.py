"""How each inbound event enters the call's state; nothing is decided here."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from subtone.contracts import inbound as ev
from subtone.contracts.calibration import TextCalibration
from subtone.contracts.outputs import AnalysedTurn, Notice, Outputs, ScoredTurn
from subtone.contracts.signal_correlation import AlignedMoment
from subtone.contracts.vocabulary import Role
from subtone.contracts.voice_intelligence import TextTurn
from subtone.kernel.call_state import CallState, PeerError
from subtone.kernel.signal_correlation.alignment import spread_turn, text_evidence
from subtone.kernel.signal_correlation.moment import amended_moment
from subtone.kernel.voice_intelligence import hearing
from subtone.kernel.voice_intelligence.text_emotion import score_text
from subtone.kernel.voice_intelligence.text_features import measure_text
from subtone.kernel.voice_intelligence.text_tokens import detect_language

HEADS_KEPT = 16


def take(state: CallState, event: ev.InboundEvent) -> tuple[CallState, Outputs]:
    """Let one event into the state; nothing is decided here."""
    _require_open(state, event)
    match event:
        case ev.CallStarted():
            return _begin(state, event)
        case ev.TrackJoined():
            return _join(state, event)
        case ev.AudioChunk():
            return _hear(state, event)
        case ev.ChatMessage() | ev.TranscriptSegment():
            return _read(state, event)
        case ev.HeadResult():
            return replace(state, heads=(*state.heads, event)[-HEADS_KEPT:]), Outputs()
        case ev.Intervention():
            pending = (*state.interventions_ms, event.t_event_ms)
            return replace(state, interventions_ms=pending), Outputs()
        case ev.AnswerDetected():
            heard, amd = hearing.hear_platform(
                state.hearing, event.t_event_ms, event.verdict, event.answered_by
            )
            return replace(state, hearing=heard), Outputs(amd=amd)
        case ev.ConsentChanged():
            heard = hearing.set_consent(state.hearing, event.is_voice_emotion_allowed)
            return replace(state, hearing=heard), _noticed(event, "consent_changed")
        case ev.Paused() | ev.Resumed():
            return _pause(state, event)
        case ev.Tick():
            heard, amd = hearing.pass_time(state.hearing, event.t_event_ms, state.calibration)
            clock_ms = max(state.clock_ms, event.t_event_ms)
            return replace(state, hearing=heard, clock_ms=clock_ms), Outputs(amd=amd)
        case ev.CallEnded():
            heard, segments = hearing.close_tracks(state.hearing)
            end_ms = max(event.t_event_ms, hearing.through_ms(heard) or 0)
            heard, amd = hearing.pass_time(heard, end_ms, state.calibration)
            state = replace(state, hearing=heard, clock_ms=end_ms, is_ended=True)
            return state, Outputs(segments=segments, amd=amd)


def _begin(state: CallState, event: ev.CallStarted) -> tuple[CallState, Outputs]:
    if len({track.track_id for track in event.tracks}) < len(event.tracks):
        raise PeerError(f"call {event.call_id!r} announces two tracks of one name")
    unknown = sum(track.role is Role.UNKNOWN for track in event.tracks)
    state = replace(state, call=event, hearing=hearing.open_hearing(event))
    return state, _noticed(event, "unknown_role", unknown) if unknown else Outputs()


def _join(state: CallState, event: ev.TrackJoined) -> tuple[CallState, Outputs]:
    if any(t.track.track_id == event.track.track_id for t in state.hearing.tracks):
        raise PeerError(f"track {event.track.track_id!r} joined twice")
    state = replace(state, hearing=hearing.join_track(state.hearing, event.track, event.t_event_ms))
    return state, _noticed(event, "unknown_role") if event.track.role is Role.UNKNOWN else Outputs()


def _pause(state: CallState, event: ev.Paused | ev.Resumed) -> tuple[CallState, Outputs]:
    if isinstance(event, ev.Resumed):
        return replace(state, hearing=hearing.resume(state.hearing)), _noticed(event, "resumed")
    heard, segments = hearing.pause(state.hearing)
    noticed = msgspec.structs.replace(_noticed(event, "paused"), segments=segments)
    return replace(state, hearing=heard), noticed


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
    late_parts = [p.t_end_ms for p in parts if p.t_end_ms <= state.decided_ms]
    if not state.moment_count or not late_parts:
        return state, found
    late = replace(state, late_count=state.late_count + 1)
    return late, msgspec.structs.replace(
        found,
        amended=tuple(_amended(late, m) for m in state.moments if m.t_event_ms >= min(late_parts)),
        notices=(Notice(t_event_ms=turn.t_event_ms, code="late_text"),),
    )


def _amended(state: CallState, moment: AlignedMoment) -> AlignedMoment:
    text = text_evidence(state.text_scores, moment.t_event_ms, state.calibration.text)
    return amended_moment(moment, text)


def _scored(turn: TextTurn, calibration: TextCalibration) -> AnalysedTurn:
    features = measure_text(turn, calibration)
    scores = score_text(turn, features, calibration)
    return AnalysedTurn(turn=turn, scored=ScoredTurn(features=features, scores=scores))


def _turn(event: ev.ChatMessage | ev.TranscriptSegment) -> TextTurn:
    if isinstance(event, ev.ChatMessage):
        turn_id, t_end_ms = event.message_id, event.t_event_ms
    else:
        turn_id, t_end_ms = event.segment_id, event.t_end_ms
        if t_end_ms < event.t_event_ms:
            raise PeerError(f"segment {turn_id!r} ends before it begins")
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


def _noticed(event: ev.Inbound, code: str, count: int = 1) -> Outputs:
    return Outputs(notices=(Notice(t_event_ms=event.t_event_ms, code=code, count=count),))
