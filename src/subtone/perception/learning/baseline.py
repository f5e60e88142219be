"""A speaker's own normal in feature space: causal, from the first neutral utterances.

The mean of the first three utterances is taken off every other clip (SCIENCE section 1). In
training the mean is over all of a speaker's neutral clips, which has the same expectation and
less noise; a test is always by three.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from subtone.perception.encoding import FloatArray
from subtone.perception.heads.contrast import BASELINE_UTTERANCES
from subtone.perception.learning.clips import Clip

NORMAL_LABEL: Final = "neutral"

Bools = NDArray[np.bool_]


def centred_on_all(x: FloatArray, clips: Sequence[Clip]) -> tuple[FloatArray, Bools]:
    """(clips, ...) less each speaker's neutral mean, and which clips have such a mean."""
    moved, has_normal = x.astype(np.float32, copy=True), np.zeros(len(x), np.bool_)
    for theirs, normal in _speakers(clips):
        if len(normal):
            moved[theirs] -= x[normal].mean(axis=0)
            has_normal[theirs] = True
    return moved, has_normal


def centred_on_three(
    x: FloatArray, clips: Sequence[Clip], seed: int = 0
) -> tuple[FloatArray, Bools]:
    """The same by three neutral clips other than the judged one, as if they had come first.

    Which three is drawn by ``seed``, once per speaker, so a neutral clip that is among them
    is judged against the next one in their order. The second value is False where a speaker
    has fewer than three others.
    """
    rng = np.random.default_rng(seed)
    moved, has_normal = x.astype(np.float32, copy=True), np.zeros(len(x), np.bool_)
    for theirs, normal in _speakers(clips):
        order = rng.permutation(normal)
        for i in theirs:
            first = order[order != i][:BASELINE_UTTERANCES]
            if len(first) == BASELINE_UTTERANCES:
                moved[i] -= x[first].mean(axis=0)
                has_normal[i] = True
    return moved, has_normal


def _speakers(clips: Sequence[Clip]) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Rows of each speaker, and those of them that are neutral."""
    voices = np.array([clip.voice for clip in clips])
    is_normal = np.array([clip.label == NORMAL_LABEL for clip in clips])
    return [
        (np.flatnonzero(voices == voice), np.flatnonzero((voices == voice) & is_normal))
        for voice in np.unique(voices)
    ]
