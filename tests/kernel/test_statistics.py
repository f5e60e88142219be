"""Shared statistics against their batch formulas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.kernel.statistics import clamp, half_life_weight, ols_change, share_above, smooth

unit = st.floats(0.0, 1.0)


@given(st.floats(-1e6, 1e6), st.floats(-10, 10), st.floats(0, 10))
def test_clamp_stays_inside(value: float, low: float, width: float) -> None:
    assert low <= clamp(value, low, low + width) <= low + width


def test_a_share_above_begins_at_its_start() -> None:
    assert share_above(0.7, 0.7) == 0.0
    assert share_above(0.85, 0.7) == pytest.approx(0.5)
    assert share_above(1.0, 0.7) == pytest.approx(1.0)
    assert share_above(1.0, 1.0) == 0.0  # nothing lies above it


def test_weight_halves_per_half_life() -> None:
    assert [half_life_weight(age, 6.0) for age in (0, 6, 12)] == [1.0, 0.5, 0.25]


def test_one_step_of_one_half_life_goes_half_the_way() -> None:
    assert smooth(0.2, 0.8, 5.0, 5.0) == pytest.approx(0.5)
    assert smooth(None, 0.8, 5.0, 5.0) == 0.8


@given(unit, unit, st.floats(0.1, 60.0), st.floats(0.1, 60.0))
def test_two_steps_of_a_constant_equal_one_long_step(
    start: float, target: float, first_s: float, second_s: float
) -> None:
    twice = smooth(smooth(start, target, first_s, 5.0), target, second_s, 5.0)
    assert twice == pytest.approx(smooth(start, target, first_s + second_s, 5.0), abs=1e-9)


@given(st.lists(unit, min_size=3, max_size=20))
def test_change_is_the_least_squares_line_over_the_span(values: list[float]) -> None:
    slope = np.polyfit(np.arange(len(values)), values, 1)[0]
    assert ols_change(values) == pytest.approx(slope * (len(values) - 1), abs=1e-9)


def test_too_few_values_have_no_change() -> None:
    assert ols_change([0.1, 0.9]) == 0.0
