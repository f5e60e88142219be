"""Training of class heads: the setting by inner speaker folds, calibration on unseen speakers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from subtone.perception.encoding import FloatArray
from subtone.perception.heads.networks import softmax
from subtone.perception.learning.calibration import abstention_threshold, fit_temperature
from subtone.perception.learning.clips import Clip
from subtone.perception.learning.errors import LearningError
from subtone.perception.learning.renditions import BANDS, Rendition
from subtone.perception.learning.splits import speaker_folds
from subtone.perception.learning.training.linear import (
    Components,
    Fit,
    Integers,
    LinearMap,
    Reals,
    components_of,
    fit_linear,
    mean_map,
)
from subtone.perception.learning.training.settings import Setting
from subtone.perception.learning.training.table import Table

INNER_FOLDS: Final = 4
_CORPORA_TO_CALIBRATE: Final = 3  # one is held out, and two are left to learn from


@dataclass(frozen=True, eq=False, kw_only=True)
class ClassHead:
    """A trained and calibrated classifier of one feature table."""

    labels: tuple[str, ...]
    setting: Setting
    map: LinearMap
    temperature: float
    threshold: float
    search: dict[Setting, float]  # inner UAR of each setting
    held_out: dict[Rendition, Reals]  # (clips, labels) logits of the inner folds that chose it
    truth: Integers  # (clips) of those

    def shares(self, values: FloatArray) -> Reals:
        """(clips, labels) of (clips, layers, n): calibrated, rows sum to 1."""
        return softmax(self.logits(values) / self.temperature)

    def logits(self, values: FloatArray) -> Reals:
        """(clips, labels) before calibration."""
        return self.map(chosen(values, self.setting.layers))


def train_classes(
    table: Table,
    label_of: Callable[[Clip], str | None],
    candidates: Sequence[Setting],
    *,
    bands: Sequence[Rendition] = BANDS,
    is_centred: bool = False,
) -> ClassHead:
    """Choose by inner folds over speakers, calibrate on logits of the unheard, fit on all.

    The unheard are the speakers of those folds; of three corpora or more, the speakers of each
    corpus by the others, for what a caller says is like none of them.

    Every rendition of the table is trained on; ``bands`` are what the choice and the
    calibration are judged by. Clips without a label are left out.
    Raises LearningError for fewer than two labels, or a label that one speaker alone has.
    """
    table = table.where(lambda clip: label_of(clip) is not None)
    names = [str(label_of(clip)) for clip in table.clips]
    labels = tuple(sorted(set(names)))
    _require_labels(table, names, labels)
    y = np.array([labels.index(name) for name in names])
    held_out = _held_out(table, y, candidates, bands, is_centred)
    search = {s: _mean_recall(logits, y) for s, logits in held_out.items()}
    best = max(search, key=lambda s: search[s])
    if len({clip.corpus for clip in table.clips}) >= _CORPORA_TO_CALIBRATE:
        logits, truth = _held_out_corpora(table, y, best, bands, is_centred)
    else:
        logits = np.concatenate([held_out[best][band] for band in bands])
        truth = np.tile(y, len(bands))
    temperature = fit_temperature(logits, truth)
    return ClassHead(
        labels=labels,
        setting=best,
        map=_fit(table, y, [best], is_centred)[best],
        temperature=temperature,
        threshold=abstention_threshold(softmax(logits / temperature), truth),
        search=search,
        held_out=held_out[best],
        truth=y,
    )


def chosen(values: FloatArray, layers: Sequence[int]) -> FloatArray:
    """(clips, len(layers) * n) of (clips, layers, n)."""
    rows: FloatArray = values[:, list(layers)].reshape(len(values), -1)
    return rows


def _held_out(
    table: Table,
    y: Integers,
    candidates: Sequence[Setting],
    bands: Sequence[Rendition],
    is_centred: bool,
) -> dict[Setting, dict[Rendition, Reals]]:
    n_labels = int(y.max()) + 1
    out = {s: {band: np.zeros((len(y), n_labels)) for band in bands} for s in candidates}
    n_folds = min(INNER_FOLDS, len(set(table.voices.tolist())))
    for fold in speaker_folds(table.clips, n_folds):
        if len(np.unique(y[fold.train])) < n_labels:
            raise LearningError(
                "a label has too few speakers to be held out and learnt from at once; "
                "add speakers or leave it out"
            )
        maps = _fit(table.take(fold.train), y[fold.train], candidates, is_centred)
        for setting, linear in maps.items():
            for band in bands:
                heard = chosen(table.values[band][fold.test], setting.layers)
                out[setting][band][fold.test] = linear(heard)
    return out


def _held_out_corpora(
    table: Table, y: Integers, setting: Setting, bands: Sequence[Rendition], is_centred: bool
) -> tuple[Reals, Integers]:
    """Logits of each corpus by the others, and the truth; -inf for labels those do not have."""
    names = np.array([clip.corpus for clip in table.clips])
    logits, truth = [], []
    for name in np.unique(names):
        train = np.flatnonzero(names != name)
        labels, at = np.unique(y[train], return_inverse=True)
        test = np.flatnonzero((names == name) & np.isin(y, labels))
        linear = _fit(table.take(train), at, [setting], is_centred)[setting]
        for band in bands:
            part = np.full((len(test), int(y.max()) + 1), -np.inf)
            part[:, labels] = linear(chosen(table.values[band][test], setting.layers))
            logits.append(part)
            truth.append(y[test])
    return np.concatenate(logits), np.concatenate(truth)


def _fit(
    table: Table, y: Integers, candidates: Sequence[Setting], is_centred: bool
) -> dict[Setting, LinearMap]:
    part: dict[int, Components] = {
        layer: components_of(
            np.concatenate([values[:, layer] for values in table.values.values()]),
            is_centred=is_centred,
        )
        for layer in sorted({layer for setting in candidates for layer in setting.layers})
    }
    truth = np.tile(y, len(table.values))
    weight = np.tile(_group_weight(table.clips), len(table.values))

    @cache
    def fitted(layer: int, fit: Fit, strength: float) -> LinearMap:
        return fit_linear(part[layer], truth, fit, strength, weight)

    return {s: mean_map([fitted(at, s.fit, s.strength) for at in s.layers]) for s in candidates}


def _group_weight(clips: Sequence[Clip]) -> Reals:
    """Corpora count the same, however large; the mean weight is 1."""
    names, at, counts = np.unique(
        [clip.corpus for clip in clips], return_inverse=True, return_counts=True
    )
    return np.asarray(len(clips) / (len(names) * counts[at]), np.float64)


def _mean_recall(logits: dict[Rendition, Reals], y: Integers) -> float:
    recalls = [
        np.mean([(band.argmax(axis=1)[y == k] == k).mean() for k in np.unique(y)])
        for band in logits.values()
    ]
    return float(np.mean(recalls))


def _require_labels(table: Table, names: Sequence[str], labels: Sequence[str]) -> None:
    if len(labels) < 2:
        raise LearningError("the clips have fewer than two labels; nothing can be told apart")
    voices: dict[str, set[str]] = {label: set() for label in labels}
    for clip, name in zip(table.clips, names, strict=True):
        voices[name].add(clip.voice)
    lonely = sorted(label for label in labels if len(voices[label]) < 2)
    if lonely:
        raise LearningError(
            f"one speaker alone says {', '.join(lonely)}; add speakers or leave the label out"
        )
