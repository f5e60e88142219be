"""Softmax regression with an L2 penalty, solved in the few directions the rows span.

The prior is on logits, not on weights: C = 10 / d, so that 8 and 1024 dimensions are allowed
logits of the same size and their accuracies can be compared (C is .01 at d = 1024, SCIENCE
section 1). Solved by L-BFGS (Nocedal and Wright 2006, algorithm 7.5) on preconditioned
coordinates. The sparse fit penalises each dimension's weights as a group (Yuan and Lin 2006)
by FISTA (Beck and Teboulle 2009).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from subtone.perception.encoding import FloatArray
from subtone.perception.probing.data import F64, Index

LOGIT_VARIANCE = 10.0
_MOST_STEPS = 80
_HISTORY = 8
_TOLERANCE = 1e-5
_LEAST_SHARE = 1e-10  # eigenvalues below this share of the largest are noise


@dataclass(frozen=True, eq=False)
class Softmax:
    """A fitted probe over standardised dimensions: weights (classes, d), bias (classes,)."""

    weights: F64
    bias: F64

    def logits(self, standardised: F64) -> F64:
        """(rows, classes) of standardised rows (rows, d)."""
        return standardised @ self.weights.T + self.bias


class Design:
    """Training rows (n, d) standardised and decomposed once, for any number of label sets."""

    def __init__(self, x: FloatArray | F64) -> None:
        exact = np.asarray(x, np.float64)
        self._mean = exact.mean(axis=0)
        scale = exact.std(axis=0)
        self._scale = np.where(scale > 0.0, scale, 1.0)
        self.rows = (exact - self._mean) / self._scale
        n, self.width = self.rows.shape
        if n < self.width:
            values, vectors = np.linalg.eigh(self.rows @ self.rows.T)
        else:
            values, vectors = np.linalg.eigh(self.rows.T @ self.rows)
        is_kept = values > max(_LEAST_SHARE * float(values[-1]), 1e-12)
        self.energies = values[is_kept]  # squared singular values
        kept = vectors[:, is_kept]
        self.basis: F64 = (  # (d, rank), orthonormal
            self.rows.T @ (kept / np.sqrt(self.energies)) if n < self.width else kept
        )
        bias = np.full((n, 1), np.sqrt(self.width))  # gives the bias the prior of a logit
        self._coordinates = np.concatenate([self.rows @ self.basis, bias], axis=1)

    def standardise(self, x: FloatArray | F64) -> F64:
        """Other rows by the training rows' mean and deviation."""
        standardised: F64 = (np.asarray(x, np.float64) - self._mean) / self._scale
        return standardised

    def fit(self, labels: Index, n_classes: int, *, is_balanced: bool = True) -> Softmax:
        """The probe for labels (n,) in 0..n_classes - 1; balanced: each class counts alike."""
        z = self._coordinates
        n = len(labels)
        counts = np.bincount(labels, minlength=n_classes)
        row_weights = np.ones(n)
        if is_balanced:
            row_weights = n / (np.count_nonzero(counts) * counts[labels])
        target = np.eye(n_classes)[labels]
        penalty = self.width / LOGIT_VARIANCE
        curvature = np.append(self.energies, n * self.width) * (n_classes - 1) / n_classes**2
        step = 1.0 / np.sqrt(curvature + penalty)[:, None]

        def loss(flat: F64) -> tuple[float, F64]:
            weights = flat.reshape(step.shape[0], n_classes) * step
            logits = z @ weights
            logits -= logits.max(axis=1, keepdims=True)
            raised = np.exp(logits)
            total = raised.sum(axis=1, keepdims=True)
            fit = float(row_weights @ (np.log(total[:, 0]) - logits[np.arange(n), labels]))
            residual = row_weights[:, None] * (raised / total - target)
            gradient = (z.T @ residual + penalty * weights) * step
            return fit + 0.5 * penalty * float((weights**2).sum()), gradient.ravel()

        found = minimise(loss, np.zeros(step.shape[0] * n_classes))
        weights = found.reshape(step.shape[0], n_classes) * step
        return Softmax((self.basis @ weights[:-1]).T, weights[-1] * np.sqrt(self.width))


def minimise(loss: Callable[[F64], tuple[float, F64]], start: F64) -> F64:
    """Where a smooth convex loss with its gradient is least, by L-BFGS."""
    at, (value, gradient) = start, loss(start)
    first = float(np.linalg.norm(gradient))
    past: deque[tuple[F64, F64, float]] = deque(maxlen=_HISTORY)
    for _ in range(_MOST_STEPS):
        if float(np.linalg.norm(gradient)) <= _TOLERANCE * max(first, 1e-12):
            break
        direction = _direction(gradient, past)
        slope = float(direction @ gradient)
        length = 1.0
        while True:
            moved = at + length * direction
            next_value, next_gradient = loss(moved)
            if next_value <= value + 1e-4 * length * slope or length < 1e-8:
                break
            length *= 0.5
        if next_value >= value:
            break
        change, bend = moved - at, next_gradient - gradient
        if float(change @ bend) > 0.0:
            past.append((change, bend, 1.0 / float(change @ bend)))
        at, value, gradient = moved, next_value, next_gradient
    return at


def _direction(gradient: F64, past: deque[tuple[F64, F64, float]]) -> F64:
    q = -gradient
    shares = []
    for change, bend, rho in reversed(past):
        share = rho * float(change @ q)
        q = q - share * bend
        shares.append(share)
    if past:
        change, bend, rho = past[-1]
        q = q / (rho * float(bend @ bend))
    for (change, bend, rho), share in zip(past, reversed(shares), strict=True):
        q = q + (share - rho * float(bend @ q)) * change
    return q


def sparse_importance(
    rows: F64, labels: Index, n_classes: int, share: float = 0.1, steps: int = 200
) -> F64:
    """(d,) norm of each dimension's weights under a group penalty that leaves few of them.

    ``rows`` (n, d) are standardised; the penalty is ``share`` of the least that leaves none.
    """
    x = rows.astype(np.float32)
    n = len(labels)
    counts = np.bincount(labels, minlength=n_classes)
    row_weights = (1.0 / (np.count_nonzero(counts) * counts[labels]))[:, None].astype(np.float32)
    target = np.eye(n_classes, dtype=np.float32)[labels]
    bias = np.zeros(n_classes, np.float32)
    gram = x @ x.T if n < x.shape[1] else x.T @ x
    top = float(np.linalg.eigvalsh(gram)[-1]) * float(row_weights.max())
    rate = np.float32(1.0 / (0.5 * top + 1e-9))
    flat = np.full_like(target, 1.0 / n_classes)
    penalty = share * float(np.linalg.norm(x.T @ (row_weights * (flat - target)), axis=1).max())
    weights = ahead = np.zeros((x.shape[1], n_classes), np.float32)
    momentum = 1.0
    for _ in range(steps):
        logits = x @ ahead + bias
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        residual = row_weights * (shares / shares.sum(axis=1, keepdims=True) - target)
        bias = bias - residual.sum(axis=0)
        raw = ahead - rate * (x.T @ residual)
        norm = np.linalg.norm(raw, axis=1, keepdims=True)
        moved = raw * np.maximum(0.0, 1.0 - rate * penalty / np.maximum(norm, 1e-12))
        faster = 0.5 + np.sqrt(0.25 + momentum**2)
        ahead = (moved + ((momentum - 1.0) / faster) * (moved - weights)).astype(np.float32)
        weights, momentum = moved, faster
    norms: F64 = np.linalg.norm(weights, axis=1).astype(np.float64)
    return norms
