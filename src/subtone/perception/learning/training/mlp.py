"""The small network of SCIENCE section 1, trained in NumPy.

LayerNorm, Linear(n, 256), ReLU, Dropout .3, Linear(256, 128), ReLU, Linear(128, K); label
smoothing .05, class-balanced cross-entropy, Adam with decoupled weight decay (Loshchilov and
Hutter 2019) at 1e-3 and 1e-2. Tensors carry the names of ``heads.networks.SHAPES``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from subtone.perception.encoding import FloatArray
from subtone.perception.heads.networks import LAYER_NORM_EPS, Network, forward, softmax

Tensors = dict[str, FloatArray]
Integers = NDArray[np.intp]

HIDDEN: Final = (256, 128)


@dataclass(frozen=True, kw_only=True)
class MlpRecipe:
    """How the network is trained; the defaults are those of SCIENCE section 1."""

    seed: int = 0
    rate: float = 1e-3
    weight_decay: float = 1e-2
    dropout: float = 0.3
    smoothing: float = 0.05
    batch: int = 64
    max_epochs: int = 40
    patience: int = 8  # epochs without a better score before it stops


def train_mlp(
    x: FloatArray,
    y: Integers,
    n_labels: int,
    recipe: MlpRecipe,
    score: Callable[[FloatArray], float] | None = None,
    held_out: FloatArray | None = None,
) -> tuple[Tensors, int]:
    """Weights after the best epoch by ``score`` of the logits of ``held_out`` rows, and its number.

    x: (rows, n) standardised; y: (rows) positions of labels. Without ``held_out`` all epochs
    run. The same arguments give the same weights on the same machine.
    """
    rng = np.random.default_rng(recipe.seed)
    tensors = _initial(x.shape[1], n_labels, rng)
    target, weight = balanced_targets(y, n_labels, recipe.smoothing)
    adam = Adam(tensors, recipe.rate, recipe.weight_decay)
    best, best_score, best_epoch = tensors, -np.inf, recipe.max_epochs
    for epoch in range(1, recipe.max_epochs + 1):
        order = rng.permutation(len(y))
        for at in range(0, len(order), recipe.batch):
            rows = order[at : at + recipe.batch]
            adam.step(_gradients(tensors, x[rows], target[rows], weight[rows], recipe, rng))
        if held_out is None or score is None:
            continue
        now = score(forward(Network.MLP, tensors, held_out))
        if now > best_score:
            best, best_score, best_epoch = {k: v.copy() for k, v in tensors.items()}, now, epoch
        elif epoch - best_epoch >= recipe.patience:
            break
    return best, best_epoch


def balanced_targets(
    y: Integers, n_labels: int, smoothing: float
) -> tuple[FloatArray, NDArray[np.float64]]:
    """Smoothed shares (rows, labels), and weights (rows) by which classes count the same."""
    weight = (len(y) / (n_labels * np.maximum(np.bincount(y, minlength=n_labels), 1)))[y]
    target = np.full((len(y), n_labels), smoothing / n_labels, np.float32)
    target[np.arange(len(y)), y] += 1.0 - smoothing
    return target, weight


class Adam:
    """Adam whose decay acts on the weights, not on the gradient; biases do not decay.

    ``step`` changes the tensors in place.
    """

    def __init__(self, tensors: Tensors, rate: float, weight_decay: float) -> None:
        self._mean = {k: np.zeros_like(v) for k, v in tensors.items()}
        self._square = {k: np.zeros_like(v) for k, v in tensors.items()}
        self._tensors, self._rate, self._decay, self._steps = tensors, rate, weight_decay, 0

    def step(self, gradients: Tensors) -> None:
        """One step against the gradients of all tensors."""
        self._steps += 1
        one, two = 1.0 - 0.9**self._steps, 1.0 - 0.999**self._steps
        for name, gradient in gradients.items():
            self._mean[name] += 0.1 * (gradient - self._mean[name])
            self._square[name] += 0.001 * (gradient**2 - self._square[name])
            moved = (self._mean[name] / one) / (np.sqrt(self._square[name] / two) + 1e-8)
            tensor = self._tensors[name]
            if tensor.ndim == 2:
                moved += self._decay * tensor
            tensor -= np.float32(self._rate) * moved


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
    recipe: MlpRecipe,
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
