"""Recalls, intervals and ranks that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from subtone.perception.probing.scoring import (
    SpeakerBootstrap,
    estimate,
    rank_correlation,
    ranks,
)

SPEAKERS = np.array([0, 0, 0, 1, 1, 1])
LABELS = np.array([0, 0, 1, 0, 1, 1])


def test_recall_is_the_mean_over_classes() -> None:
    right = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 0.0])
    figures = SpeakerBootstrap(SPEAKERS, 400, 0).recall(right, LABELS)
    assert figures[0] == pytest.approx((2 / 3 + 1 / 3) / 2)
    only_first, only_second = (0.5 + 1.0) / 2, (1.0 + 0.0) / 2
    drawn = {round(value, 6) for value in figures[1:]}
    assert drawn == {round(figures[0], 6), only_first, only_second}


def test_whole_speakers_are_drawn() -> None:
    figures = SpeakerBootstrap(SPEAKERS, 400, 0).mean(np.array([1.0, 1, 1, 0, 0, 0]))
    assert set(figures.tolist()) == {0.0, 0.5, 1.0}
    found = estimate(figures)
    assert (found.low, found.value, found.high) == (0.0, 0.5, 1.0)


def test_differences_are_paired() -> None:
    boot = SpeakerBootstrap(SPEAKERS, 100, 3)
    right = np.array([1.0, 0, 1, 1, 0, 0])
    assert not (boot.recall(right, LABELS) - boot.recall(right, LABELS)).any()


def test_ranks_average_ties() -> None:
    assert ranks(np.array([3.0, 1.0, 3.0, 0.0])).tolist() == [2.5, 1.0, 2.5, 0.0]
    assert rank_correlation(np.array([1.0, 2, 3]), np.array([2.0, 4, 9])) == pytest.approx(1.0)
    assert rank_correlation(np.array([1.0, 2, 3]), np.array([1.0, 1, 1])) == 0.0
