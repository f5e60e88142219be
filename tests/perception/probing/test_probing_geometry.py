"""Pictures and the figures beside them."""

from __future__ import annotations

import sys
import warnings
from types import ModuleType

import numpy as np
import pytest

from subtone.perception.probing import ProbeData, probe
from subtone.perception.probing.data import F64
from subtone.perception.probing.geometry import (
    principal_axes,
    silhouettes,
    squared_distances,
    trustworthiness,
    tsne,
)
from subtone.perception.probing.umap_pictures import UMAP_NEIGHBOURS, find_umap, umap_picture
from support_probing import QUICK, made_up


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


class FlatUmap:
    """Stands in for umap-learn's estimator: the first two columns, turned by its seed."""

    def __init__(self, *, n_neighbors: int, random_state: int, n_jobs: int) -> None:
        assert n_jobs == 1
        self.neighbours, self.seed = n_neighbors, random_state

    def fit_transform(self, rows: F64) -> F64:
        assert self.neighbours < len(rows)
        warnings.warn("a graph in two parts", stacklevel=1)
        angle = self.seed * 1e-9
        turn = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        turned: F64 = rows[:, :2] @ np.array(turn)
        return turned


def data() -> ProbeData:
    return made_up("spread", 12)


def test_umap_stands_beside_the_others_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = ModuleType("umap")
    monkeypatch.setitem(sys.modules, "umap", module)
    assert find_umap() is None  # another package of that name
    module.UMAP = FlatUmap  # type: ignore[attr-defined]  # as umap-learn has it
    report = probe(data(), effort=QUICK)
    names = [f"UMAP, {k} neighbours" for k in UMAP_NEIGHBOURS]
    pictures = {p.method: p for p in report.geometry.pictures}
    assert list(pictures) == ["PCA", "t-SNE", *names]
    qualities = {q.method: q for q in report.geometry.qualities}
    for name in names:
        assert qualities[name].seeds == QUICK.seeds
        # a turned PCA is as faithful as PCA, and every seed shows the same neighbours
        assert qualities[name].trustworthiness == qualities["PCA"].trustworthiness
        assert qualities[name].neighbours_shared == 1.0
    assert pictures[names[0]].x != pictures["PCA"].x
    assert not any("UMAP" in text for text in report.not_tested)
    assert probe(data(), effort=QUICK) == report


def test_without_umap_the_report_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    report = probe(data(), effort=QUICK)
    assert "pictures by UMAP: umap-learn is not installed here" in report.not_tested
    assert {p.method for p in report.geometry.pictures} == {"PCA", "t-SNE"}


def test_umap_is_given_no_more_neighbours_than_there_are() -> None:
    drawn = umap_picture(FlatUmap, blobs()[:20], 50, np.random.default_rng(0))
    assert drawn.shape == (20, 2)
