"""Attention is taught by its true gradient, hears what a mean drowns, and is exported as taught."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from subtone.perception.encoder.whisper import WhisperEncoder
from subtone.perception.encoding import FloatArray
from subtone.perception.heads.files import read_head, write_head
from subtone.perception.heads.networks import Network, softmax
from subtone.perception.heads.pooling import STD_FLOOR, Pooling, layer_states
from subtone.perception.learning.cache import FeatureCache
from subtone.perception.learning.clips import Clip, load_clip
from subtone.perception.learning.evaluation.protocol import judge_attention, judge_within
from subtone.perception.learning.features import WhisperFrames
from subtone.perception.learning.renditions import TELEPHONE, WIDE
from subtone.perception.learning.splits import speaker_folds
from subtone.perception.learning.training.attention import (
    AttentionRecipe,
    Scales,
    attentive_logits,
    gradients,
    head_tensors,
    initial_tensors,
    scales_of,
    train_attention,
)
from subtone.perception.learning.training.attentive import train_attentive
from subtone.perception.learning.training.export import attentive_head_file
from subtone.perception.learning.training.frames import FrameTable, build_frames
from subtone.perception.learning.training.linear import Fit
from subtone.perception.learning.training.settings import Setting
from subtone.perception.learning.training.table import Table
from support_heads import encoded, encoded_window
from support_learning import clip, voice, write_wav
from support_whisper import WIDTH as ENCODER_WIDTH
from support_whisper import random_weights, save_safetensors

WIDTH = 6
RECIPE = AttentionRecipe(hidden=8, rate=1e-2, max_epochs=12)
Reals = NDArray[np.float64]


def label_of(one: Clip) -> str | None:
    return one.label


def marked_frames(speakers: int = 8, each: int = 12) -> FrameTable:
    """Two loud frames of thirty or more say the emotion; the others say anything, louder still."""
    rng = np.random.default_rng(0)
    clips, heard = [], []
    for s in range(speakers):
        for label, sign in (("angry", 1.0), ("happy", -1.0)):
            for number in range(each):
                frames = rng.normal(0.0, 1.0, (int(rng.integers(30, 45)), WIDTH))
                frames[:, 1] *= 3.0
                marked = rng.permutation(len(frames))[:2]
                frames[marked, 0], frames[marked, 1] = 6.0, 2.0 * sign
                clips.append(clip(f"s{s}", label, number))
                heard.append((20.0 + 5.0 * frames).astype(np.float16))
    noisy = tuple((f + rng.normal(0.0, 0.5, f.shape)).astype(np.float16) for f in heard)
    return FrameTable(tuple(clips), {WIDE: tuple(heard), TELEPHONE: noisy}, layer=1)


def test_the_gradients_are_those_of_the_loss() -> None:
    rng = np.random.default_rng(0)
    tensors = {k: v.astype(np.float64) for k, v in initial_tensors(5, 3, 4, rng).items()}
    z = rng.normal(0.0, 1.0, (7, 9, 5))
    lengths = rng.integers(4, 10, 7)
    is_there = np.arange(9) < lengths[:, None]
    scales = Scales(
        np.zeros(5), rng.uniform(0.01, 2.0, 5), rng.normal(0, 1, 10), rng.uniform(0.2, 2, 10)
    )
    kept = (rng.random((7, 10)) > 0.3) / 0.7
    y, weight = np.arange(7) % 3, rng.uniform(0.5, 2.0, 7)

    def loss() -> float:
        total = 0.0
        for i, n in enumerate(lengths):
            frames = z[i, :n]
            raised = np.tanh(frames @ tensors["attention.weight"].T + tensors["attention.bias"])
            alpha = softmax(raised @ tensors["attention.vector"])
            mean = alpha @ frames
            variance = alpha @ frames**2 - mean**2 + STD_FLOOR / scales.frame_scale**2
            pooled = np.concatenate([mean, np.sqrt(variance)])
            x = (pooled - scales.pooled_mean) / scales.pooled_scale * kept[i]
            logits = tensors["linear.weight"] @ x + tensors["linear.bias"]
            total += weight[i] * (np.log(np.exp(logits).sum()) - logits[y[i]])
        return float(total / weight.sum())

    found = gradients(
        tensors,  # type: ignore[arg-type]  # exact, to differ by little
        z,  # type: ignore[arg-type]
        is_there,
        scales,
        kept,  # type: ignore[arg-type]
        np.eye(3)[y],  # type: ignore[arg-type]
        weight,
    )
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        flat = tensor.reshape(-1)
        for at in range(len(flat)):
            flat[at] += 1e-5
            above = loss()
            flat[at] -= 2e-5
            expected = (above - loss()) / 2e-5
            flat[at] += 1e-5
            assert found[name].reshape(-1)[at] == pytest.approx(expected, abs=1e-8), name


def test_a_file_pools_as_training_did() -> None:
    rng = np.random.default_rng(1)
    frames = [  # the last dimension never changes
        (20.0 + rng.normal(0, [0.5, 5, 40, 0], (n, 4))).astype(np.float32) for n in (20, 35, 50)
    ]
    scales = scales_of(frames)
    trained = initial_tensors(4, 3, 5, rng)
    expected = []
    for states in frames:
        z = (states - scales.frame_mean) / scales.frame_scale
        raised = np.tanh(z @ trained["attention.weight"].T + trained["attention.bias"])
        alpha = softmax((raised @ trained["attention.vector"]).astype(np.float64))
        mean = alpha @ z
        deviation = np.sqrt(alpha @ (z - mean) ** 2 + scales.variance_floor)
        x = (np.concatenate([mean, deviation]) - scales.pooled_mean) / scales.pooled_scale
        expected.append(trained["linear.weight"] @ x + trained["linear.bias"])
    made = attentive_logits(head_tensors(trained, scales), frames)
    assert made == pytest.approx(np.array(expected), abs=1e-4)


def test_attention_hears_the_frames_a_mean_drowns() -> None:
    table = marked_frames()
    pooled = {
        band: np.stack([np.concatenate([f.mean(0), f.std(0)]) for f in map(exact, frames)])[:, None]
        for band, frames in table.frames.items()
    }
    even = judge_within(
        Table(table.clips, {b: v.astype(np.float32) for b, v in pooled.items()}),
        label_of,
        [Setting((0,), Fit.LOGISTIC, 0.1)],
        speaker_folds(table.clips, 2),
        features="mean",
        test="made-up",
    )
    rows = np.flatnonzero(np.isin(table.voices, ["made-up/s0", "made-up/s1"]))
    others = np.setdiff1d(np.arange(len(table.clips)), rows)
    head = train_attentive(table.take(others), label_of, RECIPE)
    truth = np.array([head.labels.index(table.clips[i].label) for i in rows])
    for band, result in zip((WIDE, TELEPHONE), even, strict=True):
        said = head.shares(table.take(rows).frames[band]).argmax(axis=1)
        assert result.figures["uar"].value < 0.7
        assert (said == truth).mean() > 0.9
    assert head.inner_recall > 0.9


def exact(states: NDArray[np.float16]) -> Reals:
    return states.astype(np.float64)


def test_training_stops_early_and_is_the_same_twice() -> None:
    table = marked_frames(speakers=4)
    y = np.array([c.label == "angry" for c in table.clips], np.intp)
    frames, held_out = table.frames[WIDE], table.frames[TELEPHONE]
    scores = iter([0.2, 0.8, 0.5, 0.4, 0.9])
    seen: list[FloatArray] = []

    def score(logits: FloatArray) -> float:
        seen.append(logits)
        return next(scores)

    recipe = AttentionRecipe(hidden=4, patience=2, seed=5)
    tensors, epoch = train_attention(frames, y, 2, recipe, (score, held_out))
    assert (epoch, len(seen)) == (2, 4)
    assert np.array_equal(attentive_logits(tensors, held_out), seen[1])
    again, _ = train_attention(frames, y, 2, AttentionRecipe(hidden=4, max_epochs=2, seed=5))
    assert all(np.array_equal(tensors[name], again[name]) for name in tensors)


def test_a_head_file_says_what_was_taught(tmp_path: Path) -> None:
    table = marked_frames(speakers=5, each=6)
    head = train_attentive(table, label_of, RECIPE)
    write_head(
        tmp_path / "made.safetensors",
        attentive_head_file(
            head, table, name="made", task="emotion", space="made-up", figures={"uar": 0.9}
        ),
    )
    stored = read_head(tmp_path / "made.safetensors")
    assert (stored.card.pooling, stored.card.network) == (Pooling.ATTENTIVE, Network.LINEAR)
    assert (stored.card.layer, stored.card.width, stored.layers) == (1, WIDTH, (1,))
    assert "--network linear --pooling attentive --data" in stored.card.data
    for states in table.frames[WIDE][:5]:
        layers = np.stack([np.zeros_like(states), states]).astype(np.float32)
        halves = [encoded_window(layers[:, :20]), encoded_window(layers[:, 20:], 400)]
        pooled = stored.pool(encoded(*halves, space="made-up"))
        logits = stored.outputs(pooled[None]).astype(np.float64)
        assert softmax(logits / head.temperature) == pytest.approx(head.shares([states]), abs=1e-4)
        assert stored.domain is not None
        assert stored.domain.reliability(stored.standardise(pooled)) > 0.5


def test_attention_is_judged_on_speakers_it_has_not_heard() -> None:
    table = marked_frames(speakers=4, each=3)
    judged = judge_attention(table, label_of, 2, [0, 1])
    assert {band: len(recalls) for band, recalls in judged.items()} == {WIDE: 2, TELEPHONE: 2}
    assert all(0.0 <= recall <= 1.0 for recalls in judged.values() for recall in recalls)


def test_frames_are_kept_as_the_encoder_gave_them(tmp_path: Path) -> None:
    encoder = WhisperEncoder(save_safetensors(tmp_path / "encoder", random_weights()))
    sounds = {"loud": voice(1.3), "silent": np.zeros(9_000, np.float32)}
    clips = [clip(name, "angry", path=write_wav(tmp_path / f"{name}.wav", sound))
             for name, sound in sounds.items()]  # fmt: skip
    cache, extractor = FeatureCache(tmp_path / "cache"), WhisperFrames(encoder, 1)
    seen: list[tuple[int, int]] = []
    table = build_frames(clips, extractor, (WIDE, TELEPHONE), cache, lambda *at: seen.append(at))
    assert seen == [(0, 4), (1, 4), (2, 4), (2, 4), (3, 4), (4, 4)]
    loud, silent = table.frames[WIDE]
    passes = encoder.passes
    again = cache.frames(clips, extractor, WIDE)
    assert encoder.passes == passes
    assert np.array_equal(again[0], loud)
    assert loud.shape[1] == ENCODER_WIDTH
    assert len(silent) == 9_000 // 320
    states = layer_states(encoder.encode(load_clip(clips[0]), 16_000), 1)
    assert np.allclose(loud, states, rtol=1e-3)
    (stored, *_) = (tmp_path / "cache").rglob("*.npy")
    np.save(stored, np.zeros((3, 2), np.float32))  # of another kind
    again = cache.frames(clips, extractor, WIDE) + cache.frames(clips, extractor, TELEPHONE)
    assert encoder.passes == passes + 2  # one of them above
    assert all(frames.dtype == np.float16 for frames in again)
