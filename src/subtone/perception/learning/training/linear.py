"""Logistic regression over principal components, as one linear map of the standardised input.

Components carry nearly all of the variance in a fraction of the width, so the search over
settings stays cheap; the projection is folded into the weights, so a head file holds a plain
linear network. Solver: scikit-learn's L-BFGS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from subtone.perception.encoding import FloatArray
from subtone.perception.learning.errors import train_extra

Reals = NDArray[np.float64]
Integers = NDArray[np.intp]

COMPONENTS: Final = 384
_MAX_ITERATIONS: Final = 300
_SMALLEST: Final = 1e-6  # of the largest component's deviation


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
class Projected:
    """Training rows once standardised and turned onto their components."""

    mean: Reals
    scale: Reals
    axes: Reals  # (components, n)
    rows: Reals  # (rows, components)


def project(x: FloatArray, *, is_centred: bool, components: int = COMPONENTS) -> Projected:
    """Standardise and project (rows, n). A centred input keeps its own zero, the caller's."""
    exact = x.astype(np.float64)
    mean = np.zeros(x.shape[1]) if is_centred else exact.mean(axis=0)
    scale = np.maximum(exact.std(axis=0), 1e-6)
    standard = (exact - mean) / scale
    if len(x) < x.shape[1]:
        values, left = np.linalg.eigh(standard @ standard.T)
        kept = _largest(values, components)
        axes = (standard.T @ left[:, kept] / np.sqrt(values[kept])).T
    else:
        values, right = np.linalg.eigh(standard.T @ standard)
        axes = right[:, _largest(values, components)].T
    return Projected(mean, scale, axes, standard @ axes.T)


def _largest(values: Reals, count: int) -> Integers:
    order = np.argsort(values)[::-1][:count]
    return order[values[order] > _SMALLEST**2 * values[order[0]]]


def fit_logistic(
    projected: Projected, y: Integers, n_labels: int, c: float, weight: Reals | None = None
) -> LinearMap:
    """L2 logistic regression at strength 1/c, classes balanced; two labels give one logit each.

    Raises LearningError without scikit-learn.
    """
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise train_extra("scikit-learn") from error
    solver: Any = LogisticRegression(C=c, class_weight="balanced", max_iter=_MAX_ITERATIONS)
    solver.fit(projected.rows, y, sample_weight=weight)
    coefficients = np.asarray(solver.coef_, np.float64) @ projected.axes
    intercepts = np.asarray(solver.intercept_, np.float64)
    if n_labels == 2:
        coefficients = np.concatenate([-coefficients, coefficients]) / 2.0
        intercepts = np.concatenate([-intercepts, intercepts]) / 2.0
    return LinearMap(projected.mean, projected.scale, coefficients, intercepts)
