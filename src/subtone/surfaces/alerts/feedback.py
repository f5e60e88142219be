"""How often the alerts were right, from what people said of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from subtone.surfaces.alerts.alert import Alert, Verdict

Z_95 = 1.959964  # two-sided 95 % quantile of the standard normal distribution

COUNTS_AS_RIGHT: Mapping[Verdict, bool | None] = MappingProxyType(
    {
        Verdict.USEFUL: True,
        Verdict.ALREADY_HANDLED: True,
        Verdict.FALSE_ALARM: False,
        Verdict.NOT_ACTIONABLE: False,
        Verdict.DUPLICATE: None,
        Verdict.WRONG_RECIPIENT: None,
    }
)
"""None says nothing of whether the alert was right, and is not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """Share of judged alerts that were right, with its 95 % Wilson interval.

    ``value``, ``low`` and ``high`` are in [0, 1]; with nothing judged, None, 0 and 1. People
    judge the alerts they notice, so read it beside ``sent_count``.
    """

    sent_count: int
    judged_count: int
    right_count: int
    value: float | None
    low: float
    high: float


def precision(alerts: Iterable[Alert]) -> Precision:
    """The precision of these alerts; those that were never sent do not count."""
    sent = [alert for alert in alerts if alert.t_sent_ms is not None]
    answers = [COUNTS_AS_RIGHT[alert.verdict] for alert in sent if alert.verdict is not None]
    right, judged = answers.count(True), len(answers) - answers.count(None)
    low, high = wilson_interval(right, judged)
    return Precision(
        sent_count=len(sent),
        judged_count=judged,
        right_count=right,
        value=right / judged if judged else None,
        low=low,
        high=high,
    )


def precision_by_rule(alerts: Iterable[Alert]) -> dict[str, Precision]:
    """The precision of each rule that sent anything, by its name."""
    by_rule: dict[str, list[Alert]] = {}
    for alert in alerts:
        if alert.t_sent_ms is not None:
            by_rule.setdefault(alert.rule, []).append(alert)
    return {name: precision(found) for name, found in sorted(by_rule.items())}


def wilson_interval(right: int, total: int, z: float = Z_95) -> tuple[float, float]:
    """The score interval of a proportion (Wilson 1927), in [0, 1]; (0, 1) for none of none."""
    if total == 0:
        return 0.0, 1.0
    share, spread = right / total, z * z / total
    centre = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / total + spread / (4 * total))
    return max(0.0, centre - half), min(1.0, centre + half)
