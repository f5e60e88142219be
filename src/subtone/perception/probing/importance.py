"""Which dimensions the probe leans on, and whether that list is more than this basis and draw.

Permutation importance on held-out speakers. Correlated dimensions share credit, so clusters
(|r| > .7 to their leader) are shuffled together as well; a drop counts where it exceeds the
95 % quantile of the largest drop under emotions shuffled within each speaker.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from subtone.contracts.probing import DimensionImportance, ImportanceReport
from subtone.perception.encoding import FloatArray
from subtone.perception.probing.data import F64, Index
from subtone.perception.probing.folds import Fold, unseen_folds
from subtone.perception.probing.scoring import estimate, rank_correlation, round6
from subtone.perception.probing.workbench import Split, Workbench, fitted, split

CORRELATED = 0.7
TOP_SIZE = 20
_NULL_QUANTILE = 0.95
_BLOCK = 2**22  # values of one intermediate array


class Clusters(NamedTuple):
    """Dimensions sorted by cluster: ``order`` (d,), and where each cluster begins in it."""

    order: Index
    starts: Index
    leaders: Index

    @property
    def sizes(self) -> Index:
        """Members of each cluster."""
        return np.diff(np.append(self.starts, len(self.order)))


def correlation_clusters(rows: F64, least: float = CORRELATED) -> Clusters:
    """Each dimension with the most connected one it correlates with above ``least``."""
    is_close = np.abs(rows.T @ rows) / len(rows) > least
    leader = np.full(len(is_close), -1, np.intp)
    for candidate in np.argsort(-is_close.sum(axis=0), kind="stable"):
        if leader[candidate] < 0:
            leader[(leader < 0) & is_close[candidate]] = candidate
            leader[candidate] = candidate
    order: Index = np.argsort(leader, kind="stable")
    leaders, starts = np.unique(leader[order], return_index=True)
    return Clusters(order, starts, leaders)


class Drops(NamedTuple):
    """(n, d) and (n, clusters): by how much shuffling makes a clip's answer worse, -1 to 1."""

    dimensions: FloatArray
    clusters: FloatArray


