"""How far a voice is from the voices a head was trained on.

The training vectors are described by a mean and a covariance of low rank plus a diagonal,
Sigma = diag(v) + F'F, and the distance of x is the Mahalanobis distance per dimension,

    delta = sqrt((x - m)' Sigma^-1 (x - m) / n).

The reference is the distance below which 95 % of the training domain's *unseen* speakers
stay (each speaker measured against the others). Reliability is 1 up to the reference and
then falls with its square: min(1, (reference / delta)^2), a quarter at twice the reference.
A class head's logits are taken times the square of the reliability, for far from home it
is wrong far oftener than it says (bench/results/heads-across.txt).
Source of the distance: Lee et al. 2018 (arXiv 1807.03888); of the rest: proposal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from subtone.perception.encoding import FloatArray
from subtone.perception.heads.networks import softmax

DEFAULT_RANK = 16
REFERENCE_QUANTILE = 0.95
SMALLEST_VARIANCE = 1e-12
VARIANCE_FLOOR = 1e-3  # of the mean variance: a dead dimension must not decide alone
_SPARE_AXES = 16
_ITERATIONS = 8


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainingDomain:
    """Moments of the vectors a head was trained on, standardised as the head sees them.

    mean, variance: (n), variance > 0; factors: (rank, n); reference: > 0.
    """

    mean: FloatArray
    variance: FloatArray
    factors: FloatArray
    reference: float

    @cached_property
    def _inner(self) -> NDArray[np.float64]:
        """(I + F V^-1 F')^-1, the small matrix of Woodbury's identity."""
        factors = self.factors.astype(np.float64)
        rank = len(factors)
        inner = np.eye(rank) + (factors / self.variance.astype(np.float64)) @ factors.T
        return np.asarray(np.linalg.inv(inner), np.float64)

    def distance(self, x: FloatArray) -> float:
        """Mahalanobis distance per dimension of one vector (n); about 1 inside the domain."""
        deviation = x.astype(np.float64) - self.mean
        scaled = deviation / self.variance
        along = self.factors.astype(np.float64) @ scaled
        square = float(deviation @ scaled - along @ self._inner @ along)
        return float(np.sqrt(max(square, 0.0) / len(deviation)))

    def reliability(self, x: FloatArray) -> float:
        """In [0, 1]; see the module."""
        distance = self.distance(x)
        return 1.0 if distance <= self.reference else float((self.reference / distance) ** 2)


def tempered_shares(
    logits: NDArray[np.float64],
    temperature: float,
    reliability: float | NDArray[np.float64],
) -> NDArray[np.float64]:
    """Shares of (..., labels) logits, the evener the farther from home; rows sum to 1.

    reliability: in [0, 1], one for all or (..., 1).
    """
    return softmax(logits * reliability**2 / temperature)


def fit_domain(x: FloatArray, speakers: Sequence[str], rank: int = DEFAULT_RANK) -> TrainingDomain:
    """Describe the vectors (clips, n) of at least two speakers, one name per clip.

    Raises ValueError for fewer than two speakers, or names that do not match the clips.
    """
    names = np.asarray(speakers)
    if len(names) != len(x) or len(set(speakers)) < 2:
        raise ValueError("a training domain needs one speaker name per clip, and two speakers")
    unseen = [
        part.distance(clip)
        for speaker in sorted(set(speakers))
        for part in (_moments(x[names != speaker], rank),)
        for clip in x[names == speaker]
    ]
    return _moments(x, rank, float(np.quantile(unseen, REFERENCE_QUANTILE)))


def _moments(x: FloatArray, rank: int, reference: float = 1.0) -> TrainingDomain:
    exact = x.astype(np.float64)
    mean = exact.mean(axis=0)
    centred = exact - mean
    rank = min(rank, max(len(x) - 1, 0), x.shape[1])
    scale, axes = _leading(centred, rank)
    factors = (scale[:, None] / np.sqrt(max(len(x) - 1, 1))) * axes
    total = centred.var(axis=0, ddof=min(1, len(x) - 1))
    left = total - (factors**2).sum(axis=0)
    floor = max(VARIANCE_FLOOR * float(total.mean()), SMALLEST_VARIANCE)
    return TrainingDomain(
        mean=mean.astype(np.float32),
        variance=np.maximum(left, floor).astype(np.float32),
        factors=factors.astype(np.float32),
        reference=reference,
    )


def _leading(x: NDArray[np.float64], rank: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The largest singular values (rank) and their right vectors (rank, n) of (rows, n).

    By subspace iteration from a fixed start (Halko, Martinsson and Tropp 2011): a whole
    decomposition of a few thousand clips takes a minute per speaker.
    """
    columns = min(rank + _SPARE_AXES, *x.shape)
    basis = np.random.default_rng(0).standard_normal((x.shape[1], columns))
    for _ in range(_ITERATIONS):
        basis, _ = np.linalg.qr(x.T @ (x @ basis))
    _, scale, axes = np.linalg.svd(x @ basis, full_matrices=False)
    return scale[:rank], (axes @ basis.T)[:rank]
