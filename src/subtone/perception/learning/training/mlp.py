"""The small network of SCIENCE section 1, trained in NumPy.

LayerNorm, Linear(n, 256), ReLU, Dropout .3, Linear(256, 128), ReLU, Linear(128, K). Tensors
carry the names of ``heads.networks.SHAPES``.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from subtone.perception.encoding import FloatArray
from subtone.perception.heads.networks import LAYER_NORM_EPS, Network, forward, softmax
from subtone.perception.learning.training.epochs import (
    Recipe,
    Score,
    Tensors,
    balanced_targets,
    run_epochs,
)
from subtone.perception.learning.training.linear import Integers

HIDDEN: Final = (256, 128)


def train_mlp(
    x: FloatArray,
    y: Integers,
    n_labels: int,
    recipe: Recipe,
    watched: tuple[Score, FloatArray] | None = None,
) -> tuple[Tensors, int]:
    """Weights after the best epoch by the score of the logits of watched rows, and its number.

    x: (rows, n) standardised; y: (rows) positions of labels. Without ``watched`` all epochs
    run. The same arguments give the same weights on the same machine.
    """
    rng = np.random.default_rng(recipe.seed)
    tensors = _initial(x.shape[1], n_labels, rng)
    target, weight = balanced_targets(y, n_labels, recipe.smoothing)

    return run_epochs(
        len(y),
        tensors,
        recipe,
        rng,
        lambda rows: _gradients(tensors, x[rows], target[rows], weight[rows], recipe, rng),
        watched and (lambda now: watched[0](forward(Network.MLP, now, watched[1]))),
    )


def _initial(n: int, n_labels: int, rng: np.random.Generator) -> Tensors:
    """Uniform in +-1/sqrt(inputs), as PyTorch's Linear."""
    tensors: Tensors = {"norm.weight": np.ones(n, np.float32), "norm.bias": np.zeros(n, np.float32)}
    sizes = (n, *HIDDEN, n_labels)
    for name, fan_in, fan_out in zip(
        ("hidden1", "hidden2", "output"), sizes, sizes[1:], strict=False
    ):
        bound = 1.0 / np.sqrt(fan_in)
        tensors[f"{name}.weight"] = rng.uniform(-bound, bound, (fan_out, fan_in)).astype(np.float32)
        tensors[f"{name}.bias"] = rng.uniform(-bound, bound, fan_out).astype(np.float32)
    return tensors


def _gradients(
    tensors: Tensors,
    x: FloatArray,
    target: FloatArray,
    weight: NDArray[np.float64],
    recipe: Recipe,
    rng: np.random.Generator,
) -> Tensors:
    centred = x - x.mean(axis=1, keepdims=True)
    normed = centred / np.sqrt(x.var(axis=1, keepdims=True) + LAYER_NORM_EPS)
    first = normed * tensors["norm.weight"] + tensors["norm.bias"]
    hidden1 = np.maximum(first @ tensors["hidden1.weight"].T + tensors["hidden1.bias"], 0.0)
    kept = (rng.random(hidden1.shape) >= recipe.dropout) / np.float32(1.0 - recipe.dropout)
    dropped = (hidden1 * kept).astype(np.float32)
    hidden2 = np.maximum(dropped @ tensors["hidden2.weight"].T + tensors["hidden2.bias"], 0.0)
    logits = hidden2 @ tensors["output.weight"].T + tensors["output.bias"]
    shares = softmax(logits.astype(np.float64))
    out = ((shares - target) * (weight / weight.sum())[:, None]).astype(np.float32)
    gradients = {"output.weight": out.T @ hidden2, "output.bias": out.sum(axis=0)}
    back2 = (out @ tensors["output.weight"]) * (hidden2 > 0.0)
    gradients |= {"hidden2.weight": back2.T @ dropped, "hidden2.bias": back2.sum(axis=0)}
    back1 = ((back2 @ tensors["hidden2.weight"]) * kept * (hidden1 > 0.0)).astype(np.float32)
    gradients |= {"hidden1.weight": back1.T @ first, "hidden1.bias": back1.sum(axis=0)}
    back0 = back1 @ tensors["hidden1.weight"]
    gradients |= {"norm.weight": (back0 * normed).sum(axis=0), "norm.bias": back0.sum(axis=0)}
    return gradients
