"""Files as inbound events: order, samples and times, whatever the chunk length."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from subtone.contracts.inbound import (
    AudioChunk,
    CallEnded,
    CallStarted,
    ChatMessage,
    ConsentChanged,
    HeadResult,
    InboundEvent,
    Intervention,
    Paused,
    Resumed,
    TranscriptSegment,
)
from subtone.contracts.vocabulary import AudioEncoding, Role
from subtone.ingest.errors import IngestError
from subtone.ingest.files import Transcript, TranscriptMark, TranscriptTurn, call_events, tracks_of
from subtone.ingest.files.events import MAX_CHUNK_MS
from subtone.ingest.files.formats.turns import MarkKind

RATE_HZ = 8000
FRAMES = 20_004  # 2500.5 ms


def turn(t_ms: int, end_ms: int | None, role: Role = Role.CUSTOMER) -> TranscriptTurn:
    return TranscriptTurn(role=role, t_event_ms=t_ms, t_end_ms=end_ms, text=f"{t_ms}-{end_ms}")


@pytest.fixture(scope="module")
def stereo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two channels whose samples count up and down, so that every place is known."""
    path = tmp_path_factory.mktemp("audio") / "stereo.wav"
    up = np.arange(FRAMES, dtype=np.int16)
    soundfile.write(path, np.stack([up, -up], axis=1), RATE_HZ)
    return path


def events_of(
    path: Path | None, turns: list[TranscriptTurn], chunk_ms: int = 1000
) -> list[InboundEvent]:
    roles = [Role.AGENT, Role.CUSTOMER] if path else None
    transcript = Transcript(turns=tuple(turns))
    return list(call_events(path, roles, transcript, call_id="c1", chunk_ms=chunk_ms))


def order_of(events: list[InboundEvent]) -> list[tuple[str, dict[str, int]]]:
    """Each text event with the number of samples of each track that came before it."""
    seen: dict[str, int] = defaultdict(int)
    found = []
    for event in events:
        if isinstance(event, AudioChunk):
            seen[event.track_id] += len(event.payload) // 2
        elif isinstance(event, (ChatMessage, TranscriptSegment)):
            found.append((event.text, dict(seen)))
    return found


def sound_of(events: list[InboundEvent], track_id: str) -> list[int]:
    chunks = [e for e in events if isinstance(e, AudioChunk) and e.track_id == track_id]
    return [int(x) for chunk in chunks for x in np.frombuffer(chunk.payload, "<i2")]


TURNS = [turn(0, 0), turn(100, 1000), turn(300, 333), turn(1500, None), turn(2000, 4000)]


def test_a_call_is_told_in_full(stereo: Path) -> None:
    events = events_of(stereo, TURNS)
    started, ended = events[0], events[-1]
    assert isinstance(started, CallStarted)
    assert [(t.track_id, t.role, t.sample_rate_hz) for t in started.tracks] == [
        ("agent", Role.AGENT, 8000),
        ("customer", Role.CUSTOMER, 8000),
    ]
    assert (started.t_event_ms, started.t_seen_ms, started.has_text) == (0, 0, True)
    assert not started.is_agent_voice_scored
    assert isinstance(ended, CallEnded)
    assert (ended.t_event_ms, ended.t_seen_ms) == (4000, 0)
    assert sound_of(events, "agent") == list(range(FRAMES))
    assert sound_of(events, "customer") == [-x for x in range(FRAMES)]
    assert order_of(events) == [
        ("0-0", {}),
        ("300-333", {"agent": 2664, "customer": 2664}),
        ("100-1000", {"agent": 8000, "customer": 8000}),
        ("1500-None", {"agent": 12_000, "customer": 12_000}),
        ("2000-4000", {"agent": FRAMES, "customer": FRAMES}),
    ]


def test_texts_keep_their_times_and_words(stereo: Path) -> None:
    texts = [e for e in events_of(stereo, TURNS) if isinstance(e, (ChatMessage, TranscriptSegment))]
    segment, message = texts[1], texts[3]
    assert isinstance(segment, TranscriptSegment)
    assert (segment.t_event_ms, segment.t_end_ms, segment.t_seen_ms) == (300, 333, 0)
    assert segment.segment_id == "turn_3"
    assert isinstance(message, ChatMessage)
    assert (message.t_event_ms, message.t_seen_ms, message.message_id) == (1500, 0, "turn_4")


