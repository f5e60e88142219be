"""How heads are judged: unseen speakers, unseen speakers and sentences, other corpora."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from subtone.perception.encoding import FloatArray
from subtone.perception.heads.comparison import Estimate
from subtone.perception.heads.domain import TrainingDomain, tempered_shares
from subtone.perception.learning.baseline import (
    CLASS_SHARE,
    Bools,
    centred_on_first,
    centred_table,
)
from subtone.perception.learning.calibration import coverage_and_precision
from subtone.perception.learning.clips import Clip
from subtone.perception.learning.evaluation.metrics import (
    Judged,
    auc_estimate,
    auc_gain,
    estimates,
    unweighted_recall,
)
from subtone.perception.learning.renditions import BANDS, Rendition
from subtone.perception.learning.splits import Fold, require_disjoint, speaker_folds
from subtone.perception.learning.training.attention import AttentionRecipe
from subtone.perception.learning.training.attentive import train_attentive
from subtone.perception.learning.training.classes import ClassHead, chosen, train_classes
from subtone.perception.learning.training.contrasts import ContrastFit
from subtone.perception.learning.training.epochs import Recipe
from subtone.perception.learning.training.export import domain_of
from subtone.perception.learning.training.frames import FrameTable
from subtone.perception.learning.training.linear import Reals
from subtone.perception.learning.training.networks import train_network
from subtone.perception.learning.training.settings import Setting
from subtone.perception.learning.training.table import Table

NETWORK_LAYERS = (3,)
DOMAIN_GROUPS = 4  # of speakers, measured against the others; a file's domain takes each alone

LabelOf = Callable[[Clip], str | None]
HeardFold = tuple[tuple[str, ...], dict[Rendition, Reals]]  # labels, (clips, labels) by band


@dataclass(frozen=True, eq=False, kw_only=True)
class ClassResult:
    """One class head on one test in one band."""

    features: str  # what it reads
    trained_on: str
    tested_on: str
    band: Rendition
    judged: Judged
    figures: dict[str, Estimate]
    coverage: float  # share of clips answered at the head's own threshold
    precision: float | None  # of those answers; None without any


@dataclass(frozen=True, kw_only=True)
class ContrastResult:
    """One contrast on one test in one band: AUC of one emotion over another."""

    features: str
    trained_on: str
    tested_on: str
    band: Rendition
    pair: tuple[str, str]
    clips: int
    speakers: int
    auc: Estimate
    gain: Estimate | None = None  # of a combination, over the better of its parts


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainedHead:
    """A class head, and where it was taught, as a head file holds both."""

    head: ClassHead
    domain: TrainingDomain

    def shares(self, values: FloatArray) -> Reals:
        """(clips, labels) as a loaded head gives them, less sure far from its domain."""
        linear = self.head.map
        rows = (chosen(values, self.head.setting.layers) - linear.mean) / linear.scale
        near = np.array([self.domain.reliability(row) for row in rows.astype(np.float32)])
        return tempered_shares(self.head.logits(values), self.head.temperature, near[:, None])


def judge_within(
    table: Table,
    label_of: LabelOf,
    candidates: Sequence[Setting],
    folds: Sequence[Fold],
    *,
    features: str,
    test: str,
    bands: Sequence[Rendition] = BANDS,
    normals: Sequence[int] = (0,),
) -> list[ClassResult]:
    """Nested: every fold chooses, calibrates and sets its threshold on its own training part.

    normals: from how many neutral utterances a tested speaker's normal is taken, one result
    for each; 0 is none, and the head is then taught without. In training the normal is of all
    neutral clips there, in the test of other neutral clips of the speaker, whichever sentence
    they hold. Clips that have none are left out of the test; where no clip has one, there is
    no result.
    """
    heads = [
        (
            fold,
            train_for(table.take(fold.train), label_of, candidates, is_centred=any(normals)),
        )
        for fold in folds
    ]
    labels = heads[0][1].head.labels
    results = []
    for band, normal in product(bands, normals):
        values, is_heard = _heard(table, band, normal)
        tests = [(fold.test[is_heard[fold.test]], head) for fold, head in heads]
        tests = [(rows, head) for rows, head in tests if len(rows)]
        if not tests:
            continue
        judged = [
            _judged(labels, [table.clips[i] for i in rows], head.shares(values[rows]), label_of)
            for rows, head in tests
        ]
        answered = [
            coverage_and_precision(j.shares, j.truth, trained.head.threshold)
            for j, (_, trained) in zip(judged, tests, strict=True)
        ]
        results.append(
            _result(
                _joined(judged),
                answered,
                [len(j.truth) for j in judged],
                features=_named(features, normal),
                trained_on=test,
                tested_on=test,
                band=band,
            )
        )
    return results


def judge_networks(
    table: Table, label_of: LabelOf, n_folds: int, seeds: Iterable[int]
) -> dict[Rendition, list[float]]:
    """UAR of the small network on unseen speakers, one value per seed, in both bands."""

    def heard(fold: Fold, seed: int) -> HeardFold:
        head = train_network(table.take(fold.train), label_of, NETWORK_LAYERS, Recipe(seed=seed))
        return head.labels, {b: head.shares(table.values[b][fold.test]) for b in BANDS}

    return _seed_recalls(table.clips, label_of, n_folds, seeds, heard)


def judge_attention(
    table: FrameTable, label_of: LabelOf, n_folds: int, seeds: Iterable[int]
) -> dict[Rendition, list[float]]:
    """UAR of attentive pooling on unseen speakers, one value per seed, in both bands."""

    def heard(fold: Fold, seed: int) -> HeardFold:
        head = train_attentive(table.take(fold.train), label_of, AttentionRecipe(seed=seed))
        test = table.take(fold.test)
        return head.labels, {b: head.shares(test.frames[b]) for b in BANDS}

    return _seed_recalls(table.clips, label_of, n_folds, seeds, heard)


def _seed_recalls(
    clips: Sequence[Clip],
    label_of: LabelOf,
    n_folds: int,
    seeds: Iterable[int],
    heard: Callable[[Fold, int], HeardFold],
) -> dict[Rendition, list[float]]:
    folds = speaker_folds(clips, n_folds)
    tests = [[clips[i] for i in fold.test] for fold in folds]
    recalls: dict[Rendition, list[float]] = {band: [] for band in BANDS}
    for seed in seeds:
        said = [heard(fold, seed) for fold in folds]
        for band in BANDS:
            parts = [
                _judged(labels, test, shares[band], label_of)
                for test, (labels, shares) in zip(tests, said, strict=True)
            ]
            recalls[band].append(unweighted_recall(_joined(parts)))
    return recalls


def judge_across(
    trained: TrainedHead,
    train: Table,
    test: Table,
    label_of: LabelOf,
    *,
    features: str,
    bands: Sequence[Rendition] = BANDS,
    normals: Sequence[int] = (0,),
) -> list[ClassResult]:
    """A head of one corpus on another, over labels both have; normals as in ``judge_within``."""
    head = trained.head
    require_disjoint(train.clips, test.clips)
    shared = {label_of(clip) for clip in test.clips} & set(head.labels)
    test = test.where(lambda clip: label_of(clip) in shared)
    at = [i for i, label in enumerate(head.labels) if label in shared]
    results = []
    for band, normal in product(bands, normals):
        values, is_heard = _heard(test, band, normal)
        part = test.take(np.flatnonzero(is_heard))
        shares = trained.shares(values[is_heard])
        kept = shares[:, at] / shares[:, at].sum(axis=1, keepdims=True)
        judged = _judged(tuple(head.labels[i] for i in at), part.clips, kept, label_of)
        answered = coverage_and_precision(judged.shares, judged.truth, head.threshold)
        results.append(
            _result(
                judged,
                [answered],
                [len(judged.truth)],
                features=_named(features, normal),
                trained_on=_corpora(train),
                tested_on=_corpora(test),
                band=band,
            )
        )
    return results


def train_for(
    table: Table, label_of: LabelOf, candidates: Sequence[Setting], *, is_centred: bool
) -> TrainedHead:
    """A head of a whole table, less half of its speakers' normals where asked."""
    table = table.where(lambda clip: label_of(clip) is not None)
    if is_centred:
        table = centred_table(table, CLASS_SHARE)
    head = train_classes(table, label_of, candidates)
    domain = domain_of(
        head.setting.layers, head.map.mean, head.map.scale, table, n_groups=DOMAIN_GROUPS
    )
    return TrainedHead(head=head, domain=domain)


