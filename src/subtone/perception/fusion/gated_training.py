"""Trains a gated fusion with Adam, dropping modalities so that each can be missed later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from subtone.perception.encoding import FloatArray
from subtone.perception.fusion.gated import Batch, GatedFusion
from subtone.perception.fusion.optimiser import Adam, Parameters, Reals, glorot, standard
from subtone.perception.heads.networks import softmax

HIDDEN = 64
MODALITY_DROPOUT = 0.3
BATCH_ROWS = 32


def train_gated(
    vectors: Mapping[str, Sequence[FloatArray | None]],
    labels: Sequence[str],
    *,
    seed: int,
    epochs: int = 60,
    hidden: int = HIDDEN,
    rate: float = 1e-3,
    modality_dropout: float = MODALITY_DROPOUT,
) -> GatedFusion:
    """Class-balanced cross-entropy on examples whose modalities may be missing (None).

    The same seed and data give the same weights on one machine.
    Raises ValueError for fewer than two labels, examples without any modality, columns of
    different lengths, or a modality named "gate" or "output".
    """
    batch = _batch(vectors, len(labels))
    classes = tuple(sorted(set(labels)))
    if len(classes) < 2:
        raise ValueError("training needs at least two labels")
    targets = np.array([classes.index(label) for label in labels])
    weights = (len(labels) / np.bincount(targets) / len(classes))[targets]
    generator = np.random.default_rng(seed)
    parameters = _initial(batch, len(classes), hidden, generator)
    fusion = GatedFusion(modalities=tuple(vectors), labels=classes, parameters=parameters)
    optimiser = Adam(parameters, rate=rate)
    for _ in range(epochs):
        order = generator.permutation(len(labels))
        for start in range(0, len(order), BATCH_ROWS):
            rows = order[start : start + BATCH_ROWS]
            seen = Batch(
                vectors={name: x[rows] for name, x in batch.vectors.items()},
                is_there=drop_modalities(batch.is_there[rows], modality_dropout, generator),
            )
            _, gradients = loss_and_gradients(fusion, seen, targets[rows], weights[rows])
            optimiser.step(gradients)
    return fusion


def drop_modalities(
    is_there: NDArray[np.bool_], share: float, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """(rows, modalities): each that is there goes with probability ``share``, never the last."""
    kept = is_there & (generator.random(is_there.shape) >= share)
    chosen = np.where(is_there, generator.random(is_there.shape), -1.0).argmax(axis=1)
    alone = np.arange(is_there.shape[1]) == chosen[:, None]
    return np.where(kept.any(axis=1, keepdims=True), kept, alone)


def loss_and_gradients(
    fusion: GatedFusion, batch: Batch, targets: NDArray[np.intp], weights: Reals
) -> tuple[float, Parameters]:
    """Weighted mean cross-entropy, and its gradient by every trained parameter."""
    p = fusion.parameters
    passed = fusion.activations(batch)
    shares = softmax(passed.logits)
    rows = np.arange(len(targets))
    total = weights.sum()
    loss = float(-(weights * np.log(shares[rows, targets])).sum() / total)
    by_logits = shares.copy()
    by_logits[rows, targets] -= 1.0
    by_logits *= (weights / total)[:, None]
    by_joint = by_logits @ p["output.weight"]
    by_gates = np.stack([(by_joint * h).sum(axis=1) for h in passed.hidden.values()], axis=1)
    by_scores = passed.gates * (by_gates - (passed.gates * by_gates).sum(axis=1, keepdims=True))
    gradients: Parameters = {
        "output.weight": by_logits.T @ passed.joint,
        "output.bias": by_logits.sum(axis=0),
        "gate.bias": by_scores.sum(axis=0),
        "gate.mask": by_scores.T @ batch.is_there,
    }
    for column, name in enumerate(fusion.modalities):
        hidden = passed.hidden[name]
        by_hidden = passed.gates[:, [column]] * by_joint * (1.0 - hidden**2)
        gradients[f"{name}.weight"] = by_hidden.T @ passed.inputs[name]
        gradients[f"{name}.bias"] = by_hidden.sum(axis=0)
        gradients[f"{name}.gate"] = by_scores.T @ passed.inputs[name]
    return loss, gradients


def _batch(vectors: Mapping[str, Sequence[FloatArray | None]], rows: int) -> Batch:
    if reserved := {"gate", "output"} & vectors.keys():
        raise ValueError(f"a modality cannot be named {' or '.join(sorted(reserved))}")
    if any(len(column) != rows for column in vectors.values()):
        raise ValueError("every modality needs one entry per example, None where it is missing")
    is_there = np.array([[x is not None for x in column] for column in vectors.values()]).T
    if not rows or not is_there.any(axis=1).all() or not is_there.any(axis=0).all():
        raise ValueError("every example needs a modality, and every modality an example")
    stacked = {}
    for name, column in vectors.items():
        width = next(len(x) for x in column if x is not None)
        unread = np.full(width, np.nan, np.float32)
        stacked[name] = np.stack([unread if x is None else x for x in column])
    return Batch(vectors=stacked, is_there=is_there)


def _initial(batch: Batch, classes: int, hidden: int, generator: np.random.Generator) -> Parameters:
    count = len(batch.vectors)
    parameters: Parameters = {
        "gate.mask": np.zeros((count, count)),
        "gate.bias": np.zeros(count),
        "output.weight": glorot(generator, classes, hidden),
        "output.bias": np.zeros(classes),
    }
    for column, (name, x) in enumerate(batch.vectors.items()):
        mean, scale = standard(x[batch.is_there[:, column]])
        parameters |= {
            f"{name}.mean": mean,
            f"{name}.scale": scale,
            f"{name}.weight": glorot(generator, hidden, x.shape[1]),
            f"{name}.bias": np.zeros(hidden),
            f"{name}.gate": np.zeros((count, x.shape[1])),
        }
    return parameters
