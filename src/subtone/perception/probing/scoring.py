"""Figures with intervals over speakers: clips of one voice are not independent of each other."""

from __future__ import annotations

import numpy as np

from subtone.contracts.probing import Estimate
from subtone.perception.probing.data import F64, Index

INTERVAL = (0.025, 0.975)


class SpeakerBootstrap:
    """Resamples whole speakers; the same draws everywhere, so that differences are paired.

    Every method returns (draws + 1,): the figure itself first, then one per resample.
    """

    def __init__(self, speakers: Index, draws: int, seed: int) -> None:
        count = int(speakers.max()) + 1
        rng = np.random.default_rng([seed, 21])
        drawn = rng.multinomial(count, np.full(count, 1.0 / count), size=draws)
        self._speakers = speakers
        self._count = count
        self._times = np.concatenate([np.ones((1, count)), drawn])

    def recall(self, is_right: F64, labels: Index) -> F64:
        """UAR: the mean over classes of the share ``is_right`` (n,)."""
        shape = (self._count, int(labels.max()) + 1)
        right, total = np.zeros(shape), np.zeros(shape)
        np.add.at(right, (self._speakers, labels), is_right)
        np.add.at(total, (self._speakers, labels), 1.0)
        right, total = self._times @ right, self._times @ total
        is_there = total > 0.0
        recalls = np.where(is_there, right / np.where(is_there, total, 1.0), 0.0)
        figures: F64 = recalls.sum(axis=1) / is_there.sum(axis=1)
        return figures

    def mean(self, values: F64) -> F64:
        """Mean over clips."""
        total = np.bincount(self._speakers, weights=values, minlength=self._count)
        clips = np.bincount(self._speakers, minlength=self._count)
        figures: F64 = (self._times @ total) / (self._times @ clips)
        return figures


def estimate(figures: F64) -> Estimate:
    """The figure with its 95 % interval."""
    low, high = np.quantile(figures[1:], INTERVAL) if len(figures) > 1 else figures[[0, 0]]
    return Estimate(value=round6(figures[0]), low=round6(low), high=round6(high))


def round6(value: float) -> float:
    """Six decimals: what differs beyond them is the machine's arithmetic."""
    return round(float(value), 6) + 0.0


def ranks(values: F64) -> F64:
    """Ranks from 0, ties averaged."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    result: F64 = (ends - (counts + 1) / 2.0)[place]
    return result


def rank_correlation(a: F64, b: F64) -> float:
    """Spearman's rho; 0 where one side is constant."""
    first, second = (ranks(v) - ranks(v).mean() for v in (a, b))
    size = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / size if size else 0.0
