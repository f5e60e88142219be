"""Figures against hand-computed values and their own laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.perception.heads.networks import softmax
from subtone.perception.learning.calibration import (
    abstention_threshold,
    coverage_and_precision,
    fit_temperature,
)
from subtone.perception.learning.evaluation.metrics import (
    FIGURES,
    Judged,
    area_under_roc,
    auc_estimate,
    confusion,
    estimates,
)

HALF = Judged(
    ("a", "b"),
    np.array([0, 0, 0, 1]),
    np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7]]),
    np.array(["x", "x", "y", "y"]),
)


def test_figures_of_four_clips_are_the_pinned_ones() -> None:
    found = {name: figure(HALF) for name, figure in FIGURES.items()}
    assert found == pytest.approx(
        {
            "uar": (2 / 3 + 1) / 2,
            "wa": 0.75,
            "macro_f1": (0.8 + 2 / 3) / 2,
            "ece": (0.1 + 0.4 + 0.8 + 0.3) / 4,
            "nll": -np.log([0.9, 0.6, 0.2, 0.7]).mean(),
            "brier": 2 * (0.01 + 0.16 + 0.64 + 0.09) / 4,
        }
    )
    assert confusion(HALF).tolist() == [[2, 1], [0, 1]]


@given(
    st.lists(st.integers(-3, 3), min_size=1, max_size=20),
    st.lists(st.integers(-3, 3), min_size=1, max_size=20),
)
def test_the_area_is_the_share_of_pairs_in_order(positive: list[int], negative: list[int]) -> None:
    pairs = np.subtract.outer(positive, negative)
    expected = float(((pairs > 0) + 0.5 * (pairs == 0)).mean())
    area = area_under_roc(np.array(positive, float), np.array(negative, float))
    assert area == pytest.approx(expected)


def test_an_interval_is_over_speakers_and_holds_the_figure() -> None:
    found = estimates(HALF, resamples=200)
    assert found["wa"].low == 0.5  # speaker y alone
    assert found["wa"].high == 1.0  # speaker x alone
    one = Judged(HALF.labels, HALF.truth, HALF.shares, np.array(["x"] * 4))
    assert estimates(one, resamples=20)["uar"].low == estimates(one, resamples=20)["uar"].high
    area = auc_estimate(
        np.array([1.0, 0.0, 2.0, 3.0]), np.array([True, False, True, False]), np.array(list("xxyy"))
    )
    assert (area.low, area.value, area.high) == (0.0, 0.5, 1.0)


def test_the_temperature_that_made_the_logits_too_sure_is_found() -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(0.0, 1.5, (6_000, 3))
    y = np.array([rng.choice(3, p=p) for p in softmax(true)])
    assert fit_temperature(3.0 * true, y) == pytest.approx(3.0, rel=0.1)


def test_answers_above_the_threshold_are_right_as_often_as_asked() -> None:
    confidence = np.linspace(0.5, 1.0, 100)
    shares = np.stack([confidence, 1.0 - confidence], axis=1)
    y = (np.arange(100) < 50).astype(int)  # the surer half is right
    threshold = abstention_threshold(shares, y, 0.7)
    coverage, precision = coverage_and_precision(shares, y, threshold)
    assert (coverage, precision) == pytest.approx((0.71, 50 / 71))
    assert abstention_threshold(shares, np.ones(100, int), 0.7) == 1.0
    assert coverage_and_precision(shares[:50], y[:50], 0.99) == (0.0, None)
