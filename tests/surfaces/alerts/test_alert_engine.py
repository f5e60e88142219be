"""The engine: one alert per episode, at most K for a supervisor in an hour, nothing lost."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from subtone.contracts.outputs import Decision
from subtone.contracts.vocabulary import Channel
from subtone.runtime.analysis import analyse_files
from subtone.runtime.samples import sample_call
from subtone.surfaces.alerts.alert import AlertChange, HoldReason, Routing, Verdict, redacted
from subtone.surfaces.alerts.engine import (
    KEPT_ALERTS,
    Acknowledged,
    AlertMemory,
    Dismissed,
    Observed,
    step,
)
from subtone.surfaces.alerts.rules import (
    HOUR_MS,
    AlertBudget,
    AlertRules,
    AlertSeverity,
    CallLabels,
    DedupField,
    QuietHours,
)
from support_alerts import NOON_MS, TIERS, Desk, S, authored, decision, replace, roomy, rule

C = AlertChange


# --- when a rule holds -----------------------------------------------------------------------


def test_an_alert_carries_what_a_person_needs_to_check_it() -> None:
    desk = Desk(rule())
    (alert,) = desk.see(decision(5_000, S.ESCALATION_RISK, 0.62), team="retention")
    basis = authored().basis
    assert (alert.change, alert.routing, alert.revision) == (C.RAISED, Routing.SEND, 0)
    assert (alert.call_id, alert.team, alert.rule) == ("c1", "retention", "risk")
    assert (alert.state, alert.score) == (S.ESCALATION_RISK, 0.62)
    assert sum(t.contribution for t in alert.terms) == pytest.approx(basis.score.raw)
    assert alert.reasons == basis.reasons
    assert alert.counterfactuals == basis.counterfactuals
    assert alert.calibration_version == "default-1"
    words = [e for e in alert.evidence if e.channel is Channel.TEXT]
    assert [e.quote for e in words] == [w.quote for w in basis.words]
    first = basis.words[0]
    assert words[0].quote is not None
    assert [words[0].quote[o.start : o.end] for o in words[0].offsets] == [
        s.text for s in first.spans
    ]
    assert [e.t_start_ms for e in alert.evidence if e.channel is Channel.VOICE] == [
        v.t_start_ms for v in basis.voice
    ]


def test_dwell_waits_and_begins_anew_when_interrupted() -> None:
    desk = Desk(rule(dwell_ms=10_000))
    for t_ms, state in [
        (5_000, S.ESCALATION_RISK),
        (10_000, S.CALM),
        (15_000, S.ESCALATION_RISK),
        (20_000, S.ESCALATION_RISK),
    ]:
        assert desk.see(decision(t_ms, state)) == []
    (alert,) = desk.see(decision(25_000, S.ESCALATION_RISK))
    assert alert.t_event_ms == 25_000


def test_hysteresis_holds_below_the_entry_score_but_not_far_below() -> None:
    desk = Desk(rule(min_score=0.6, hysteresis=0.1))
    assert desk.see(decision(5_000, S.ESCALATION_RISK, 0.59)) == []
    assert len(desk.see(decision(10_000, S.ESCALATION_RISK, 0.60))) == 1
    assert desk.see(decision(15_000, S.ESCALATION_RISK, 0.51)) == []
    (closed,) = desk.see(decision(20_000, S.ESCALATION_RISK, 0.49))
    assert (closed.change, closed.is_open) == (C.CLEARED, False)


def test_a_short_gap_does_not_end_an_episode() -> None:
    desk = Desk(rule(clear_ms=10_000))
    desk.see(decision(5_000, S.ESCALATION_RISK))
    for t_ms, state in [(10_000, S.CALM), (15_000, S.ESCALATION_RISK), (20_000, S.CALM)]:
        assert desk.see(decision(t_ms, state)) == []
    assert desk.see(decision(25_000, S.CALM)) == []
    assert [a.change for a in desk.see(decision(30_000, S.CALM))] == [C.CLEARED]


def test_thin_evidence_raises_nothing() -> None:
    desk = Desk(rule(min_coverage=0.5))
    assert desk.see(decision(5_000, S.ESCALATION_RISK, coverage=0.3)) == []
    assert len(desk.see(decision(10_000, S.ESCALATION_RISK, coverage=0.6))) == 1


@pytest.mark.parametrize("name", ["stalled_high", "deescalating->escalation_risk"])
def test_an_edge_stands_while_the_session_stays_where_it_led(name: str) -> None:
    desk = Desk(rule(states=(), edges=(name,), dwell_ms=5_000))
    other = decision(5_000, S.ESCALATION_RISK, edge=(S.CALM, "score_gt_0.55"))
    assert desk.see(other) == []
    relapse = decision(10_000, S.ESCALATION_RISK, edge=(S.DEESCALATING, "stalled_high"))
    assert desk.see(relapse) == []
    assert [a.change for a in desk.see(decision(15_000, S.ESCALATION_RISK))] == [C.RAISED]
    assert [a.change for a in desk.see(decision(20_000, S.DEESCALATING))] == [C.CLEARED]


def test_a_customer_who_asks_for_a_supervisor_is_a_trigger_of_its_own() -> None:
    desk = Desk(rule(states=(), on_escalation_request=True))
    assert desk.see(decision(5_000, S.CALM, 0.1)) == []
    assert len(desk.see(decision(10_000, S.CALM, 0.1, requested=True))) == 1


def test_a_rule_of_another_team_or_tenant_is_silent() -> None:
    desk = Desk(rule(tenants=("acme",), teams=("retention",)))
    risk = decision(5_000, S.ESCALATION_RISK)
    assert desk.see(risk) == []
    assert desk.see(risk, tenant="acme", team="sales") == []
    assert len(desk.see(risk, tenant="acme", team="retention")) == 1


def test_cooldown_silences_the_rule_on_that_call_only() -> None:
    desk = Desk(rule(cooldown_ms=30_000))
    desk.see(decision(5_000, S.ESCALATION_RISK))
    desk.see(decision(10_000, S.CALM))
    assert desk.see(decision(15_000, S.ESCALATION_RISK)) == []
    assert len(desk.see(decision(15_000, S.ESCALATION_RISK, call_id="c2"))) == 1
    assert desk.see(decision(35_000, S.ESCALATION_RISK)) == []
    (again,) = desk.see(decision(40_000, S.ESCALATION_RISK))
    assert again.change is C.RAISED
    assert again.alert_id != desk.log[0].alert_id


# --- one alert per episode -------------------------------------------------------------------


def test_a_worse_rule_escalates_the_same_alert_once() -> None:
    desk = Desk(*TIERS, budget=roomy())
    desk.see(decision(5_000, S.HIDDEN_FRUSTRATION, 0.4))
    desk.see(decision(10_000, S.ACTIVE_ESCALATION, 0.8))
    desk.see(decision(15_000, S.ACTIVE_ESCALATION, 0.9))  # no worse in kind: nobody is told again
    raised, escalated = desk.log
    assert escalated.change is C.ESCALATED
    assert escalated.alert_id == raised.alert_id
    assert (raised.revision, escalated.revision) == (0, 1)
    assert (escalated.severity, escalated.rule) == (AlertSeverity.CRITICAL, "active")
    assert escalated.t_sent_ms == raised.t_sent_ms
    assert escalated.t_changed_ms == NOON_MS + 10_000


def test_an_alert_closes_only_when_its_last_rule_is_over() -> None:
    desk = Desk(*TIERS)
    desk.see(decision(5_000, S.ACTIVE_ESCALATION, 0.8))
    assert desk.see(decision(10_000, S.ESCALATION_RISK, 0.6)) == []
    (closed,) = desk.see(decision(15_000, S.CALM, 0.1))
    assert (closed.change, closed.severity) == (C.CLEARED, AlertSeverity.CRITICAL)
    assert closed.routing is Routing.LIST


def test_what_clears_quickly_after_it_was_told_is_taken_back() -> None:
    desk = Desk(rule(retract_ms=20_000))
    desk.see(decision(5_000, S.ESCALATION_RISK))
    (retracted,) = desk.see(decision(25_000, S.CALM))
    assert (retracted.change, retracted.routing) == (C.RETRACTED, Routing.SEND)
    desk.see(decision(30_000, S.ESCALATION_RISK))
    (cleared,) = desk.see(decision(55_000, S.CALM))
    assert (cleared.change, cleared.routing) == (C.CLEARED, Routing.LIST)


def test_the_end_of_the_call_closes_without_taking_back() -> None:
    desk = Desk(rule(retract_ms=20_000))
    desk.see(decision(5_000, S.ESCALATION_RISK))
    (ended,) = desk.hang_up("c1", 6_000)
    assert (ended.change, ended.routing, ended.is_open) == (C.CALL_ENDED, Routing.LIST, False)
    assert desk.memory.tracks == {}
    assert desk.hang_up("c1", 7_000) == []


def test_dedup_by_rule_tells_each_rule_and_by_team_one_for_many_calls() -> None:
    by_rule = [replace(r, dedup=(DedupField.CALL, DedupField.RULE)) for r in TIERS]
    desk = Desk(*by_rule, budget=roomy())
    assert len(desk.see(decision(5_000, S.ACTIVE_ESCALATION, 0.8))) == 3

    team = Desk(rule(dedup=(DedupField.TEAM, DedupField.RULE)))
    team.see(decision(5_000, S.ESCALATION_RISK, call_id="c1"))
    (grown,) = team.see(decision(5_000, S.ESCALATION_RISK, call_id="c2"))
    assert (grown.call_count, grown.routing, grown.revision) == (2, Routing.LIST, 1)
    other = team.see(decision(5_000, S.ESCALATION_RISK, call_id="c3"), tenant="acme")
    assert [a.change for a in other] == [C.RAISED]  # never across tenants
    assert team.hang_up("c1", 6_000) == []
    assert [a.change for a in team.hang_up("c2", 7_000)] == [C.CALL_ENDED]


def test_dedup_by_state_separates_what_began_differently() -> None:
    both = rule(
        states=(S.HIDDEN_FRUSTRATION, S.ESCALATION_RISK), dedup=(DedupField.TEAM, DedupField.STATE)
    )
    desk = Desk(both)
    desk.see(decision(5_000, S.HIDDEN_FRUSTRATION, call_id="c1"))
    desk.see(decision(5_000, S.ESCALATION_RISK, call_id="c2"))
    assert len({a.alert_id for a in desk.sent}) == 2


def test_dedup_by_state_means_the_state_in_which_the_finding_began() -> None:
    both = rule(
        states=(S.HIDDEN_FRUSTRATION, S.ESCALATION_RISK),
        dedup=(DedupField.TEAM, DedupField.STATE),
        dwell_ms=5_000,
    )
    desk = Desk(both)
    for call_id, later in [("c1", S.ESCALATION_RISK), ("c2", S.HIDDEN_FRUSTRATION)]:
        desk.see(decision(5_000, S.HIDDEN_FRUSTRATION, call_id=call_id))
        desk.see(decision(10_000, later, call_id=call_id))
    assert len({a.alert_id for a in desk.log}) == 1


def test_a_rule_that_was_withdrawn_closes_what_it_raised() -> None:
    desk = Desk(rule())
    desk.see(decision(5_000, S.ESCALATION_RISK))
    desk.rules = AlertRules(rules=())
    assert [a.change for a in desk.see(decision(10_000, S.ESCALATION_RISK))] == [C.CLEARED]


# --- capacity and quiet hours ----------------------------------------------------------------


def test_over_capacity_waits_in_the_list_and_the_most_urgent_goes_first() -> None:
    desk = Desk(rule(), budget=roomy(1))
    desk.see(decision(5_000, S.ESCALATION_RISK, call_id="first"))
    for call_id, score in [("mild", 0.56), ("worst", 0.74), ("other", 0.60)]:
        (held,) = desk.see(decision(5_000, S.ESCALATION_RISK, score, call_id=call_id))
        assert (held.routing, held.hold_reason) == (Routing.HOLD, HoldReason.BUDGET)
    assert desk.wait(5_000 + HOUR_MS - 1) == []
    (freed,) = desk.wait(5_000 + HOUR_MS)
    assert (freed.call_id, freed.routing, freed.change) == ("worst", Routing.SEND, C.RAISED)
    assert freed.t_raised_ms == NOON_MS + 5_000
    assert freed.t_sent_ms == NOON_MS + 5_000 + HOUR_MS


def test_severity_goes_before_score() -> None:
    desk = Desk(*TIERS, budget=roomy(1))
    desk.see(decision(5_000, S.ESCALATION_RISK, call_id="first"))
    desk.see(decision(5_000, S.ESCALATION_RISK, 0.9, call_id="loud"))
    desk.see(decision(5_000, S.ACTIVE_ESCALATION, 0.8, call_id="worse"))
    assert [a.call_id for a in desk.wait(5_000 + HOUR_MS)] == ["worse"]


def test_each_supervisor_of_each_tenant_has_an_own_budget() -> None:
    desk = Desk(rule(), budget=AlertBudget(per_hour=1, per_supervisor={"li": 0}))
    risk = decision(5_000, S.ESCALATION_RISK)
    who = [("a", "wang"), ("a", "wang"), ("b", "wang"), ("a", "li")]
    for number, (tenant, supervisor) in enumerate(who):
        seen = replace(risk, snapshot=replace(risk.snapshot, call_id=f"c{number}"))
        desk.see(seen, tenant=tenant, supervisor=supervisor)
    assert [a.call_id for a in desk.sent] == ["c0", "c2"]


def test_the_last_slots_are_kept_for_what_is_critical() -> None:
    desk = Desk(*TIERS, budget=AlertBudget(per_hour=4, reserved_for_critical=2))
    for number in range(4):
        desk.see(decision(5_000, S.ESCALATION_RISK, call_id=f"w{number}"))
    assert len(desk.sent) == 2
    for number in range(3):
        desk.see(decision(5_000, S.ACTIVE_ESCALATION, 0.8, call_id=f"a{number}"))
    assert [a.call_id for a in desk.sent] == ["w0", "w1", "a0", "a1"]


def test_gathering_ranks_what_comes_up_together() -> None:
    budget = AlertBudget(per_hour=1, reserved_for_critical=0, gather_ms=3_000)
    desk = Desk(rule(), budget=budget)
    desk.see(decision(5_000, S.ESCALATION_RISK, 0.56, call_id="early"))
    (held,) = desk.see(decision(6_000, S.ESCALATION_RISK, 0.70, call_id="worse"))
    assert held.hold_reason is HoldReason.GATHERING
    routed = desk.wait(8_000)
    assert [(a.call_id, a.routing) for a in routed] == [
        ("worse", Routing.SEND),
        ("early", Routing.HOLD),
    ]


def test_what_is_critical_does_not_gather() -> None:
    desk = Desk(*TIERS, budget=AlertBudget(gather_ms=3_000))
    desk.see(decision(5_000, S.ACTIVE_ESCALATION, 0.8))
    assert len(desk.sent) == 1


def test_an_escalation_and_a_retraction_need_no_second_slot() -> None:
    tiers = [replace(r, retract_ms=60_000) for r in TIERS]
    desk = Desk(*tiers, budget=roomy(1))
    desk.see(decision(5_000, S.ESCALATION_RISK))
    desk.see(decision(10_000, S.ACTIVE_ESCALATION, 0.8))
    desk.see(decision(15_000, S.CALM, 0.1))
    assert [a.change for a in desk.sent] == [C.RAISED, C.ESCALATED, C.RETRACTED]


def test_what_was_held_and_is_over_is_listed_and_takes_no_slot() -> None:
    desk = Desk(rule(retract_ms=60_000), budget=roomy(1))
    desk.see(decision(5_000, S.ESCALATION_RISK, call_id="c1"))
    desk.see(decision(5_000, S.ESCALATION_RISK, call_id="c2"))
    (gone,) = desk.see(decision(10_000, S.CALM, call_id="c2"))
    assert (gone.change, gone.routing, gone.t_sent_ms) == (C.CLEARED, Routing.LIST, None)
    assert desk.wait(2 * HOUR_MS) == []


def test_quiet_hours_hold_and_let_go_when_they_end() -> None:
    night = (QuietHours(start=dt.time(11), end=dt.time(13)),)
    desk = Desk(rule(quiet_hours=night), rule("loud", "critical", states=(S.ACTIVE_ESCALATION,)))
    (held,) = desk.see(decision(5_000, S.ESCALATION_RISK))
    assert held.hold_reason is HoldReason.QUIET_HOURS
    assert desk.wait(HOUR_MS - 1) == []
    (sent,) = desk.wait(HOUR_MS)
    assert (sent.routing, sent.change) == (Routing.SEND, C.RAISED)
    desk.see(decision(5_000, S.ACTIVE_ESCALATION, 0.8, call_id="c2"), wall_ms=0)
    assert len(desk.sent) == 2  # a rule without quiet hours goes through


def test_a_held_alert_tells_the_worst_moment_it_saw() -> None:
    desk = Desk(rule(), budget=roomy(1))
    desk.see(decision(5_000, S.ESCALATION_RISK, call_id="c1"))
    for t_ms, score in [(5_000, 0.57), (10_000, 0.71), (15_000, 0.60)]:
        desk.see(decision(t_ms, S.ESCALATION_RISK, score, call_id="c2"))
    (sent,) = desk.wait(2 * HOUR_MS)
    assert (sent.score, sent.t_event_ms) == (0.71, 10_000)


# --- verdicts --------------------------------------------------------------------------------


def test_a_verdict_is_a_revision_and_comes_once() -> None:
    desk = Desk(rule())
    (alert,) = desk.see(decision(5_000, S.ESCALATION_RISK))
    taken = Acknowledged(alert_id=alert.alert_id, by="wang")
    (judged,) = desk.give(taken, 6_000)
    assert (judged.change, judged.verdict, judged.judged_by) == (
        C.ACKNOWLEDGED,
        Verdict.USEFUL,
        "wang",
    )
    assert (judged.routing, judged.revision) == (Routing.LIST, 1)
    assert desk.give(taken, 7_000) == []
    assert desk.give(Acknowledged(alert_id="nobody", by="wang"), 7_000) == []


def test_an_acknowledged_alert_still_escalates_and_a_dismissed_one_does_not() -> None:
    for is_dismissed, told in [(False, 2), (True, 1)]:
        desk = Desk(*(replace(r, retract_ms=60_000) for r in TIERS))
        (alert,) = desk.see(decision(5_000, S.ESCALATION_RISK))
        said = (
            Dismissed(alert_id=alert.alert_id, by="w", reason=Verdict.FALSE_ALARM)
            if is_dismissed
            else Acknowledged(alert_id=alert.alert_id, by="w")
        )
        desk.give(said, 6_000)
        desk.see(decision(10_000, S.ACTIVE_ESCALATION, 0.8))
        assert len(desk.sent) == told
        (closed,) = desk.see(decision(11_000, S.CALM, 0.1))
        assert (closed.routing, closed.verdict is None) == (Routing.LIST, False)


def test_a_held_alert_that_somebody_took_is_not_sent_any_more() -> None:
    desk = Desk(rule(), budget=roomy(0))
    (held,) = desk.see(decision(5_000, S.ESCALATION_RISK))
    desk.give(Acknowledged(alert_id=held.alert_id, by="wang"), 6_000)
    desk.rules = replace(desk.rules, budget=roomy())
    assert desk.wait(7_000) == []


def test_a_dismissal_names_a_reason_against() -> None:
    with pytest.raises(ValueError, match="acknowledged"):
        Dismissed(alert_id="a", by="wang", reason=Verdict.USEFUL)


# --- the memory -------------------------------------------------------------------------------


def test_step_leaves_the_memory_it_was_given_alone() -> None:
    rules = AlertRules(rules=(rule(),))
    seen = Observed(labels=CallLabels(call_id="c1"), decision=decision(5_000, S.ESCALATION_RISK))
    empty = AlertMemory()
    first = step(empty, seen, NOON_MS, rules)
    assert empty == AlertMemory()
    assert step(empty, seen, NOON_MS, rules) == first
    assert step(first[0], seen, NOON_MS - 5_000, rules)[0].t_ms == NOON_MS  # a clock set back


def test_the_memory_forgets_old_closed_alerts() -> None:
    desk = Desk(rule(), budget=roomy(0))
    for number in range(KEPT_ALERTS + 5):
        desk.see(decision(5_000, S.ESCALATION_RISK, call_id=f"c{number}"))
        desk.hang_up(f"c{number}", 5_000)
    desk.see(decision(5_000, S.ESCALATION_RISK, call_id="open"))
    assert len(desk.memory.alerts) == KEPT_ALERTS + 1
    assert desk.memory.tracks.keys() == {"open"}


def test_the_id_is_pinned() -> None:
    desk = Desk(rule())
    (alert,) = desk.see(decision(5_000, S.ESCALATION_RISK))
    assert alert.alert_id == "60d53f23526aa4dc8785c70665f92265"


def test_redaction_reaches_every_free_text() -> None:
    (alert,) = Desk(rule()).see(decision(5_000, S.ESCALATION_RISK))
    clean = msgspec.to_builtins(redacted(alert, lambda _: "*"))

    def texts(value: Any, name: str = "") -> set[str]:
        if isinstance(value, dict):
            return set().union(*(texts(v, k) for k, v in value.items()))
        if isinstance(value, list | tuple):
            return set().union(*(texts(v, name) for v in value))
        return {value} if name in {"en", "zh", "quote"} and isinstance(value, str) else set()

    assert texts(clean) == {"*"}
    assert redacted(alert, lambda text: text + "\ud800").advice.en.endswith("now?")


# --- a real call -----------------------------------------------------------------------------


def real_decisions() -> tuple[Decision, ...]:
    _, text = sample_call("open_anger.zh")
    return analyse_files(None, text, None).decisions


def test_the_default_rules_on_a_real_call_tell_one_alert_that_grows() -> None:
    desk = Desk()
    desk.rules = AlertRules()
    for seen in real_decisions():
        desk.see(seen)
    assert len({a.alert_id for a in desk.sent}) == 1
    assert desk.sent[0].evidence
    levels = [(a.severity.rank, a.score) for a in desk.sent if a.change is not C.RETRACTED]
    assert all(a[0] <= b[0] for a, b in pairwise(levels))
