"""Pictures and the figures beside them."""

from __future__ import annotations

import numpy as np
import pytest

from subtone.perception.probing.data import F64
from subtone.perception.probing.geometry import (
    principal_axes,
    silhouettes,
    squared_distances,
    trustworthiness,
    tsne,
)


def blobs() -> F64:
    rng = np.random.default_rng(2)
    return rng.standard_normal((60, 10)) + 8.0 * np.repeat(np.eye(2, 10), 30, axis=0)


def test_silhouette_by_hand() -> None:
    at = np.array([[0.0], [1.0], [4.0], [10.0]])
    found = silhouettes(np.sqrt(squared_distances(at)), np.array([0, 0, 1, 2]))
    assert found == pytest.approx([0.75, 2 / 3, 0.0, 0.0])


def test_a_faithful_picture_is_trustworthy_and_a_shuffled_one_is_not() -> None:
    flat = np.random.default_rng(0).standard_normal((50, 2))
    near = squared_distances(flat)
    assert trustworthiness(near, flat, 5) == 1.0
    shuffled = flat[np.random.default_rng(1).permutation(50)]
    assert 0.3 < trustworthiness(near, shuffled, 5) < 0.7


def test_trustworthiness_by_hand() -> None:
    """Five points on a line whose picture swaps the ends: ranks 3, 3 and 4 are shown as 1."""
    line, swapped = np.array([[0.0], [1], [3], [6], [10]]), np.array([[10.0], [1], [3], [6], [0]])
    shown = trustworthiness(squared_distances(line), np.pad(swapped, ((0, 0), (0, 1))), 1)
    assert shown == pytest.approx(1.0 - 2.0 * (2 + 2 + 3) / (5 * (2 * 5 - 3 - 1)))


def test_tsne_keeps_what_is_apart_apart_and_repeats_itself() -> None:
    near = squared_distances(blobs())
    (first, loss), (again, _) = (tsne(near, 10.0, np.random.default_rng(4), 150) for _ in range(2))
    assert np.array_equal(first, again)
    assert silhouettes(np.sqrt(squared_distances(first)), np.repeat([0, 1], 30)).min() > 0.3
    assert 0.0 < loss < 1.0


def test_principal_axes_are_orthonormal_and_ordered() -> None:
    rows = blobs() - blobs().mean(axis=0)
    axes = principal_axes(rows)
    assert axes.T @ axes == pytest.approx(np.eye(10), abs=1e-9)
    assert (np.diff((rows @ axes).var(axis=0)) <= 1e-9).all()
