"""From state to advice: a table, an operator's changes to it, and one rule.

The rule: words that ask for a supervisor, a complaint or a legal step are an instruction
by the customer, not an inference about them, so they raise the advice in any state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from subtone.contracts.base import TimeMs
from subtone.contracts.session_state import LocalText, PolicyRecommendation
from subtone.contracts.vocabulary import Action, SessionState
from subtone.kernel.session_state import phrases

ACTIONS: Mapping[SessionState, Action] = MappingProxyType(
    {
        SessionState.CALM: Action.NONE,
        SessionState.RISING_TENSION: Action.INCREASE_MONITORING,
        SessionState.HIDDEN_FRUSTRATION: Action.FLAG_FOR_REVIEW,
        SessionState.ESCALATION_RISK: Action.SUGGEST_INTERVENTION,
        SessionState.ACTIVE_ESCALATION: Action.ESCALATE_NOW,
        SessionState.DEESCALATING: Action.INCREASE_MONITORING,
        SessionState.RESOLVED: Action.LOG_RESOLUTION,
    }
)

_AT_LEAST_ON_REQUEST = (Action.SUGGEST_INTERVENTION, Action.ESCALATE_NOW)


def recommend(
    t_ms: TimeMs,
    state: SessionState,
    has_escalation_request: bool,
    reasons: Sequence[LocalText],
    overrides: Mapping[SessionState, Action] = MappingProxyType({}),
) -> PolicyRecommendation:
    """Advise on one moment.

    Args:
        t_ms: event time of the moment.
        state: session state after the moment.
        has_escalation_request: the customer explicitly asked for a supervisor, a complaint
            or a legal step; the action is then at least ``suggest_intervention``.
        reasons: what was observed, most important first; they follow the advice.
        overrides: an operator's action per state, replacing the table's.

    Returns:
        The action with its reason in both languages.

    """
    action = overrides.get(state, ACTIONS[state])
    observed = [*([phrases.REQUESTED] if has_escalation_request else []), *reasons]
    if has_escalation_request and action not in _AT_LEAST_ON_REQUEST:
        action = Action.SUGGEST_INTERVENTION
    advised = phrases.fill(
        phrases.ADVISED, advice=phrases.ADVICE[action], state=phrases.STATES[state]
    )
    return PolicyRecommendation(
        t_event_ms=t_ms,
        state=state,
        action=action,
        reason=advised
        if not observed
        else phrases.fill(
            phrases.BECAUSE, advised=advised, reasons=phrases.join(observed, phrases.SEMICOLON)
        ),
    )
