"""A speaker's own normal in feature space: causal, from the first neutral utterances.

The mean of the first three utterances, or of as many as fill 20 s of speech, is taken off
every later clip (SCIENCE section 1). In training the mean is over all of a speaker's neutral
clips, which has the same expectation and less noise; a test is always causal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from subtone.perception.encoding import FloatArray
from subtone.perception.heads.contrast import BASELINE_UTTERANCES
from subtone.perception.learning.clips import Clip

NORMAL_LABELS: Final = ("neutral",)

Bools = NDArray[np.bool_]


def centred_on_all(x: FloatArray, clips: Sequence[Clip]) -> tuple[FloatArray, Bools]:
    """(clips, ...) less each speaker's neutral mean, and which clips have such a mean."""
    return _centred(x, clips, None, 0)[:2]


def centred_on_first(
    x: FloatArray, clips: Sequence[Clip], seed: int = 0
) -> tuple[FloatArray, Bools]:
    """The same by three neutral clips, drawn by ``seed`` as the ones that came first.

    Those three are not among the clips to be judged: the second value is False for them, and
    for speakers without neutral clips.
    """
    moved, has_baseline, is_baseline = _centred(x, clips, BASELINE_UTTERANCES, seed)
    return moved, has_baseline & ~is_baseline


def _centred(
    x: FloatArray, clips: Sequence[Clip], utterances: int | None, seed: int
) -> tuple[FloatArray, Bools, Bools]:
    voices = np.array([clip.voice for clip in clips])
    is_normal = np.array([clip.label in NORMAL_LABELS for clip in clips])
    moved = x.astype(np.float32, copy=True)
    has_baseline, is_baseline = np.zeros(len(x), np.bool_), np.zeros(len(x), np.bool_)
    rng = np.random.default_rng(seed)
    for voice in np.unique(voices):
        theirs = np.flatnonzero(voices == voice)
        normal = theirs[is_normal[theirs]]
        if utterances is not None:
            normal = rng.permutation(normal)[:utterances]
        if not len(normal):
            continue
        moved[theirs] -= x[normal].mean(axis=0)
        has_baseline[theirs] = True
        is_baseline[normal] = True
    return moved, has_baseline, is_baseline
