"""From the frames of one layer to one vector."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from subtone.perception.encoding import EncodedAudio, FloatArray

STD_FLOOR = 1e-6  # of the variance under the attentive square root


class Pooling(StrEnum):
    """How the frames of one layer become one vector.

    ``none``: the vector arrives pooled, as from a text or image encoder. ``mean``: width d.
    ``mean_std``: [mean; std], 2d. ``attentive``: attentive statistics (Okabe et al. 2018), 2d.
    """

    NONE = "none"
    MEAN = "mean"
    MEAN_STD = "mean_std"
    ATTENTIVE = "attentive"


def pooled_width(pooling: Pooling, width: int) -> int:
    """Length of the pooled vector over states of ``width``."""
    return width if pooling in (Pooling.NONE, Pooling.MEAN) else 2 * width


def attentive_statistics(
    states: FloatArray, weight: FloatArray, bias: FloatArray, vector: FloatArray
) -> FloatArray:
    """Weighted mean and deviation, [mu; sigma], with alpha = softmax(v' tanh(W h + b)).

    states: (frames, d), frames > 0; weight: (a, d); bias, vector: (a). Returns (2 d).
    Source: Okabe, Koshinaka and Shinoda, "Attentive statistics pooling", Interspeech 2018.
    """
    scores = np.tanh(states @ weight.T + bias) @ vector
    alpha = np.exp(scores - scores.max())
    alpha = (alpha / alpha.sum()).astype(np.float64)
    mean = alpha @ states
    variance = alpha @ (states - mean) ** 2  # no cancellation, unlike E[h^2] - mu^2
    return np.concatenate([mean, np.sqrt(variance + STD_FLOOR)]).astype(np.float32)


def layer_states(audio: EncodedAudio, layer: int) -> FloatArray:
    """(frames, d): one layer's valid frames of all windows, in order; audio must have windows."""
    return np.concatenate([window.states[layer] for window in audio.windows])
