"""From logits to shares one may believe, and the share below which a head should be silent.

Both are fitted on logits of speakers the head had not heard.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from subtone.perception.heads.networks import softmax

Reals = NDArray[np.float64]
Integers = NDArray[np.intp]

PRECISION: Final = 0.7
_TEMPERATURES: Final = np.exp(np.linspace(np.log(0.05), np.log(20.0), 241))
_MIN_ANSWERS: Final = 10  # fewer right and wrong answers measure no precision


def fit_temperature(logits: Reals, y: Integers) -> float:
    """The T at which softmax(logits / T) is likeliest (Guo et al. 2017), between .05 and 20.

    Classes count the same, however often they occur: the head was trained balanced.
    """
    weight = 1.0 / np.maximum(np.bincount(y), 1)[y]
    rows = np.arange(len(y))
    losses = [
        float(-(weight * np.log(np.maximum(softmax(logits / t)[rows, y], 1e-12))).sum())
        for t in _TEMPERATURES
    ]
    return float(_TEMPERATURES[int(np.argmin(losses))])


def abstention_threshold(shares: Reals, y: Integers, precision: float = PRECISION) -> float:
    """The least top share from which answers are right this often, all above it together.

    1.0 where no threshold reaches it: the head then answers only when certain.
    """
    confidence = shares.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    is_right = (shares.argmax(axis=1) == y)[order]
    reached = np.cumsum(is_right) / np.arange(1, len(y) + 1) >= precision
    reached[: min(_MIN_ANSWERS, len(y)) - 1] = False
    if not reached.any():
        return 1.0
    return float(confidence[order][int(np.flatnonzero(reached)[-1])])


def coverage_and_precision(
    shares: Reals, y: Integers, threshold: float
) -> tuple[float, float | None]:
    """Share of clips answered, and how often those answers are right; None without answers."""
    is_answered = shares.max(axis=1) >= threshold
    if not is_answered.any():
        return 0.0, None
    is_right = shares.argmax(axis=1) == y
    return float(is_answered.mean()), float(is_right[is_answered].mean())
