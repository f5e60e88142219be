"""Clips to rows: what is left out is counted, what is missing is filled, files come back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from subtone.perception.checkpoints import open_folder
from subtone.perception.encoder import WhisperEncoder
from subtone.perception.encoder.quality import synthetic_voice
from subtone.perception.errors import AudioError
from subtone.perception.probing.data import ProbeError
from subtone.perception.probing.matrix_files import load_matrix, save_matrix
from subtone.perception.probing.recordings import Recordings, read_recordings
from subtone.perception.probing.telephone import over_telephone
from subtone.perception.probing.untrained import save_untrained
from subtone.perception.probing.vectors import (
    ACOUSTICS,
    LOG_MEL,
    UNTRAINED,
    Encoded,
    acoustic_features,
    encode_recordings,
    log_mel_statistics,
    read_clip,
)
from support_probing import made_up
from support_shared import shared
from support_whisper import WIDTH, random_weights, save_safetensors

RATE_HZ = 16_000
VOICE = synthetic_voice()


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> WhisperEncoder:
    folder = save_safetensors(tmp_path_factory.mktemp("small"), random_weights())
    return WhisperEncoder(folder, threads=1)


@pytest.fixture
def recordings(tmp_path: Path) -> Recordings:
    """Four actors, two emotions; one clip more is silent."""
    for actor in range(1, 5):
        for emotion in (1, 5):
            name = f"03-01-{emotion:02}-01-01-01-{actor:02}.wav"
            start = 2_000 * actor + 500 * emotion
            soundfile.write(tmp_path / name, VOICE[start : start + 20_000], RATE_HZ)
    soundfile.write(tmp_path / "03-01-05-01-02-01-01.wav", np.zeros(20_000), RATE_HZ)
    return read_recordings(tmp_path, None, True)


def test_every_clip_with_speech_is_a_row(encoder: WhisperEncoder, recordings: Recordings) -> None:
    told: list[int] = []
    found = encode_recordings(
        recordings, encoder, encoder, 1, "wide", lambda done, of: told.append(done + of)
    )
    assert found.data.vectors.shape == (8, 2 * WIDTH)
    assert found.data.left_out == 1
    assert found.data.space.endswith("/none/L1")
    assert found.data.encoder == encoder.name
    assert {name: rows.shape for name, rows in found.baselines.items()} == {
        LOG_MEL: (8, 160), ACOUSTICS: (8, 13), UNTRAINED: (8, 2 * WIDTH),
    }  # fmt: skip
    samples, rate_hz = read_clip(recordings.clips[0].path, "wide")
    assert found.data.vectors[0] == pytest.approx(encoder.encode(samples, rate_hz).pooled[1])
    assert np.array_equal(found.baselines[UNTRAINED], found.data.vectors)
    assert told == list(range(9, 18))


def test_a_layer_there_is_not_is_refused(encoder: WhisperEncoder, recordings: Recordings) -> None:
    with pytest.raises(ProbeError, match="layer 3: this checkpoint has 0 to 2"):
        encode_recordings(recordings, encoder, None, 3, "wide")


def test_a_clip_that_is_no_audio_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(b"RIFF")
    with pytest.raises(AudioError, match=r"x\.wav: is no audio file"):
        read_clip(path, "wide")


def test_the_line_cuts_the_band_and_keeps_the_speech() -> None:
    t_s = np.arange(RATE_HZ) / RATE_HZ
    levels = []
    for pitch_hz in (100.0, 1000.0, 3700.0):
        tone = 0.5 * np.sin(2 * np.pi * pitch_hz * t_s).astype(np.float32)
        heard = over_telephone(tone, RATE_HZ)[500:-500]
        levels.append(float(np.sqrt((heard**2).mean())))
    assert levels[1] == pytest.approx(0.5 / np.sqrt(2), rel=0.02)
    assert max(levels[0], levels[2]) < 0.01
    assert len(np.unique(over_telephone(VOICE, RATE_HZ))) <= 255


def test_features_of_a_voice_and_of_next_to_nothing() -> None:
    voice = acoustic_features(VOICE, RATE_HZ)
    assert np.isfinite(voice).all()
    assert not np.isfinite(acoustic_features(np.zeros(300, np.float32), RATE_HZ)).all()
    assert log_mel_statistics(VOICE, RATE_HZ).shape == (160,)


def test_an_untrained_encoder_has_the_shape_and_nothing_else(
    encoder: WhisperEncoder, tmp_path: Path
) -> None:
    first, again, other = (
        WhisperEncoder(save_untrained(encoder.checkpoint, tmp_path / str(i), seed), threads=1)
        for i, seed in enumerate((0, 0, 1))
    )
    assert (first.n_layers, first.width) == (encoder.n_layers, encoder.width)
    states = [e.encode(VOICE, RATE_HZ).pooled for e in (first, again, other, encoder)]
    assert np.array_equal(states[0], states[1])
    for one in (2, 3):
        assert np.abs(states[0][1] - states[one][1]).max() > 0.1
    assert np.isfinite(states[0]).all()


def test_the_published_checkpoint_can_be_untrained(tmp_path: Path) -> None:
    checkpoint = open_folder(shared("models", "whisper-base-encoder"))
    random = WhisperEncoder(save_untrained(checkpoint, tmp_path / "u", 0), threads=1)
    assert random.encode(VOICE, RATE_HZ).pooled.shape == (7, 1024)


def test_a_matrix_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    data = made_up(
        "one", gender=("f", None) * 72, space="base/L3", encoder="base@0/int8", left_out=2
    )
    save_matrix(tmp_path / "m.npz", Encoded(data, {"mel, mean": data.vectors[:, :4]}))
    assert [p.name for p in tmp_path.iterdir()] == ["m.npz"]
    again = load_matrix(tmp_path / "m.npz")
    for name in vars(data):
        if name != "vectors":
            assert getattr(again.data, name) == getattr(data, name)
    assert np.array_equal(again.data.vectors, data.vectors)
    assert np.array_equal(again.baselines["mel, mean"], data.vectors[:, :4])


def arrays(**changes: Any) -> dict[str, Any]:
    data = made_up("one")
    needed: dict[str, Any] = {
        "vectors": data.vectors, "emotion": np.array(data.emotion),
        "speaker": np.array(data.speaker), "sentence": np.array(data.sentence),
        "corpus": "c", "language": "l", "band": "wide", "is_acted": True,
    }  # fmt: skip
    return needed | changes


def test_what_may_be_left_out_may_be_left_out(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", **arrays())
    found = load_matrix(tmp_path / "m.npz")
    assert found.data.gender == (None,) * 144
    assert found.baselines == {}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"band": "am"}, "band 'am'"),
        ({"vectors": np.zeros(144)}, "rows of numbers"),
        ({"vectors": np.full((144, 2), "x")}, "rows of numbers"),
        ({"vectors": np.full((144, 2), None)}, "no .npz file of plain arrays"),
    ],
)
def test_a_file_that_is_no_matrix_is_refused(
    tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    path = tmp_path / "m.npz"
    np.savez(path, **arrays(**changes))
    with pytest.raises(ProbeError, match=says):
        load_matrix(path)


def test_a_missing_array_is_named(tmp_path: Path) -> None:
    given = arrays()
    del given["speaker"]
    np.savez(tmp_path / "m.npz", **given)
    with pytest.raises(ProbeError, match="has no array speaker"):
        load_matrix(tmp_path / "m.npz")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut"])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.npz"
    path.write_bytes(content)
    with pytest.raises(ProbeError, match=r"no \.npz file"):
        load_matrix(path)
