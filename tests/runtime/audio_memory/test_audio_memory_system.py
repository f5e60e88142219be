"""One encoding for every task, only what was asked for, all of a recording kept or none of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from subtone.contracts.memory import MemoryFilter
from subtone.contracts.vocabulary import Role
from subtone.ingest.files import read_blocks
from subtone.memory.errors import MemoryRefusedError
from subtone.memory.store import SqliteMemoryStore
from subtone.perception.encoding import EncodedAudio
from subtone.perception.errors import AudioError, CheckpointError, PerceptionError
from subtone.perception.heads import registry
from subtone.perception.heads.centre import SpeakerCentre
from subtone.perception.heads.emotion import EmotionHead
from subtone.perception.heads.errors import HeadError, VoiceprintError
from subtone.perception.heads.files import read_head
from subtone.perception.heads.registry import HeadDeclaration
from subtone.perception.tasks import Needs
from subtone.runtime.audio_memory import MAX_WHOLE_MS, AudioMemorySystem, Keep
from support_audio_memory import (
    RATE_HZ,
    RELATIVE,
    real_checkpoint,
    small_checkpoint,
    small_emotion_head,
    speech,
    write_clips,
)
from support_shared import shared

AGREED = Keep(has_consent=True, call_id="CA1", role=Role.CUSTOMER, t_seen_ms=1_000)
ONE_THREAD = {"threads": 1}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteMemoryStore]:
    with SqliteMemoryStore(tmp_path / "memory") as opened:
        yield opened


def small_system(
    tmp_path: Path, head_changes: dict[str, Any] | None = None, **options: Any
) -> AudioMemorySystem:
    checkpoint = small_checkpoint(tmp_path / "made-up")
    changes = head_changes or {}
    head = small_emotion_head(tmp_path / "emotion.safetensors", "made-up/none", 1, **changes)
    return AudioMemorySystem(
        checkpoint, models={"emotion": head}, layer=1, encoder_options=ONE_THREAD, **options
    )


def test_one_encoding_serves_every_task() -> None:
    system = AudioMemorySystem(real_checkpoint(), encoder_options=ONE_THREAD)
    found = system.process_audio(speech(8.0), ["transcription", "language"], sample_rate_hz=RATE_HZ)
    assert system.encoder.passes == len(found.encodings) - 1 >= 1
    assert found.transcription is not None
    assert found.language is not None
    assert found.language.language == "en"


def test_the_answer_holds_what_was_asked_for_and_nothing_else(tmp_path: Path) -> None:
    system = small_system(tmp_path)
    bare = system.process_audio(speech(6.0), [], sample_rate_hz=RATE_HZ)
    assert not system.loaded
    assert (bare.transcription, bare.language, bare.emotion, bare.speaker) == (None,) * 4
    assert {e.space for e in bare.encodings} == {"made-up/none/L1"}
    felt = system.process_audio(speech(6.0), ["emotion"], sample_rate_hz=RATE_HZ)
    assert list(system.loaded) == ["emotion"]
    assert felt.transcription is None
    assert felt.emotion is not None
    assert sum(p.probability for p in felt.emotion.probabilities) == pytest.approx(1.0)
    assert system.relieve() > 0
    assert not system.loaded


def test_nothing_is_loaded_before_it_is_needed(tmp_path: Path) -> None:
    system = AudioMemorySystem(tmp_path / "nowhere")
    assert system.loaded == ()
    with pytest.raises(CheckpointError, match="nowhere"):
        system.process_audio(speech(1.0), [], sample_rate_hz=RATE_HZ)


def test_what_is_kept_is_found_by_its_sound_by_filters_and_erased(
    tmp_path: Path, store: SqliteMemoryStore
) -> None:
    system = small_system(tmp_path, store=store)
    first, second = write_clips(tmp_path / "clips", 2)
    kept = system.process_audio(first, ["emotion"], keep=AGREED)
    passes = system.encoder.passes
    assert passes == len(kept.encodings) - 1 == len(kept.record_ids)
    system.remember(second, ["emotion"], keep=Keep(has_consent=True))
    (best, *_) = system.search(audio=first, where=MemoryFilter(call_id="CA1"))
    assert (best.record_id, best.route) == (kept.record_ids[0], "audio")
    assert best.score == pytest.approx(1.0)
    (record,) = store.get([kept.record_ids[0]])
    assert (record.role, record.t_seen_ms, record.call_id) == (Role.CUSTOMER, 1_000, "CA1")
    assert record.source.startswith(str(first)[-100:])
    assert {h.record_id for h in system.search(where=MemoryFilter(call_id="clip001.wav"))}
    assert store.erase(MemoryFilter(call_id="CA1")).records == len(kept.record_ids)
    assert system.search(where=MemoryFilter(call_id="CA1")) == ()


def test_keeping_and_remembering_leave_the_same_records(
    tmp_path: Path, store: SqliteMemoryStore
) -> None:
    system = small_system(tmp_path, store=store)
    (clip,) = write_clips(tmp_path / "clips", 1, seconds=20.0)
    kept = system.process_audio(clip, ["emotion"], keep=AGREED).record_ids
    before = store.get(kept)
    again = system.remember(clip, ["emotion"], keep=AGREED)
    assert tuple(r.record_id for r in again) == kept
    assert store.count() == len(kept) >= 2
    for old, new in zip(before, store.get(kept), strict=True):
        assert (old.t_event_ms, old.t_end_ms, old.emotion) == (
            new.t_event_ms,
            new.t_end_ms,
            new.emotion,
        )
        assert np.allclose(old.encodings[0].vector, new.encodings[0].vector, atol=1e-4)


def test_a_channel_whose_role_is_known_is_read_against_its_own_first_utterances(
    tmp_path: Path, store: SqliteMemoryStore
) -> None:
    system = small_system(tmp_path, RELATIVE, store=store)
    samples = speech(40.0)
    records = system.remember(samples, ["emotion"], keep=AGREED, sample_rate_hz=RATE_HZ)
    assert len(records) >= 5
    head, centre = EmotionHead(read_head(tmp_path / "emotion.safetensors")), SpeakerCentre()
    expected = []
    for window in system.encoder.encode_stream([samples], RATE_HZ):
        expected.append(head(system.alone(window), centre))
        centre = centre.add(system.alone(window))
    assert [r.emotion for r in records] == [found.emotion for found in expected]
    confidences = [r.emotion_confidence for r in records]
    assert confidences == pytest.approx([found.confidence for found in expected], abs=1e-4)
    assert confidences[:3] == [0.0] * 3
    assert min(confidences[3:]) > 0.0


def test_where_nobody_says_who_speaks_a_head_that_asks_for_it_is_refused(
    tmp_path: Path, store: SqliteMemoryStore
) -> None:
    system = small_system(tmp_path, RELATIVE, store=store)
    given: dict[str, Any] = {"sample_rate_hz": RATE_HZ}
    cause = "emotion: reads the utterances of one speaker in their order.* give the role"
    with pytest.raises(HeadError, match=cause):
        system.remember(speech(20.0), ["emotion"], keep=Keep(has_consent=True), **given)
    with pytest.raises(HeadError, match=cause):
        system.process_audio(speech(20.0), ["emotion"], keep=AGREED, **given)
    assert store.count() == 0


def test_without_consent_nothing_is_stored(tmp_path: Path, store: SqliteMemoryStore) -> None:
    system = small_system(tmp_path, store=store)
    with pytest.raises(MemoryRefusedError, match="consent"):
        system.remember(speech(6.0), [], keep=Keep(has_consent=False), sample_rate_hz=RATE_HZ)
    assert store.count() == 0


def test_silence_leaves_no_memory_and_no_finding(tmp_path: Path, store: SqliteMemoryStore) -> None:
    system = small_system(tmp_path, store=store)
    silence = np.zeros(5 * RATE_HZ, np.float32)
    found = system.process_audio(silence, ["emotion"], sample_rate_hz=RATE_HZ, keep=AGREED)
    assert (found.encodings, found.record_ids) == ((), ())
    assert found.emotion is not None
    assert found.emotion.emotion is None
    with pytest.raises(PerceptionError, match="no speech to search by"):
        system.search(audio=silence, sample_rate_hz=RATE_HZ)


@pytest.mark.parametrize(
    ("options", "error", "cause"),
    [
        ({"tasks": ["magic"]}, PerceptionError, "no task is called magic"),
        ({"sample_rate_hz": None}, AudioError, "give sample_rate_hz"),
        ({"sample_rate_hz": 3_000}, AudioError, "3000"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(
    tmp_path: Path, options: dict[str, Any], error: type[Exception], cause: str
) -> None:
    given: dict[str, Any] = {"tasks": [], "sample_rate_hz": RATE_HZ} | options
    with pytest.raises(error, match=cause):
        small_system(tmp_path).process_audio(speech(1.0), **given)


def test_a_channel_that_is_not_there_and_a_recording_too_long_to_hold(tmp_path: Path) -> None:
    system = small_system(tmp_path)
    (clip,) = write_clips(tmp_path / "clips", 1)
    with pytest.raises(AudioError, match="there is no channel 1"):
        system.process_audio(clip, [], channel=1)
    too_long = np.zeros(8_000 * (MAX_WHOLE_MS // 1000 + 1), np.float32)
    with pytest.raises(AudioError, match="longer than 30 minutes"):
        system.process_audio(too_long, [], sample_rate_hz=8_000)


def test_emotion_needs_a_model_and_voices_a_permission(tmp_path: Path) -> None:
    bare = AudioMemorySystem(small_checkpoint(tmp_path / "made-up"))
    with pytest.raises(HeadError, match="emotion: has no model for made-up"):
        bare.process_audio(speech(2.0), ["emotion"], sample_rate_hz=RATE_HZ)
    with pytest.raises(VoiceprintError, match="allow voiceprints"):
        bare.process_audio(speech(2.0), ["speaker"], sample_rate_hz=RATE_HZ)


def test_a_head_of_another_width_is_refused_and_nothing_is_stored(
    tmp_path: Path, store: SqliteMemoryStore
) -> None:
    head = small_emotion_head(tmp_path / "emotion.safetensors", "other/none", 1)
    system = AudioMemorySystem(
        small_checkpoint(tmp_path / "made-up"), store=store, models={"emotion": head}
    )
    with pytest.raises(HeadError):
        system.process_audio(speech(6.0), ["emotion"], sample_rate_hz=RATE_HZ, keep=AGREED)
    assert store.count() == 0


def test_importing_the_package_loads_no_model_library() -> None:
    code = (
        "import sys, subtone, subtone.cli; "
        "print(sorted({'onnxruntime', 'ctranslate2', 'onnx', 'tokenizers'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_two_real_calls_give_timed_words() -> None:
    system = AudioMemorySystem(
        real_checkpoint(),
        settings={"transcription": {"temperatures": (0.0,), "beam_size": 1}},
        encoder_options=ONE_THREAD,
    )
    for name in ("auto_repairs_40", "auto_repairs_49"):
        blocks = read_blocks(shared("data", "calls", f"{name}.stereo.flac"), RATE_HZ, 1_000)
        caller = np.concatenate([block[:, 1] for block, _ in zip(blocks, range(60), strict=False)])
        said = system.process_audio(caller, sample_rate_hz=RATE_HZ).transcription
        assert said is not None
        words = [word for segment in said.segments for word in segment.words]
        assert len(words) >= 5
        assert all(0 <= w.t_event_ms <= w.t_end_ms <= 60_000 for w in words)
        starts = [w.t_event_ms for w in words]
        assert starts == sorted(starts)


class Counted:
    """A head of another package: how many windows it was given."""

    name = "windows"
    needs = Needs()

    def __call__(self, encoded: EncodedAudio) -> dict[str, int]:
        return {"windows": len(encoded.windows)}


COUNTED = HeadDeclaration(name="windows", needs=Needs(), gives="a count", factory=Counted)


def test_a_head_of_another_package_runs_beside_the_built_in_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = EntryPoint("windows", f"{__name__}:COUNTED", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda **_: [point])
    monkeypatch.setattr(EntryPoint, "load", lambda _self: COUNTED)
    system = small_system(tmp_path)
    found = system.process_audio(speech(6.0), ["windows", "emotion"], sample_rate_hz=RATE_HZ)
    ((task, result),) = [(other.task, other.result_json) for other in found.others]
    assert task == "windows"
    assert result == f'{{"windows":{len(found.encodings) - 1}}}'
    assert found.emotion is not None


def test_the_base_checkpoint_has_an_emotion_head_of_its_own() -> None:
    system = AudioMemorySystem(shared("models", "whisper-base-encoder"), encoder_options=ONE_THREAD)
    clip = shared("data", "emotion", "emodb") / "03_angry_03a01Wa.flac"
    found = system.process_audio(clip, ["emotion"]).emotion
    assert found is not None
    assert (found.emotion, found.is_calibrated) == ("angry", True)
    assert found.model.startswith("whisper-base-emotion")
