"""Turns pooled encodings towards voices.

Within-class covariance normalisation (Hatch, Kajarekar and Stolcke 2006): with W the mean
covariance of one speaker's recordings, shrunk towards a multiple of the identity, vectors are
multiplied by the transposed Cholesky factor of W^-1, so that what a voice does with words and
moods counts less than what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from subtone.perception.encoding import FloatArray

SHRINKAGE: Final = 0.05


def voice_tensors(x: FloatArray, speakers: Sequence[str]) -> dict[str, FloatArray]:
    """Tensors of a voice head (task "voice", network "linear") from pooled vectors (clips, n).

    Raises ValueError for fewer than two speakers, or none with two recordings.
    """
    names = np.asarray(speakers)
    exact = x.astype(np.float64)
    centre = exact.mean(axis=0)
    groups = [exact[names == name] for name in sorted(set(speakers))]
    within = np.concatenate([group - group.mean(axis=0) for group in groups])
    if len(names) != len(x) or len(groups) < 2 or not within.any():
        raise ValueError("voices need two speakers, one name per clip, and two clips of someone")
    covariance = within.T @ within / len(within)
    width = x.shape[1]
    covariance += np.eye(width) * SHRINKAGE * np.trace(covariance) / width
    turn = np.linalg.cholesky(np.linalg.inv(covariance)).T
    return {
        "standardise.mean": centre.astype(np.float32),
        "standardise.scale": np.ones(width, np.float32),
        "linear.weight": turn.astype(np.float32),
        "linear.bias": np.zeros(width, np.float32),
    }
