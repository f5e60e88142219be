"""Turns pooled encodings towards voices, and measures how well voices are told apart.

Within-class covariance normalisation (Hatch, Kajarekar and Stolcke 2006): with W the mean
covariance of one speaker's recordings, shrunk towards a multiple of the identity, vectors are
multiplied by the transposed Cholesky factor of W^-1, so that what a voice does with words and
moods counts less than what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from subtone.perception.encoding import FloatArray
from subtone.perception.heads.networks import unit_rows

SHRINKAGE: Final = 0.05


@dataclass(frozen=True, kw_only=True)
class Verification:
    """Where wrongly joined and wrongly split pairs are equally frequent."""

    equal_error_rate: float
    threshold: float  # cosine
    same_pairs: int
    different_pairs: int


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


def verification(vectors: FloatArray, speakers: Sequence[str]) -> Verification:
    """All pairs of recordings (clips, n) by cosine.

    Raises ValueError where there is no pair of one voice, or none of two.
    """
    units = unit_rows(vectors.astype(np.float64))
    first, second = np.triu_indices(len(units), 1)
    cosines = (units @ units.T)[first, second]
    names = np.asarray(speakers)
    is_same = names[first] == names[second]
    same, different = np.sort(cosines[is_same]), np.sort(cosines[~is_same])
    if not len(same) or not len(different):
        raise ValueError("verification needs pairs of one voice and pairs of two")
    steps = np.unique(cosines)
    split = np.searchsorted(same, steps, side="left") / len(same)
    joined = 1.0 - np.searchsorted(different, steps, side="left") / len(different)
    best = int(np.abs(split - joined).argmin())
    return Verification(
        equal_error_rate=float((split[best] + joined[best]) / 2.0),
        threshold=float(steps[best]),
        same_pairs=len(same),
        different_pairs=len(different),
    )
