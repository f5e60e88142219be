"""A dedicated emotion model from an ONNX file, with its labels mapped onto ours."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from subtone.perception.heads.card import EMOTIONS
from subtone.perception.heads.emotion_model import LABEL_MAP, EmotionModel
from subtone.perception.heads.errors import HeadError
from support_graphs import emotion_graph, float_input, mean_of, write_graph
from support_heads import encoded, speech

LABELS = ("ang", "boredom", "hap", "calm")


def folder(path: Path, labels: tuple[str, ...] = LABELS, **preprocessor: object) -> Path:
    emotion_graph(path / "model.onnx", len(labels), has_mask=True)
    named = {"id2label": {str(i): label for i, label in enumerate(labels)}, "hidden_size": 4}
    (path / "config.json").write_text(json.dumps(named))
    if preprocessor:
        (path / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    return path


def test_every_word_of_the_map_means_one_of_the_seven() -> None:
    assert set(LABEL_MAP.values()) == set(EMOTIONS)


def test_labels_are_mapped_dropped_and_renormalised(tmp_path: Path) -> None:
    model = EmotionModel(folder(tmp_path, do_normalize=False), trust=0.8)
    audio = speech(frames=50)
    power = float((audio.windows[0].samples.astype(float) ** 2).mean())
    shares = np.exp(power * np.arange(4))
    shares /= shares.sum()
    found = model(audio)
    kept = shares[[3, 2, 0]] / (1 - shares[1])
    assert [p.label for p in found.probabilities] == ["neutral", "happy", "angry"]
    assert [p.probability for p in found.probabilities] == pytest.approx(kept.tolist(), abs=1e-5)
    assert found.emotion == "neutral"
    assert found.reliability == pytest.approx(0.8 * (1 - shares[1]), abs=1e-5)
    assert not found.is_calibrated
    assert model.dropped_labels == ("boredom",)


def test_wav2vec_input_has_no_mean_and_unit_variance(tmp_path: Path) -> None:
    found = EmotionModel(folder(tmp_path, do_normalize=True))(speech(frames=50))
    shares = np.exp(np.arange(4.0))  # the power of what it hears is 1
    assert found.confidence == pytest.approx(shares[3] / (shares.sum() - shares[1]), abs=1e-4)


def test_a_long_recording_is_the_mean_of_its_windows(tmp_path: Path) -> None:
    model = EmotionModel(emotion_graph(tmp_path / "m.onnx", 2), labels=("sad", "happy"))
    windows = [speech(seed, frames=frames).windows[0] for seed, frames in ((1, 30), (2, 90))]
    one, other = (model(encoded(w)).probabilities[0].probability for w in windows)
    short = speech(3, frames=20).windows[0]
    both = model(encoded(*windows, short)).probabilities[0].probability
    assert both == pytest.approx(0.25 * one + 0.75 * other)


def test_one_word_of_two_and_two_words_for_one(tmp_path: Path) -> None:
    labels = ("生气/angry", "anger", "<unk>", "其他/other", "开心/happy")
    model = EmotionModel(emotion_graph(tmp_path / "m.onnx", 5), labels=labels)
    found = model(speech())
    assert model.emotions == ("happy", "angry")
    assert model.dropped_labels == ("<unk>", "其他/other")
    assert sum(p.probability for p in found.probabilities) == pytest.approx(1.0)


def test_labels_come_from_a_list_too(tmp_path: Path) -> None:
    path = emotion_graph(tmp_path / "m.onnx", 2)
    (tmp_path / "labels.txt").write_text("sad\nhappy\n")
    assert EmotionModel(path).emotions == ("happy", "sad")


def test_too_little_speech_abstains(tmp_path: Path) -> None:
    model = EmotionModel(emotion_graph(tmp_path / "m.onnx", 2), labels=("sad", "happy"))
    assert model(encoded()).emotion is None
    assert model(speech(frames=20)).emotion is None


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (("sad", "happy"), "export a model with a waveform"),
        (("boredom", "other", "x"), "none of its labels"),
    ],
)
def test_labels_that_do_not_fit_are_refused(
    tmp_path: Path, labels: tuple[str, ...], message: str
) -> None:
    with pytest.raises(HeadError, match=message):
        EmotionModel(emotion_graph(tmp_path / "m.onnx", 3), labels=labels)


def test_a_model_without_labels_or_for_another_rate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HeadError, match="nothing beside it names its labels"):
        EmotionModel(emotion_graph(tmp_path / "m.onnx", 3))
    with pytest.raises(HeadError, match="asks for 8000 Hz"):
        EmotionModel(folder(tmp_path, sampling_rate=8_000))


def test_a_spectrogram_model_is_described(tmp_path: Path) -> None:
    path = write_graph(
        tmp_path / "spec.onnx",
        [mean_of("mel", "logits", [1])],
        inputs={"mel": float_input("batch", "frames", 3)},
        outputs={"logits": ("batch", 3)},
    )
    with pytest.raises(HeadError, match=r"takes mel \[None, None, 3\]"):
        EmotionModel(path, labels=("sad", "happy", "angry"))
