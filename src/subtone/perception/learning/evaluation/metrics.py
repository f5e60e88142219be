"""Figures of a classifier on clips it has not heard, with intervals over speakers.

UAR: mean recall over the classes. ECE: 15 bins of equal width, below 500 clips 10 of equal
mass (Guo et al. 2017; SCIENCE section 1). Brier: squared error summed over the classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from subtone.perception.heads.comparison import Estimate

Reals = NDArray[np.float64]
Integers = NDArray[np.intp]

RESAMPLES: Final = 1_000
INTERVAL: Final = (0.025, 0.975)
_SMALLEST: Final = 1e-12
_MANY_CLIPS: Final = 500


@dataclass(frozen=True, eq=False)
class Judged:
    """What a head said about clips of unseen speakers, and what they are."""

    labels: tuple[str, ...]
    truth: Integers  # (clips), position in labels
    shares: Reals  # (clips, labels), rows sum to 1
    voices: NDArray[np.str_]  # (clips)

    def __post_init__(self) -> None:
        n = len(self.truth)
        if self.shares.shape != (n, len(self.labels)) or len(self.voices) != n or not n:
            raise ValueError("one truth, one row of shares and one voice for each of >= 1 clips")

    def take(self, rows: Integers) -> Judged:
        """Some of the clips, repeats allowed."""
        return Judged(self.labels, self.truth[rows], self.shares[rows], self.voices[rows])


def unweighted_recall(judged: Judged) -> float:
    """UAR, over the classes that occur."""
    said = judged.shares.argmax(axis=1)
    return float(np.mean([(said[judged.truth == k] == k).mean() for k in np.unique(judged.truth)]))


def weighted_accuracy(judged: Judged) -> float:
    """Share of clips that are right."""
    return float((judged.shares.argmax(axis=1) == judged.truth).mean())


def macro_f1(judged: Judged) -> float:
    """Mean F1 over the classes that occur."""
    said = judged.shares.argmax(axis=1)
    scores = []
    for k in np.unique(judged.truth):
        both = float(((said == k) & (judged.truth == k)).sum())
        scores.append(2.0 * both / float((said == k).sum() + (judged.truth == k).sum()))
    return float(np.mean(scores))


def negative_log_likelihood(judged: Judged) -> float:
    """Mean of -ln of the share given to the truth."""
    given = judged.shares[np.arange(len(judged.truth)), judged.truth]
    return float(-np.log(np.maximum(given, _SMALLEST)).mean())


def brier(judged: Judged) -> float:
    """Mean squared error of the shares, summed over the classes: 0 to 2."""
    target = np.eye(len(judged.labels))[judged.truth]
    return float(((judged.shares - target) ** 2).sum(axis=1).mean())


def calibration_error(judged: Judged) -> float:
    """ECE of the top share."""
    return float(sum(share * abs(right - said) for share, right, said in calibration_bins(judged)))


def calibration_bins(judged: Judged) -> list[tuple[float, float, float]]:
    """(share of clips, accuracy, mean confidence) of each bin that holds clips."""
    confidence = judged.shares.max(axis=1)
    is_right = judged.shares.argmax(axis=1) == judged.truth
    n = len(confidence)
    if n < _MANY_CLIPS:
        parts = np.array_split(np.argsort(confidence, kind="stable"), min(10, n))
    else:
        at = np.minimum((confidence * 15).astype(int), 14)
        parts = [np.flatnonzero(at == k) for k in range(15)]
    return [
        (len(part) / n, float(is_right[part].mean()), float(confidence[part].mean()))
        for part in parts
        if len(part)
    ]


def confusion(judged: Judged) -> NDArray[np.int64]:
    """(labels, labels): rows are the truth, columns what was said."""
    table = np.zeros((len(judged.labels), len(judged.labels)), np.int64)
    np.add.at(table, (judged.truth, judged.shares.argmax(axis=1)), 1)
    return table


def area_under_roc(positive: Reals, negative: Reals) -> float:
    """Share of pairs in the right order; ties count half."""
    both = np.concatenate([positive, negative])
    order = np.sort(both, kind="stable")
    ranks = (
        np.searchsorted(order, positive, "left") + np.searchsorted(order, positive, "right")
    ) / 2.0
    n, m = len(positive), len(negative)
    return float((ranks.sum() - n * n / 2.0) / (n * m))


FIGURES: Final[dict[str, Callable[[Judged], float]]] = {
    "uar": unweighted_recall,
    "wa": weighted_accuracy,
    "macro_f1": macro_f1,
    "ece": calibration_error,
    "nll": negative_log_likelihood,
    "brier": brier,
}


def estimates(judged: Judged, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Estimate]:
    """Every figure with its 95 % interval, bootstrapped over speakers."""
    draws = drawn_speakers(judged.voices, resamples, seed)
    found: dict[str, list[float]] = {name: [] for name in FIGURES}
    for rows in draws:
        sample = judged.take(rows)
        for name, figure in FIGURES.items():
            found[name].append(figure(sample))
    return {
        name: estimate(figure(judged), np.array(found[name])) for name, figure in FIGURES.items()
    }


def drawn_speakers(voices: NDArray[np.str_], resamples: int, seed: int) -> list[Integers]:
    """Rows of as many speakers as there are, drawn with repeats, once per resample."""
    rows_of = [np.flatnonzero(voices == voice) for voice in np.unique(voices)]
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(rows_of), size=(resamples, len(rows_of)))
    return [np.concatenate([rows_of[i] for i in draw]) for draw in drawn]


def estimate(value: float, resampled: Reals) -> Estimate:
    """A figure and the middle 95 % of its resamples."""
    low, high = np.quantile(resampled, INTERVAL)
    return Estimate(value=value, low=float(low), high=float(high))


def auc_gain(
    scores: Reals,
    parts: Sequence[Reals],
    is_positive: NDArray[np.bool_],
    voices: NDArray[np.str_],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """AUC of the scores less that of the better part, with its interval over speakers."""
    best = max(parts, key=lambda part: area_under_roc(part[is_positive], part[~is_positive]))

    def gain(rows: NDArray[np.intp]) -> float:
        high, low = rows[is_positive[rows]], rows[~is_positive[rows]]
        return area_under_roc(scores[high], scores[low]) - area_under_roc(best[high], best[low])

    found = [
        gain(rows)
        for rows in drawn_speakers(voices, resamples, seed)
        if 0 < int(is_positive[rows].sum()) < len(rows)
    ]
    return estimate(gain(np.arange(len(voices))), np.array(found))


def auc_estimate(
    scores: Reals,
    is_positive: NDArray[np.bool_],
    voices: NDArray[np.str_],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Area under the ROC curve with its interval over speakers."""
    found = [
        area_under_roc(scores[rows][is_positive[rows]], scores[rows][~is_positive[rows]])
        for rows in drawn_speakers(voices, resamples, seed)
        if 0 < int(is_positive[rows].sum()) < len(rows)
    ]
    whole = area_under_roc(scores[is_positive], scores[~is_positive])
    return estimate(whole, np.array(found))
