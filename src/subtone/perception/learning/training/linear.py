"""Linear heads over principal components, as one linear map of the standardised input.

Each layer is standardised and turned onto its components, which carry nearly all variance in
a quarter of the width, so a search over settings stays cheap; the turning is folded into the
weights, so a head file holds a plain linear network. Solvers: scikit-learn's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from subtone.perception.encoding import FloatArray
from subtone.perception.learning.errors import train_extra

Reals = NDArray[np.float64]
Integers = NDArray[np.intp]

COMPONENTS: Final = 256  # of one layer
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
    rows: Reals  # (rows, components)

    def turn(self, x: FloatArray) -> Reals:
        """(rows, components) of other rows (rows, n)."""
        turned: Reals = (x - self.mean) / self.scale @ self.axes.T
        return turned


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
    return Components(mean, scale, axes, standard @ axes.T)


def fit_linear(
    rows: Reals, y: Integers, fit: Fit, strength: float, weight: Reals | None = None
) -> tuple[Reals, Reals]:
    """(labels, n) weights and (labels) biases; classes count the same however often they occur.

    rows: (rows, n); y: (rows), every label at least once; weight: of rows, for the logistic fit.
    Raises LearningError without scikit-learn.
    """
    try:
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise train_extra("scikit-learn") from error
    n_labels = int(y.max()) + 1
    solver: Any
    if fit is Fit.LOGISTIC:
        solver = LogisticRegression(C=strength, class_weight="balanced", max_iter=_MAX_ITERATIONS)
        solver.fit(rows, y, sample_weight=weight)
    else:
        even = np.full(n_labels, 1.0 / n_labels)
        solver = LinearDiscriminantAnalysis("lsqr", shrinkage=strength, priors=even)
        solver.fit(rows, y)
    coefficients = np.asarray(solver.coef_, np.float64)
    intercepts = np.asarray(solver.intercept_, np.float64)
    if n_labels == 2:  # scikit-learn gives the one logit of the second label
        coefficients = np.concatenate([-coefficients, coefficients]) / 2.0
        intercepts = np.concatenate([-intercepts, intercepts]) / 2.0
    return coefficients, intercepts


def unfolded(parts: list[Components], weights: Reals, bias: Reals) -> LinearMap:
    """The map of the layers' own values, from that of their joined components."""
    ends = np.cumsum([len(part.axes) for part in parts])[:-1]
    split = np.split(weights, ends, axis=1)
    return LinearMap(
        np.concatenate([part.mean for part in parts]),
        np.concatenate([part.scale for part in parts]),
        np.concatenate([w @ part.axes for w, part in zip(split, parts, strict=True)], axis=1),
        bias,
    )
