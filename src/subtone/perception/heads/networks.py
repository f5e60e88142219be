"""The three networks a head file may hold, in numpy; weights by name, rows are outputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from subtone.perception.encoding import FloatArray

LAYER_NORM_EPS = 1e-5
GELU_SLOPE = math.sqrt(2.0 / math.pi)

Tensors = Mapping[str, FloatArray]
Reals = NDArray[np.float64] | FloatArray


class Network(StrEnum):
    """Which network a head file holds."""

    LINEAR = "linear"  # logistic regression
    MLP = "mlp"  # LayerNorm, Linear, ReLU, Linear, ReLU, Linear (SCIENCE section 1)
    PROJECTION = "projection"  # Linear, GELU, Linear, L2


# a name stands for one size, the same wherever it appears
SHAPES: Mapping[Network, Mapping[str, tuple[str, ...]]] = {
    Network.LINEAR: {"linear.weight": ("output", "input"), "linear.bias": ("output",)},
    Network.MLP: {
        "norm.weight": ("input",),
        "norm.bias": ("input",),
        "hidden1.weight": ("hidden1", "input"),
        "hidden1.bias": ("hidden1",),
        "hidden2.weight": ("hidden2", "hidden1"),
        "hidden2.bias": ("hidden2",),
        "output.weight": ("output", "hidden2"),
        "output.bias": ("output",),
    },
    Network.PROJECTION: {
        "hidden.weight": ("hidden", "input"),
        "hidden.bias": ("hidden",),
        "output.weight": ("output", "hidden"),
        "output.bias": ("output",),
    },
}


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares along the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: NDArray[np.float64] = raised / raised.sum(axis=-1, keepdims=True)
    return shares


def gelu(x: Reals) -> Reals:
    """GELU in its tanh form (Hendrycks and Gimpel 2016)."""
    return 0.5 * x * (1.0 + np.tanh(GELU_SLOPE * (x + 0.044715 * x**3)))


def unit_rows(x: Reals) -> Reals:
    """Each row at length 1; a row of zeros stays zero."""
    length = np.linalg.norm(x, axis=-1, keepdims=True)
    return x / np.where(length > 0.0, length, 1.0)


def forward(network: Network, tensors: Tensors, x: FloatArray) -> FloatArray:
    """(rows, input) to (rows, output): logits, or unit vectors of a projection."""
    return _FORWARD[network](tensors, x).astype(np.float32)


def _affine(tensors: Tensors, name: str, x: Reals) -> Reals:
    return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]


def _linear(tensors: Tensors, x: Reals) -> Reals:
    return _affine(tensors, "linear", x)


def _mlp(tensors: Tensors, x: Reals) -> Reals:
    centred = x - x.mean(axis=-1, keepdims=True)
    normed = centred / np.sqrt(x.var(axis=-1, keepdims=True) + LAYER_NORM_EPS)
    hidden = normed * tensors["norm.weight"] + tensors["norm.bias"]
    for name in ("hidden1", "hidden2"):
        hidden = np.maximum(_affine(tensors, name, hidden), 0.0)
    return _affine(tensors, "output", hidden)


def _projection(tensors: Tensors, x: Reals) -> Reals:
    return unit_rows(_affine(tensors, "output", gelu(_affine(tensors, "hidden", x))))


_FORWARD: Mapping[Network, Callable[[Tensors, Reals], Reals]] = {
    Network.LINEAR: _linear,
    Network.MLP: _mlp,
    Network.PROJECTION: _projection,
}
