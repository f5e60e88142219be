"""What goes with the speaker: erase one factor's linear trace, then ask for the other.

LEACE in closed form (Belrose et al. 2023) on a covariance shrunk towards the
identity, fitted on the training side only. Random directions of equal rank are drawn from
the data's own covariance, so that they carry as much variance as a direction of its does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from subtone.contracts.probing import RemovalEffect, RemovalReport
from subtone.perception.probing.data import F64, Index
from subtone.perception.probing.folds import unseen_folds
from subtone.perception.probing.logistic import Design
from subtone.perception.probing.scoring import estimate, round6
from subtone.perception.probing.workbench import Split, Workbench, split

SHRINKAGE = 0.1  # of the mean variance, which is 1


class Eraser(NamedTuple):
    """Takes ``x @ read @ write`` off standardised rows."""

    read: F64  # (d, rank)
    write: F64  # (rank, d)

    def __call__(self, rows: F64) -> F64:
        """Rows without what is read."""
        return rows - (rows @ self.read) @ self.write


def eraser(design: Design, concept: F64) -> Eraser:
    """Makes the concept (n, values) linearly unreadable on the design's rows."""
    n = len(design.rows)
    centred = concept - concept.mean(axis=0)
    spread = np.sqrt(design.energies / n + SHRINKAGE)[:, None]
    shared = design.basis.T @ (design.rows.T @ centred) / n
    directions, sizes, _ = np.linalg.svd(shared / spread, full_matrices=False)
    kept = directions[:, sizes > 1e-8 * sizes.max(initial=1e-300)]
    return Eraser(design.basis @ (kept / spread), (design.basis @ (kept * spread)).T)


class _Task(NamedTuple):
    factor: str
    held_out: str
    splits: Sequence[Split]
    labels: Index
    before: F64


def removals(bench: Workbench, random_draws: int) -> tuple[RemovalReport, ...]:
    """The speaker erased, then emotion, then the sentence where ``has_shared_sentences``.

    Emotion is asked for with everything unseen, where the eraser does not know the tested
    speakers or sentences, and where it does. So is what is erased.
    """
    strict, *of_speakers = _tasks(bench)
    erased = [
        ("speaker", bench.speaker, (strict, *of_speakers)),
        ("emotion", bench.emotion, (strict, *of_speakers)),
    ]
    if bench.data.has_shared_sentences:
        known = _sentence_tasks(bench)
        # of two sentences one is held out, and there is nothing to erase among what is left
        unseen = (strict,) if len(bench.data.sentences) > 2 else ()
        erased.append(("sentence", bench.sentence, (*known, *unseen)))
    return tuple(_report(bench, *one, random_draws) for one in erased)


def _sentence_tasks(bench: Workbench) -> Iterator[_Task]:
    """Of unseen speakers who say sentences that are known."""
    same_sentences = split(bench.vectors, unseen_folds([bench.speaker], bench.seed))
    for name, labels in (("emotion", bench.emotion), ("sentence", bench.sentence)):
        before = bench.bootstrap.recall(_after(same_sentences, labels, None), labels)
        yield _Task(name, "speakers", same_sentences, labels, before)


def _tasks(bench: Workbench) -> tuple[_Task, ...]:
    has_sentences = len(bench.data.sentences) > 1
    folds = unseen_folds([bench.sentence], bench.seed) if has_sentences else bench.seen_folds
    same_speakers = split(bench.vectors, folds)
    known = "sentences" if has_sentences else "clips"
    strict = "speakers and sentences" if has_sentences else "speakers"
    asked = (
        ("emotion", strict, bench.unseen, bench.emotion),
        ("emotion", known, same_speakers, bench.emotion),
        ("speaker", known, same_speakers, bench.speaker),
    )
    return tuple(
        _Task(*task, bench.bootstrap.recall(_after(task[2], task[3], None), task[3]))
        for task in asked
    )


def _report(
    bench: Workbench, name: str, factor: Index, tasks: Sequence[_Task], random_draws: int
) -> RemovalReport:
    effects = []
    ranks: list[int] = []
    for at, task in enumerate(tasks):
        rng = np.random.default_rng([bench.seed, 61, at])
        draws = [
            _after(task.splits, task.labels, _erase_random(factor, rng))
            for _ in range(random_draws)
        ]
        gone = _after(task.splits, task.labels, _erase_factor(factor, ranks))
        after = bench.bootstrap.recall(gone, task.labels)
        random = bench.bootstrap.recall(np.mean(draws, axis=0), task.labels)
        effects.append(
            RemovalEffect(
                factor=task.factor,
                held_out=task.held_out,
                chance=round6(1.0 / len(np.unique(task.labels))),
                before=estimate(task.before),
                after=estimate(after),
                random=estimate(random),
                cost=estimate(random - after),
            )
        )
    return RemovalReport(removed=name, rank=round6(sum(ranks) / len(ranks)), effects=tuple(effects))


MakeEraser = Callable[[Split], Eraser]


def _erase_factor(factor: Index, ranks: list[int]) -> MakeEraser:
    def make(part: Split) -> Eraser:
        found = eraser(part.design, np.eye(int(factor.max()) + 1)[factor[part.fold.train]])
        ranks.append(found.read.shape[1])
        return found

    return make


def _erase_random(factor: Index, rng: np.random.Generator) -> MakeEraser:
    def make(part: Split) -> Eraser:
        rank = max(len(np.unique(factor[part.fold.train])) - 1, 1)
        return eraser(part.design, rng.standard_normal((len(part.fold.train), rank)))

    return make


def _after(splits: Sequence[Split], labels: Index, make: MakeEraser | None) -> F64:
    """(n,) whether the label is still named once the training side's eraser has run."""
    right = np.zeros(len(labels))
    for part in splits:
        design, test = part.design, part.test
        if make is not None:
            erase = make(part)
            design = Design(erase(design.rows))
            test = design.standardise(erase(test))
        probe = design.fit(labels[part.fold.train], int(labels.max()) + 1)
        right[part.fold.test] = probe.logits(test).argmax(axis=1) == labels[part.fold.test]
    return right
