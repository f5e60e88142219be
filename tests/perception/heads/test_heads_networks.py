"""The networks, against the same sums written out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from subtone.perception.heads.networks import Network, forward, gelu, softmax, unit_rows
from support_heads import network_tensors

X = np.random.default_rng(5).normal(size=(3, 4)).astype(np.float32)


def test_the_linear_network_is_a_matrix_and_a_bias() -> None:
    t = network_tensors(Network.LINEAR, 4, 2)
    expected = [[w @ x + b for w, b in zip(*t.values(), strict=True)] for x in X]
    assert forward(Network.LINEAR, t, X) == pytest.approx(np.array(expected), abs=1e-5)


def test_the_mlp_normalises_and_rectifies_twice() -> None:
    t = network_tensors(Network.MLP, 4, 2)
    for x, given in zip(X, forward(Network.MLP, t, X), strict=True):
        normed = (x - x.mean()) / math.sqrt(x.var() + 1e-5) * t["norm.weight"] + t["norm.bias"]
        first = np.maximum(t["hidden1.weight"] @ normed + t["hidden1.bias"], 0)
        second = np.maximum(t["hidden2.weight"] @ first + t["hidden2.bias"], 0)
        assert given == pytest.approx(t["output.weight"] @ second + t["output.bias"], abs=1e-4)


def test_a_projection_has_length_one() -> None:
    out = forward(Network.PROJECTION, network_tensors(Network.PROJECTION, 4, 8), X)
    assert np.linalg.norm(out, axis=1) == pytest.approx(np.ones(3), abs=1e-6)


def test_gelu_is_near_the_exact_one() -> None:
    x = np.linspace(-5, 5, 201)
    exact = [0.5 * v * (1 + math.erf(v / math.sqrt(2))) for v in x]
    assert np.asarray(gelu(x)) == pytest.approx(np.array(exact), abs=5e-4)


def test_softmax_survives_large_logits() -> None:
    assert softmax(np.array([1e4, 1e4, -1e4])) == pytest.approx([0.5, 0.5, 0.0])


def test_a_vector_of_zeros_stays_zero() -> None:
    assert not unit_rows(np.zeros((1, 3))).any()
