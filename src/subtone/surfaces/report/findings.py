"""Facts that every surface derives from one analysis: peak, conflict spans, drift changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from subtone.contracts.analysis import CallAnalysis
from subtone.contracts.outputs import Decision
from subtone.contracts.session_state import StateTransition
from subtone.contracts.vocabulary import ConflictType, SessionState, Severity

BY_CONCERN = (
    SessionState.CALM,
    SessionState.RESOLVED,
    SessionState.DEESCALATING,
    SessionState.RISING_TENSION,
    SessionState.HIDDEN_FRUSTRATION,
    SessionState.ESCALATION_RISK,
    SessionState.ACTIVE_ESCALATION,
)


class ConflictSpan(NamedTuple):
    """Consecutive moments with one type of conflict.

    A moment speaks for the stretch since the moment before it, so a span starts where the
    last moment without this conflict ended.
    """

    type: ConflictType
    severity: Severity
    start_ms: int
    end_ms: int
    is_masking: bool
    is_confirmed: bool
    peak_gap: float  # signed, voice minus words, where its size was largest


class StateSpan(NamedTuple):
    """A stretch of the call in one session state."""

    state: SessionState
    start_ms: int
    end_ms: int


def claims_state(analysis: CallAnalysis) -> bool:
    """Whether anything of the customer was ever evidence; without it "calm" would be a guess."""
    has_evidence = any(d.snapshot.score.coverage > 0.0 for d in analysis.decisions)
    return has_evidence and not analysis.is_timing_only


def final_state(analysis: CallAnalysis) -> SessionState | None:
    """State at the end; None where no state is claimed."""
    if not claims_state(analysis):
        return None
    return analysis.decisions[-1].snapshot.state


def peak_decision(analysis: CallAnalysis) -> Decision | None:
    """First decision in the most concerning state reached; None where no state is claimed."""
    if not claims_state(analysis):
        return None
    return max(analysis.decisions, key=lambda d: BY_CONCERN.index(d.snapshot.state))


def peak_score(analysis: CallAnalysis) -> float | None:
    """Highest escalation score, in [0, 1]; None where no state is claimed."""
    if not claims_state(analysis):
        return None
    return max(d.snapshot.score.score for d in analysis.decisions)


def models(analysis: CallAnalysis) -> tuple[str, ...]:
    """Models that had a say in the voice channel, each with its digest, as they first spoke."""
    shares = (share for d in analysis.decisions for share in d.moment.heads)
    return tuple(dict.fromkeys(share.evidence.model for share in shares))


def transitions(analysis: CallAnalysis) -> tuple[tuple[Decision, StateTransition], ...]:
    """Each decision that changed the state, with its transition; none for timing only."""
    if not claims_state(analysis):
        return ()
    return tuple((d, d.transition) for d in analysis.decisions if d.transition is not None)


def drift_changes(decisions: Sequence[Decision]) -> tuple[Decision, ...]:
    """The decisions at which the drift machine moved."""
    return tuple(d for d in decisions if d.drift.from_state is not d.drift.state)


def conflict_spans(decisions: Sequence[Decision]) -> tuple[ConflictSpan, ...]:
    """Raised conflicts, one span per uninterrupted type, in event-time order."""
    return tuple(_conflict_spans(decisions))


def _conflict_spans(decisions: Sequence[Decision]) -> Iterator[ConflictSpan]:
    running: ConflictSpan | None = None
    previous_ms = 0
    for decision in decisions:
        found, t = decision.conflict.conflict, decision.moment.t_event_ms
        if running is not None and (found is None or found.type is not running.type):
            yield running
            running = None
        if found is not None:
            confirmed = decision.conflict.is_masking_confirmed or not found.is_masking
            if running is None:
                running = ConflictSpan(
                    found.type,
                    found.severity,
                    previous_ms,
                    t,
                    found.is_masking,
                    confirmed,
                    found.gap,
                )
            running = running._replace(
                end_ms=t,
                severity=Severity.HIGH if found.severity is Severity.HIGH else running.severity,
                is_confirmed=running.is_confirmed or confirmed,
                peak_gap=max(running.peak_gap, found.gap, key=abs),
            )
        previous_ms = t
    if running is not None:
        yield running


def state_spans(analysis: CallAnalysis) -> tuple[StateSpan, ...]:
    """The call as stretches of one state each, from 0 to its end; empty for timing only."""
    if not claims_state(analysis):
        return ()
    changes = [
        (after.snapshot.state, after.moment.t_event_ms)
        for before, after in pairwise(analysis.decisions)
        if after.snapshot.state is not before.snapshot.state
    ]
    first = (analysis.decisions[0].snapshot.state, 0)
    last_moment_ms = analysis.decisions[-1].moment.t_event_ms
    end = (SessionState.CALM, max(analysis.duration_ms, last_moment_ms))
    return tuple(
        StateSpan(state, start, until)
        for (state, start), (_, until) in pairwise((first, *changes, end))
    )


def span_ms(analysis: CallAnalysis) -> int:
    """Length of the common time axis: the call, and whatever lies past its nominal end."""
    last = analysis.decisions[-1].moment.t_event_ms if analysis.decisions else 0
    turn = max((a.turn.t_end_ms for a in analysis.turns), default=0)
    return max(analysis.duration_ms, last, turn, 1)
