"""Training of heads that pool attentively: epochs by inner speaker folds, calibrated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from subtone.perception.encoding import FloatArray
from subtone.perception.heads.networks import softmax
from subtone.perception.learning.clips import Clip
from subtone.perception.learning.renditions import BANDS, Rendition
from subtone.perception.learning.splits import Fold
from subtone.perception.learning.training.attention import (
    AttentionRecipe,
    Frames,
    attentive_logits,
    attentive_pooled,
    train_attention,
)
from subtone.perception.learning.training.epochs import Score, Tensors, stopped_by_folds
from subtone.perception.learning.training.frames import FrameTable
from subtone.perception.learning.training.linear import Reals


@dataclass(frozen=True, eq=False, kw_only=True)
class AttentiveHead:
    """A trained and calibrated head over the frames of one layer, of one seed."""

    labels: tuple[str, ...]
    layer: int
    tensors: Tensors  # as a head file holds them
    temperature: float
    threshold: float
    inner_recall: float  # UAR on the folds that chose its epochs

    def pooled(self, frames: Frames) -> FloatArray:
        """(clips, 2 d): what the network reads, before it is standardised."""
        return attentive_pooled(self.tensors, frames)

    def shares(self, frames: Frames) -> Reals:
        """(clips, labels) of (frames, d) of each clip: calibrated, rows sum to 1."""
        logits = attentive_logits(self.tensors, frames).astype(np.float64)
        return softmax(logits / self.temperature)


def train_attentive(
    table: FrameTable,
    label_of: Callable[[Clip], str | None],
    recipe: AttentionRecipe,
    bands: Sequence[Rendition] = BANDS,
) -> AttentiveHead:
    """Early stopping on inner speaker folds gives the epochs; then all clips for so many.

    Raises LearningError as the splits do.
    """
    table = table.where(lambda clip: label_of(clip) is not None)
    names = [str(label_of(clip)) for clip in table.clips]
    labels = tuple(sorted(set(names)))
    y = np.array([labels.index(name) for name in names])

    def fit(fold: Fold, score: Score) -> tuple[FloatArray, int]:
        heard = table.take(fold.test)
        tests = [states for band in bands for states in heard.frames[band]]
        tensors, epoch = train_attention(
            _all_renditions(table.take(fold.train)),
            np.tile(y[fold.train], len(table.frames)),
            len(labels),
            recipe,
            (score, tests),
        )
        return attentive_logits(tensors, tests), epoch

    stopped = stopped_by_folds(table.clips, y, len(bands), fit)
    final = replace(recipe, max_epochs=stopped.epochs)
    tensors, _ = train_attention(
        _all_renditions(table), np.tile(y, len(table.frames)), len(labels), final
    )
    return AttentiveHead(
        labels=labels,
        layer=table.layer,
        tensors=tensors,
        temperature=stopped.temperature,
        threshold=stopped.threshold,
        inner_recall=stopped.inner_recall,
    )


def _all_renditions(table: FrameTable) -> Frames:
    return [states for frames in table.frames.values() for states in frames]
