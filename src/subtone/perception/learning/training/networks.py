"""Training of the small network: epochs by inner speaker folds, several seeds, calibrated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from subtone.perception.encoding import FloatArray
from subtone.perception.heads.networks import Network, forward, softmax
from subtone.perception.learning.calibration import abstention_threshold, fit_temperature
from subtone.perception.learning.clips import Clip
from subtone.perception.learning.renditions import BANDS, Rendition
from subtone.perception.learning.splits import speaker_folds
from subtone.perception.learning.training.classes import INNER_FOLDS, chosen
from subtone.perception.learning.training.linear import Integers, Reals
from subtone.perception.learning.training.mlp import MlpRecipe, Tensors, train_mlp
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
    recipe: MlpRecipe,
    bands: Sequence[Rendition] = BANDS,
) -> NetworkHead:
    """Early stopping on inner speaker folds gives the epochs; then all clips for so many.

    Raises LearningError as the splits do.
    """
    table = table.where(lambda clip: label_of(clip) is not None)
    names = [str(label_of(clip)) for clip in table.clips]
    labels = tuple(sorted(set(names)))
    y = np.array([labels.index(name) for name in names])
    held_out = {band: np.zeros((len(y), len(labels))) for band in bands}
    epochs = []
    n_folds = min(INNER_FOLDS, len(set(table.voices.tolist())))
    for fold in speaker_folds(table.clips, n_folds):
        mean, scale, x = _standardised(table.take(fold.train), layers)
        tests = [(chosen(table.values[b][fold.test], layers) - mean) / scale for b in bands]
        truth = np.tile(y[fold.test], len(bands))
        tensors, epoch = train_mlp(
            x,
            np.tile(y[fold.train], len(table.values)),
            len(labels),
            recipe,
            lambda logits, truth=truth: recall(logits, truth),  # type: ignore[misc]
            np.concatenate(tests).astype(np.float32),
        )
        epochs.append(epoch)
        for band, test in zip(bands, tests, strict=True):
            held_out[band][fold.test] = forward(Network.MLP, tensors, test.astype(np.float32))
    logits, truth = np.concatenate([held_out[b] for b in bands]), np.tile(y, len(bands))
    temperature = fit_temperature(logits, truth)
    mean, scale, x = _standardised(table, layers)
    final = replace(recipe, max_epochs=int(np.median(epochs)))
    tensors, _ = train_mlp(x, np.tile(y, len(table.values)), len(labels), final)
    return NetworkHead(
        labels=labels,
        layers=layers,
        mean=mean,
        scale=scale,
        tensors=tensors,
        temperature=temperature,
        threshold=abstention_threshold(softmax(logits / temperature), truth),
        inner_recall=recall(logits, truth),
    )


def _standardised(
    table: Table, layers: tuple[int, ...]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    rows = np.concatenate([chosen(values, layers) for values in table.values.values()])
    exact = rows.astype(np.float64)
    mean = exact.mean(axis=0).astype(np.float32)
    scale = np.maximum(exact.std(axis=0), 1e-6).astype(np.float32)
    return mean, scale, ((rows - mean) / scale).astype(np.float32)


def recall(logits: FloatArray | Reals, y: Integers) -> float:
    """UAR of (rows, labels) logits: the mean over the labels there are of the share found."""
    said = logits.argmax(axis=1)
    return float(np.mean([(said[y == k] == k).mean() for k in np.unique(y)]))
