"""Evaluations of whole corpora: within one, across several, beside baselines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

import numpy as np

from subtone.perception.heads.centre import BASELINE_UTTERANCES
from subtone.perception.learning.baseline import NORMAL_LABEL, TWENTY_SECONDS
from subtone.perception.learning.clips import Clip
from subtone.perception.learning.evaluation.protocol import (
    ClassResult,
    ContrastResult,
    contrast_odds,
    judge_across,
    judge_pair,
    judge_within,
    train_for,
)
from subtone.perception.learning.evaluation.report import class_line, contrast_line
from subtone.perception.learning.renditions import TELEPHONE
from subtone.perception.learning.splits import speaker_and_sentence_folds, speaker_folds
from subtone.perception.learning.training.combination import combine
from subtone.perception.learning.training.contrasts import (
    train_arousal,
    train_valence,
)
from subtone.perception.learning.training.settings import class_search
from subtone.perception.learning.training.table import Table

MOST_FOLDS: Final = 8
SENTENCE_FOLDS: Final = 4
NORMALS: Final = (BASELINE_UTTERANCES, TWENTY_SECONDS)
SHARED_EMOTIONS: Final = ("neutral", "happy", "sad", "angry", "fear", "disgust")
Say = Callable[[str], None]
Result = TypeVar("Result")


def say_nothing(line: str) -> None:
    """Nobody listens."""
    del line


@dataclass(frozen=True, eq=False, kw_only=True)
class FeatureSet:
    """Tables of one kind of feature, by corpus."""

    name: str
    tables: Mapping[str, Table]


def own_label(clip: Clip) -> str | None:
    """Every label the corpus itself has, as its own evaluation counts classes."""
    return clip.label


def shared_label(clip: Clip) -> str | None:
    """The six classes that corpora share."""
    return clip.label if clip.label in SHARED_EMOTIONS else None


def described_corpus(clips: Sequence[Clip]) -> str:
    """Clips, speakers, labels, languages, acted or natural, licence."""
    kinds = "/".join(sorted({"acted" if clip.is_acted else "natural" for clip in clips}))
    return (
        f"{clips[0].corpus}: {len(clips)} clips, {len({c.speaker for c in clips})} speakers, "
        f"{len({c.label for c in clips})} labels, {kinds}, "
        f"{'/'.join(sorted({c.language for c in clips}))}, {clips[0].licence}"
    )


def evaluate_within(
    main: FeatureSet, baselines: Sequence[FeatureSet], names: Sequence[str], say: Say = say_nothing
) -> list[ClassResult]:
    """Unseen speakers of each corpus: ``main``, the baselines that have it, harder protocols."""
    found: list[ClassResult] = []
    for name in names:
        for features in (main, *baselines):
            if name in features.tables:
                found += _said(_unseen(features, name), class_line, say)
        found += _said(_harder(main, name), class_line, say)
    return found


def evaluate_across(
    main: FeatureSet, acoustics: FeatureSet, alone: Sequence[str], say: Say = say_nothing
) -> tuple[list[ClassResult], list[ContrastResult]]:
    """Each corpus of ``alone`` on every other; of three or more, all others on each one too.

    Telephone band, for which the contrasts of ``main`` stand beside those of acoustics.
    """
    names = list(main.tables)
    classes: list[ClassResult] = []
    contrasts: list[ContrastResult] = []
    sources: list[tuple[str, ...]] = [(name,) for name in alone]
    if len(names) > 2:
        sources += [tuple(o for o in names if o != name) for name in names]
    for source in sources:
        targets = [name for name in names if name not in source]
        if targets:
            contrasts += _said(_contrasts(main, acoustics, source, targets), contrast_line, say)
            classes += _said(_across(main, source, targets), class_line, say)
    return classes, contrasts


def _said(results: Iterable[Result], line: Callable[[Result], str], say: Say) -> list[Result]:
    """The results, each told as soon as it is there."""
    found = []
    for result in results:
        say(line(result))
        found.append(result)
    return found


def _unseen(features: FeatureSet, name: str, normals: Sequence[int] = (0,)) -> list[ClassResult]:
    table = features.tables[name]
    n_folds = min(MOST_FOLDS, len(set(table.voices.tolist())))
    return judge_within(
        table,
        own_label,
        class_search(table.n_layers),
        speaker_folds(table.clips, n_folds),
        features=features.name,
        test=name,
        normals=normals,
    )


def _harder(main: FeatureSet, name: str) -> Iterator[ClassResult]:
    """Unseen speakers against their own normal, and unseen speakers and sentences."""
    table = main.tables[name]
    if any(clip.label == NORMAL_LABEL for clip in table.clips):
        yield from _unseen(main, name, NORMALS)
    sentences = {clip.sentence for clip in table.clips}
    if None in sentences or len(sentences) != 2:
        return  # with more, the labels of some halves would be incomplete
    for normals in ((0,), NORMALS):
        yield from judge_within(
            table,
            own_label,
            class_search(table.n_layers),
            speaker_and_sentence_folds(table.clips, SENTENCE_FOLDS),
            features=main.name,
            test=f"{name} +sentence",
            normals=normals,
        )


def _joined(tables: Mapping[str, Table], names: Sequence[str]) -> Table:
    parts = [tables[name] for name in names]
    renditions = [r for r in parts[0].values if all(r in part.values for part in parts)]
    return Table(
        tuple(clip for part in parts for clip in part.clips),
        {r: np.concatenate([part.values[r] for part in parts]) for r in renditions},
    )


def _across(main: FeatureSet, source: Sequence[str], targets: Sequence[str]) -> list[ClassResult]:
    train = _joined(main.tables, source)
    found = []
    for is_centred in (False, True):
        trained = train_for(
            train, shared_label, class_search(train.n_layers)[-1:], is_centred=is_centred
        )
        for target in targets:
            found += judge_across(
                trained,
                train,
                main.tables[target],
                shared_label,
                features=main.name,
                bands=(TELEPHONE,),
                normals=NORMALS if is_centred else (0,),
            )
    return found


def _contrasts(
    main: FeatureSet,
    acoustics: FeatureSet,
    source: Sequence[str],
    targets: Sequence[str],
) -> list[ContrastResult]:
    found = []
    for train, pair in ((train_arousal, ("angry", "neutral")), (train_valence, ("angry", "happy"))):
        read = [main, acoustics]
        fits = [train(_joined(f.tables, source)) for f in read]
        joined = combine(*fits)
        for target in targets:
            odds = [
                contrast_odds(fit, features.tables[target], TELEPHONE)
                for fit, features in zip(fits, read, strict=True)
            ]
            judge = partial(
                judge_pair,
                test=main.tables[target],
                pair=pair,
                trained_on="+".join(source),
                band=TELEPHONE,
            )
            found += [judge(o, features=f.name) for o, f in zip(odds, read, strict=True)]
            name = f"both, {acoustics.name} {joined.share:.2f}"
            found.append(judge(joined(odds[0], odds[1]), features=name, parts=odds))
    return found
