"""Several rankings made one: reciprocal rank fusion.

Cormack, Clarke, Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank
Learning Methods", SIGIR 2009. Scores of BM25 and cosines have no common scale; ranks have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

RANK_OFFSET: Final = 60.0  # the paper's k


def fused(rankings: Sequence[tuple[str, Sequence[int]]]) -> list[tuple[int, float, str]]:
    """(item, sum of 1 / (60 + rank), route), best first.

    ``rankings`` are a route's name and its items, best first, each at most once. The route of
    an item is the one that has it, "hybrid" where several have. Of equals, the higher item
    comes first.

    >>> fused([("transcript", [7, 8]), ("audio", [8])])
    [(8, 0.03252247488101534, 'hybrid'), (7, 0.01639344262295082, 'transcript')]
    """
    scores: dict[int, float] = {}
    routes: dict[int, str] = {}
    for route, items in rankings:
        for rank, item in enumerate(items, start=1):
            scores[item] = scores.get(item, 0.0) + 1.0 / (RANK_OFFSET + rank)
            routes[item] = route if routes.get(item, route) == route else "hybrid"
    ordered = sorted(scores.items(), key=lambda entry: (-entry[1], -entry[0]))
    return [(item, score, routes[item]) for item, score in ordered]
