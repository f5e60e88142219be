"""Words, sound and images in one memory; what is missing is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from subtone.memory.errors import MemoryRefusedError
from subtone.memory.store import SqliteMemoryStore
from subtone.perception.errors import PerceptionError
from subtone.perception.fusion.projection import ProjectionHead
from subtone.perception.fusion.vectors import ModalityVector
from subtone.runtime.audio_memory import AudioMemorySystem, CrossModal, Keep
from support_audio_memory import RATE_HZ, small_checkpoint, speech
from support_heads import projection
from support_whisper import WIDTH

AGREED = Keep(has_consent=True, call_id="CA1", t_seen_ms=1)
SHARED = "made-up/shared"


class Letters:
    """A text or image encoder that anybody can check: how often each of eight bytes occurs."""

    def __init__(self, modality: str) -> None:
        self.modality = modality

    def encode(self, content: str | bytes) -> ModalityVector:
        data = content.encode() if isinstance(content, str) else content
        if self.modality == "image" and not data.startswith(b"IMG"):
            raise PerceptionError("image: is none")
        counts = np.bincount(np.frombuffer(data, np.uint8) % 8, minlength=8).astype(np.float32)
        return ModalityVector(modality=self.modality, space="letters", vector=counts)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteMemoryStore]:
    with SqliteMemoryStore(tmp_path / "memory") as opened:
        yield opened


def system(tmp_path: Path, store: SqliteMemoryStore, cross: CrossModal) -> AudioMemorySystem:
    return AudioMemorySystem(
        small_checkpoint(tmp_path / "made-up"),
        store=store,
        layer=1,
        cross_modal=cross,
        encoder_options={"threads": 1},
    )


def test_an_image_is_found_by_an_image_and_by_words_of_the_same_space(
    tmp_path: Path, store: SqliteMemoryStore
) -> None:
    cross = CrossModal(image=Letters("image"), text=Letters("text"))
    memory = system(tmp_path, store, cross)
    door = memory.remember_image(b"IMGaaaa", name="door.png", keep=AGREED)
    memory.remember_image(b"IMGzzzzzzzz", name="car.png", keep=AGREED)
    assert (door.transcript, door.emotion, door.speaker_id) == (None, None, None)
    (best, *_) = memory.search(image=b"IMGaaaa")
    assert (best.record_id, best.route) == (door.record_id, "image")
    (best, *_) = memory.search(text="IMGaaaa")
    assert (best.record_id, best.route) == (door.record_id, "text_vector")


def test_sound_is_stored_in_the_shared_space_too_and_found_there(
    tmp_path: Path, store: SqliteMemoryStore
) -> None:
    head = ProjectionHead(
        projection(space="made-up/none", layer=1, width=WIDTH, gives_space=SHARED), "audio"
    )
    memory = system(tmp_path, store, CrossModal(audio_projection=head))
    (record,) = memory.remember(speech(5.0), [], keep=AGREED, sample_rate_hz=RATE_HZ)
    assert [e.space for e in record.encodings] == ["made-up/none/L1", SHARED]
    (hit,) = memory.search(audio=speech(5.0), sample_rate_hz=RATE_HZ)
    assert hit.record_id == record.record_id
    assert hit.route == "audio"  # in its own space and in the shared one


def test_without_an_encoder_a_modality_is_missing_and_never_made_up(
    tmp_path: Path, store: SqliteMemoryStore
) -> None:
    memory = system(tmp_path, store, CrossModal())
    with pytest.raises(PerceptionError, match="no image encoder is given"):
        memory.search(image=b"IMG")
    with pytest.raises(PerceptionError, match="no image encoder is given"):
        memory.remember_image(b"IMG", name="x", keep=AGREED)
    assert memory.search(text="door") == ()
    assert store.count() == 0


def test_what_is_no_image_and_what_was_not_agreed_to_is_not_stored(
    tmp_path: Path, store: SqliteMemoryStore
) -> None:
    memory = system(tmp_path, store, CrossModal(image=Letters("image")))
    with pytest.raises(PerceptionError, match="image: is none"):
        memory.remember_image(b"text", name="x", keep=AGREED)
    with pytest.raises(MemoryRefusedError, match="consent"):
        memory.remember_image(b"IMG", name="x", keep=Keep(has_consent=False))
    assert store.count() == 0
