"""How good a shared space is for search: recall at k, mean average precision, median rank."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

CUTOFFS: Final = (1, 5, 10)


@dataclass(frozen=True, kw_only=True)
class RetrievalFigures:
    """Means over the queries that have anything relevant to find."""

    queries: int
    recall_at: Mapping[int, float]  # share of queries with something relevant among the first k
    mean_average_precision: float
    median_rank: float  # of the first relevant, from 1
    chance_recall_at: Mapping[int, float]  # of a random order, exactly
    chance_mean_average_precision: float


def retrieval_figures(
    similarity: NDArray[np.floating], is_relevant: NDArray[np.bool_]
) -> RetrievalFigures:
    """similarity, is_relevant: (queries, gallery). Ties count against the search.

    Raises ValueError where no query has anything relevant, or a similarity is not finite.
    """
    if similarity.shape != is_relevant.shape or not np.isfinite(similarity).all():
        raise ValueError("similarities must be finite, one per query and item")
    asked = is_relevant.any(axis=1)
    if not asked.any():
        raise ValueError("no query has anything relevant to find")
    hits = np.stack(
        [
            found[np.lexsort((found, -scores))]  # equal scores: the irrelevant first
            for scores, found in zip(similarity[asked], is_relevant[asked], strict=True)
        ]
    )
    ranks = hits.argmax(axis=1) + 1
    places = np.arange(1, hits.shape[1] + 1)
    precision = np.cumsum(hits, axis=1) / places
    relevant = hits.sum(axis=1)
    return RetrievalFigures(
        queries=len(hits),
        recall_at={k: float((ranks <= k).mean()) for k in CUTOFFS},
        mean_average_precision=float(((precision * hits).sum(axis=1) / relevant).mean()),
        median_rank=float(np.median(ranks)),
        chance_recall_at={
            k: float(np.mean([_chance_recall(hits.shape[1], int(r), k) for r in relevant]))
            for k in CUTOFFS
        },
        chance_mean_average_precision=float(
            np.mean([_chance_precision(hits.shape[1], int(r)) for r in relevant])
        ),
    )


def _chance_recall(gallery: int, relevant: int, k: int) -> float:
    k = min(k, gallery)
    return 1.0 - math.comb(gallery - relevant, k) / math.comb(gallery, k)


def _chance_precision(gallery: int, relevant: int) -> float:
    """Expected average precision of a random order."""
    other = (relevant - 1) / max(gallery - 1, 1)
    return math.fsum((1.0 + other * (k - 1)) / k for k in range(1, gallery + 1)) / gallery
