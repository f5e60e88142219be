"""The whole way on a real call; the words of this re-learned model are wrong, its mechanics not."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from subtone.contracts.memory import Transcription
from subtone.perception.encoder import Padding, WhisperEncoder
from subtone.perception.encoding import EncodedAudio
from subtone.perception.errors import CheckpointError, PerceptionError
from subtone.perception.language import DetectLanguage
from subtone.perception.transcription import GuardLimits, Transcribe, WhisperDecoder
from support_shared import shared

CALLS = ("auto_repairs_40.stereo.flac", "auto_repairs_49.stereo.flac")
HEARD_S = 24


def greedy(decoder: WhisperDecoder, **options: Any) -> Transcribe:
    """One decoding per window, the same each time."""
    return Transcribe(decoder, beam_size=1, temperatures=(0.0,), **options)


@pytest.fixture(scope="module")
def tiny() -> Path:
    return shared("models", "whisper-tiny.en-relearned-ct2-int8")


@pytest.fixture(scope="module")
def encoder(tiny: Path) -> WhisperEncoder:
    return WhisperEncoder(tiny, threads=1)


@pytest.fixture(scope="module")
def decoder(tiny: Path) -> WhisperDecoder:
    return WhisperDecoder(tiny, threads=1)


@pytest.fixture(scope="module")
def encoded(encoder: WhisperEncoder) -> EncodedAudio:
    return caller(encoder, CALLS[0])


def caller(encoder: WhisperEncoder, call: str) -> EncodedAudio:
    samples, rate_hz = soundfile.read(
        shared("data", "calls", call), stop=HEARD_S * 8_000, dtype="float32"
    )
    return encoder.encode(samples[:, 1], rate_hz)


def require_ordered(transcription: Transcription, encoded: EncodedAudio) -> None:
    ends_ms = 0
    for segment in transcription.segments:
        assert segment.t_event_ms >= ends_ms
        ends_ms = segment.t_end_ms
        assert any(
            window.t_event_ms <= segment.t_event_ms and segment.t_end_ms <= window.t_end_ms
            for window in encoded.windows
        )
        assert " ".join(word.text for word in segment.words) == segment.text
        at_ms = segment.t_event_ms
        for word in segment.words:
            assert at_ms <= word.t_event_ms <= word.t_end_ms <= segment.t_end_ms
            at_ms = word.t_event_ms
        assert 0.0 < segment.confidence <= 1.0


@pytest.mark.parametrize("call", CALLS)
def test_a_real_call_gives_timed_words(
    encoder: WhisperEncoder, decoder: WhisperDecoder, call: str
) -> None:
    encoded = caller(encoder, call)
    transcription = greedy(decoder)(encoded)
    assert transcription.model == encoded.encoder
    assert transcription.language == "en"
    assert sum(len(segment.words) for segment in transcription.segments) >= 3
    assert len(transcription.segments) + len(transcription.refused) <= len(encoded.windows)
    require_ordered(transcription, encoded)


def test_any_number_of_tasks_costs_no_further_pass(
    encoder: WhisperEncoder, decoder: WhisperDecoder
) -> None:
    before = encoder.passes
    encoded = caller(encoder, CALLS[0])
    assert encoder.passes == before + len(encoded.windows)
    greedy(decoder)(encoded)
    DetectLanguage(decoder)(encoded)
    assert encoded.encoding(2).valid_frames == sum(w.valid_frames for w in encoded.windows)
    assert encoder.passes == before + len(encoded.windows)


def test_a_loop_is_refused_and_named(encoder: WhisperEncoder, decoder: WhisperDecoder) -> None:
    """Padded to 30 s, this model repeats itself: the guard takes the stretch out and says so."""
    samples, rate_hz = soundfile.read(
        shared("data", "calls", CALLS[0]), start=6 * 8_000, stop=14 * 8_000, dtype="float32"
    )
    padded = WhisperEncoder(encoder.checkpoint, padding=Padding.WINDOW, threads=1)
    encoded = padded.encode(samples[:, 1], rate_hz)
    transcription = greedy(decoder)(encoded)
    assert "repetition" in transcription.refused
    trusting = GuardLimits(
        most_repeats=1_000, most_compression=1e3, most_characters_per_s=1e6, most_no_speech=1.0
    )
    believed = greedy(decoder, limits=trusting)(encoded)
    assert len(believed.segments) > len(transcription.segments)


def test_the_same_audio_gives_the_same_text(decoder: WhisperDecoder, encoded: EncodedAudio) -> None:
    task = greedy(decoder, has_words=False)
    assert task(encoded) == task(encoded)


def test_without_speech_there_is_nothing(encoder: WhisperEncoder, decoder: WhisperDecoder) -> None:
    silent = encoder.encode(np.zeros(80_000, np.float32), 16_000)
    transcription = Transcribe(decoder)(silent)
    assert (transcription.segments, transcription.refused, transcription.language) == ((), (), None)
    assert DetectLanguage(decoder)(silent).language is None


def test_words_can_be_left_out(decoder: WhisperDecoder, encoded: EncodedAudio) -> None:
    transcription = greedy(decoder, has_words=False)(encoded)
    assert transcription.segments
    assert all(segment.words == () for segment in transcription.segments)


def test_the_decoder_loads_when_needed_and_unloads(tiny: Path, encoded: EncodedAudio) -> None:
    decoder = WhisperDecoder(tiny, threads=1)
    loaded = [decoder.is_loaded]
    with decoder:
        loaded.append(decoder.is_loaded)
    loaded.append(decoder.is_loaded)
    prompt = decoder.tokens.prompt(None, has_timestamps=False)
    decoder.generate(encoded.windows[0], prompt, beam_size=1)
    loaded.append(decoder.is_loaded)
    decoder.unload()
    assert [*loaded, decoder.is_loaded] == [False, True, False, True, False]


def test_threads_share_one_decoder(decoder: WhisperDecoder, encoded: EncodedAudio) -> None:
    task = greedy(decoder)
    expected = task(encoded)
    found: list[Transcription] = []
    threads = [threading.Thread(target=lambda: found.append(task(encoded))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 2


def test_an_encoder_alone_cannot_transcribe() -> None:
    with pytest.raises(CheckpointError, match="holds an encoder without a decoder"):
        WhisperDecoder(shared("models", "whisper-base-encoder"))


def test_another_models_encoding_is_refused(decoder: WhisperDecoder, encoded: EncodedAudio) -> None:
    window = encoded.windows[0]
    wide = replace(window, decoder_states=np.zeros((100, 512), np.float32))
    with pytest.raises(PerceptionError, match="encoder of the same checkpoint"):
        decoder.generate(wide, [50257, 50362], beam_size=1)
    poisoned = replace(window, decoder_states=np.full_like(window.decoder_states, np.nan))
    with pytest.raises(PerceptionError, match="NaN or infinity"):
        decoder.generate(poisoned, [50257, 50362], beam_size=1)


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"\x06\0\0\0damaged")
    (tmp_path / "config.json").write_text("{}")
    decoder = WhisperDecoder(tmp_path)
    with pytest.raises(CheckpointError, match="CTranslate2 cannot load it"):
        decoder.load()


def test_english_only_says_that_it_was_assumed(
    decoder: WhisperDecoder, encoded: EncodedAudio
) -> None:
    finding = DetectLanguage(decoder)(encoded)
    assert (finding.language, finding.confidence, finding.probabilities) == ("en", 0.0, ())
    assert finding.model.endswith("(English only: assumed, not detected)")
