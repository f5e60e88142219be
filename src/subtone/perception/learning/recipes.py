"""From clips to a head file: the one way the command line and the shipped heads go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, TypeVar

import numpy as np

from subtone.perception.heads.acoustic import SPACE as ACOUSTIC_SPACE
from subtone.perception.heads.centre import BASELINE_UTTERANCES
from subtone.perception.heads.files import StoredHead
from subtone.perception.heads.networks import Network
from subtone.perception.heads.pooling import Pooling
from subtone.perception.learning.baseline import CLASS_SHARE, NORMAL_LABEL, centred_table
from subtone.perception.learning.cache import FeatureCache, Progress, no_progress
from subtone.perception.learning.clips import Clip
from subtone.perception.learning.errors import LearningError
from subtone.perception.learning.evaluation.protocol import (
    LabelOf,
    contrast_odds,
    judge_pair,
    judge_within,
)
from subtone.perception.learning.features import (
    Acoustics,
    Extractor,
    WhisperFrames,
    WhisperLayers,
)
from subtone.perception.learning.renditions import BANDS, TELEPHONE, WIDE, varied
from subtone.perception.learning.splits import Fold, speaker_folds
from subtone.perception.learning.training.attention import AttentionRecipe
from subtone.perception.learning.training.attentive import AttentiveHead, train_attentive
from subtone.perception.learning.training.classes import train_classes
from subtone.perception.learning.training.contrasts import (
    train_arousal,
    train_valence,
)
from subtone.perception.learning.training.epochs import Recipe
from subtone.perception.learning.training.export import (
    attentive_head_file,
    class_head_file,
    contrast_head_file,
)
from subtone.perception.learning.training.frames import build_frames
from subtone.perception.learning.training.networks import NetworkHead, train_network
from subtone.perception.learning.training.settings import class_search, middle_layer
from subtone.perception.learning.training.table import Table, build_table
from subtone.perception.learning.voices import train_voices

Trained = TypeVar("Trained", NetworkHead, AttentiveHead)

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
    pooling: Pooling = Pooling.MEAN_STD,
    is_against_normal: bool = False,
    progress: Progress = no_progress,
) -> StoredHead:
    """Encode, choose, calibrate, judge by folds over speakers, and fit on everything.

    The card's figures are of folds that never saw the speakers they judge, in both bands. A
    network, or a pooling that is learnt, is the best of several seeds by the inner folds that
    stopped it, and the figures of the linear head stand beside its own. Against the speaker's
    own normal, half of it is taken off, in the figures as three other neutral clips give it.
    The same clips, task and extractor give the same head on the same machine.
    Raises LearningError where the clips do not allow it.
    """
    is_attentive = pooling is Pooling.ATTENTIVE
    if is_against_normal and (
        task is not LearningTask.EMOTION
        or not isinstance(extractor, WhisperLayers)
        or network is not Network.LINEAR
        or is_attentive
    ):
        raise LearningError(
            f"{task}: a speaker's own normal is taken off for linear heads of emotion that pool an "
            "encoder's layers evenly, and off contrasts always; leave out --baseline speaker, or "
            "--features acoustics, --network mlp and --pooling attentive"
        )
    if task is LearningTask.SPEAKER:
        if (
            not isinstance(extractor, WhisperLayers)
            or network is not Network.LINEAR
            or is_attentive
        ):
            raise LearningError(
                f"{task}: voices are read from one layer of an encoder, linearly; leave out "
                "--features acoustics, --network mlp and --pooling attentive"
            )
        return train_voices(clips, extractor, cache, name=name, progress=progress)
    if is_attentive:
        return _attentive_head(clips, task, extractor, cache, network, name, progress)
    table = build_table(clips, extractor, RENDITIONS, cache, progress)
    space = space_of(extractor)
    if task in _LABELS:
        share = CLASS_SHARE if is_against_normal else 0.0
        return _class_head(table, task, network, name, space, share)
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
    table: Table, task: LearningTask, network: Network, name: str, space: str, share: float
) -> StoredHead:
    label_of, search = _LABELS[task], class_search(table.n_layers)
    known = table.where(lambda clip: label_of(clip) is not None)
    taught = centred_table(known, share) if share else known
    head = train_classes(taught, label_of, search)
    figures = _linear_figures(known, label_of, name, BASELINE_UTTERANCES if share else 0)
    if network is Network.MLP:
        trained = [
            train_network(known, label_of, head.setting.layers, Recipe(seed=seed))
            for seed in range(SEEDS)
        ]
        best, figures = _best(trained, figures)
        return class_head_file(
            best, known, name=name, task=task, space=space, figures=_rounded(figures)
        )
    return class_head_file(
        head, known, name=name, task=task, space=space, figures=_rounded(figures), share=share
    )


def _attentive_head(
    clips: Sequence[Clip],
    task: LearningTask,
    extractor: WhisperLayers | Acoustics,
    cache: FeatureCache,
    network: Network,
    name: str,
    progress: Progress,
) -> StoredHead:
    if task not in _LABELS:
        raise LearningError(f"{task}: a contrast pools evenly; leave out --pooling attentive")
    if not isinstance(extractor, WhisperLayers) or network is not Network.LINEAR:
        raise LearningError(
            f"{task}: attentive pooling reads an encoder's frames under a linear network; leave "
            "out --features acoustics and --network mlp"
        )
    label_of, encoder = _LABELS[task], extractor.encoder
    table = build_table(clips, extractor, RENDITIONS, cache, progress)
    known = table.where(lambda clip: label_of(clip) is not None)
    figures = _linear_figures(known, label_of, name)
    middle = WhisperFrames(encoder, middle_layer(encoder.n_layers))
    frames = build_frames(known.clips, middle, RENDITIONS, cache, progress)
    trained = [
        train_attentive(frames, label_of, AttentionRecipe(seed=seed)) for seed in range(SEEDS)
    ]
    best, figures = _best(trained, figures)
    return attentive_head_file(
        best, frames, name=name, task=task, space=space_of(extractor), figures=_rounded(figures)
    )


def _linear_figures(
    table: Table, label_of: LabelOf, name: str, normal: int = 0
) -> dict[str, float]:
    """Of the linear head on speakers it has not heard, in both bands.

    normal: from how many other neutral clips theirs is known; 0 where none is taken off.
    """
    figures, search = {}, class_search(table.n_layers)
    folds = _card_folds(table)
    results = judge_within(
        table, label_of, search, folds, features="linear", test=name, normals=(normal,)
    )
    if not results:
        raise LearningError(
            f"no speaker has {normal} {NORMAL_LABEL} clips beside the one that is judged, so "
            "nothing says how well the head does; add such clips, or leave out --baseline speaker"
        )
    for result in results:
        for figure in ("uar", "wa", "ece"):
            figures[f"{figure}_{result.band}"] = result.figures[figure].value
        figures[f"answered_{result.band}"] = result.coverage
    return figures


def _best(
    trained: Sequence[Trained], linear: Mapping[str, float]
) -> tuple[Trained, dict[str, float]]:
    """The seed whose inner folds were best, and all seeds' figures beside the linear head's."""
    recalls = [one.inner_recall for one in trained]
    figures = {f"linear_{figure}": value for figure, value in linear.items()}
    figures |= {
        "inner_uar_mean": float(np.mean(recalls)),
        "inner_uar_deviation": float(np.std(recalls)),
    }
    return trained[int(np.argmax(recalls))], figures


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
