"""Voices: permitted or not at all, enrolled, found again, and abstained from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.perception.encoding import EncodedAudio, FloatArray
from subtone.perception.heads.errors import HeadError, VoiceprintError
from subtone.perception.heads.fbank import log_mel_bank
from subtone.perception.heads.files import StoredHead
from subtone.perception.heads.pooling import Pooling
from subtone.perception.heads.speaker import SpeakerHead, VoiceClusters, nearest
from subtone.perception.heads.voice_training import voice_tensors
from subtone.perception.heads.voices import OnnxVoice, PooledVoice, TrainedVoice, speech_ms
from subtone.perception.learning.voice_trials import Trials, equal_error
from subtone.perception.tasks import Needs
from support_graphs import float_input, integer_input, mean_of, node, write_graph
from support_heads import card, encoded, encoded_window, speech, stored

ANNA, BERND, CHRIS = (np.eye(3, dtype=np.float32)[i] for i in range(3))


class Voices:
    """An embedder that reads the voice off the samples' first value."""

    model = "fake"
    needs = Needs(samples=True)
    min_speech_ms = 1_000
    threshold = 0.8

    def embed(self, audio: EncodedAudio) -> FloatArray:
        voice: FloatArray = (ANNA, BERND, CHRIS)[int(audio.windows[0].samples[0])]
        return voice


def said_by(voice: int, frames: int = 60) -> EncodedAudio:
    audio = speech(frames=frames)
    audio.windows[0].samples[0] = voice
    return audio


def test_nothing_is_recognised_unless_allowed() -> None:
    head = SpeakerHead(Voices(), voiceprints={"anna": ANNA}, clusters=VoiceClusters())
    with pytest.raises(VoiceprintError, match="must allow voiceprints first"):
        head(said_by(0))
    with pytest.raises(VoiceprintError):
        head.enrol([said_by(0)])


def test_it_needs_what_its_embedder_needs_and_permission() -> None:
    assert SpeakerHead(Voices()).needs == Needs(samples=True, voiceprints=True)
    assert SpeakerHead(PooledVoice(layer=2)).needs == Needs(layers=(2,), voiceprints=True)


def test_an_enrolled_voice_is_found_and_a_stranger_is_not() -> None:
    head = SpeakerHead(Voices(), is_voiceprint_allowed=True, voiceprints={"anna": 3 * ANNA})
    found = head(said_by(0))
    assert (found.speaker_id, found.is_enrolled, found.similarity) == ("anna", True, 1.0)
    stranger = head(said_by(1))
    assert (stranger.speaker_id, stranger.is_enrolled, stranger.similarity) == (None, False, 0.0)


def test_unknown_voices_keep_their_ids() -> None:
    clusters = VoiceClusters()
    head = SpeakerHead(
        Voices(), is_voiceprint_allowed=True, voiceprints={"anna": ANNA}, clusters=clusters
    )
    found = [head(said_by(voice)).speaker_id for voice in (1, 0, 2, 1, 2)]
    assert found == ["unknown-0001", "anna", "unknown-0002", "unknown-0001", "unknown-0002"]
    kept = VoiceClusters(dict(clusters.leaders))
    assert kept.assign(CHRIS, 0.8)[0] == "unknown-0002"
    del kept.leaders["unknown-0001"]
    assert kept.assign(BERND, 0.8)[0] == "unknown-0003"


@given(st.lists(st.integers(0, 2), max_size=12))
def test_clusters_depend_on_the_order_of_arrival_alone(order: list[int]) -> None:
    runs = []
    for _ in range(2):
        clusters = VoiceClusters()
        runs.append([clusters.assign((ANNA, BERND, CHRIS)[v], 0.5) for v in order])
    assert runs[0] == runs[1]
    names = {voice: name for voice, (name, _) in zip(order, runs[0], strict=True)}
    assert len(set(names.values())) == len(set(order))


def test_too_little_speech_is_nobodys() -> None:
    head = SpeakerHead(
        Voices(), is_voiceprint_allowed=True, voiceprints={"anna": ANNA}, clusters=VoiceClusters()
    )
    for audio in (said_by(0, frames=49), encoded()):
        assert head(audio).speaker_id is None
    assert head(said_by(0, frames=50)).speaker_id == "anna"


def test_enrolment_averages_what_is_long_enough() -> None:
    head = SpeakerHead(Voices(), is_voiceprint_allowed=True)
    print_of = head.enrol([said_by(0), said_by(1), said_by(2, frames=10)])
    assert print_of == pytest.approx(np.array([1, 1, 0]) / np.sqrt(2))
    with pytest.raises(HeadError, match="no recording has 1000 ms"):
        head.enrol([said_by(0, frames=10)])


def test_a_voiceprint_of_another_model_is_refused() -> None:
    with pytest.raises(HeadError, match="made by another model"):
        nearest(ANNA, {"x": np.ones(5, np.float32)})


def test_an_enrolled_id_cannot_pass_for_an_unknown_voice() -> None:
    with pytest.raises(HeadError, match="begins with unknown-"):
        SpeakerHead(Voices(), voiceprints={"unknown-0001": ANNA})


def test_equal_voices_go_to_the_first_name() -> None:
    assert nearest(ANNA, {"b": ANNA, "a": ANNA}) == ("a", 1.0)


# --- embedders -----------------------------------------------------------------------------


def bank_model(path: Path, **metadata: str) -> Path:
    """The mean square over time of each band."""
    return write_graph(
        path,
        [node("Mul", ["feats", "feats"], "squares"), mean_of("squares", "embs", [1])],
        inputs={"feats": float_input("batch", "frames", 80)},
        outputs={"embs": ("batch", 80)},
        metadata=metadata,
    )