def permutation_drops(
    splits: Sequence[Split], labels: Index, clusters: Clusters, repeats: int, seed: Sequence[int]
) -> Drops:
    """Mean over ``repeats`` shuffles of the test rows of each fold; untested rows hold 0."""
    n, width = len(labels), len(clusters.order)
    rng = np.random.default_rng(seed)
    alone = np.zeros((n, width), np.float32)
    together = np.zeros((n, len(clusters.starts)), np.float32)
    for part in splits:
        rows = part.fold.test
        probe = fitted(part, labels)
        test = part.test.astype(np.float32)
        weights = probe.weights.astype(np.float32)
        logits = probe.logits(part.test).astype(np.float32)
        base = (logits.argmax(axis=1) == labels[rows]).astype(np.float32)
        step = max(_BLOCK // (width * len(weights)), 1)
        for _ in range(repeats):
            moved = test[rng.permutation(len(rows))] - test
            for at in range(0, len(rows), step):
                piece = slice(at, at + step)
                shift = moved[piece, None, :] * weights  # (rows, classes, d)
                own = labels[rows[piece]]
                joint = np.add.reduceat(shift[:, :, clusters.order], clusters.starts, axis=2)
                for drop, change in ((alone, shift), (together, joint)):
                    named = (logits[piece, :, None] + change).argmax(axis=1)
                    drop[rows[piece]] += base[piece, None] - (named == own[:, None])
    share = np.float32(1.0 / repeats)
    return Drops(alone * share, together * share)


def recall_drop(drops: FloatArray, labels: Index, rows: Index | None = None) -> F64:
    """(d,) drop of UAR: the mean over classes of the mean drop of their clips."""
    chosen = np.arange(len(labels)) if rows is None else rows
    own = labels[chosen]
    counts = np.bincount(own)
    weights = 1.0 / (np.count_nonzero(counts) * counts[own])
    dropped: F64 = weights @ drops[chosen]
    return dropped


class _Agreement(NamedTuple):
    whole: float
    top: float
    shared: float


def _agreement(pairs: Sequence[tuple[F64, F64]], size: int) -> _Agreement:
    found = []
    for a, b in pairs:
        first, second = (np.argsort(-drop, kind="stable")[:size] for drop in (a, b))
        shared = len(np.intersect1d(first, second)) / size
        # each list by itself: in their union, what only one side ranks high would always clash
        top = (rank_correlation(a[list_], b[list_]) for list_ in (first, second))
        found.append((rank_correlation(a, b), sum(top) / 2.0, shared))
    return _Agreement(*np.mean(found, axis=0).tolist())


def importance(
    bench: Workbench, repeats: int, nulls: int, halvings: int, seeds: int
) -> ImportanceReport:
    """The whole section; see the module."""
    clusters = correlation_clusters(bench.standardised)
    labels = bench.emotion
    drops = permutation_drops(bench.unseen, labels, clusters, repeats, [bench.seed, 71])
    alone, together = (recall_drop(part, labels) for part in drops)
    largest = _null_drops(bench, clusters, repeats, nulls)
    null_alone, null_together = np.quantile(largest, _NULL_QUANTILE, axis=0).tolist()
    size = min(TOP_SIZE, max(len(alone) // 4, 1))
    halves = _agreement(_half_pairs(bench, clusters, repeats, halvings), size)
    across = _agreement(_seed_pairs(bench, clusters, repeats, seeds, alone), size)
    return ImportanceReport(
        repeats=repeats,
        nulls=nulls,
        null_drop=round6(null_alone),
        beyond_null=int((alone > null_alone).sum()),
        top=_top(bench, drops.dimensions, alone, null_alone, None),
        clusters=len(clusters.starts),
        cluster_null_drop=round6(null_together),
        clusters_beyond_null=int((together > null_together).sum()),
        top_clusters=_top(bench, drops.clusters, together, null_together, clusters),
        top_size=size,
        split_half_correlation=round6(halves.whole),
        split_half_top_correlation=round6(halves.top),
        split_half_top_shared=round6(halves.shared),
        seed_correlation=round6(across.whole),
        seed_top_correlation=round6(across.top),
        seed_top_shared=round6(across.shared),
        chance_top_shared=round6(size / len(alone)),
    )


def _top(
    bench: Workbench, drops: FloatArray, mean: F64, null: float, clusters: Clusters | None
) -> tuple[DimensionImportance, ...]:
    found = []
    for at in np.argsort(-mean, kind="stable")[:10]:
        figures = bench.bootstrap.recall(drops[:, at].astype(np.float64), bench.emotion)
        found.append(
            DimensionImportance(
                dimension=int(at if clusters is None else clusters.leaders[at]),
                size=1 if clusters is None else int(clusters.sizes[at]),
                drop=estimate(figures),
                is_beyond_null=bool(mean[at] > null),
            )
        )
    return tuple(found)


def _null_drops(bench: Workbench, clusters: Clusters, repeats: int, nulls: int) -> F64:
    """(nulls, 2) largest drop of a dimension and of a cluster, emotions shuffled per speaker."""
    rng = np.random.default_rng([bench.seed, 72])
    largest = []
    for at in range(nulls):
        labels = bench.emotion.copy()
        for speaker in range(int(bench.speaker.max()) + 1):
            rows = np.flatnonzero(bench.speaker == speaker)
            labels[rows] = labels[rng.permutation(rows)]
        drops = permutation_drops(bench.unseen, labels, clusters, repeats, [bench.seed, 73, at])
        largest.append([recall_drop(part, labels).max() for part in drops])
    return np.array(largest)


def _half_pairs(
    bench: Workbench, clusters: Clusters, repeats: int, halvings: int
) -> list[tuple[F64, F64]]:
    """Learned from one half of the speakers and judged by the other, and the other way round."""
    rng = np.random.default_rng([bench.seed, 74])
    speakers = np.unique(bench.speaker)
    pairs = []
    for at in range(halvings):
        first = rng.permutation(speakers)[: len(speakers) // 2]
        is_first = np.isin(bench.speaker, first)
        sides = (np.flatnonzero(is_first), np.flatnonzero(~is_first))
        pair: list[F64] = []
        for train, test in (sides, sides[::-1]):
            parts = split(bench.vectors, [Fold(train, test)])
            drops = permutation_drops(
                parts, bench.emotion, clusters, repeats, [bench.seed, 75, at, len(pair)]
            )
            pair.append(recall_drop(drops.dimensions, bench.emotion, test))
        pairs.append((pair[0], pair[1]))
    return pairs


def _seed_pairs(
    bench: Workbench, clusters: Clusters, repeats: int, seeds: int, own: F64
) -> list[tuple[F64, F64]]:
    """Other folds and other shuffles, every pair of them."""
    found = [own]
    for at in range(1, seeds):
        folds = unseen_folds([bench.speaker, bench.sentence], bench.seed + 1000 * at)
        drops = permutation_drops(
            split(bench.vectors, folds), bench.emotion, clusters, repeats, [bench.seed, 76, at]
        )
        found.append(recall_drop(drops.dimensions, bench.emotion))
    return [(found[i], found[j]) for i in range(len(found)) for j in range(i)]
