"""From clips to a head file: the one way the command line and the shipped heads go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

import numpy as np

from subtone.perception.heads.acoustic import SPACE as ACOUSTIC_SPACE
from subtone.perception.heads.files import StoredHead
from subtone.perception.heads.networks import Network
from subtone.perception.learning.cache import FeatureCache, Progress, no_progress
from subtone.perception.learning.clips import Clip
from subtone.perception.learning.errors import LearningError
from subtone.perception.learning.evaluation.protocol import (
    LabelOf,
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
from subtone.perception.learning.training.mlp import MlpRecipe
from subtone.perception.learning.training.networks import train_network
from subtone.perception.learning.training.settings import class_search
from subtone.perception.learning.training.table import Table, build_table
from subtone.perception.learning.voices import train_voices

RENDITIONS: Final = (WIDE, TELEPHONE, varied(0))
CARD_FOLDS: Final = 5
SEEDS: Final = 5


class LearningTask(StrEnum):
    """What a head can be trained for."""

    EMOTION = "emotion"
    LANGUAGE = "language"
    AROUSAL = "arousal"
    VALENCE = "valence"
    SPEAKER = "speaker"


def train_head(
    clips: Sequence[Clip],
    task: LearningTask,
    extractor: WhisperLayers | Acoustics,
    cache: FeatureCache,
    *,
    name: str,
    network: Network = Network.LINEAR,
    progress: Progress = no_progress,
) -> StoredHead:
    """Encode, choose, calibrate, judge by folds over speakers, and fit on everything.

    The card's figures are of folds that never saw the speakers they judge, in both bands. A
    network is the best of several seeds by the inner folds that stopped it, and the figures
    of the linear head stand beside its own.
    The same clips, task and extractor give the same head on the same machine.
    Raises LearningError where the clips do not allow it.
    """
    if task is LearningTask.SPEAKER:
        if not isinstance(extractor, WhisperLayers) or network is not Network.LINEAR:
            raise LearningError(
                f"{task}: voices are read from one layer of an encoder, linearly; leave out "
                "--features acoustics and --network mlp"
            )
        return train_voices(clips, extractor, cache, name=name, progress=progress)
    table = build_table(clips, extractor, RENDITIONS, cache, progress)
    space = space_of(extractor)
    if task in _LABELS:
        return _class_head(table, task, network, name, space)
    if network is Network.MLP:
        raise LearningError(f"{task}: a contrast is linear; leave out --network mlp")
    train = train_arousal if task is LearningTask.AROUSAL else train_valence
    figures = _contrast_figures(table, task)
    return contrast_head_file(train(table), table, name=name, space=space, figures=figures)


_LABELS: Final[dict[LearningTask, LabelOf]] = {
    LearningTask.EMOTION: lambda clip: clip.emotion,
    LearningTask.LANGUAGE: lambda clip: clip.language,
}


def _class_head(
    table: Table, task: LearningTask, network: Network, name: str, space: str
) -> StoredHead:
    label_of, search = _LABELS[task], class_search(table.n_layers)
    known = table.where(lambda clip: label_of(clip) is not None)
    head = train_classes(known, label_of, search)
    folds = _card_folds(known)
    figures = {}
    for result in judge_within(known, label_of, search, folds, features="linear", test=name):
        for figure in ("uar", "wa", "ece"):
            figures[f"{figure}_{result.band}"] = result.figures[figure].value
        figures[f"answered_{result.band}"] = result.coverage
    if network is Network.MLP:
        trained = [
            train_network(known, label_of, head.setting.layers, MlpRecipe(seed=seed))
            for seed in range(SEEDS)
        ]
        recalls = [one.inner_recall for one in trained]
        figures = {f"linear_{figure}": value for figure, value in figures.items()}
        figures |= {
            "inner_uar_mean": float(np.mean(recalls)),
            "inner_uar_deviation": float(np.std(recalls)),
        }
        best = trained[int(np.argmax(recalls))]
        return class_head_file(
            best, known, name=name, task=task, space=space, figures=_rounded(figures)
        )
    return class_head_file(
        head, known, name=name, task=task, space=space, figures=_rounded(figures)
    )


def _card_folds(table: Table) -> list[Fold]:
    return speaker_folds(table.clips, min(CARD_FOLDS, len(set(table.voices.tolist()))))


def space_of(extractor: Extractor) -> str:
    """The space of the vectors, as a head's card names it."""
    return extractor.encoder.space if isinstance(extractor, WhisperLayers) else ACOUSTIC_SPACE


def _contrast_figures(table: Table, task: LearningTask) -> dict[str, float]:
    """AUC of unseen speakers against three other utterances of theirs."""
    is_arousal = task is LearningTask.AROUSAL
    train, other = (train_arousal, "neutral") if is_arousal else (train_valence, "happy")
    figures, folds = {}, _card_folds(table)
    fits = [train(table.take(fold.train)) for fold in folds]
    for band in BANDS:
        odds = np.full(len(table.clips), np.nan)
        for fold, fit in zip(folds, fits, strict=True):
            odds[fold.test] = contrast_odds(fit, table.take(fold.test), band)
        result = judge_pair(odds, table, ("angry", other), features="", trained_on="", band=band)
        figures[f"auc_angry_{other}_{band}"] = result.auc.value
    return _rounded(figures)


def _rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: round(float(value), 3) for name, value in figures.items()}
