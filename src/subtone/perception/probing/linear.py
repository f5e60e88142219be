"""Linear probes, control tasks and baselines: how much of a figure is emotion.

A control task gives every speaker, sentence or pair of both a random emotion. A probe that
learns it from clips of the same speakers has learned who speaks; on unseen ones it can only
guess (Hewitt and Liang 2019). With few speakers it guesses below chance there, because what
is held out is rarer in what is learned from; selectivity then counts it as chance.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from subtone.contracts.probing import ControlTask, Estimate, ProbeScore
from subtone.perception.encoding import FloatArray
from subtone.perception.probing.data import F64, Index
from subtone.perception.probing.folds import unseen_folds
from subtone.perception.probing.scoring import estimate
from subtone.perception.probing.workbench import Workbench, is_right, split


def control_labels(groups: Index, emotion: Index, rng: np.random.Generator) -> Index:
    """(n,) one emotion for each group, drawn as often as emotions occur.

    Each emotion is drawn at least once, so that the control has as many classes as the task;
    there must be as many groups.
    """
    distinct, place = np.unique(groups, return_inverse=True)
    classes = np.unique(emotion)
    once = rng.permutation(classes)
    rest = rng.choice(emotion, len(distinct) - len(once))
    drawn: Index = rng.permutation(np.concatenate([once, rest]))[place]
    return drawn


def probe_scores(
    bench: Workbench, baselines: Mapping[str, FloatArray]
) -> tuple[tuple[ProbeScore, ...], tuple[tuple[str, Estimate], ...]]:
    """Emotion from the probed vectors and from each baseline, and the gain over each."""
    recall, own = bench.bootstrap.recall, bench.recall_unseen
    seen = is_right(split(bench.vectors, bench.seen_folds), bench.emotion)
    scores = [_score(bench.data.space, bench.vectors, own, recall(seen, bench.emotion))]
    gains = []
    for name, vectors in baselines.items():
        unseen, seen = (
            recall(is_right(split(vectors, folds), bench.emotion), bench.emotion)
            for folds in (bench.unseen_folds, bench.seen_folds)
        )
        scores.append(_score(name, vectors, unseen, seen))
        gains.append((name, estimate(own - unseen)))
    return tuple(scores), tuple(gains)


def _score(name: str, vectors: FloatArray, unseen: F64, seen: F64) -> ProbeScore:
    return ProbeScore(
        name=name, dimensions=vectors.shape[1], unseen=estimate(unseen), seen=estimate(seen)
    )


def words_alone(bench: Workbench) -> Estimate | None:
    """Emotion from which sentence it is, unseen speakers; None where sentences are unknown."""
    if len(bench.data.sentences) < 2:
        return None
    sentences = np.eye(len(bench.data.sentences), dtype=np.float32)[bench.sentence]
    folds = unseen_folds([bench.speaker], bench.seed)
    right = is_right(split(sentences, folds), bench.emotion)
    return estimate(bench.bootstrap.recall(right, bench.emotion))


def control_tasks(bench: Workbench, draws: int) -> tuple[ControlTask, ...]:
    """Controls fixed to the speaker, the sentence and the pair, each the mean of ``draws``.

    What has fewer values than there are emotions would be an easier task, and is left out.
    """
    groups = {"speaker": bench.speaker}
    if len(bench.data.sentences) > 1:
        pairs = bench.speaker * (int(bench.sentence.max()) + 1) + bench.sentence
        groups |= {"sentence": bench.sentence, "speaker and sentence": pairs}
    seen_splits = split(bench.vectors, bench.seen_folds)
    recall = bench.bootstrap.recall
    emotion_seen = recall(is_right(seen_splits, bench.emotion), bench.emotion)
    tasks = []
    for at, (name, group) in enumerate(groups.items()):
        if len(np.unique(group)) < bench.n_classes:
            continue
        rng = np.random.default_rng([bench.seed, 31, at])
        labels = [control_labels(group, bench.emotion, rng) for _ in range(draws)]
        unseen, seen = (
            np.mean([recall(is_right(splits, drawn), drawn) for drawn in labels], axis=0)
            for splits in (bench.unseen, seen_splits)
        )
        chance = 1.0 / bench.n_classes
        tasks.append(
            ControlTask(
                fixed_to=name,
                unseen=estimate(unseen),
                seen=estimate(seen),
                selectivity_unseen=estimate(bench.recall_unseen - np.maximum(unseen, chance)),
                selectivity_seen=estimate(emotion_seen - np.maximum(seen, chance)),
            )
        )
    return tuple(tasks)