@pytest.mark.parametrize("chunk_ms", [1, 20, 333, 1000, 60_000, MAX_CHUNK_MS])
def test_chunk_length_changes_no_order_and_no_sample(stereo: Path, chunk_ms: int) -> None:
    events = events_of(stereo, TURNS, chunk_ms)
    reference = events_of(stereo, TURNS, 1000)
    assert order_of(events) == order_of(reference)
    assert sound_of(events, "customer") == sound_of(reference, "customer")
    assert events[0] == reference[0]
    assert events[-1] == reference[-1]


@settings(max_examples=60, deadline=None)
@given(
    spans=st.lists(st.tuples(st.integers(0, 3000), st.none() | st.integers(0, 1500)), max_size=8),
    chunk_ms=st.integers(5, 3000),
)
def test_every_text_stands_exactly_at_its_end(
    stereo: Path, spans: list[tuple[int, int | None]], chunk_ms: int
) -> None:
    turns = [turn(t, None if length is None else t + length) for t, length in spans]
    events = events_of(stereo, turns, chunk_ms)
    for text, seen in order_of(events):
        start, end = text.split("-")
        before = min(FRAMES, int(start if end == "None" else end) * 8)
        assert seen.get("customer", 0) == before == seen.get("agent", 0)
    heard: dict[str, int] = defaultdict(int)
    for event in events:
        if isinstance(event, AudioChunk):
            assert event.t_event_ms * 8 == heard[event.track_id]
            assert 0 < len(event.payload) <= chunk_ms * 16
            assert event.encoding is AudioEncoding.PCM_S16LE
            heard[event.track_id] += len(event.payload) // 2
    assert {event.t_seen_ms for event in events} == {0}
    assert heard == {"agent": FRAMES, "customer": FRAMES}


def test_the_same_files_give_the_same_events(stereo: Path) -> None:
    assert events_of(stereo, TURNS) == events_of(stereo, list(reversed(TURNS)))


def test_audio_alone_ends_with_its_last_sample(stereo: Path) -> None:
    events = events_of(stereo, [])
    assert isinstance(events[0], CallStarted)
    assert not events[0].has_text
    assert events[-1].t_event_ms == 2501
    assert len(events) == 2 + 2 * 3


def test_a_chat_needs_no_audio() -> None:
    events = events_of(None, [turn(0, None), turn(9000, None, Role.AGENT)])
    assert [type(event).__name__ for event in events] == [
        "CallStarted",
        "ChatMessage",
        "ChatMessage",
        "CallEnded",
    ]
    assert isinstance(events[0], CallStarted)
    assert events[0].tracks == ()
    assert events[-1].t_event_ms == 9000


