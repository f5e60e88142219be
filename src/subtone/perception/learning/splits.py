"""Splits by speaker, or by speaker and sentence; a leaked split is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from subtone.perception.learning.clips import Clip
from subtone.perception.learning.errors import LeakedSplitError, LearningError

Indices = NDArray[np.intp]
_NAMED = 8  # names an error spells out


@dataclass(frozen=True, eq=False)
class Fold:
    """Positions of clips to learn from and to be judged by; some may be in neither."""

    train: Indices
    test: Indices


def require_disjoint(
    train: Sequence[Clip], test: Sequence[Clip], *, by_sentence: bool = False
) -> None:
    """Refuse a split that shares a speaker, or where asked a sentence.

    Raises LeakedSplitError naming what is shared.
    """
    shared = sorted({clip.voice for clip in train} & {clip.voice for clip in test})
    if shared:
        raise LeakedSplitError(
            f"the split is leaked: {_names(shared)} speak on both sides; split by speaker"
        )
    if not by_sentence:
        return
    if any(clip.sentence is None for clip in (*train, *test)):
        raise LearningError(
            "some clips do not say which sentence they hold, so nobody can split by sentence; "
            "split by speaker, or give the sentences in a manifest"
        )
    said = sorted({_text(clip) for clip in train} & {_text(clip) for clip in test})
    if said:
        raise LeakedSplitError(
            f"the split is leaked: {_names(said)} are said on both sides; split by sentence too"
        )


def speaker_folds(clips: Sequence[Clip], n_folds: int | None = None) -> list[Fold]:
    """Each fold tests some speakers against the others; without a number, one at a time.

    Speakers are dealt out in the order of their names, corpus by corpus, so every fold holds
    some of each corpus. Raises LearningError for fewer speakers than folds, or than two.
    """
    voices = np.array([clip.voice for clip in clips])
    groups = _dealt(voices, n_folds)
    return [_fold(clips, np.isin(voices, group)) for group in groups]


def speaker_and_sentence_folds(clips: Sequence[Clip], n_folds: int | None = None) -> list[Fold]:
    """Each fold tests some speakers in one half of the sentences and trains on the other half.

    Clips that share only the speaker or only the sentence with the test are left out of both.
    """
    voices = np.array([clip.voice for clip in clips])
    texts = np.array([_text(clip) for clip in clips])
    names = np.unique(texts)
    if len(names) < 2:
        raise LearningError("all clips hold one sentence; split by speaker only")
    is_half = np.isin(texts, names[::2])
    folds = []
    for group in _dealt(voices, n_folds):
        is_theirs = np.isin(voices, group)
        for half in (is_half, ~is_half):
            fold = Fold(np.flatnonzero(~is_theirs & ~half), np.flatnonzero(is_theirs & half))
            require_disjoint(
                [clips[i] for i in fold.train], [clips[i] for i in fold.test], by_sentence=True
            )
            folds.append(fold)
    return folds


def _fold(clips: Sequence[Clip], is_test: NDArray[np.bool_]) -> Fold:
    fold = Fold(np.flatnonzero(~is_test), np.flatnonzero(is_test))
    require_disjoint([clips[i] for i in fold.train], [clips[i] for i in fold.test])
    return fold


def _dealt(voices: NDArray[np.str_], n_folds: int | None) -> list[NDArray[np.str_]]:
    names = np.unique(voices)
    n = len(names) if n_folds is None else n_folds
    if not 2 <= n <= len(names):
        raise LearningError(
            f"{len(names)} speakers cannot be split into {n} folds; "
            "a split by speaker needs at least two, and a speaker per fold"
        )
    return [names[i::n] for i in range(n)]


def _text(clip: Clip) -> str:
    return f"{clip.corpus}/{clip.sentence}"


def _names(names: Sequence[str]) -> str:
    rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + rest
