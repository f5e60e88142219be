"""Properties of the engine over any calls, rules and clocks."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from subtone.contracts.vocabulary import SessionState
from subtone.surfaces.alerts.alert import AlertChange, Routing, Verdict
from subtone.surfaces.alerts.engine import Acknowledged, AlertMemory, Dismissed, urgency
from subtone.surfaces.alerts.rules import HOUR_MS, AlertBudget, AlertRules, DedupField
from support_alerts import TIERS, Desk, decision, replace, rule

C = AlertChange


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["c0", "c1", "c2", "c3"]),
        st.sampled_from([*SessionState, None]),  # None: the call ends
        st.integers(0, 20).map(lambda n: n / 20),
        st.sampled_from([0, 1_000, 5_000, 900_000, HOUR_MS]),
        st.sampled_from(["", "ack", "dismiss"]),
    ),
    max_size=40,
)
BOOKS = st.builds(
    AlertRules,
    rules=st.just((*TIERS, rule("asked", states=(), edges=("stalled_high",), clear_ms=5_000)))
    | st.just(tuple(replace(r, retract_ms=60_000, cooldown_ms=8_000) for r in TIERS))
    | st.just((rule(dedup=(DedupField.TEAM,), min_score=0.5, dwell_ms=2_000),)),
    budget=st.builds(
        AlertBudget,
        per_hour=st.integers(0, 3),
        reserved_for_critical=st.integers(0, 2),
        gather_ms=st.sampled_from([0, 2_000]),
    ),
)


def play(rules: AlertRules, moves: list[Any]) -> Desk:
    desk = Desk()
    desk.rules, t_ms = rules, 0
    for number, (call_id, state, score, later_ms, said) in enumerate(moves):
        t_ms += later_ms
        if state is None:
            desk.hang_up(call_id, t_ms)
        else:
            # calls may be judged at one time, but moments of one call lie after one another
            desk.see(decision(t_ms + number, state, score, call_id=call_id), wall_ms=t_ms)
        if said and desk.log:
            named = {"alert_id": desk.log[-1].alert_id, "by": "w"}
            desk.give(
                Acknowledged(**named)
                if said == "ack"
                else Dismissed(**named, reason=Verdict.FALSE_ALARM),
                t_ms,
            )
    return desk


@settings(max_examples=150, deadline=None)
@given(BOOKS, MOVES)
def test_never_more_new_alerts_in_any_hour_than_there_are_slots(
    rules: AlertRules, moves: list[Any]
) -> None:
    desk = play(rules, moves)
    raised = [a for a in desk.sent if a.change is C.RAISED]
    times = [a.t_changed_ms for a in raised]
    for start in times:
        within = sum(start <= t < start + HOUR_MS for t in times)
        assert within <= rules.budget.per_hour
    assert max(Counter(a.alert_id for a in raised).values(), default=0) <= 1
    # what follows belongs to an alert that was sent, and is bounded
    for identity, count in Counter(a.alert_id for a in desk.sent).items():
        assert any(a.alert_id == identity for a in raised)
        assert count <= 1 + 3 * 6 + 1


@settings(max_examples=150, deadline=None)
@given(BOOKS, MOVES)
def test_nothing_is_lost_and_nothing_is_doubled(rules: AlertRules, moves: list[Any]) -> None:
    desk = play(rules, moves)
    last: dict[str, Any] = {}
    for alert in desk.log:
        before = last.get(alert.alert_id)
        assert alert.revision == (0 if before is None else before.revision + 1)
        assert before is None or before.is_open or alert.verdict is not before.verdict
        last[alert.alert_id] = alert
    assert last == desk.memory.alerts
    assert {e.alert_id for e in desk.memory.episodes.values()} == {
        name for name, alert in last.items() if alert.is_open
    }
    for alert in last.values():  # whatever waits says why
        assert (alert.routing is Routing.HOLD) is (alert.hold_reason is not None)


@settings(max_examples=60, deadline=None)
@given(BOOKS, MOVES)
def test_it_is_deterministic_and_survives_being_written_down(
    rules: AlertRules, moves: list[Any]
) -> None:
    desk = play(rules, moves)
    assert play(rules, moves).log == desk.log
    written = msgspec.msgpack.encode(desk.memory)
    assert msgspec.msgpack.decode(written, type=AlertMemory) == desk.memory


@settings(max_examples=60, deadline=None)
@given(BOOKS, MOVES)
def test_no_held_alert_is_more_urgent_than_one_sent_beside_it(
    rules: AlertRules, moves: list[Any]
) -> None:
    desk = Desk()
    desk.rules, t_ms = rules, 0
    for call_id, state, score, later_ms, _ in moves:
        t_ms += later_ms
        if state is not None:
            step_alerts = desk.see(decision(t_ms, state, score, call_id=call_id))
            fresh = [a for a in step_alerts if a.change is C.RAISED]
            went = [urgency(a) for a in fresh if a.routing is Routing.SEND]
            waits = [urgency(a) for a in desk.memory.alerts.values() if a.routing is Routing.HOLD]
            assert not went or not waits or max(went) < min(waits)
