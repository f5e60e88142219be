"""Attentive statistics pooling under a linear network, trained in NumPy.

Frames are standardised for training; ``head_tensors`` folds that into the weights, so that a
head file pools the frames as the encoder gives them. Every epoch hears other frames of each
clip: frames attend one by one, so any draw of them has the statistics of the whole. Loss,
class balance, smoothing and Adam are those of the small network (SCIENCE section 1). Source of
the pooling: Okabe, Koshinaka and Shinoda, Interspeech 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from subtone.perception.encoding import FloatArray
from subtone.perception.heads.networks import Network, forward, softmax
from subtone.perception.heads.pooling import STD_FLOOR, attentive_statistics
from subtone.perception.learning.features import HalfArray
from subtone.perception.learning.training.epochs import (
    Recipe,
    Score,
    Tensors,
    balanced_targets,
    run_epochs,
)
from subtone.perception.learning.training.linear import Integers, Reals

Bools = NDArray[np.bool_]
Frames = Sequence[HalfArray | FloatArray]  # (frames, width) of each clip

ATTENTION = ("attention.weight", "attention.bias", "attention.vector")
_SMALLEST = 1e-6  # deviation of a dimension that changes


@dataclass(frozen=True, kw_only=True)
class AttentionRecipe(Recipe):
    """How pooling and network are trained together; dropout is of the pooled vector."""

    hidden: int = 64  # rows of W
    drawn_frames: int = 32  # of each clip and epoch, without repetition
    max_epochs: int = 20
    patience: int = 4


@dataclass(frozen=True, eq=False)
class Scales:
    """What is taken off and divided by: of frames (d), then of their pooled vectors (2 d)."""

    frame_mean: Reals
    frame_scale: Reals
    pooled_mean: Reals
    pooled_scale: Reals

    @property
    def variance_floor(self) -> Reals:
        """(d): the file's floor under the square root, in standardised frames."""
        return STD_FLOOR / self.frame_scale**2


def scales_of(frames: Frames) -> Scales:
    """Of clips pooled with even attention; what never changes is divided by 1."""
    n = sum(len(states) for states in frames)
    mean = sum(states.sum(axis=0, dtype=np.float64) for states in frames) / n
    square = sum(((states - mean) ** 2).sum(axis=0) for states in frames) / n
    scale = _divisor(np.sqrt(square))
    standard = ((states - mean) / scale for states in frames)  # all at once are gigabytes
    floor = STD_FLOOR / scale**2
    pooled = np.array(
        [np.concatenate([z.mean(axis=0), np.sqrt(z.var(axis=0) + floor)]) for z in standard]
    )
    return Scales(mean, scale, pooled.mean(axis=0), _divisor(pooled.std(axis=0)))


def _divisor(deviation: Reals) -> Reals:
    return np.where(deviation > _SMALLEST, deviation, 1.0)


def train_attention(
    frames: Frames,
    y: Integers,
    n_labels: int,
    recipe: AttentionRecipe,
    watched: tuple[Score, Frames] | None = None,
) -> tuple[Tensors, int]:
    """A head's tensors after the best epoch by the score of the logits of watched clips.

    y: (clips) positions of labels. Returns the epoch's number too; without ``watched`` all
    epochs run. The same arguments give the same tensors on the same machine.
    """
    rng = np.random.default_rng(recipe.seed)
    scales = scales_of(frames)
    tensors = initial_tensors(frames[0].shape[1], n_labels, recipe.hidden, rng)
    target, weight = balanced_targets(y, n_labels, recipe.smoothing)

    def gradients_of(rows: Integers) -> Tensors:
        z, is_there = _drawn([frames[i] for i in rows], scales, recipe.drawn_frames, rng)
        n = (len(rows), len(scales.pooled_mean))
        kept = ((rng.random(n) >= recipe.dropout) / (1.0 - recipe.dropout)).astype(np.float32)
        return gradients(tensors, z, is_there, scales, kept, target[rows], weight[rows])

    best, epoch = run_epochs(
        len(y),
        tensors,
        recipe,
        rng,
        gradients_of,
        watched
        and (lambda now: watched[0](attentive_logits(head_tensors(now, scales), watched[1]))),
    )
    return head_tensors(best, scales), epoch


def attentive_pooled(tensors: Tensors, frames: Frames) -> FloatArray:
    """(clips, 2 d) of a head's tensors, as its file pools."""
    parts = [tensors[name] for name in ATTENTION]
    return np.stack([attentive_statistics(f.astype(np.float32), *parts) for f in frames])


