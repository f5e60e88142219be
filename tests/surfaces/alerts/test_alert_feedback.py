"""Live precision: which verdicts count, and how sure the figure is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.surfaces.alerts.alert import Alert, Verdict
from subtone.surfaces.alerts.feedback import (
    COUNTS_AS_RIGHT,
    precision,
    precision_by_rule,
    wilson_interval,
)
from subtone.surfaces.alerts.rules import AlertRule, AlertSeverity
from support_alerts import Desk, S, decision, replace


def sent(verdict: Verdict | None = None, **changes: Any) -> Alert:
    rule = AlertRule(name="risk", severity=AlertSeverity.WARNING, states=(S.ESCALATION_RISK,))
    (alert,) = Desk(rule).see(decision(5_000, S.ESCALATION_RISK))
    return replace(alert, verdict=verdict, **changes)


# Newcombe (1998), Statistics in Medicine 17, table I: method 3 for 81/263, 15/148, 0/20, 1/29
@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_wilsons(right: int, total: int, low: float, high: float) -> None:
    assert wilson_interval(right, total) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(0, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_mirrors(counts: tuple[int, int]) -> None:
    right, total = counts
    low, high = wilson_interval(right, total)
    assert 0.0 <= low <= high <= 1.0
    if total:
        assert low <= right / total + 1e-12
        assert high >= right / total - 1e-12
    mirrored_low, mirrored_high = wilson_interval(total - right, total)
    assert (1 - mirrored_high, 1 - mirrored_low) == pytest.approx((low, high))


def test_only_sent_and_judged_alerts_count() -> None:
    found = precision(
        [
            sent(Verdict.USEFUL),
            sent(Verdict.ALREADY_HANDLED),
            sent(Verdict.FALSE_ALARM),
            sent(Verdict.DUPLICATE),
            sent(None),
            sent(Verdict.FALSE_ALARM, t_sent_ms=None),
        ]
    )
    assert (found.sent_count, found.judged_count, found.right_count) == (5, 3, 2)
    assert found.value == pytest.approx(2 / 3)
    assert (found.low, found.high) == wilson_interval(2, 3)


def test_nothing_judged_says_nothing() -> None:
    found = precision([sent(None)])
    assert (found.value, found.low, found.high) == (None, 0.0, 1.0)


def test_each_rule_has_its_own_figure_and_every_verdict_a_meaning() -> None:
    found = precision_by_rule(
        [
            sent(Verdict.USEFUL),
            sent(Verdict.FALSE_ALARM, rule="other"),
            sent(t_sent_ms=None, rule="x"),
        ]
    )
    assert {name: p.value for name, p in found.items()} == {"other": 0.0, "risk": 1.0}
    assert set(COUNTS_AS_RIGHT) == set(Verdict)
