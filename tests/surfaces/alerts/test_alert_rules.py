"""Rules as data: what TOML may say, when quiet hours hold, whom a rule concerns."""

from __future__ import annotations

import datetime as dt

import pytest

from subtone.contracts.base import ContractError
from subtone.contracts.vocabulary import SessionState
from subtone.kernel.session_state.machine import SESSION_EDGES
from subtone.surfaces.alerts.rules import (
    EDGE_NAMES,
    AlertBudget,
    AlertRule,
    AlertRules,
    AlertRulesError,
    AlertSeverity,
    CallLabels,
    QuietHours,
    Weekday,
    read_rules,
)
from support_shared import ROOT

WHOLE = """
time_zone = "Asia/Shanghai"

[budget]
per_hour = 8
reserved_for_critical = 3
gather_ms = 2000
per_supervisor = { wang = 4 }

[[rules]]
name = "relapse"
severity = "critical"
edges = ["stalled_high", "resolved->hidden_frustration"]
min_score = 0.5
dwell_ms = 5000
dedup = ["call", "rule"]
teams = ["retention"]

[[rules.quiet_hours]]
start = 22:00:00
end = 07:00:00
days = ["fri", "sat"]
"""


def test_a_whole_file_is_read() -> None:
    read = read_rules(WHOLE)
    assert read.budget.slots_for("wang") == 4
    assert read.budget.slots_for("li") == 8
    rule = read.named()["relapse"]
    assert rule.severity is AlertSeverity.CRITICAL
    assert rule.quiet_hours[0].start == dt.time(22)
    assert rule.is_for(CallLabels(call_id="c", team="retention"))
    assert not rule.is_for(CallLabels(call_id="c", team="sales"))


def test_an_empty_file_means_the_defaults() -> None:
    assert read_rules(b"") == AlertRules()
    assert [rule.name for rule in read_rules("").rules] == [
        "active_escalation",
        "escalation_risk",
        "hidden_frustration",
        "asked_for_supervisor",
    ]


RULE = '[[rules]]\nname = "a"\nseverity = "info"\n'


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("rules = [", "Invalid"),
        ("loudness = 1", "loudness"),
        (RULE, "can never hold"),
        (RULE + 'edges = ["boredom"]', "boredom"),
        (RULE + 'states = ["angry"]', "angry"),
        (RULE + 'states = ["calm"]\nmin_score = 1.5', "min_score"),
        (RULE + 'states = ["calm"]\nmin_score = nan', "min_score"),
        (RULE + 'states = ["calm"]\n' + RULE + 'states = ["calm"]', "two rules"),
        (RULE + 'states = ["calm"]\nquiet_hours = [{ start = "25:00:00" }]', "quiet_hours"),
        ('time_zone = "Mars/Olympus"', "Mars/Olympus"),
        ('time_zone = "../../etc/passwd"', "time_zone"),
        ("[budget]\nper_supervisor = { wang = -1 }", "per_supervisor"),
    ],
)
def test_what_cannot_be_followed_is_refused_by_name(toml: str, says: str) -> None:
    with pytest.raises(AlertRulesError, match=says):
        read_rules(toml)


def test_every_edge_of_the_machine_may_be_named_both_ways() -> None:
    assert {edge.edge for edge in SESSION_EDGES} < EDGE_NAMES
    assert "escalation_risk->active_escalation" in EDGE_NAMES
    assert "calm->resolved" not in EDGE_NAMES


def at(zone_hours: int, *when: int) -> int:
    moment = dt.datetime(*when, tzinfo=dt.timezone(dt.timedelta(hours=zone_hours)))  # type: ignore[arg-type, misc]
    return round(moment.timestamp() * 1000)


# 2026-03-06 is a Friday
@pytest.mark.parametrize(
    ("when", "is_quiet"),
    [
        ((2026, 3, 6, 21, 59), False),
        ((2026, 3, 6, 22, 0), True),
        ((2026, 3, 7, 6, 59), True),
        ((2026, 3, 7, 7, 0), False),
        ((2026, 3, 8, 6, 0), True),  # began on Saturday
        ((2026, 3, 8, 23, 0), False),  # Sunday is not named
        ((2026, 3, 6, 6, 0), False),  # nor is Thursday night
    ],
)
def test_quiet_hours_cross_midnight_in_local_time(when: tuple[int, ...], is_quiet: bool) -> None:
    rules = read_rules(WHOLE)
    assert rules.is_quiet(rules.named()["relapse"], at(8, *when)) is is_quiet


def test_quiet_hours_inside_one_day_and_summer_time() -> None:
    lunch = QuietHours(start=dt.time(12), end=dt.time(13))
    rule = AlertRule(
        name="a", severity=AlertSeverity.INFO, states=(SessionState.CALM,), quiet_hours=(lunch,)
    )
    rules = AlertRules(rules=(rule,), time_zone="Europe/Berlin")
    assert rules.is_quiet(rule, at(1, 2026, 1, 15, 12, 30))
    assert rules.is_quiet(rule, at(2, 2026, 7, 15, 12, 30))
    assert not rules.is_quiet(rule, at(1, 2026, 7, 15, 12, 30))


def test_equal_ends_are_a_whole_day() -> None:
    sunday = QuietHours(start=dt.time(0), end=dt.time(0), days=(Weekday.SUN,))
    assert sunday.holds_at(dt.datetime(2026, 3, 8, 0, 0, tzinfo=dt.UTC))
    assert sunday.holds_at(dt.datetime(2026, 3, 8, 23, 59, tzinfo=dt.UTC))
    assert not sunday.holds_at(dt.datetime(2026, 3, 9, 0, 0, tzinfo=dt.UTC))


def test_quiet_hours_with_their_own_zone_are_refused() -> None:
    with pytest.raises(ContractError, match="time_zone"):
        QuietHours(start=dt.time(22, tzinfo=dt.UTC), end=dt.time(7))


def test_the_rules_on_the_page_can_be_read_and_its_defaults_are_the_defaults() -> None:
    page = (ROOT / "docs" / "alerts.md").read_text("utf-8")
    read = read_rules(page.split("```toml\n")[1].split("```")[0])
    (rule,) = read.rules
    default = AlertRule(name="x", severity=rule.severity, states=rule.states)
    for name in ("hysteresis", "clear_ms", "cooldown_ms", "retract_ms", "dedup", "tenants"):
        assert getattr(rule, name) == getattr(default, name), name
    assert read.budget.per_hour == AlertBudget().per_hour
    assert read.budget.reserved_for_critical == AlertBudget().reserved_for_critical
    for default in AlertRules().rules:
        assert f"`{default.name}`" in page
