"""Gated fusion: exact with what is missing, gradients checked, and better where it should be."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from subtone.contracts.memory import EmotionFinding
from subtone.perception.encoding import FloatArray
from subtone.perception.fusion.gated import Batch, GatedFusion
from subtone.perception.fusion.gated_files import METADATA_KEY, read_gated, write_gated
from subtone.perception.fusion.gated_training import (
    drop_modalities,
    loss_and_gradients,
    train_gated,
)
from subtone.perception.fusion.late import ModalityFinding, fuse
from subtone.perception.fusion.patterns import Predictor, compare_patterns, patterns
from subtone.perception.heads.errors import HeadError
from subtone.perception.heads.files import write_head
from subtone.perception.heads.tensors import read_tensors, tensors_to_bytes
from support_heads import stored

WIDTHS = {"audio": 6, "text": 4, "image": 3}
LABELS = ("angry", "happy", "neutral")


def examples(count: int, seed: int) -> tuple[dict[str, list[FloatArray | None]], list[str]]:
    """Audio tells arousal (not angry from happy), text tells valence, images tell little."""
    generator = np.random.default_rng(seed)
    labels = [LABELS[i % 3] for i in range(count)]
    columns: dict[str, list[FloatArray | None]] = {name: [] for name in WIDTHS}
    for label in labels:
        for name, width in WIDTHS.items():
            x = generator.normal(size=width).astype(np.float32)
            if name == "audio":
                x[0] += 4.0 if label != "neutral" else -4.0
            if name == "text":
                x[1] += {"angry": -4.0, "happy": 4.0, "neutral": 0.0}[label]
            columns[name].append(x if generator.random() > 0.2 or name == "audio" else None)
    return columns, labels


def rows_of(columns: dict[str, list[FloatArray | None]]) -> list[dict[str, FloatArray | None]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


@pytest.fixture(scope="module")
def trained() -> GatedFusion:
    columns, labels = examples(240, seed=1)
    return train_gated(columns, labels, seed=0, epochs=40, hidden=8, rate=5e-3)


def test_the_gradients_are_those_of_the_loss() -> None:
    columns, labels = examples(12, seed=3)
    fusion = train_gated(columns, labels, seed=2, epochs=2, hidden=5)
    there = np.array([[x is not None for x in c] for c in columns.values()]).T
    vectors = {
        name: np.stack([np.full(WIDTHS[name], np.nan, np.float32) if x is None else x for x in c])
        for name, c in columns.items()
    }
    batch = Batch(vectors=vectors, is_there=there)
    targets = np.array([LABELS.index(label) for label in labels])
    weights = np.linspace(0.5, 2.0, 12)
    _, gradients = loss_and_gradients(fusion, batch, targets, weights)
    trained_names = {n for n in fusion.parameters if not n.endswith((".mean", ".scale"))}
    assert gradients.keys() == trained_names
    generator = np.random.default_rng(0)
    for name, gradient in gradients.items():
        at = tuple(generator.integers(size) for size in gradient.shape)
        losses = []
        for step in (1e-5, -1e-5):
            moved = copy.deepcopy(fusion)
            moved.parameters[name][at] += step
            losses.append(loss_and_gradients(moved, batch, targets, weights)[0])
        assert gradient[at] == pytest.approx((losses[0] - losses[1]) / 2e-5, abs=1e-7), name


def test_the_same_seed_gives_the_same_weights() -> None:
    columns, labels = examples(30, seed=5)
    one, two, other = (train_gated(columns, labels, seed=s, epochs=2) for s in (4, 4, 5))
    for name, value in one.parameters.items():
        assert np.array_equal(value, two.parameters[name])
    assert not np.array_equal(one.parameters["output.weight"], other.parameters["output.weight"])


def test_a_missing_modality_is_as_if_it_had_never_been_there(trained: GatedFusion) -> None:
    row = rows_of(examples(3, seed=9)[0])[0]
    with_none = trained.find({"audio": row["audio"], "text": None, "image": None})
    without = trained.find({"audio": row["audio"]})
    assert with_none.finding == without.finding
    assert with_none.gates == {"audio": 1.0}


def test_what_stands_in_a_missing_row_is_never_read(trained: GatedFusion) -> None:
    vectors = {name: np.ones((2, w), np.float32) for name, w in WIDTHS.items()}
    there = np.array([[True, False, True], [False, True, False]])
    before = trained.activations(Batch(vectors=vectors, is_there=there)).logits
    for column, name in enumerate(WIDTHS):
        vectors[name][~there[:, column]] = np.nan
    assert np.array_equal(
        before, trained.activations(Batch(vectors=vectors, is_there=there)).logits
    )


def test_gates_sum_to_one_and_nothing_at_all_abstains(trained: GatedFusion) -> None:
    for row in rows_of(examples(6, seed=8)[0]):
        assert sum(trained.find(row).gates.values()) == pytest.approx(1.0)
    assert trained.find({}).finding.emotion is None
    assert trained.find({"audio": None}).gates == {}


def late_fusion(seed: int) -> Predictor:
    """One classifier for each modality, fused by their log-odds."""
    columns, labels = examples(240, seed=1)
    alone = {}
    for name, column in columns.items():
        there = [i for i, x in enumerate(column) if x is not None]
        alone[name] = train_gated(
            {name: [column[i] for i in there]},
            [labels[i] for i in there],
            seed=seed,
            epochs=40,
            hidden=8,
            rate=5e-3,
        )

    def predict(vectors: Mapping[str, FloatArray | None]) -> EmotionFinding:
        return fuse(
            ModalityFinding(modality=name, finding=alone[name].find({name: x}).finding)
            for name, x in vectors.items()
        ).finding

    return predict


def test_every_pattern_is_compared_and_more_modalities_help(trained: GatedFusion) -> None:
    columns, labels = examples(300, seed=7)
    rows = compare_patterns(
        {"gated": lambda vectors: trained.find(vectors).finding, "late": late_fusion(seed=0)},
        rows_of(columns),
        labels,
        tuple(WIDTHS),
    )
    assert [row.present for row in rows[::2]] == list(patterns(tuple(WIDTHS)))
    assert {row.examples for row in rows if row.present == ("audio",)} == {300}
    for fusion in ("gated", "late"):
        recall = {row.present: row.unweighted_recall for row in rows if row.fusion == fusion}
        assert recall["audio", "text"] > 0.9
        assert recall["audio", "text", "image"] > 0.9
        assert 0.5 < recall["audio",] < 0.8  # arousal alone cannot tell angry from happy
        assert recall["image",] < 0.5


def test_dropout_leaves_each_example_a_modality_it_had() -> None:
    there = np.random.default_rng(0).random((500, 3)) < 0.6
    there[:, 0] |= ~there.any(axis=1)
    kept = drop_modalities(there, 0.3, np.random.default_rng(1))
    assert kept.any(axis=1).all()
    assert not (kept & ~there).any()
    assert 0.65 < kept.sum() / there.sum() < 0.85
    assert np.array_equal(drop_modalities(there, 0.0, np.random.default_rng(1)), there)


def test_input_that_does_not_fit_is_refused(trained: GatedFusion) -> None:
    with pytest.raises(HeadError, match="smell: is no modality"):
        trained.find({"smell": np.ones(3, np.float32)})
    with pytest.raises(HeadError, match="audio vector"):
        trained.find({"audio": np.ones(5, np.float32)})
    one = np.ones(2, np.float32)
    with pytest.raises(ValueError, match="every example needs a modality"):
        train_gated({"a": [one, None], "b": [one, None]}, ["x", "y"], seed=0)
    with pytest.raises(ValueError, match="at least two labels"):
        train_gated({"a": [one, one]}, ["x", "x"], seed=0)
    with pytest.raises(ValueError, match="cannot be named gate"):
        train_gated({"gate": [one, one]}, ["x", "y"], seed=0)
    with pytest.raises(ValueError, match="one entry per example"):
        train_gated({"a": [one]}, ["x", "y"], seed=0)


def test_a_fusion_comes_back_as_it_was_written(trained: GatedFusion, tmp_path: Path) -> None:
    path = tmp_path / "fusion.safetensors"
    write_gated(path, trained)
    again = read_gated(path)
    for row in rows_of(examples(4, seed=6)[0]):
        before, after = trained.find(row), again.find(row)
        assert (after.finding, after.gates) == (before.finding, before.gates)


def test_a_file_that_is_no_fusion_is_refused(trained: GatedFusion, tmp_path: Path) -> None:
    path = tmp_path / "fusion.safetensors"
    write_head(path, stored())
    with pytest.raises(HeadError, match="has no fusion's card"):
        read_gated(path)
    write_gated(path, trained)
    tensors, metadata = read_tensors(path)
    assert METADATA_KEY in metadata
    for change, message in [
        ({"text.bias": np.zeros(9)}, r"text\.bias does not fit"),
        ({"text.bias": np.full(8, np.nan)}, r"text\.bias does not fit, or is not finite"),
        ({"text.scale": np.zeros(4)}, r"text\.scale is not positive"),
        ({"smell.bias": np.zeros(8)}, r"should not have, smell\.bias"),
    ]:
        path.write_bytes(tensors_to_bytes(tensors | change, metadata))
        with pytest.raises(HeadError, match=message):
            read_gated(path)
