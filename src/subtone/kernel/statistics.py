"""Small shared statistics: everything the stages would otherwise write twice."""

from __future__ import annotations

from collections.abc import Sequence


def clamp(value: float, low: float = 0.0, high: float = 1.0) -> float:
    """Return value limited to [low, high]."""
    return min(max(value, low), high)


def share_above(value: float, start: float) -> float:
    """How far value in [0, 1] lies above start, as a share of the way to 1; 0 up to start."""
    return max(0.0, (value - start) / (1.0 - start)) if start < 1.0 else 0.0


def half_life_weight(age_s: float, half_life_s: float) -> float:
    """Exponential weight of something age_s old: 1 now, .5 after one half-life."""
    return float(2.0 ** (-age_s / half_life_s))


def smooth(previous: float | None, value: float, step_s: float, half_life_s: float) -> float:
    """One exponentially weighted step: alpha = 1 - 2^(-step/half-life); the first value stands."""
    if previous is None:
        return value
    return previous + (1.0 - half_life_weight(step_s, half_life_s)) * (value - previous)


def ols_change(values: Sequence[float]) -> float:
    """Least-squares change from the first to the last of equally spaced values; 0 below 3."""
    n = len(values)
    if n < 3:
        return 0.0
    centre = (n - 1) / 2.0
    mean = sum(values) / n
    spread = sum((i - centre) ** 2 for i in range(n))
    slope = sum((i - centre) * (v - mean) for i, v in enumerate(values)) / spread
    return slope * (n - 1)
