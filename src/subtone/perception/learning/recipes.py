"""From clips to a head file: the one way the command line and the shipped heads go."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import numpy as np

from subtone.perception.heads.acoustic import SPACE as ACOUSTIC_SPACE
from subtone.perception.heads.files import StoredHead
from subtone.perception.learning.cache import FeatureCache, Progress, no_progress
from subtone.perception.learning.clips import Clip
from subtone.perception.learning.evaluation.protocol import (
    contrast_odds,
    judge_pair,
    judge_within,
)
from subtone.perception.learning.features import Acoustics, Extractor, WhisperLayers
from subtone.perception.learning.renditions import BANDS, TELEPHONE, WIDE, varied
from subtone.perception.learning.splits import Fold, speaker_folds
from subtone.perception.learning.training.classes import train_classes
from subtone.perception.learning.training.contrasts import (
    train_arousal,
    train_valence,
)
from subtone.perception.learning.training.export import class_head_file, contrast_head_file
from subtone.perception.learning.training.settings import class_search
from subtone.perception.learning.training.table import Table, build_table

RENDITIONS: Final = (WIDE, TELEPHONE, varied(0))
CARD_FOLDS: Final = 5


class LearningTask(StrEnum):
    """What a head can be trained for."""

    EMOTION = "emotion"
    AROUSAL = "arousal"
    VALENCE = "valence"


def train_head(
    clips: Sequence[Clip],
    task: LearningTask,
    extractor: WhisperLayers | Acoustics,
    cache: FeatureCache,
    *,
    name: str,
    progress: Progress = no_progress,
) -> StoredHead:
    """Encode, choose, calibrate, judge by folds over speakers, and fit on everything.

    The card's figures are of folds that never saw the speakers they judge, in both bands.
    The same clips, task and extractor give the same head on the same machine.
    Raises LearningError where the clips do not allow it.
    """
    table = build_table(clips, extractor, RENDITIONS, cache, progress)
    space = space_of(extractor)
    folds = speaker_folds(table.clips, min(CARD_FOLDS, len(set(table.voices.tolist()))))
    if task is LearningTask.EMOTION:
        search = class_search(table.n_layers)
        known = table.where(lambda clip: clip.emotion is not None)
        head = train_classes(known, emotion_of, search)
        inner = speaker_folds(known.clips, len(folds))
        figures = {}
        for result in judge_within(
            known, emotion_of, search, inner, features=extractor.name, test=name
        ):
            for figure in ("uar", "wa", "ece"):
                figures[f"{figure}_{result.band}"] = result.figures[figure].value
            figures[f"answered_{result.band}"] = result.coverage
        return class_head_file(head, known, name=name, space=space, figures=_rounded(figures))
    train = train_arousal if task is LearningTask.AROUSAL else train_valence
    figures = _contrast_figures(table, task, folds)
    return contrast_head_file(
        train(table), table, name=name, space=space, figures=_rounded(figures)
    )


def emotion_of(clip: Clip) -> str | None:
    """The class a clip is of."""
    return clip.emotion


def space_of(extractor: Extractor) -> str:
    """The space of the vectors, as a head's card names it."""
    return extractor.encoder.space if isinstance(extractor, WhisperLayers) else ACOUSTIC_SPACE


def _contrast_figures(table: Table, task: LearningTask, folds: Sequence[Fold]) -> dict[str, float]:
    """AUC of unseen speakers against three other utterances of theirs."""
    is_arousal = task is LearningTask.AROUSAL
    train, other = (train_arousal, "neutral") if is_arousal else (train_valence, "happy")
    figures = {}
    fits = [train(table.take(fold.train)) for fold in folds]
    for band in BANDS:
        odds = np.full(len(table.clips), np.nan)
        for fold, fit in zip(folds, fits, strict=True):
            odds[fold.test] = contrast_odds(fit, table.take(fold.test), band)
        result = judge_pair(odds, table, ("angry", other), features="", trained_on="", band=band)
        figures[f"auc_angry_{other}_{band}"] = result.auc.value
    return figures


def _rounded(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in figures.items()}
