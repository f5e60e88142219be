"""Builders for the tests of alerts: authored decisions of any call, state and score."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from subtone.contracts.outputs import Decision
from subtone.contracts.session_state import LocalText, StateTransition
from subtone.contracts.vocabulary import Action, SessionState
from subtone.kernel.session_state.policy import ACTIONS
from subtone.surfaces.alerts.alert import Alert, Routing
from subtone.surfaces.alerts.engine import (
    AlertInput,
    AlertMemory,
    CallOver,
    Observed,
    TimePassed,
    step,
)
from subtone.surfaces.alerts.rules import (
    AlertBudget,
    AlertRule,
    AlertRules,
    AlertSeverity,
    CallLabels,
)
from support_analysis import hidden_frustration_call

# a Monday, 12:00 UTC
NOON_MS = 1_772_452_800_000
S = SessionState
replace = msgspec.structs.replace


@cache
def authored() -> Decision:
    """One real decision with words, voice, reasons and a counterfactual."""
    return next(d for d in hidden_frustration_call().decisions if d.transition and d.basis.words)


def decision(
    t_ms: int,
    state: SessionState,
    score: float = 0.6,
    *,
    call_id: str = "c1",
    edge: tuple[SessionState, str] | None = None,
    requested: bool = False,
    coverage: float = 1.0,
    action: Action | None = None,
) -> Decision:
    made = authored()
    scored = replace(made.basis.score, score=score, coverage=coverage, t_event_ms=t_ms)
    basis = replace(made.basis, score=scored, t_event_ms=t_ms)
    taken = None
    if edge is not None:
        assert made.transition is not None
        taken = StateTransition(
            t_event_ms=t_ms,
            t_seen_ms=t_ms,
            from_state=edge[0],
            to_state=state,
            edge=edge[1],
            score=score,
            masked=False,
            basis=basis,
        )
    return replace(
        made,
        snapshot=replace(
            made.snapshot,
            call_id=call_id,
            t_event_ms=t_ms,
            t_seen_ms=t_ms,
            state=state,
            score=scored,
            has_escalation_request=requested,
        ),
        basis=basis,
        transition=taken,
        recommendation=replace(
            made.recommendation,
            state=state,
            action=action or ACTIONS[state],
            reason=LocalText(en="Look at this call now", zh="请立即关注此通话"),
        ),
    )


class Desk:
    """An engine and its wall clock, which runs with the calls' media clocks."""

    def __init__(self, *rules: AlertRule, **settings: object) -> None:
        self.rules = AlertRules(rules=rules, **settings)  # type: ignore[arg-type]
        self.memory = AlertMemory()
        self.log: list[Alert] = []

    def give(self, given: AlertInput, t_ms: int) -> list[Alert]:
        self.memory, alerts = step(self.memory, given, NOON_MS + t_ms, self.rules)
        self.log += alerts
        return list(alerts)

    def see(self, seen: Decision, *, wall_ms: int | None = None, **labels: str) -> list[Alert]:
        given = Observed(labels=CallLabels(call_id=seen.snapshot.call_id, **labels), decision=seen)
        return self.give(given, seen.snapshot.t_event_ms if wall_ms is None else wall_ms)

    def wait(self, t_ms: int) -> list[Alert]:
        return self.give(TimePassed(), t_ms)

    def hang_up(self, call_id: str, t_ms: int) -> list[Alert]:
        return self.give(CallOver(call_id=call_id), t_ms)

    @property
    def sent(self) -> list[Alert]:
        return [alert for alert in self.log if alert.routing is Routing.SEND]


def roomy(per_hour: int = 1_000) -> AlertBudget:
    return AlertBudget(per_hour=per_hour, reserved_for_critical=0)


def rule(name: str = "risk", severity: str = "warning", **changes: Any) -> AlertRule:
    at_once: dict[str, Any] = {
        "states": (S.ESCALATION_RISK,),
        "clear_ms": 0,
        "cooldown_ms": 0,
        "retract_ms": 0,
    }
    return AlertRule(name=name, severity=AlertSeverity(severity), **{**at_once, **changes})


TIERS = (
    rule("hidden", "info", states=(S.HIDDEN_FRUSTRATION, S.ACTIVE_ESCALATION)),
    rule("risk", "warning", states=(S.ESCALATION_RISK, S.ACTIVE_ESCALATION)),
    rule("active", "critical", states=(S.ACTIVE_ESCALATION,)),
)