def test_44_khz_is_analysed_at_16_khz(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    soundfile.write(path, np.zeros((44_100, 1)), 44_100)
    events = list(call_events(path, [Role.CUSTOMER], Transcript(), call_id="c1"))
    assert isinstance(events[0], CallStarted)
    assert events[0].tracks[0].sample_rate_hz == 16_000
    assert len(sound_of(events, "customer")) == 16_000


def test_switches_reach_the_first_event(stereo: Path) -> None:
    first = next(
        call_events(
            stereo,
            None,
            Transcript(),
            call_id="c1",
            is_agent_voice_scored=True,
            is_amd_enabled=True,
        )
    )
    assert isinstance(first, CallStarted)
    assert first.is_agent_voice_scored
    assert first.is_amd_enabled
    assert [t.role for t in first.tracks] == [Role.UNKNOWN, Role.UNKNOWN]


def test_track_ids_are_distinct(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    soundfile.write(path, np.zeros((80, 5)), 8000)
    roles = [Role.CUSTOMER, Role.UNKNOWN, Role.CUSTOMER, Role.AGENT, Role.UNKNOWN]
    ids = [track.track_id for track in tracks_of(path, roles)]
    assert ids == ["customer", "channel_2", "customer_2", "agent", "channel_5"]


def test_roles_must_fit_the_channels(stereo: Path, tmp_path: Path) -> None:
    with pytest.raises(IngestError) as refusal:
        call_events(stereo, [Role.CUSTOMER], Transcript(), call_id="c1")
    assert str(refusal.value) == (
        "stereo.wav: has 2 channels, but 1 role given; "
        "name one role per channel, for example --roles customer,agent"
    )
    soundfile.write(tmp_path / "mono.wav", np.zeros((80, 1)), 8000)
    with pytest.raises(IngestError, match=r"1 channel, but 2 roles given; .*--roles customer$"):
        call_events(tmp_path / "mono.wav", [Role.AGENT, Role.CUSTOMER], Transcript(), call_id="c1")


def test_a_call_needs_something(stereo: Path) -> None:
    with pytest.raises(IngestError, match="neither audio nor text"):
        call_events(None, None, Transcript(), call_id="c1")
    with pytest.raises(IngestError, match="roles were given without audio"):
        call_events(None, [Role.AGENT], Transcript(turns=(turn(0, None),)), call_id="c1")
    for chunk_ms in (0, MAX_CHUNK_MS + 1):
        with pytest.raises(ValueError, match="chunk_ms"):
            call_events(stereo, None, Transcript(), call_id="c1", chunk_ms=chunk_ms)


def test_marks_stand_at_their_time_between_the_audio(stereo: Path) -> None:
    kinds = list(MarkKind)
    marks = tuple(
        TranscriptMark(kind=kind, t_event_ms=500 * (i + 1)) for i, kind in enumerate(kinds)
    )
    transcript = Transcript(turns=(turn(400, 600),), marks=marks)
    events = list(call_events(stereo, None, transcript, call_id="c1", chunk_ms=130))
    heard_ms: dict[str, int] = {}
    told = []
    for event in events:
        if isinstance(event, AudioChunk):
            heard_ms[event.track_id] = event.t_event_ms + len(event.payload) // 16
        elif isinstance(event, (Intervention, Paused, Resumed, ConsentChanged)):
            assert set(heard_ms.values()) == {event.t_event_ms}
            told.append(event)
    assert [type(e) for e in told] == [
        Intervention,
        Paused,
        Resumed,
        ConsentChanged,
        ConsentChanged,
    ]
    allowed = [e.is_voice_emotion_allowed for e in told if isinstance(e, ConsentChanged)]
    assert allowed == [False, True]


def test_a_customers_long_turn_comes_in_parts_as_it_was_said(stereo: Path) -> None:
    text = "First I called on Monday. Then I called on Tuesday. Now it is Wednesday, I am calling."
    long = [
        TranscriptTurn(role=role, t_event_ms=0, t_end_ms=18_000, text=text)
        for role in (Role.CUSTOMER, Role.AGENT)
    ]
    segments = [e for e in events_of(stereo, long) if isinstance(e, TranscriptSegment)]
    said = [s for s in segments if s.role is Role.CUSTOMER]
    assert "".join(s.text for s in said) == text
    assert [s.segment_id for s in said] == [f"turn_1#{n}" for n in range(1, len(said) + 1)]
    assert all(s.t_end_ms - s.t_event_ms <= 7_000 for s in said)
    assert [s.text for s in segments if s.role is Role.AGENT] == [text]


@pytest.mark.parametrize("chunk_ms", [7, 100, 1_000, 60_000])
def test_a_finding_stands_exactly_at_its_end_and_lengthens_no_call(
    stereo: Path, chunk_ms: int
) -> None:
    findings = [finding(t_ms) for t_ms in (1_234, 500, 999_000)]
    transcript = Transcript(turns=(turn(500, None),))
    events = list(
        call_events(
            stereo,
            [Role.CUSTOMER, Role.AGENT],
            transcript,
            call_id="c",
            chunk_ms=chunk_ms,
            findings=findings,
        )
    )
    told = [event for event in events if isinstance(event, HeadResult)]
    assert [event.t_event_ms for event in told] == [500, 1_234, 999_000]
    for result in told[:2]:
        at = events.index(result)
        before = [e for e in events[:at] if isinstance(e, AudioChunk)]
        after = [e for e in events[at:] if isinstance(e, AudioChunk)]
        assert {e.track_id for e in before} == {e.track_id for e in after}
        assert all(e.t_event_ms < result.t_event_ms for e in before)
        assert all(e.t_event_ms >= result.t_event_ms for e in after)
    plain = list(call_events(stereo, [Role.CUSTOMER, Role.AGENT], transcript, call_id="c"))
    assert events[-1] == plain[-1]


def finding(t_ms: int) -> HeadResult:
    return HeadResult(
        call_id="c",
        track_id="customer",
        head="arousal",
        t_start_ms=0,
        t_event_ms=t_ms,
        t_seen_ms=0,
        values=(),
        confidence=1.0,
        reliability=1.0,
        model="m",
    )