def contrast_odds(fit: ContrastFit, test: Table, band: Rendition, seed: int = 0) -> Reals:
    """(clips) log-odds against three other neutral clips; NaN where there are not three."""
    moved, has_normal = centred_on_first(test.values[band], test.clips, seed=seed)
    odds = fit.logits(moved)
    odds[~has_normal] = np.nan
    return odds


def judge_pair(
    odds: Reals,
    test: Table,
    pair: tuple[str, str],
    *,
    features: str,
    trained_on: str,
    band: Rendition,
    parts: Sequence[Reals] = (),
) -> ContrastResult:
    """AUC of the first emotion over the second, in the clips that have a baseline.

    parts: the odds that were combined, whose better one the gain is over.
    """
    labels = np.array([clip.label for clip in test.clips])
    kept = np.flatnonzero(np.isin(labels, pair) & np.isfinite(odds))
    voices = test.voices[kept]
    return ContrastResult(
        features=features,
        trained_on=trained_on,
        tested_on=_corpora(test),
        band=band,
        pair=pair,
        clips=len(kept),
        speakers=len(set(voices.tolist())),
        auc=auc_estimate(odds[kept], labels[kept] == pair[0], voices),
        gain=auc_gain(odds[kept], [part[kept] for part in parts], labels[kept] == pair[0], voices)
        if parts
        else None,
    )


