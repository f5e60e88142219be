"""Advice: the table, an operator's override, and an explicit request."""

from __future__ import annotations

import pytest

from subtone.contracts.session_state import LocalText
from subtone.contracts.vocabulary import Action, SessionState
from subtone.kernel.session_state.policy import ACTIONS, recommend

S = SessionState
WHY = LocalText(en="the reason observed", zh="观察到的原因")


@pytest.mark.parametrize(
    ("state", "plain", "requested"),
    [
        (S.CALM, Action.NONE, Action.SUGGEST_INTERVENTION),
        (S.RISING_TENSION, Action.INCREASE_MONITORING, Action.SUGGEST_INTERVENTION),
        (S.HIDDEN_FRUSTRATION, Action.FLAG_FOR_REVIEW, Action.SUGGEST_INTERVENTION),
        (S.ESCALATION_RISK, Action.SUGGEST_INTERVENTION, Action.SUGGEST_INTERVENTION),
        (S.ACTIVE_ESCALATION, Action.ESCALATE_NOW, Action.ESCALATE_NOW),
        (S.DEESCALATING, Action.INCREASE_MONITORING, Action.SUGGEST_INTERVENTION),
        (S.RESOLVED, Action.LOG_RESOLUTION, Action.SUGGEST_INTERVENTION),
    ],
)
def test_table_and_explicit_request(state: S, plain: Action, requested: Action) -> None:
    assert recommend(5_000, state, False, [WHY]).action is plain
    assert recommend(5_000, state, True, [WHY]).action is requested


def test_reason_names_advice_state_request_and_observation_in_both_languages() -> None:
    reason = recommend(5_000, S.CALM, True, [WHY]).reason
    assert reason.en == (
        "suggest that a supervisor looks in (calm): the customer asked for a "
        "supervisor, a complaint or a legal step; the reason observed"
    )
    assert reason.zh == (
        "建议主管介入（平静）：客户明确提出了找主管、投诉或法律途径的要求；观察到的原因"
    )
    assert (
        recommend(5_000, S.CALM, False, [WHY]).reason.en == "no action (calm): the reason observed"
    )
    assert recommend(5_000, S.CALM, False, []).reason.zh == "无需操作（平静）"


def test_override_replaces_one_state_and_a_request_still_raises_it() -> None:
    mine = {S.HIDDEN_FRUSTRATION: Action.ESCALATE_NOW, S.ESCALATION_RISK: Action.NONE}
    assert recommend(0, S.HIDDEN_FRUSTRATION, False, [], mine).action is Action.ESCALATE_NOW
    assert recommend(0, S.HIDDEN_FRUSTRATION, True, [], mine).action is Action.ESCALATE_NOW
    assert recommend(0, S.ESCALATION_RISK, False, [], mine).action is Action.NONE
    assert recommend(0, S.ESCALATION_RISK, True, [], mine).action is Action.SUGGEST_INTERVENTION
    assert recommend(0, S.CALM, False, [], mine).action is Action.NONE


def test_every_state_has_an_action() -> None:
    assert set(ACTIONS) == set(SessionState)
