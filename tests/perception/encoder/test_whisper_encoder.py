"""The encoder against a reference, on small random weights that need no download."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from subtone.perception.checkpoints import open_folder
from subtone.perception.encoder import Padding, Precision, WhisperEncoder
from subtone.perception.encoder.loading import load_weights
from subtone.perception.encoder.log_mel import log_mel
from subtone.perception.encoder.quality import cosine, synthetic_voice
from subtone.perception.encoding import FloatArray
from subtone.perception.errors import AudioError, CheckpointError, PerceptionError
from support_whisper import BLOCKS, HEADS, WIDTH, random_weights, reference_states
from support_whisper import save_ct2 as ct2
from support_whisper import save_safetensors as safetensors

RATE_HZ = 16_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return safetensors(tmp_path_factory.mktemp("small") / "small", random_weights())


@pytest.fixture(scope="module")
def exact(folder: Path) -> WhisperEncoder:
    return WhisperEncoder(folder, precision=Precision.FLOAT32, threads=1)


def reference(samples: FloatArray) -> list[np.ndarray]:
    whole = -(-len(samples) // 8_000) * 8_000  # the next half second
    padded = np.pad(samples, (0, whole - len(samples)))
    return reference_states(random_weights(), log_mel(padded, 80), HEADS)


def test_every_layer_equals_the_reference(exact: WhisperEncoder) -> None:
    samples = synthetic_voice()[: 2 * RATE_HZ + 1_234]
    window = exact.encode_window(samples)
    expected = reference(samples)
    assert window.states.shape == (BLOCKS + 1, 103, WIDTH)
    assert window.decoder_states.shape == (125, WIDTH)
    for layer, states in enumerate(expected):
        assert np.abs(window.states[layer] - states[:103]).max() < 2e-4
    assert np.abs(window.decoder_states - expected[-1]).max() < 2e-4


@pytest.mark.parametrize("before", ["", "encoder.", "model.encoder."])
def test_whatever_stands_before_the_names_the_states_are_the_same(
    tmp_path: Path, exact: WhisperEncoder, before: str
) -> None:
    whole = random_weights()
    folder = safetensors(tmp_path / "named", whole, before)
    other = WhisperEncoder(folder, precision=Precision.FLOAT32, threads=1)
    samples = synthetic_voice()[:RATE_HZ]
    assert (other.encode_window(samples).states == exact.encode_window(samples).states).all()


def test_both_layouts_give_the_same_states(tmp_path: Path, exact: WhisperEncoder) -> None:
    samples = synthetic_voice()[:RATE_HZ]
    expected = exact.encode_window(samples).states
    floats, integers = (
        WhisperEncoder(folder, precision=Precision.FLOAT32, threads=1)
        for folder in (
            ct2(tmp_path / "f", random_weights()),
            ct2(tmp_path / "i", random_weights(), is_int8=True),
        )
    )
    assert (floats.encode_window(samples).states == expected).all()
    stored_as_int8 = integers.encode_window(samples)
    for a, b in zip(stored_as_int8.pooled, exact.encode_window(samples).pooled, strict=True):
        assert cosine(a, b) > 0.999


def test_int8_stays_near_in_every_layer(folder: Path, exact: WhisperEncoder) -> None:
    samples = synthetic_voice()
    fast = WhisperEncoder(folder, threads=1).encode_window(samples)
    for a, b in zip(fast.pooled, exact.encode_window(samples).pooled, strict=True):
        assert cosine(a, b) > 0.999


def test_one_huge_frame_does_not_coarsen_the_others(tmp_path: Path) -> None:
    """Massive activations: quantised per frame, the quiet frames keep their states."""
    weights = {name: values.copy() for name, values in random_weights().items()}
    unit = weights["layers.0.fc1.weight"][0]
    weights["embed_positions.weight"][10] += 400.0 * unit / np.linalg.norm(unit)
    unit *= 1_000.0
    weights["layers.0.self_attn.out_proj.weight"] *= 0.0  # nothing of it reaches other frames
    weights["layers.0.fc1.bias"][0] = -5.0 * np.linalg.norm(unit)  # only that frame is above
    folder = safetensors(tmp_path / "massive", weights)
    samples = synthetic_voice()[:RATE_HZ]
    added = []
    for precision in (Precision.FLOAT32, Precision.INT8):
        encoder = WhisperEncoder(folder, precision=precision, threads=1)
        states = encoder.encode_window(samples).states
        added.append((states[1] - states[0])[20:].ravel())
    assert cosine(*added) > 0.99


def test_a_batch_equals_single_calls_in_order(exact: WhisperEncoder) -> None:
    voice = synthetic_voice()
    gap = np.zeros(2 * RATE_HZ, np.float32)
    recordings = [np.concatenate([gap, voice, gap, voice[: 3 * RATE_HZ], gap]), gap, voice]
    together = exact.encode_batch(recordings, RATE_HZ)
    assert [len(encoded.windows) for encoded in together] == [2, 0, 1]
    for samples, encoded in zip(recordings, together, strict=True):
        alone = exact.encode(samples, RATE_HZ)
        assert encoded.duration_ms == alone.duration_ms == 1000 * len(samples) // RATE_HZ
        for a, b in zip(encoded.windows, alone.windows, strict=True):
            assert (a.t_event_ms, a.t_end_ms) == (b.t_event_ms, b.t_end_ms)
            assert np.abs(a.states - b.states).max() < 1e-4


def test_a_stream_gives_the_windows_of_the_recording(exact: WhisperEncoder) -> None:
    gap = np.zeros(2 * RATE_HZ, np.float32)
    samples = np.concatenate([gap, synthetic_voice(), gap, synthetic_voice(), gap])
    blocks = np.split(samples, [7_000, 7_001, 90_000])
    streamed = list(exact.encode_stream(blocks, RATE_HZ, t_start_ms=60_000))
    whole = exact.encode(samples, RATE_HZ, t_start_ms=60_000).windows
    assert [w.t_event_ms for w in streamed] == [w.t_event_ms for w in whole]
    assert streamed[0].t_event_ms > 60_000
    for a, b in zip(streamed, whole, strict=True):
        assert (a.states == b.states).all()


def test_every_window_costs_one_pass(folder: Path) -> None:
    encoder = WhisperEncoder(folder, threads=1)
    encoded = encoder.encode(synthetic_voice(), RATE_HZ)
    assert encoder.passes == len(encoded.windows) == 1
    for _ in range(3):
        assert encoded.pooled.shape == (BLOCKS + 1, 2 * WIDTH)
        assert encoded.encoding(1).space == "small/none/L1"
    assert encoder.passes == 1


def test_names_say_model_digest_precision_and_padding(folder: Path) -> None:
    encoder = WhisperEncoder(folder, padding=Padding.WINDOW, threads=1)
    assert encoder.name == f"small@{encoder.checkpoint.digest[:12]}/int8"
    assert encoder.space == "small/window"
    assert encoder.encode(np.zeros(RATE_HZ), RATE_HZ).windows == ()
    assert encoder.encode_window(synthetic_voice()).decoder_states.shape == (1_500, WIDTH)


def test_silence_behind_the_audio_does_not_enter_the_pooling(exact: WhisperEncoder) -> None:
    voice = synthetic_voice()
    followed = np.concatenate([voice, np.zeros(5 * RATE_HZ, np.float32)])
    alone = exact.encode_window(voice, padding=Padding.WINDOW)
    longer = exact.encode_window(followed, padding=Padding.WINDOW)
    cut = longer.states[:, : alone.valid_frames]
    assert np.abs(cut - alone.states).max() < 1e-4
    assert np.abs(longer.pooled - alone.pooled).max() > 0.01


def test_telephone_audio_is_resampled(exact: WhisperEncoder) -> None:
    voice = np.concatenate([np.zeros(8_000, np.float32), synthetic_voice()])
    at_8_khz = exact.encode(voice[::2], 8_000)
    assert at_8_khz.duration_ms == 4_500
    assert len(at_8_khz.windows) == 1
    assert at_8_khz.windows[0].t_event_ms == exact.encode(voice, RATE_HZ).windows[0].t_event_ms


@pytest.mark.parametrize(
    ("samples", "rate_hz", "cause"),
    [
        (np.zeros(3_000), 3_000, "sample rate 3000 Hz is outside 8000"),
        (np.zeros((2, 16_000)), RATE_HZ, "encode each channel by itself"),
        (np.zeros((16_000, 2)), RATE_HZ, "encode each channel by itself"),
        (np.zeros(16_000, np.int16), RATE_HZ, "divide 16-bit by 32768"),
        (np.full(16_000, np.nan), RATE_HZ, "NaN"),
        (np.full(16_000, 3_000.0), RATE_HZ, "integers were not scaled"),
    ],
)
def test_audio_nobody_could_have_spoken_is_refused(
    exact: WhisperEncoder, samples: np.ndarray, rate_hz: int, cause: str
) -> None:
    with pytest.raises(AudioError, match=cause):
        exact.encode(samples, rate_hz)


def test_nothing_gives_nothing(exact: WhisperEncoder) -> None:
    encoded = exact.encode(np.zeros(0, np.float32), RATE_HZ)
    assert (encoded.windows, encoded.duration_ms) == ((), 0)
    assert encoded.pooled.size == 0
    with pytest.raises(AudioError, match="use encode, which cuts"):
        exact.encode_window(np.zeros(31 * RATE_HZ, np.float32))
    with pytest.raises(AudioError, match="give 100 to 30000 ms"):
        exact.encode_window(np.zeros(10, np.float32))


def test_what_this_machine_cannot_do_is_said(folder: Path) -> None:
    with pytest.raises(PerceptionError, match="on a CPU choose int8"):
        WhisperEncoder(folder, precision=Precision.FLOAT16, device="cpu")
    with pytest.raises(PerceptionError, match="use one of auto, cpu, cuda"):
        WhisperEncoder(folder, device="abacus")


@pytest.mark.parametrize("kept", [0, 7, 1_000, -1])
def test_truncated_weights_are_refused(tmp_path: Path, kept: int) -> None:
    for folder in (
        safetensors(tmp_path / "a", random_weights()),
        ct2(tmp_path / "b", random_weights()),
    ):
        path = next(folder.glob("model.*"))
        path.write_bytes(path.read_bytes()[:kept])
        with pytest.raises(CheckpointError, match=path.name):
            WhisperEncoder(folder)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 3_000), st.integers(1, 255), st.booleans())
def test_a_damaged_header_never_surprises(
    tmp_path: Path, at: int, flipped: int, is_safetensors: bool
) -> None:
    save = safetensors if is_safetensors else ct2
    folder = save(tmp_path / "damaged", random_weights())
    path = next(folder.glob("model.*"))
    raw = bytearray(path.read_bytes())
    raw[at] ^= flipped
    path.write_bytes(raw)
    try:
        load_weights(open_folder(folder))
    except CheckpointError as error:
        assert path.name in str(error)
    finally:
        shutil.rmtree(folder)


def test_weights_of_something_else_are_refused(tmp_path: Path) -> None:
    weights = random_weights()
    lacking = {name: values for name, values in weights.items() if "layers.1.fc2" not in name}
    with pytest.raises(CheckpointError, match=r"has no layers\.1\.fc2"):
        WhisperEncoder(safetensors(tmp_path / "lacking", lacking))
    misshapen = weights | {"layers.0.fc1.weight": np.zeros((4, 4), np.float32)}
    with pytest.raises(CheckpointError, match="block 0 feed-forward has shape"):
        WhisperEncoder(safetensors(tmp_path / "misshapen", misshapen))
    unbiased = weights | {"layers.0.fc1.bias": np.zeros(3, np.float32)}
    with pytest.raises(CheckpointError, match="block 0 feed-forward bias has shape"):
        WhisperEncoder(safetensors(tmp_path / "unbiased", unbiased))
    poisoned = weights | {"conv1.weight": np.full_like(weights["conv1.weight"], np.nan)}
    with pytest.raises(CheckpointError, match="first convolution holds NaN"):
        WhisperEncoder(safetensors(tmp_path / "poisoned", poisoned))
    with pytest.raises(CheckpointError, match="not a Whisper encoder"):
        WhisperEncoder(safetensors(tmp_path / "other", {"x": np.zeros(3, np.float32)}))
    configless = safetensors(tmp_path / "configless", weights)
    (configless / "config.json").write_text("[]")
    with pytest.raises(CheckpointError, match="encoder_attention_heads"):
        WhisperEncoder(configless)
