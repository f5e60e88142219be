"""A state taken from its bytes goes on exactly as the one it was made of."""

from __future__ import annotations

import zlib
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
import pytest

from subtone.contracts.inbound import AudioChunk, CallEnded, CallStarted, InboundEvent, Track
from subtone.contracts.vocabulary import AudioEncoding, Role
from subtone.kernel import pipeline
from subtone.kernel.call_state import CallState
from subtone.runtime.journal import (
    AudioPolicy,
    JournalError,
    Output,
    SqliteJournal,
    decode_state,
    encode_state,
)
from subtone.runtime.journal import snapshots as module
from support_acoustics import noise, silence, syllables
from support_journal import event_at

RATE_HZ = 8_000
CHUNK = 1_600


@cache
def call_events() -> tuple[InboundEvent, ...]:
    """Twenty-four seconds of a customer's voice with words in between, in 200 ms chunks."""
    voice = np.concatenate(
        [syllables(RATE_HZ, 9.0, 4.0), silence(RATE_HZ, 2.0), syllables(RATE_HZ, 13.0, 6.0, 230.0)]
    )
    voice = voice + noise(RATE_HZ, 24.0, -55.0)
    pcm = (np.clip(voice, -1.0, 1.0) * 32_000).astype("<i2")
    tracks = (Track(track_id="customer", role=Role.CUSTOMER, sample_rate_hz=RATE_HZ),)
    events: list[InboundEvent] = [
        CallStarted(
            call_id="a",
            t_event_ms=0,
            t_seen_ms=0,
            tracks=tracks,
            has_text=True,
            is_amd_enabled=True,
        )
    ]
    for at in range(0, len(pcm), CHUNK):
        t_ms = at // 8
        events.append(
            AudioChunk(
                call_id="a",
                t_event_ms=t_ms,
                t_seen_ms=t_ms,
                track_id="customer",
                encoding=AudioEncoding.PCM_S16LE,
                payload=pcm[at : at + CHUNK].tobytes(),
            )
        )
        if t_ms % 4_000 == 2_000:
            words = event_at("a", 3)
            events.append(
                msgspec.structs.replace(
                    words, t_event_ms=t_ms, t_seen_ms=t_ms, message_id=f"m{t_ms}"
                )
            )
    events.append(CallEnded(call_id="a", t_event_ms=24_000, t_seen_ms=24_000))
    return tuple(events)


@cache
def undisturbed() -> tuple[tuple[bytes, ...], CallState]:
    state, said = pipeline.start(), []
    for event in call_events():
        state, outputs = pipeline.feed(state, event)
        said.append(msgspec.msgpack.encode(outputs))
    return tuple(said), state


def test_the_outputs_hold_decisions() -> None:
    said, _ = undisturbed()
    assert sum(b"StateBasis" in outputs for outputs in said) >= 4


def test_going_through_bytes_after_every_event_changes_nothing() -> None:
    state, said = pipeline.start(), []
    for event in call_events():
        state = decode_state(encode_state(state))
        state, outputs = pipeline.feed(state, event)
        said.append(msgspec.msgpack.encode(outputs))
    expected, last = undisturbed()
    assert tuple(said) == expected
    assert encode_state(state) == encode_state(last)


def test_a_restart_goes_on_with_the_same_state(tmp_path: Path) -> None:
    """Journalled, fed, snapshot in between, stopped anywhere: the rest is what it would be."""
    expected, _ = undisturbed()
    events = call_events()
    journal = SqliteJournal(tmp_path, AudioPolicy.DROP)
    state = pipeline.start()
    for i, event in enumerate(events[:100]):
        seq = journal.append([event])
        state, outputs = pipeline.feed(state, event)
        journal.record("a", [Output("said", i, msgspec.json.encode(outputs))]).result()
        if i in (40, 80):
            journal.snapshot("a", seq, encode_state(state)).result()
    journal.close()

    journal = SqliteJournal(tmp_path, AudioPolicy.DROP)
    assert journal.reader.unsettled() == ("a",)
    found = journal.resume("a")
    assert found.snapshot is not None
    state = decode_state(found.snapshot)
    for i, event in enumerate(found.events, start=81):
        state, outputs = pipeline.feed(state, event)
        # what was recorded before must be said again, or this fails
        journal.record("a", [Output("said", i, msgspec.json.encode(outputs))]).result()
    rest = []
    for event in events[100:]:
        state, outputs = pipeline.feed(state, event)
        rest.append(msgspec.msgpack.encode(outputs))
    assert tuple(rest) == expected[100:]
    assert len(journal.reader.outputs_of("a", "said")) == 100
    journal.close()


def test_a_snapshot_is_far_smaller_than_the_audio_it_stands_for() -> None:
    _, state = undisturbed()
    assert len(encode_state(state)) < 40_000 < 30 * RATE_HZ


def test_another_layout_is_refused() -> None:
    snapshot = encode_state(pipeline.start())
    with pytest.raises(JournalError, match="another version of subtone"):
        decode_state(bytes([snapshot[0] ^ 1]) + snapshot[1:])


@pytest.mark.parametrize("body", [b"", b"\x00", zlib.compress(b"\xc1"), zlib.compress(b"\x80")])
def test_damage_is_named(body: bytes) -> None:
    with pytest.raises(JournalError, match="cannot be read"):
        decode_state(module._layout() + body)


def test_the_layout_covers_every_type_of_a_state() -> None:
    found: dict[type, str] = {}
    module._describe(CallState, found)
    names = {kind.__qualname__ for kind in found}
    assert {"AcousticState", "Path", "Levels", "BaselineMemory", "Calibration", "Role"} <= names
