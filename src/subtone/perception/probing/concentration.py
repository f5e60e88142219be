"""One dimension, a few, or all of them: UAR with the best k, any k, and all but the best k.

Emotion is spread out where any k do as well as the best k beyond a small k, and where losing
the best costs little. Dimensions are ranked on the training side of each fold.
"""

from __future__ import annotations

import numpy as np

from subtone.contracts.probing import ConcentrationPoint
from subtone.perception.encoding import FloatArray
from subtone.perception.probing.data import F64, Index
from subtone.perception.probing.logistic import Design
from subtone.perception.probing.scoring import estimate
from subtone.perception.probing.workbench import Workbench, fitted


class Curves:
    """The three curves as bootstrap figures, for points and verdict alike."""

    def __init__(self, bench: Workbench, random_draws: int) -> None:
        width = bench.vectors.shape[1]
        self.ks = [1 << i for i in range(width.bit_length()) if 1 << i < width] + [width]
        n = len(bench.emotion)
        top, rest = np.zeros((len(self.ks), n)), np.zeros((len(self.ks), n))
        draws = np.zeros((len(self.ks), random_draws, n))
        rng = np.random.default_rng([bench.seed, 51])
        for part in bench.unseen:
            weights = fitted(part, bench.emotion).weights
            ranked = np.argsort(-np.linalg.norm(weights, axis=0), kind="stable")
            train, test = part.fold
            x, y = bench.vectors, bench.emotion
            for at, k in enumerate(self.ks):
                if k == width:
                    top[at, test] = draws[at][:, test] = bench.emotion_right[test]
                    continue
                top[at, test] = _right(x, y, train, test, ranked[:k])
                rest[at, test] = _right(x, y, train, test, ranked[k:])
                for draw in range(random_draws):
                    drawn = rng.choice(width, k, replace=False)
                    draws[at, draw, test] = _right(x, y, train, test, drawn)
        recall = bench.bootstrap.recall
        self.top = [recall(right, bench.emotion) for right in top]
        self.rest = [recall(right, bench.emotion) for right in rest]
        self.random = [recall(right.mean(axis=0), bench.emotion) for right in draws]

    def points(self) -> tuple[ConcentrationPoint, ...]:
        """The report's rows."""
        return tuple(
            ConcentrationPoint(
                k=k,
                top=estimate(self.top[at]),
                random=estimate(self.random[at]),
                without_top=None if k == self.ks[-1] else estimate(self.rest[at]),
            )
            for at, k in enumerate(self.ks)
        )


def _right(x: FloatArray, y: Index, train: Index, test: Index, dimensions: Index) -> F64:
    design = Design(x[np.ix_(train, dimensions)])
    probe = design.fit(y[train], int(y.max()) + 1)
    logits = probe.logits(design.standardise(x[np.ix_(test, dimensions)]))
    right: F64 = (logits.argmax(axis=1) == y[test]).astype(np.float64)
    return right