def test_a_filter_bank_model_gets_kaldis_features_without_their_mean(tmp_path: Path) -> None:
    voice = OnnxVoice(bank_model(tmp_path / "voice.onnx"), window="povey")
    states = np.ones((2, 60, 4), np.float32)
    windows = (encoded_window(states), encoded_window(states, 1_200))
    vector = voice.embed(encoded(*windows, encoded_window(states[:, :30], 2_400)))
    expected = np.zeros(80)
    for window in windows:  # the third is too short to count beside them
        bank = log_mel_bank(window.samples, 80, "povey")
        square = ((bank - bank.mean(axis=0)) ** 2).mean(axis=0)
        expected += square / np.linalg.norm(square)
    assert vector == pytest.approx(expected / np.linalg.norm(expected), abs=1e-4)
    assert speech_ms(encoded(*windows)) == 2_400


def test_short_stretches_alone_are_heard_as_one(tmp_path: Path) -> None:
    voice = OnnxVoice(bank_model(tmp_path / "voice.onnx"))
    parts = [encoded_window(np.ones((2, frames, 4), np.float32)) for frames in (30, 40)]
    whole = np.concatenate([part.samples for part in parts])
    bank = log_mel_bank(whole)
    expected = ((bank - bank.mean(axis=0)) ** 2).mean(axis=0)
    vector = voice.embed(encoded(*parts))
    assert vector == pytest.approx(expected / np.linalg.norm(expected), abs=1e-4)


def test_a_waveform_model_gets_the_samples(tmp_path: Path) -> None:
    path = write_graph(
        tmp_path / "voice.onnx",
        [mean_of("wave", "mean", [1], keeps=True), node("Mul", ["mean", "weights"], "vector")],
        inputs={"wave": float_input("batch", "samples")},
        outputs={"vector": ("batch", 3)},
        weights={"weights": np.array([3.0, 0.0, -4.0], np.float32)},
    )
    vector = OnnxVoice(path).embed(speech())
    assert np.abs(vector) == pytest.approx([0.6, 0.0, 0.8])


def test_a_graph_that_is_no_speaker_model_is_described(tmp_path: Path) -> None:
    path = write_graph(
        tmp_path / "other.onnx",
        [node("Cast", ["ids"], "out", to=1)],
        inputs={"ids": integer_input("batch", 7)},
        outputs={"out": ("batch", 7)},
    )
    with pytest.raises(HeadError, match=r"other\.onnx: takes ids \[None, 7\]"):
        OnnxVoice(path)
    with pytest.raises(HeadError, match="NeMo"):
        OnnxVoice(bank_model(tmp_path / "nemo.onnx", framework="nemo"))


def test_files_that_are_no_graph_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(HeadError, match=r"text\.onnx: ONNX Runtime cannot open it"):
        OnnxVoice(tmp_path / "text.onnx")
    with pytest.raises(HeadError, match=r"gone\.onnx: is not there"):
        OnnxVoice(tmp_path / "gone.onnx")


def test_the_baseline_takes_a_middle_layer_as_it_is() -> None:
    audio = speech(layers=7)
    middle = audio.pooled[3, :4]
    assert PooledVoice().embed(audio) == pytest.approx(middle / np.linalg.norm(middle))
    with pytest.raises(HeadError, match="has 7 layers"):
        PooledVoice(layer=7).embed(audio)


VOICE: dict[str, Any] = {
    "task": "voice",
    "labels": (),
    "gives_space": "voices",
    "pooling": Pooling.MEAN,
    "temperature": None,
    "domain_reference": None,
    "abstention_threshold": 0.3,
}


def error_of(vectors: FloatArray, speakers: list[str]) -> float:
    """Equal error rate of all pairs."""
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    first, second = np.triu_indices(len(units), 1)
    cosines = (units[first] * units[second]).sum(axis=1).astype(np.float64)
    is_same = np.array(speakers)[first] == np.array(speakers)[second]
    trials = Trials({0: cosines[is_same]}, {(0, 1): cosines[~is_same]})
    return equal_error(trials, resamples=0).rate.value


def test_a_voice_head_looks_past_what_one_voice_does() -> None:
    generator = np.random.default_rng(0)
    moods = generator.normal(size=(2, 12))  # the same large movements in every voice
    people = generator.normal(size=(12, 12))
    speaker = np.arange(240) % 12
    swing = 6.0 * generator.normal(size=(240, 2)) @ moods
    x: FloatArray = (people[speaker] + swing + 20.0).astype(np.float32)
    test = speaker >= 6
    names = [str(i) for i in speaker[~test]]
    unseen = [str(i) for i in speaker[test]]
    head = StoredHead(card(**VOICE, width=12), voice_tensors(x[~test], names))
    assert error_of(x[test], unseen) > 0.4
    assert error_of(head.outputs(x[test]), unseen) < 0.25
    audio = speech(3, width=12)
    voice = TrainedVoice(head)
    expected = head.outputs(head.pool(audio)[None])[0]
    assert voice.embed(audio) == pytest.approx(expected / np.linalg.norm(expected), abs=1e-6)
    assert voice.threshold == 0.3


def test_voice_training_needs_speakers_with_several_recordings() -> None:
    for speakers in (["a", "a"], ["a", "b"]):
        with pytest.raises(ValueError, match="voices need two speakers"):
            voice_tensors(np.eye(2, dtype=np.float32), speakers)


def test_another_head_is_no_voice() -> None:
    with pytest.raises(HeadError, match="not for voices"):
        TrainedVoice(stored())
