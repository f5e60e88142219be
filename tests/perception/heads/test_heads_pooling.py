"""Poolings: exact values, and what may not change them."""

from __future__ import annotations

import numpy as np
import pytest

from subtone.perception.heads.pooling import (
    Pooling,
    attentive_statistics,
    layer_states,
    pooled_width,
)
from support_heads import encoded, encoded_window, speech, stored


def test_the_width_doubles_where_deviations_are_kept() -> None:
    assert [pooled_width(p, 512) for p in Pooling] == [512, 512, 1024, 1024]


def test_attention_that_does_not_care_gives_mean_and_deviation() -> None:
    states = np.array([[1.0, 2.0], [3.0, 6.0]], np.float32)
    zero = np.zeros((3, 2), np.float32)
    bias, vector = np.zeros(3, np.float32), np.ones(3, np.float32)
    pooled = attentive_statistics(states, zero, bias, vector)
    assert pooled == pytest.approx([2.0, 4.0, np.sqrt(1.0 + 1e-6), np.sqrt(4.0 + 1e-6)])


def test_attention_follows_its_formula() -> None:
    generator = np.random.default_rng(3)
    states = generator.normal(size=(7, 4)).astype(np.float32)
    weight, bias, vector = generator.normal(size=(3, 4)), generator.normal(size=3), np.ones(3)
    scores = [vector @ np.tanh(weight @ h + bias) for h in states]
    alpha = np.exp(scores) / np.exp(scores).sum()
    mean = sum(a * h for a, h in zip(alpha, states, strict=True))
    square = sum(a * h**2 for a, h in zip(alpha, states, strict=True))
    expected = np.concatenate([mean, np.sqrt(square - mean**2 + 1e-6)])
    pooled = attentive_statistics(
        states, weight.astype(np.float32), bias.astype(np.float32), vector.astype(np.float32)
    )
    assert pooled == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("pooling", [Pooling.MEAN, Pooling.MEAN_STD, Pooling.ATTENTIVE])
def test_cutting_a_recording_into_windows_changes_no_pooling(pooling: Pooling) -> None:
    states = np.random.default_rng(1).normal(size=(3, 90, 4)).astype(np.float32)
    head = stored(pooling=pooling)
    whole = head.pool(encoded(encoded_window(states)))
    parts = (encoded_window(states[:, :31]), encoded_window(states[:, 31:], 620))
    assert head.pool(encoded(*parts)) == pytest.approx(whole, abs=1e-5)


def test_a_head_reads_its_own_layer() -> None:
    audio = speech()
    means = audio.windows[0].states[2].mean(axis=0)
    assert stored(pooling=Pooling.MEAN, layer=2).pool(audio) == pytest.approx(means, abs=1e-6)
    assert layer_states(audio, 2).shape == (80, 4)
