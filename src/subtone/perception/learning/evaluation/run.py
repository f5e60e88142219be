"""One evaluation of everything: within corpora, across them, beside baselines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

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
from subtone.perception.learning.evaluation.report import EvaluationReport
from subtone.perception.learning.renditions import TELEPHONE
from subtone.perception.learning.splits import speaker_and_sentence_folds, speaker_folds
from subtone.perception.learning.training.classes import Setting
from subtone.perception.learning.training.combination import evidence_shares
from subtone.perception.learning.training.contrasts import (
    ContrastFit,
    train_arousal,
    train_valence,
)
from subtone.perception.learning.training.linear import Fit
from subtone.perception.learning.training.table import Table

MOST_FOLDS: Final = 8
SHARED_EMOTIONS: Final = ("neutral", "happy", "sad", "angry", "fear", "disgust")
WHISPER_SEARCH: Final = (
    Setting((3,), Fit.LOGISTIC, 0.001),
    Setting((2, 3, 4), Fit.DISCRIMINANT, 0.3),
    Setting((2, 3, 4), Fit.DISCRIMINANT, 0.6),
)
ACROSS_SEARCH: Final = (Setting((2, 3, 4), Fit.DISCRIMINANT, 0.6),)
FLAT_SEARCH: Final = (
    Setting((0,), Fit.LOGISTIC, 0.01),
    Setting((0,), Fit.LOGISTIC, 1.0),
    Setting((0,), Fit.DISCRIMINANT, 0.1),
)
FLAT_CONTRAST: Final = Setting((0,), Fit.LOGISTIC, 0.01)

Say = Callable[[str], None]


def say_nothing(line: str) -> None:
    """Nobody listens."""
    del line


@dataclass(frozen=True, eq=False, kw_only=True)
class FeatureSet:
    """Tables of one kind of feature, by corpus, and what a head of it may search."""

    name: str
    tables: Mapping[str, Table]
    search: Sequence[Setting]
    contrast: Setting | None = None  # None: the settings measured for Whisper's layers


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


def evaluate(
    main: FeatureSet,
    baselines: Sequence[FeatureSet] = (),
    *,
    acoustics: FeatureSet | None = None,
    within: Sequence[str] | None = None,
    say: Say = say_nothing,
) -> EvaluationReport:
    """All protocols on ``main``; ``baselines`` on unseen speakers only.

    within: corpora judged by their own folds, and trained on alone; all by default, which
    together with the others teach heads for each corpus left out. acoustics: for the contrasts
    beside ``main`` and combined with it.
    """
    names = list(main.tables)
    classes: list[ClassResult] = []
    for name in names if within is None else within:
        for features in (main, *baselines):
            say(f"{name}: {features.name} on unseen speakers")
            table = features.tables[name]
            folds = speaker_folds(table.clips, min(MOST_FOLDS, len(set(table.voices.tolist()))))
            classes += judge_within(
                table, own_label, features.search, folds, features=features.name, test=name
            )
        classes += _harder(main, name, say)
    contrasts: list[ContrastResult] = []
    alone = names if within is None else within
    sources: list[tuple[str, ...]] = [(name,) for name in alone]
    if len(names) > 2:  # all others together: what several corpora give
        sources += [tuple(o for o in names if o != name) for name in names]
    for source in sources:
        targets = [name for name in names if name not in source]
        say(f"{'+'.join(source)} to {', '.join(targets)}")
        classes += _across(main, source, targets)
        contrasts += _contrasts(main, acoustics, source, targets)
    return EvaluationReport(
        data=tuple(described_corpus(main.tables[name].clips) for name in names),
        classes=tuple(classes),
        contrasts=tuple(contrasts),
    )


def _harder(main: FeatureSet, name: str, say: Say) -> list[ClassResult]:
    """Unseen speakers and sentences, and unseen speakers against their own normal."""
    table, found = main.tables[name], []
    say(f"{name}: {main.name} against the speaker's own normal")
    folds = speaker_folds(table.clips, min(MOST_FOLDS, len(set(table.voices.tolist()))))
    if any(clip.label == "neutral" for clip in table.clips):
        found += judge_within(
            table,
            own_label,
            main.search,
            folds,
            features=f"{main.name}, own normal",
            test=name,
            is_centred=True,
        )
    sentences = {clip.sentence for clip in table.clips}
    if None not in sentences and len(sentences) == 2:
        say(f"{name}: {main.name} on unseen speakers and sentences")
        for features, is_centred in ((main.name, False), (f"{main.name}, own normal", True)):
            found += judge_within(
                table,
                own_label,
                main.search,
                speaker_and_sentence_folds(table.clips, min(8, len(folds))),
                features=features,
                test=f"{name} +sentence",
                is_centred=is_centred,
            )
    return found


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
        head = train_for(train, shared_label, ACROSS_SEARCH, is_centred=is_centred)
        for target in targets:
            found += judge_across(
                head,
                train,
                main.tables[target],
                shared_label,
                features=f"{main.name}{', own normal' if is_centred else ''}",
                bands=(TELEPHONE,),
                is_centred=is_centred,
            )
    return found


def _contrasts(
    main: FeatureSet,
    acoustics: FeatureSet | None,
    source: Sequence[str],
    targets: Sequence[str],
) -> list[ContrastResult]:
    found = []
    for train, pair in ((_arousal, ("angry", "neutral")), (_valence, ("angry", "happy"))):
        read = [main] if acoustics is None else [main, acoustics]
        fits = [train(_joined(f.tables, source), f.contrast) for f in read]
        shares = evidence_shares(fits)
        for target in targets:
            table = main.tables[target]
            odds = [
                contrast_odds(fit, features.tables[target], TELEPHONE)
                for fit, features in zip(fits, read, strict=True)
            ]
            named = dict(zip((features.name for features in read), odds, strict=True))
            if acoustics is not None:
                joined = sum(share * values for share, values in zip(shares, odds, strict=True))
                named[f"both, {main.name} {shares[0]:.1f}"] = np.asarray(joined)
            found += [
                judge_pair(
                    values, table, pair, features=name, trained_on="+".join(source), band=TELEPHONE
                )
                for name, values in named.items()
            ]
    return found


def _arousal(table: Table, setting: Setting | None) -> ContrastFit:
    return train_arousal(table) if setting is None else train_arousal(table, setting)


def _valence(table: Table, setting: Setting | None) -> ContrastFit:
    return train_valence(table) if setting is None else train_valence(table, setting)
