"""Reciprocal rank fusion."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.memory import fusion
from subtone.memory.fusion import fused


def test_the_documented_example_is_true() -> None:
    assert doctest.testmod(fusion).failed == 0


def test_what_two_routes_found_comes_before_what_one_found_first() -> None:
    ranked = fused([("transcript", [1, 2]), ("audio", [3, 2])])
    assert [item for item, _, _ in ranked] == [2, 3, 1]
    assert ranked[0][1] == pytest.approx(2 / 62)
    assert [route for _, _, route in ranked] == ["hybrid", "audio", "transcript"]


def test_two_searches_by_one_route_are_still_that_route() -> None:
    assert fused([("audio", [1]), ("audio", [1])])[0][2] == "audio"


@given(st.lists(st.lists(st.integers(0, 30), unique=True, max_size=20), max_size=4))
def test_every_item_appears_once_and_scores_fall(rankings: list[list[int]]) -> None:
    ranked = fused([(f"route-{i}", items) for i, items in enumerate(rankings)])
    items = [item for item, _, _ in ranked]
    assert sorted(items) == sorted({item for ranking in rankings for item in ranking})
    scores = [score for _, score, _ in ranked]
    assert scores == sorted(scores, reverse=True)
