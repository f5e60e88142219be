"""Adam, by hand for the first step and by its aim for the rest."""

from __future__ import annotations

import numpy as np
import pytest

from subtone.perception.fusion.optimiser import Adam, glorot, standard


def test_the_first_step_has_the_size_of_the_rate_and_only_matrices_decay() -> None:
    parameters = {"weight": np.full((1, 2), 2.0), "bias": np.full(2, 2.0), "other": np.ones(1)}
    gradient = np.array([3.0, -0.001])
    Adam(parameters, rate=0.1, decay=0.5).step({"weight": gradient[None], "bias": gradient})
    assert parameters["bias"] == pytest.approx([1.9, 2.1], abs=1e-5)
    assert parameters["weight"][0] == pytest.approx([2.0 * 0.95 - 0.1, 2.0 * 0.95 + 0.1], abs=1e-5)
    assert parameters["other"] == [1.0]


def test_it_finds_the_bottom_of_a_bowl() -> None:
    parameters = {"x": np.array([5.0, -3.0])}
    optimiser = Adam(parameters, rate=0.1)
    for _ in range(300):
        optimiser.step({"x": 2.0 * (parameters["x"] - [1.0, 2.0])})
    assert parameters["x"] == pytest.approx([1.0, 2.0], abs=1e-2)


def test_a_column_that_never_changes_keeps_its_scale() -> None:
    mean, scale = standard(np.array([[1, 5], [3, 5]], np.float32))
    assert (mean.tolist(), scale.tolist()) == ([2.0, 5.0], [1.0, 1.0])


def test_initial_weights_stay_within_their_limit() -> None:
    weights = glorot(np.random.default_rng(0), 40, 20)
    assert weights.shape == (40, 20)
    assert 0.28 < np.abs(weights).max() <= np.sqrt(6 / 60)
