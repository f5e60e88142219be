"""What the analyses share: codes, folds, decomposed training sides, one bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from subtone.perception.encoding import FloatArray
from subtone.perception.probing.data import F64, Index, ProbeData, codes
from subtone.perception.probing.folds import Fold, seen_folds, unseen_folds
from subtone.perception.probing.logistic import Design, Softmax
from subtone.perception.probing.scoring import SpeakerBootstrap


class Split(NamedTuple):
    """A fold with its training side ready for any labels."""

    fold: Fold
    design: Design
    test: F64  # standardised test rows


def split(vectors: FloatArray | F64, folds: Sequence[Fold]) -> list[Split]:
    """Decompose the training side of each fold."""
    found = []
    for fold in folds:
        design = Design(vectors[fold.train])
        found.append(Split(fold, design, design.standardise(vectors[fold.test])))
    return found


def fitted(part: Split, labels: Index) -> Softmax:
    """The probe of one fold."""
    return part.design.fit(labels[part.fold.train], int(labels.max()) + 1)


def is_right(splits: Sequence[Split], labels: Index) -> F64:
    """(n,) 1.0 where the probe of the row's fold names its label."""
    right = np.zeros(len(labels))
    for part in splits:
        named = fitted(part, labels).logits(part.test).argmax(axis=1)
        right[part.fold.test] = named == labels[part.fold.test]
    return right


class Workbench:
    """One matrix under one seed."""

    def __init__(self, data: ProbeData, seed: int, draws: int) -> None:
        self.data = data
        self.seed = seed
        self.vectors = data.vectors
        self.emotion = codes(data.emotion)
        self.speaker = codes(data.speaker)
        self.sentence = codes(data.sentence)
        self.n_classes = len(data.emotions)
        self.bootstrap = SpeakerBootstrap(self.speaker, draws, seed)

    @cached_property
    def unseen_folds(self) -> list[Fold]:
        """Neither speaker nor sentence was learned from."""
        return unseen_folds([self.speaker, self.sentence], self.seed)

    @cached_property
    def unseen(self) -> list[Split]:
        """The probed vectors under those folds."""
        return split(self.vectors, self.unseen_folds)

    @cached_property
    def seen_folds(self) -> list[Fold]:
        """By clip."""
        return seen_folds(self.emotion, self.seed)

    @cached_property
    def emotion_right(self) -> F64:
        """(n,) whether emotion was named, everything unseen."""
        return is_right(self.unseen, self.emotion)

    @cached_property
    def recall_unseen(self) -> F64:
        """Its UAR, and that of every resample."""
        return self.bootstrap.recall(self.emotion_right, self.emotion)

    @cached_property
    def standardised(self) -> F64:
        """(n, d) every dimension at mean 0 and deviation 1."""
        rows: F64 = Design(self.vectors).rows
        return rows
