"""From one decided tick to what a person is told: reasons, what-ifs, state, advice."""

from __future__ import annotations

from functools import partial

from subtone.contracts.outputs import Decision
from subtone.contracts.session_state import Counterfactual, SessionSnapshot, StateTransition
from subtone.contracts.voice_intelligence import EmotionPoint, EmotionTrend
from subtone.kernel.call_state import CallState
from subtone.kernel.decision import Decided, final_state, observed_peaks
from subtone.kernel.session_state.explain import counterfactuals, explain
from subtone.kernel.session_state.policy import recommend
from subtone.kernel.voice_intelligence.hearing import VoiceReading


def reach_verdict(
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
            call_id=state.call.call_id if state.call else "",
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
        recommendation=recommend(
            t_ms,
            decided.to_state,
            has_request,
            basis.reasons[:1],
            {wanted.state: wanted.action for wanted in state.calibration.session.actions},
        ),
        points=points,
        trends=trends,
        agent_voice=heard.agent.scores,
    )
