"""Credit goes where it belongs, and correlated dimensions share it."""

from __future__ import annotations

import numpy as np
import pytest

from subtone.perception.probing.data import F64, Index
from subtone.perception.probing.folds import Fold
from subtone.perception.probing.importance import (
    correlation_clusters,
    permutation_drops,
    recall_drop,
)
from subtone.perception.probing.workbench import split

HALVES = [Fold(np.arange(0, 200, 2), np.arange(1, 200, 2))]


def a_matrix(copies: int) -> tuple[F64, Index]:
    rng = np.random.default_rng(3)
    labels = rng.permutation(np.arange(200) % 2)
    x = rng.standard_normal((200, 10))
    for at in range(copies):
        x[:, at] = 4.0 * labels + 0.2 * rng.standard_normal(200)
    return x, labels


def test_the_only_dimension_that_tells_takes_all_credit() -> None:
    x, labels = a_matrix(1)
    clusters = correlation_clusters((x - x.mean(axis=0)) / x.std(axis=0))
    drops = permutation_drops(split(x, HALVES), labels, clusters, 20, [0])
    mean = recall_drop(drops.dimensions, labels, HALVES[0].test)
    assert mean.argmax() == 0
    assert mean[0] == pytest.approx(0.5, abs=0.07)
    assert mean[1:].max() < 0.02


def test_copies_share_credit_and_their_cluster_gets_it_back() -> None:
    x, labels = a_matrix(4)
    clusters = correlation_clusters((x - x.mean(axis=0)) / x.std(axis=0))
    assert sorted(clusters.sizes.tolist()) == [1, 1, 1, 1, 1, 1, 4]
    drops = permutation_drops(split(x, HALVES), labels, clusters, 20, [0])
    alone = recall_drop(drops.dimensions, labels, HALVES[0].test)
    together = recall_drop(drops.clusters, labels, HALVES[0].test)
    assert alone.max() < 0.1
    assert together.max() == pytest.approx(0.5, abs=0.07)
    assert clusters.sizes[together.argmax()] == 4


def test_blocks_of_rows_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x, labels = a_matrix(2)
    clusters = correlation_clusters((x - x.mean(axis=0)) / x.std(axis=0))
    whole = permutation_drops(split(x, HALVES), labels, clusters, 2, [0])
    monkeypatch.setattr("subtone.perception.probing.importance._BLOCK", 7)
    in_pieces = permutation_drops(split(x, HALVES), labels, clusters, 2, [0])
    assert np.array_equal(whole.dimensions, in_pieces.dimensions)
    assert np.array_equal(whole.clusters, in_pieces.clusters)
