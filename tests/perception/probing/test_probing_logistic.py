"""The probe is the one its penalty asks for, however many dimensions there are."""

from __future__ import annotations

import numpy as np
import pytest

from subtone.perception.probing.data import F64, Index
from subtone.perception.probing.logistic import LOGIT_VARIANCE, Design, minimise, sparse_importance


def a_task(n: int, width: int, classes: int = 3) -> tuple[F64, Index]:
    rng = np.random.default_rng(5)
    labels = np.arange(n) % classes
    return rng.standard_normal((n, width)) + rng.standard_normal((classes, width))[labels], labels


@pytest.mark.parametrize(("n", "width"), [(60, 9), (30, 80)])
def test_the_penalised_gradient_vanishes_in_all_dimensions(n: int, width: int) -> None:
    x, labels = a_task(n, width)
    design = Design(x)
    probe = design.fit(labels, 3)
    logits = probe.logits(design.rows)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    residual = shares / shares.sum(axis=1, keepdims=True) - np.eye(3)[labels]
    gradient = residual.T @ design.rows + width / LOGIT_VARIANCE * probe.weights
    assert np.abs(gradient).max() < 1e-3 * np.abs(np.eye(3)[labels].T @ design.rows).max()


def test_standardising_uses_the_training_rows_only() -> None:
    x, labels = a_task(40, 5)
    design = Design(x)
    assert design.standardise(x) == pytest.approx(design.rows)
    moved = design.fit(labels, 3).logits(design.standardise(x + 3.0))
    assert moved != pytest.approx(design.fit(labels, 3).logits(design.rows))


def test_balanced_classes_count_alike() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], (90, 10))
    x = (labels[:, None] + rng.standard_normal((100, 1))).astype(np.float64)
    design = Design(x)
    rare = [
        (design.fit(labels, 2, is_balanced=is_balanced).logits(design.rows).argmax(axis=1)).sum()
        for is_balanced in (True, False)
    ]
    assert rare[0] > 2 * rare[1]


def test_a_constant_dimension_and_a_class_never_seen_do_no_harm() -> None:
    x, labels = a_task(30, 4)
    x[:, 2] = 7.0
    probe = Design(x).fit(labels, 5)
    assert np.isfinite(probe.weights).all()
    assert probe.weights[:, 2] == pytest.approx(0.0)


def test_minimise_finds_the_bottom_of_a_bent_valley() -> None:
    scale = np.array([1.0, 100.0, 0.1])
    found = minimise(
        lambda at: (float(scale @ (at - 2.0) ** 2), 2 * scale * (at - 2.0)), np.zeros(3)
    )
    assert found == pytest.approx(np.full(3, 2.0), abs=1e-2)


def test_the_sparse_probe_leaves_out_what_tells_nothing() -> None:
    rng = np.random.default_rng(1)
    labels = np.arange(200) % 2
    x = rng.standard_normal((200, 12))
    x[:, 4] += 3.0 * labels
    found = sparse_importance(Design(x).rows, labels, 2, share=0.3)
    assert np.flatnonzero(found).tolist() == [4]
