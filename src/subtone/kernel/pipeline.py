"""The whole way of the data: one inbound event in, everything that follows from it out.

``feed(state, event) -> (state, outputs)`` is pure. Time arrives as stamps: a moment closes
when every audio track (in a chat, the text) has passed it, by the watermark where words may
still come, when a Tick says so, or when the call ends. How the bytes were cut into events
never changes a result.

    AudioChunk -------> hear -> frames --> read_voice -> scores ----+
    Chat, Transcript -> read -> spans, scores -> text_evidence -----+-> decide -> explain
    Intervention ---------------------------------------------------+     |
    Tick, CallEnded --> the clock that closes moments          drift, conflict, score, state
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from subtone.contracts.calibration import Calibration
from subtone.contracts.inbound import InboundEvent
from subtone.contracts.outputs import Decision, Outputs
from subtone.contracts.vocabulary import Channel, SessionState
from subtone.kernel.call_state import CallState, PeerError
from subtone.kernel.decision import Decided, Step, decide, scored_dimensions
from subtone.kernel.intake import take
from subtone.kernel.signal_correlation.alignment import text_evidence
from subtone.kernel.signal_correlation.moment import (
    MomentInput,
    VoiceEvidence,
    timeline_alignment,
)
from subtone.kernel.verdict import reach_verdict
from subtone.kernel.voice_intelligence import hearing
from subtone.kernel.voice_intelligence.acoustics import HOP_MS
from subtone.kernel.voice_intelligence.head_evidence import head_evidence, words_valence
from subtone.kernel.voice_intelligence.hearing import VoiceReading
from subtone.kernel.voice_intelligence.tracks import follow

RERUN_STEPS = 6  # ticks a counterfactual looks back: 30 s, the validity of text
MIN_TAIL_MS = 1_000  # a shorter rest after the last full tick is not a moment of its own
# the baseline is built before any real tension, and kept up only in calm
BUILDING_STATES = (SessionState.CALM, SessionState.RISING_TENSION)


def start(calibration: Calibration | None = None) -> CallState:
    """The state before a call's first event."""
    return CallState(calibration=calibration or Calibration())


def feed(state: CallState, event: InboundEvent) -> tuple[CallState, Outputs]:
    """Take one event. Raises PeerError, changing nothing, when the event cannot be."""
    state, found = take(state, event)
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


def _due_ms(state: CallState) -> int | None:
    """The next moment that may close, in event time; None while the clock is behind."""
    if state.call is None:
        return None
    alignment = state.calibration.alignment
    next_ms = state.decided_ms + alignment.hop_ms
    if not state.is_ended:
        # only words come late: without a text source a moment is complete with its frames
        if state.hearing.tracks and not state.call.has_text:
            is_complete = hearing.framed_ms(state.hearing) >= next_ms
        else:
            heard_ms = hearing.through_ms(state.hearing) or 0
            is_complete = heard_ms >= next_ms + alignment.watermark_ms
        is_past = state.clock_ms >= next_ms + alignment.watermark_ms
        return next_ms if is_complete or is_past else None
    if next_ms <= state.clock_ms:
        return next_ms
    end_ms = state.clock_ms // HOP_MS * HOP_MS  # a tail of a second or more is a last moment
    least_ms = MIN_TAIL_MS if state.moment_count else HOP_MS
    return end_ms if end_ms - state.decided_ms >= least_ms else None


def _close_moment(state: CallState, t_ms: int, t_seen_ms: int) -> tuple[CallState, Decision]:
    """Decide one tick from everything that had happened by then, and explain it."""
    calibration = state.calibration
    step_ms = t_ms - state.decided_ms
    heard = hearing.read_voice(state.hearing, t_ms, step_ms, calibration)
    text = text_evidence(state.text_scores, t_ms, calibration.text)
    given = MomentInput(
        index=state.moment_count,
        t_event_ms=t_ms,
        t_seen_ms=t_seen_ms,
        text=text,
        voice=VoiceEvidence(
            status=heard.customer.status,
            scores=heard.customer.scores,
            features=heard.customer.features,
            words_valence=words_valence(text.positivity, calibration.voice),
            heads=head_evidence(t_ms, state.heads, calibration),
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
    decision = reach_verdict(state, decided, heard, points, trends)
    return _move_on(
        replace(state, emotion_tracks=emotion_tracks), decided, heard, step_ms
    ), decision


def _move_on(state: CallState, decided: Decided, heard: VoiceReading, step_ms: int) -> CallState:
    """Learn what is normal while it is calm, and drop what no later moment can reach."""
    calibration, t_ms = state.calibration, state.decided_ms
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


__all__ = ["CallState", "PeerError", "feed", "start"]