def attentive_logits(tensors: Tensors, frames: Frames) -> FloatArray:
    """(clips, labels) of a head's tensors, as its file gives them."""
    pooled = attentive_pooled(tensors, frames)
    standard = (pooled - tensors["standardise.mean"]) / tensors["standardise.scale"]
    return forward(Network.LINEAR, tensors, standard.astype(np.float32))


def head_tensors(tensors: Tensors, scales: Scales) -> Tensors:
    """A head file's tensors, which read frames as they are, of those that were trained."""
    turned = tensors["attention.weight"] / scales.frame_scale
    shift = np.concatenate([scales.frame_mean, np.zeros_like(scales.frame_mean)])
    stretch = np.tile(scales.frame_scale, 2)
    made = tensors | {
        "attention.weight": turned,
        "attention.bias": tensors["attention.bias"] - turned @ scales.frame_mean,
        "standardise.mean": shift + stretch * scales.pooled_mean,
        "standardise.scale": stretch * scales.pooled_scale,
    }
    return {name: value.astype(np.float32) for name, value in made.items()}


def initial_tensors(width: int, n_labels: int, hidden: int, rng: np.random.Generator) -> Tensors:
    """Uniform in +-1/sqrt(inputs), as PyTorch's Linear."""
    shapes = {
        "attention.weight": (width, (hidden, width)),
        "attention.bias": (width, (hidden,)),
        "attention.vector": (hidden, (hidden,)),
        "linear.weight": (2 * width, (n_labels, 2 * width)),
        "linear.bias": (2 * width, (n_labels,)),
    }
    return {
        name: rng.uniform(-1.0, 1.0, shape).astype(np.float32) / np.float32(np.sqrt(inputs))
        for name, (inputs, shape) in shapes.items()
    }


def gradients(
    tensors: Tensors,
    z: FloatArray,
    is_there: Bools,
    scales: Scales,
    kept: FloatArray,
    target: FloatArray,
    weight: Reals,
) -> Tensors:
    """Of the weighted mean cross-entropy of a batch.

    z: (clips, frames, d) standardised frames; is_there: (clips, frames), False where a clip
    has no more; kept: (clips, 2 d) what dropout multiplies by; target: (clips, labels); weight:
    (clips).
    """
    n, n_frames, width = z.shape
    flat = z.reshape(n * n_frames, width)
    raised = np.tanh(flat @ tensors["attention.weight"].T + tensors["attention.bias"])
    scores = (raised @ tensors["attention.vector"]).reshape(n, n_frames)
    alpha = softmax(np.where(is_there, scores, -np.inf)).astype(z.dtype)
    squares = z**2
    mean = (alpha[:, None] @ z)[:, 0]
    variance = np.maximum((alpha[:, None] @ squares)[:, 0] - mean**2, 0.0)
    deviation = np.sqrt(variance + scales.variance_floor.astype(z.dtype))
    pooled = np.concatenate([mean, deviation], axis=1)
    pooled_scale = scales.pooled_scale.astype(z.dtype)
    x = (pooled - scales.pooled_mean.astype(z.dtype)) / pooled_scale * kept
    logits = x @ tensors["linear.weight"].T + tensors["linear.bias"]
    shares = softmax(logits.astype(np.float64))
    out = ((shares - target) * (weight / weight.sum())[:, None]).astype(z.dtype)
    back = (out @ tensors["linear.weight"]) * kept / pooled_scale
    on_square = back[:, width:] / (2.0 * deviation)  # the square's mean is in the deviation only
    on_mean = back[:, :width] - 2.0 * mean * on_square
    on_alpha = (z @ on_mean[:, :, None] + squares @ on_square[:, :, None])[:, :, 0]
    on_scores = alpha * (on_alpha - (alpha * on_alpha).sum(axis=1, keepdims=True))
    on_raised = on_scores.reshape(-1, 1) * tensors["attention.vector"]
    before = on_raised * (1.0 - raised**2)
    return {
        "attention.weight": before.T @ flat,
        "attention.bias": before.sum(axis=0),
        "attention.vector": on_scores.reshape(-1) @ raised,
        "linear.weight": out.T @ x,
        "linear.bias": out.sum(axis=0),
    }


def _drawn(
    frames: Frames, scales: Scales, most: int, rng: np.random.Generator
) -> tuple[FloatArray, Bools]:
    longest = min(max(len(states) for states in frames), most)
    z = np.zeros((len(frames), longest, len(scales.frame_mean)), np.float32)
    is_there = np.zeros(z.shape[:2], np.bool_)
    for i, states in enumerate(frames):
        kept = rng.permutation(len(states))[:longest]
        z[i, : len(kept)] = states[kept]
        is_there[i, : len(kept)] = True
    z -= scales.frame_mean.astype(np.float32)
    z /= scales.frame_scale.astype(np.float32)
    return z, is_there
