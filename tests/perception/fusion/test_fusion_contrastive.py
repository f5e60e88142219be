"""The shared space: gradients checked, trained, exported, and read back as head files."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from subtone.perception.encoding import FloatArray
from subtone.perception.fusion.contrastive import (
    LOG_TEMPERATURE,
    info_nce,
    loss_and_gradients,
    train_projections,
)
from subtone.perception.fusion.projection import ProjectionHead
from subtone.perception.fusion.retrieval_metrics import retrieval_figures
from subtone.perception.fusion.vectors import ModalityVector, precomputed
from subtone.perception.heads.errors import HeadError
from subtone.perception.heads.files import StoredHead, read_head, write_head
from subtone.perception.heads.networks import Network
from subtone.perception.heads.pooling import Pooling
from support_heads import card, network_tensors, projection, speech, stored

LABELS = ("angry", "happy", "sad")


def test_info_nce_by_hand() -> None:
    a = np.array([[1.0, 0.0], [0.0, 1.0]])
    b = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    positive = np.array([[True, True, False], [False, False, True]])
    found = info_nce(a, b, positive, temperature=0.5)
    high, low = math.exp(2.0), 1.0
    forth = (-math.log(high / (2 * high + low)) - math.log(high / (high + 2 * low))) / 2
    back = -math.log(high / (high + low))
    assert found.loss == pytest.approx((forth + back) / 2)


def test_rows_without_a_positive_are_left_out() -> None:
    a, b = np.eye(3), np.eye(3)
    positive = np.diag([True, True, False])
    alone = info_nce(a, b, positive, 0.1)
    assert np.isfinite(alone.loss)
    assert info_nce(a, b, np.zeros((3, 3), bool), 0.1).loss == 0.0


def test_the_gradients_are_those_of_the_loss() -> None:
    generator = np.random.default_rng(0)
    inputs = {m: generator.normal(size=(n, w)) for m, n, w in (("a", 5, 3), ("b", 6, 4))}
    inputs["c"] = generator.normal(size=(4, 2))
    targets = {m: generator.integers(3, size=len(x)) for m, x in inputs.items()}
    parameters = {LOG_TEMPERATURE: np.array(math.log(0.1))}
    for m, x in inputs.items():
        made = network_tensors(Network.PROJECTION, x.shape[1], 7, seed=len(x))
        parameters |= {f"{m}.{name}": value.astype(np.float64) for name, value in made.items()}
    _, gradients = loss_and_gradients(parameters, inputs, targets)
    assert gradients.keys() == parameters.keys()
    for name, gradient in gradients.items():
        for at in [tuple(generator.integers(s) for s in gradient.shape) for _ in range(3)]:
            losses = []
            for step in (1e-6, -1e-6):
                moved = {key: value.copy() for key, value in parameters.items()}
                moved[name][at] += step
                losses.append(loss_and_gradients(moved, inputs, targets)[0])
            expected = (losses[0] - losses[1]) / 2e-6
            assert gradient[at] == pytest.approx(expected, rel=1e-4, abs=1e-7), name


def clouds(count: int, seed: int) -> tuple[dict[str, FloatArray], dict[str, list[str]]]:
    """Three classes that lie at unrelated places in two spaces of different width."""
    places = np.random.default_rng(100)
    centres = {"audio": places.normal(size=(3, 8)), "text": places.normal(size=(3, 5))}
    generator = np.random.default_rng(seed)
    labels = [LABELS[i % 3] for i in range(count)]
    index = [LABELS.index(label) for label in labels]
    vectors = {
        m: (2.0 * c[index] + 0.7 * generator.normal(size=(count, c.shape[1]))).astype(np.float32)
        for m, c in centres.items()
    }
    return vectors, dict.fromkeys(vectors, labels)


def test_a_trained_space_finds_what_belongs_together_across_modalities(tmp_path: Path) -> None:
    vectors, labels = clouds(150, seed=1)
    trained = train_projections(vectors, labels, seed=0, epochs=60, hidden=16, output=12)
    assert trained.losses[-1] < trained.losses[0]
    assert 0.01 <= trained.temperature <= 0.2
    unseen, truth = clouds(60, seed=2)
    found = {}
    for modality, raw in unseen.items():
        width = raw.shape[1]
        description = projection(pooling=Pooling.NONE, space=f"{modality}-space", width=width).card
        path = tmp_path / f"{modality}.safetensors"
        write_head(path, StoredHead(description, trained.tensors[modality]))
        head = ProjectionHead(read_head(path), modality)
        given = [precomputed(modality, v, space=f"{modality}-space", width=width) for v in raw]
        found[modality] = [head.project(v) for v in given]
    assert {v.space for vs in found.values() for v in vs} == {"shared-8"}
    audio, text = (np.stack([v.vector for v in found[m]]) for m in ("audio", "text"))
    assert np.linalg.norm(audio, axis=1) == pytest.approx(np.ones(60), abs=1e-5)
    relevant = np.array(truth["audio"])[:, None] == np.array(truth["text"])
    figures = retrieval_figures(audio @ text.T, relevant)
    assert figures.mean_average_precision > 0.9
    assert figures.chance_mean_average_precision < 0.45


def test_the_same_seed_gives_the_same_space() -> None:
    vectors, labels = clouds(30, seed=1)
    one, two = (train_projections(vectors, labels, seed=3, epochs=2) for _ in range(2))
    assert one.losses == two.losses
    for m in vectors:
        for name, value in one.tensors[m].items():
            assert np.array_equal(value, two.tensors[m][name])
    assert one.tensors["audio"]["output.weight"].shape == (128, 256)


def test_a_recording_is_projected_from_its_pooled_states() -> None:
    head = projection()
    found = ProjectionHead(head, "audio").project_audio(speech(2))
    expected = head.outputs(head.pool(speech(2))[None])[0]
    assert np.array_equal(found.vector, expected)
    assert found.encoding(0, 1_600, 80).space == "shared-8"


def test_what_does_not_fit_is_refused() -> None:
    reader = ProjectionHead(projection(pooling=Pooling.NONE, space="t", width=3), "text")
    with pytest.raises(HeadError, match="trained in the space t, and was given u"):
        reader.project(precomputed("text", [1, 2, 3], space="u", width=3))
    with pytest.raises(HeadError, match="width of 3, and was given 2"):
        reader.project(ModalityVector(modality="text", space="t", vector=np.ones(2, np.float32)))
    with pytest.raises(HeadError, match="reads vectors, not audio"):
        reader.project_audio(speech())
    with pytest.raises(HeadError, match="not a projection"):
        ProjectionHead(stored(), "audio")
    with pytest.raises(ValueError, match="two modalities"):
        train_projections({"a": np.ones((2, 2), np.float32)}, {"a": ["x", "y"]}, seed=0)
    assert card().gives_space is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, 2.0], r"shape \(2,\), not \(3,\)"),
        ([1.0, math.nan, 0.0], "not finite"),
        ([0.0, 0.0, 0.0], "leave a missing modality out"),
    ],
)
def test_a_precomputed_vector_is_checked(values: list[float], message: str) -> None:
    with pytest.raises(HeadError, match=message):
        precomputed("image", values, space="s", width=3)
