"""Linear heads over principal components, as one linear map of the standardised input.

Each layer is standardised and turned onto its components, which carry nearly all variance in
a third of the width, so a search over settings stays cheap. Several layers vote by the mean of
their logits. Both are folded into the weights, so a head file holds a plain linear network.
Solvers: scikit-learn's.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from subtone.perception.encoding import FloatArray
from subtone.perception.learning.errors import train_extra

Reals = NDArray[np.float64]
Integers = NDArray[np.intp]

COMPONENTS: Final = 384  # of one layer
_MAX_ITERATIONS: Final = 300
_SMALLEST: Final = 1e-6  # of the largest component's variance


class Fit(StrEnum):
    """How the weights are found.

    ``logistic``: L2 logistic regression, strength is C. ``discriminant``: linear discriminant
    analysis whose shared covariance is shrunk by strength (0 to 1) towards a sphere.
    """

    LOGISTIC = "logistic"
    DISCRIMINANT = "discriminant"


@dataclass(frozen=True, eq=False)
class LinearMap:
    """logits = (x - mean) / scale @ weight.T + bias; weight (labels, n)."""

    mean: Reals
    scale: Reals
    weight: Reals
    bias: Reals

    def __call__(self, x: FloatArray | Reals) -> Reals:
        """(rows, labels) of (rows, n)."""
        logits: Reals = (x - self.mean) / self.scale @ self.weight.T + self.bias
        return logits


@dataclass(frozen=True, eq=False)
class Components:
    """One layer's training rows, standardised and turned onto their components."""

    mean: Reals
    scale: Reals
    axes: Reals  # (components, n)
    rows: FloatArray  # (rows, components)


def components_of(x: FloatArray, *, is_centred: bool, most: int = COMPONENTS) -> Components:
    """Standardise and turn (rows, n). A centred input keeps its own zero, the caller's normal."""
    try:
        from scipy.linalg import eigh
    except ImportError as error:
        raise train_extra("scipy") from error
    exact = x.astype(np.float64)
    mean = np.zeros(x.shape[1]) if is_centred else exact.mean(axis=0)
    scale = np.maximum(exact.std(axis=0), 1e-6)
    standard = ((exact - mean) / scale).astype(np.float32)
    is_wide = len(x) < x.shape[1]
    moments = standard @ standard.T if is_wide else standard.T @ standard
    n = len(moments)
    top = (max(n - most, 0), n - 1)
    values, vectors = eigh(moments.astype(np.float64), subset_by_index=top)
    kept = values > _SMALLEST * values[-1]
    axes = vectors[:, kept].T
    if is_wide:
        axes = axes @ standard / np.sqrt(values[kept, None])
    return Components(mean, scale, axes, standard @ axes.T.astype(np.float32))


def fit_linear(
    part: Components, y: Integers, fit: Fit, strength: float, weight: Reals | None = None
) -> LinearMap:
    """The map of one layer; classes count the same however often they occur.

    y: (rows), every label at least once; weight: of rows, for the logistic fit.
    Raises LearningError without scikit-learn.
    """
    try:
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise train_extra("scikit-learn") from error
    n_labels = int(y.max()) + 1
    solver: Any
    if fit is Fit.LOGISTIC:
        solver = LogisticRegression(C=strength, class_weight="balanced", max_iter=_MAX_ITERATIONS)
        with warnings.catch_warnings():
            # at weak shrinkage the last iterations change no answer
            warnings.simplefilter("ignore", ConvergenceWarning)
            solver.fit(part.rows, y, sample_weight=weight)
    else:
        even = np.full(n_labels, 1.0 / n_labels)
        solver = LinearDiscriminantAnalysis("lsqr", shrinkage=strength, priors=even)
        solver.fit(part.rows, y)
    weights = np.asarray(solver.coef_, np.float64) @ part.axes
    bias = np.asarray(solver.intercept_, np.float64)
    if n_labels == 2:  # scikit-learn gives the one logit of the second label
        weights = np.concatenate([-weights, weights]) / 2.0
        bias = np.concatenate([-bias, bias]) / 2.0
    return LinearMap(part.mean, part.scale, weights, bias)


def mean_map(maps: Sequence[LinearMap]) -> LinearMap:
    """One map of the layers side by side that gives the mean of their maps' logits."""
    return LinearMap(
        np.concatenate([m.mean for m in maps]),
        np.concatenate([m.scale for m in maps]),
        np.concatenate([m.weight for m in maps], axis=1) / len(maps),
        np.mean([m.bias for m in maps], axis=0),
    )
