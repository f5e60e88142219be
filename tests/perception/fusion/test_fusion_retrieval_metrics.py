"""Search figures: by hand, at chance, and never flattered by ties."""

from __future__ import annotations

import numpy as np
import pytest

from subtone.perception.fusion.retrieval_metrics import retrieval_figures


def test_two_queries_by_hand() -> None:
    similarity = np.array([[0.9, 0.8, 0.1, 0.0], [0.1, 0.2, 0.3, 0.4]])
    relevant = np.array([[False, True, False, True], [False, False, False, True]])
    figures = retrieval_figures(similarity, relevant)
    assert figures.recall_at == {1: 0.5, 5: 1.0, 10: 1.0}
    assert figures.mean_average_precision == pytest.approx(((1 / 2 + 2 / 4) / 2 + 1.0) / 2)
    assert figures.median_rank == 1.5
    assert figures.chance_recall_at[1] == pytest.approx((2 / 4 + 1 / 4) / 2)


def test_chance_is_what_a_random_order_gives() -> None:
    generator = np.random.default_rng(0)
    relevant = np.tile(np.arange(20) < 3, (20_000, 1))
    figures = retrieval_figures(generator.random(relevant.shape), relevant)
    for k, share in figures.recall_at.items():
        assert share == pytest.approx(figures.chance_recall_at[k], abs=0.015)
    expected = figures.chance_mean_average_precision
    assert figures.mean_average_precision == pytest.approx(expected, abs=0.005)


def test_a_space_where_everything_is_alike_finds_nothing_first() -> None:
    figures = retrieval_figures(np.ones((1, 4)), np.array([[True, False, False, False]]))
    assert figures.median_rank == 4


def test_queries_without_an_answer_do_not_count_and_some_must_have_one() -> None:
    relevant = np.array([[True, False], [False, False]])
    assert retrieval_figures(np.eye(2), relevant).queries == 1
    with pytest.raises(ValueError, match="no query"):
        retrieval_figures(np.eye(2), np.zeros((2, 2), bool))
    with pytest.raises(ValueError, match="finite"):
        retrieval_figures(np.full((2, 2), np.nan), relevant)
