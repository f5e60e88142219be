"""Training of the small network: epochs by inner speaker folds, several seeds, calibrated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from subtone.perception.encoding import FloatArray
from subtone.perception.heads.networks import Network, forward, softmax
from subtone.perception.learning.clips import Clip
from subtone.perception.learning.renditions import BANDS, Rendition
from subtone.perception.learning.splits import Fold
from subtone.perception.learning.training.classes import chosen
from subtone.perception.learning.training.epochs import Recipe, Score, Tensors, stopped_by_folds
from subtone.perception.learning.training.linear import Reals
from subtone.perception.learning.training.mlp import train_mlp
from subtone.perception.learning.training.table import Table


@dataclass(frozen=True, eq=False, kw_only=True)
class NetworkHead:
    """A trained and calibrated network of one seed."""

    labels: tuple[str, ...]
    layers: tuple[int, ...]
    mean: FloatArray
    scale: FloatArray
    tensors: Tensors
    temperature: float
    threshold: float
    inner_recall: float  # UAR on the folds that chose its epochs

    def shares(self, values: FloatArray) -> Reals:
        """(clips, labels) of (clips, layers, n): calibrated, rows sum to 1."""
        x = (chosen(values, self.layers) - self.mean) / self.scale
        logits = forward(Network.MLP, self.tensors, x.astype(np.float32)).astype(np.float64)
        return softmax(logits / self.temperature)


def train_network(
    table: Table,
    label_of: Callable[[Clip], str | None],
    layers: tuple[int, ...],
    recipe: Recipe,
    bands: Sequence[Rendition] = BANDS,
) -> NetworkHead:
    """Early stopping on inner speaker folds gives the epochs; then all clips for so many.

    Raises LearningError as the splits do.
    """
    table = table.where(lambda clip: label_of(clip) is not None)
    names = [str(label_of(clip)) for clip in table.clips]
    labels = tuple(sorted(set(names)))
    y = np.array([labels.index(name) for name in names])

    def fit(fold: Fold, score: Score) -> tuple[FloatArray, int]:
        mean, scale, x = _standardised(table.take(fold.train), layers)
        heard = np.concatenate([chosen(table.values[b][fold.test], layers) for b in bands])
        heard = ((heard - mean) / scale).astype(np.float32)
        truth = np.tile(y[fold.train], len(table.values))
        tensors, epoch = train_mlp(x, truth, len(labels), recipe, (score, heard))
        return forward(Network.MLP, tensors, heard), epoch

    stopped = stopped_by_folds(table.clips, y, len(bands), fit)
    mean, scale, x = _standardised(table, layers)
    final = replace(recipe, max_epochs=stopped.epochs)
    tensors, _ = train_mlp(x, np.tile(y, len(table.values)), len(labels), final)
    return NetworkHead(
        labels=labels,
        layers=layers,
        mean=mean,
        scale=scale,
        tensors=tensors,
        temperature=stopped.temperature,
        threshold=stopped.threshold,
        inner_recall=stopped.inner_recall,
    )


def _standardised(
    table: Table, layers: tuple[int, ...]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    rows = np.concatenate([chosen(values, layers) for values in table.values.values()])
    exact = rows.astype(np.float64)
    mean = exact.mean(axis=0).astype(np.float32)
    scale = np.maximum(exact.std(axis=0), 1e-6).astype(np.float32)
    return mean, scale, ((rows - mean) / scale).astype(np.float32)
