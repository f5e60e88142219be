"""Who is held out: whole speakers and whole sentences, never single clips of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from subtone.perception.probing.data import Index

MOST_GROUPS = 5


class Fold(NamedTuple):
    """Rows to learn from and rows to judge by."""

    train: Index
    test: Index


def unseen_folds(groupings: Sequence[Index], seed: int) -> list[Fold]:
    """Folds in which nothing tested shares a value of any grouping with anything learned from.

    Each grouping's values are dealt into at most five groups; a fold tests the rows of one
    group of each and learns from the rows that are in none of them, so that every row is
    tested once, or never where nothing is left to learn from. A grouping with a single value
    cannot be held out and is passed over.
    """
    rng = np.random.default_rng([seed, 11])
    dealt = [_deal(values, rng) for values in groupings if len(np.unique(values)) > 1]
    return list(_crossed(dealt))


def seen_folds(labels: Index, seed: int) -> list[Fold]:
    """Five folds by clip, each class spread evenly: speakers and sentences are seen before."""
    rng = np.random.default_rng([seed, 12])
    order = rng.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    group = np.empty(len(labels), np.intp)
    group[order] = np.arange(len(labels)) % MOST_GROUPS
    return list(_crossed([group]))


def _deal(values: Index, rng: np.random.Generator) -> Index:
    distinct, place = np.unique(values, return_inverse=True)
    group = np.empty(len(distinct), np.intp)
    group[rng.permutation(len(distinct))] = np.arange(len(distinct)) % MOST_GROUPS
    return group[place]


def _crossed(dealt: Sequence[Index]) -> Iterator[Fold]:
    if not dealt:
        return
    for cell in product(*(range(int(group.max()) + 1) for group in dealt)):
        is_in = np.stack([group == at for group, at in zip(dealt, cell, strict=True)])
        train, test = np.flatnonzero(~is_in.any(axis=0)), np.flatnonzero(is_in.all(axis=0))
        if len(train) and len(test):
            yield Fold(train, test)
