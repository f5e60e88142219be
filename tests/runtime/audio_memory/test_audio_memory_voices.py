"""Voices: off unless allowed, the same unknown voice under the same id, people by their name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from subtone.contracts.memory import MemoryFilter
from subtone.memory.store import SqliteMemoryStore
from subtone.perception.encoding import FloatArray
from subtone.perception.heads.errors import HeadError, VoiceprintError
from subtone.runtime.audio_memory import AudioMemorySystem, Keep
from subtone.runtime.audio_memory.voices import KnownVoices
from support_audio_memory import RATE_HZ, small_checkpoint, speech

AGREED = Keep(has_consent=True, call_id="CA1")


def opened(tmp_path: Path, *, is_allowed: bool = True) -> SqliteMemoryStore:
    return SqliteMemoryStore(tmp_path / "memory", is_voiceprint_allowed=is_allowed)


def system(
    tmp_path: Path, store: SqliteMemoryStore, *, is_allowed: bool = True
) -> AudioMemorySystem:
    return AudioMemorySystem(
        small_checkpoint(tmp_path / "made-up"),
        store=store,
        layer=1,
        is_voiceprint_allowed=is_allowed,
        encoder_options={"threads": 1},
    )


def heard(memory: AudioMemorySystem, samples: FloatArray) -> str | None:
    finding = memory.process_audio(samples, ["speaker"], sample_rate_hz=RATE_HZ).speaker
    assert finding is not None
    return finding.speaker_id


def test_an_unknown_voice_keeps_its_id_over_a_restart(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        first = heard(system(tmp_path, store), speech(12.0))
    with opened(tmp_path) as store:
        again = heard(system(tmp_path, store), speech(12.0))
    assert first == again == "unknown-0001"


def test_a_person_is_known_by_name_once_enrolled_and_gone_once_erased(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        memory = system(tmp_path, store)
        memory.enrol("ada", [speech(12.0)], sample_rate_hz=RATE_HZ)
        assert heard(memory, speech(12.0)) == "ada"
        memory.process_audio(speech(12.0), ["speaker"], sample_rate_hz=RATE_HZ, keep=AGREED)
        known = store.search(where=MemoryFilter(speaker_id="ada"))
        receipt = store.erase(MemoryFilter(speaker_id="ada"))
        assert receipt.records == len(known)
        assert heard(system(tmp_path, store), speech(12.0)) == "unknown-0001"


def test_without_the_switch_nothing_is_recognised_and_nobody_enrolled(tmp_path: Path) -> None:
    with opened(tmp_path, is_allowed=False) as store:
        memory = system(tmp_path, store, is_allowed=False)
        with pytest.raises(VoiceprintError):
            memory.enrol("ada", [speech(12.0)], sample_rate_hz=RATE_HZ)
        with pytest.raises(VoiceprintError):
            heard(memory, speech(12.0))


def test_too_little_speech_enrols_nobody(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        memory = system(tmp_path, store)
        with pytest.raises(HeadError, match="record the person for longer"):
            memory.enrol("ada", [np.zeros(RATE_HZ, np.float32)], sample_rate_hz=RATE_HZ)
        assert store.stats().voiceprints == 0


def test_a_head_trained_again_knows_nobody_whom_the_old_one_enrolled(tmp_path: Path) -> None:
    model = tmp_path / "voices.safetensors"
    with opened(tmp_path) as store:
        spaces = []
        for content in (b"one", b"two", b"one"):
            model.write_bytes(content)
            known = KnownVoices(store, model, "whisper-base/none")
            spaces.append(known.space)
            is_first = not known.settings["voiceprints"]
            if is_first:
                known.enrol("ada", np.ones(3, np.float32))
        assert spaces[0] == spaces[2] != spaces[1]
        assert spaces[0].startswith("voice/voices.safetensors@")
        assert not is_first
