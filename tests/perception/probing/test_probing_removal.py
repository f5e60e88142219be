"""What is erased is gone, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from subtone.perception.probing.logistic import Design
from subtone.perception.probing.removal import eraser


@pytest.mark.parametrize("width", [6, 80])
def test_an_erased_concept_has_no_covariance_with_any_dimension(width: int) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 4
    x = rng.standard_normal((60, width)) + rng.standard_normal((4, width))[labels]
    design = Design(x)
    one_hot = np.eye(4)[labels]
    erase = eraser(design, one_hot)
    assert erase.read.shape == (width, 3)
    left = erase(design.rows)
    assert left.T @ (one_hot - one_hot.mean(axis=0)) == pytest.approx(0.0, abs=1e-8)
    assert erase(left) == pytest.approx(left, abs=1e-8)
    assert np.linalg.matrix_rank(design.rows - left, tol=1e-6) == 3


def test_what_does_not_covary_is_left_alone() -> None:
    rng = np.random.default_rng(1)
    labels = np.arange(400) % 2
    x = rng.standard_normal((400, 5))
    x[:, 0] = 10.0 * labels
    x[:, 1:] -= x[:, 1:].mean(axis=0)
    x[:, 1:] -= (2.0 * labels[:, None] - 1.0) * ((2.0 * labels - 1.0) @ x[:, 1:] / 400)
    design = Design(x)
    left = eraser(design, np.eye(2)[labels])(design.rows)
    assert left[:, 0] == pytest.approx(0.0, abs=1e-8)
    assert left[:, 1:] == pytest.approx(design.rows[:, 1:], abs=1e-8)
