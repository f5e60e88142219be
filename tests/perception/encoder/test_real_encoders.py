"""The published weights: whisper-base against a plain reference, tiny.en against CTranslate2."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from subtone.perception.encoder import Padding, Precision, WhisperEncoder
from subtone.perception.encoder.log_mel import log_mel
from subtone.perception.encoder.quality import check_encoder, cosine
from subtone.perception.encoding import FloatArray
from support_shared import shared
from support_whisper import reference_states, reference_weights

RATE_HZ = 16_000
FROM_S, TO_S = 60, 63


@pytest.fixture(scope="module")
def speech() -> FloatArray:
    samples, _ = soundfile.read(
        shared("data", "calls", "support_call_mono.flac"),
        start=FROM_S * RATE_HZ,
        stop=TO_S * RATE_HZ,
        dtype="float32",
    )
    return np.asarray(samples)


@pytest.fixture(scope="module")
def base() -> Path:
    return shared("models", "whisper-base-encoder")


@pytest.fixture(scope="module")
def tiny() -> Path:
    return shared("models", "whisper-tiny.en-relearned-ct2-int8")


def test_every_layer_of_base_equals_the_reference(base: Path, speech: FloatArray) -> None:
    exact = WhisperEncoder(base, precision=Precision.FLOAT32, threads=1).encode_window(speech)
    fast = WhisperEncoder(base, threads=1).encode_window(speech)
    expected = reference_states(reference_weights(base), log_mel(speech, 80), n_heads=8)
    assert len(expected) == len(exact.states) == 7
    for layer, states in enumerate(expected):
        size = float(np.abs(states).max())
        assert np.abs(exact.states[layer] - states).max() < 2e-5 * max(size, 10.0)
        pooled = np.concatenate([states.mean(axis=0), states.std(axis=0)])
        assert cosine(exact.pooled[layer], pooled) > 0.999999
        assert cosine(fast.pooled[layer], pooled) > 0.99


def test_tiny_equals_ctranslate2(tiny: Path, speech: FloatArray) -> None:
    import ctranslate2

    model: Any = ctranslate2.models.Whisper(str(tiny), compute_type="float32", intra_threads=1)
    mel = np.ascontiguousarray(log_mel(speech, 80)[None])
    theirs = np.array(model.encode(ctranslate2.StorageView.from_array(mel), to_cpu=True))[0]
    ours = WhisperEncoder(tiny, precision=Precision.FLOAT32, threads=1).encode_window(speech)
    assert np.abs(ours.decoder_states - theirs).max() < 2e-3
    fast = WhisperEncoder(tiny, threads=1).encode_window(speech)
    assert cosine(fast.decoder_states.ravel(), theirs.ravel()) > 0.998


def test_lower_layers_hold_without_the_padding(base: Path, speech: FloatArray) -> None:
    encoder = WhisperEncoder(base, precision=Precision.FLOAT32, threads=1)
    bare = encoder.encode_window(speech)
    padded = encoder.encode_window(speech, padding=Padding.WINDOW)
    cosines = [cosine(a, b) for a, b in zip(bare.pooled, padded.pooled, strict=True)]
    assert min(cosines[:4]) > 0.99


def test_the_check_passes_on_a_sound_checkpoint(base: Path, tiny: Path) -> None:
    from subtone.perception.checkpoints import open_folder

    for folder, n_layers in ((base, 7), (tiny, 5)):
        findings = list(check_encoder(open_folder(folder), threads=1))
        assert [finding.subject for finding in findings if not finding.is_well] == []
        assert len(findings) == 3 + 2 * n_layers


def test_a_real_call_gives_windows_of_its_caller_only(tiny: Path) -> None:
    samples, rate_hz = soundfile.read(
        shared("data", "calls", "auto_repairs_40.stereo.flac"), dtype="float32"
    )
    encoder = WhisperEncoder(tiny, threads=1)
    encoded = encoder.encode(samples[: 60 * rate_hz, 1], rate_hz)
    spans = [(window.t_event_ms, window.t_end_ms) for window in encoded.windows]
    assert encoder.passes == len(spans) == 12
    assert all(end_ms <= next_ms for (_, end_ms), (next_ms, _) in pairwise(spans))
    assert sum(end_ms - start_ms for start_ms, end_ms in spans) < 45_000