def _heard(test: Table, band: Rendition, normal: int) -> tuple[FloatArray, Bools]:
    """What a head reads of each clip, and which clips it can be asked about."""
    if normal:
        return centred_on_first(test.values[band], test.clips, most=normal, share=CLASS_SHARE)
    return test.values[band], np.ones(len(test.clips), np.bool_)


def _named(features: str, normal: int) -> str:
    return f"{features}, normal of {normal}" if normal else features


def _judged(
    labels: tuple[str, ...], clips: Sequence[Clip], shares: Reals, label_of: LabelOf
) -> Judged:
    names = [label_of(clip) for clip in clips]
    kept = np.array([i for i, name in enumerate(names) if name in labels])
    truth = np.array([labels.index(str(names[i])) for i in kept])
    return Judged(labels, truth, shares[kept], np.array([clips[i].voice for i in kept]))


def _joined(parts: Sequence[Judged]) -> Judged:
    return Judged(
        parts[0].labels,
        np.concatenate([part.truth for part in parts]),
        np.concatenate([part.shares for part in parts]),
        np.concatenate([part.voices for part in parts]),
    )


def _result(
    judged: Judged,
    answered: Sequence[tuple[float, float | None]],
    sizes: Sequence[int],
    *,
    features: str,
    trained_on: str,
    tested_on: str,
    band: Rendition,
) -> ClassResult:
    answers = sum(coverage * n for (coverage, _), n in zip(answered, sizes, strict=True))
    right = sum(c * n * (p or 0.0) for (c, p), n in zip(answered, sizes, strict=True))
    return ClassResult(
        features=features,
        trained_on=trained_on,
        tested_on=tested_on,
        band=band,
        judged=judged,
        figures=estimates(judged),
        coverage=answers / sum(sizes),
        precision=right / answers if answers else None,
    )


def _corpora(table: Table) -> str:
    return "+".join(sorted({clip.corpus for clip in table.clips}))
