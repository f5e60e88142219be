"""How networks are trained: epochs with Adam, stopped by speakers that are held out.

Class-balanced, smoothed cross-entropy and Adam with decoupled weight decay (Loshchilov and
Hutter 2019). Folds over speakers choose how many epochs are run, and give the temperature and
the threshold; the head is then trained on all clips for so many.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from subtone.perception.encoding import FloatArray
from subtone.perception.heads.networks import softmax
from subtone.perception.learning.calibration import abstention_threshold, fit_temperature
from subtone.perception.learning.clips import Clip
from subtone.perception.learning.splits import Fold, speaker_folds
from subtone.perception.learning.training.classes import INNER_FOLDS
from subtone.perception.learning.training.linear import Integers, Reals

Tensors = dict[str, FloatArray]
Score = Callable[[FloatArray], float]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained; the defaults are those of SCIENCE section 1."""

    seed: int = 0
    rate: float = 1e-3
    weight_decay: float = 1e-2
    dropout: float = 0.3
    smoothing: float = 0.05
    batch: int = 64
    max_epochs: int = 40
    patience: int = 8  # epochs without a better score before it stops


def run_epochs(
    rows: int,
    tensors: Tensors,
    recipe: Recipe,
    rng: np.random.Generator,
    gradients_of: Callable[[NDArray[np.intp]], Tensors],
    score: Callable[[Tensors], float] | None = None,
) -> tuple[Tensors, int]:
    """Tensors after the best epoch by ``score``, and its number; without a score after the last.

    The given tensors are changed in place. gradients_of: of some of the rows.
    """
    adam = Adam(tensors, recipe.rate, recipe.weight_decay)
    best, best_score, best_epoch = tensors, -np.inf, recipe.max_epochs
    for epoch in range(1, recipe.max_epochs + 1):
        order = rng.permutation(rows)
        for at in range(0, rows, recipe.batch):
            adam.step(gradients_of(order[at : at + recipe.batch]))
        if score is None:
            continue
        now = score(tensors)
        if now > best_score:
            best, best_score, best_epoch = {k: v.copy() for k, v in tensors.items()}, now, epoch
        elif epoch - best_epoch >= recipe.patience:
            break
    return best, best_epoch


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """What the held-out speakers say of a recipe."""

    epochs: int
    temperature: float
    threshold: float
    inner_recall: float  # UAR on the folds that chose the epochs


def stopped_by_folds(
    clips: Sequence[Clip],
    y: Integers,
    n_bands: int,
    fit: Callable[[Fold, Score], tuple[FloatArray, int]],
) -> Stopped:
    """Epochs, temperature and threshold by inner folds over speakers.

    y: (clips) positions of labels. fit: trains on one fold as long as the score of the logits
    of its test clips rises; gives those logits, (bands * clips, labels) band by band, and the
    number of the best epoch. Raises LearningError as the splits do.
    """
    logits = np.zeros((n_bands, len(y), int(y.max()) + 1))
    epochs = []
    for fold in speaker_folds(clips, min(INNER_FOLDS, len({clip.voice for clip in clips}))):
        truth = np.tile(y[fold.test], n_bands)
        heard, epoch = fit(fold, lambda said, truth=truth: recall(said, truth))  # type: ignore[misc]
        logits[:, fold.test] = heard.reshape(n_bands, len(fold.test), -1)
        epochs.append(epoch)
    said, truth = logits.reshape(-1, logits.shape[-1]), np.tile(y, n_bands)
    temperature = fit_temperature(said, truth)
    return Stopped(
        epochs=int(np.median(epochs)),
        temperature=temperature,
        threshold=abstention_threshold(softmax(said / temperature), truth),
        inner_recall=recall(said, truth),
    )


def recall(logits: FloatArray | Reals, y: Integers) -> float:
    """UAR of (rows, labels) logits: the mean over the labels there are of the share found."""
    said = logits.argmax(axis=1)
    return float(np.mean([(said[y == k] == k).mean() for k in np.unique(y)]))


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
