"""Streams joined to one call: order, clocks, reconnects, resampling."""

from __future__ import annotations

import numpy as np
import pytest

from subtone.contracts import inbound as ev
from subtone.contracts.vocabulary import AudioEncoding, Role
from subtone.ingest.wire import (
    SignalKind,
    StreamClosed,
    StreamMedia,
    StreamOpened,
    StreamSignal,
    StreamText,
    StreamTrack,
    WireError,
)
from subtone.runtime.live.call import LiveCall
from subtone.runtime.live.ledger import CallLedger

START = 1_000_000


def a_call() -> LiveCall:
    return LiveCall("c", START, is_agent_voice_scored=False, is_amd_enabled=False)


def opened(stream_id: str = "s1", rate_hz: int = 8_000, *roles: Role) -> StreamOpened:
    tracks = tuple(
        StreamTrack(track_id=role.value, role=role, sample_rate_hz=rate_hz)
        for role in roles or (Role.CUSTOMER,)
    )
    return StreamOpened(provider="test", stream_id=stream_id, call_id="c", tracks=tracks)


def media(
    t_ms: int, payload: bytes, role: Role = Role.CUSTOMER, rate_hz: int = 8_000
) -> StreamMedia:
    encoding = AudioEncoding.MULAW if rate_hz == 8_000 else AudioEncoding.PCM_S16LE
    return StreamMedia(
        track_id=role.value,
        t_stream_ms=t_ms,
        encoding=encoding,
        sample_rate_hz=rate_hz,
        payload=payload,
    )


def kinds(events: list[ev.InboundEvent]) -> list[str]:
    return [type(e).__name__ for e in events]


def test_packets_of_one_batch_become_one_chunk_a_track() -> None:
    call = a_call()
    call.receive("s1", opened("s1", 8_000, Role.CUSTOMER, Role.AGENT), START)
    for t_ms in (155, 176, 195, 215):  # real stamps: not 0, not multiples of 20
        call.receive("s1", media(t_ms, bytes(160)), START + t_ms)
        call.receive("s1", media(t_ms, bytes(160), Role.AGENT), START + t_ms)
    events = call.take()
    assert kinds(events) == ["CallStarted", "AudioChunk", "AudioChunk"]
    chunk = events[1]
    assert isinstance(chunk, ev.AudioChunk)
    assert (chunk.t_event_ms, len(chunk.payload), chunk.track_id) == (155, 640, "customer")
    assert call.take() == []


def test_a_jump_in_media_time_starts_another_chunk() -> None:
    call = a_call()
    call.receive("s1", opened(), START)
    for t_ms in (0, 20, 500):
        call.receive("s1", media(t_ms, bytes(160)), START + t_ms)
    stamps = [e.t_event_ms for e in call.take() if isinstance(e, ev.AudioChunk)]
    assert stamps == [0, 500]


def test_words_stand_after_the_media_heard_before_them() -> None:
    call = a_call()
    call.receive("s1", opened(), START)
    call.receive("s1", media(0, bytes(160)), START + 20)
    said = StreamText(text_id="t", role=Role.CUSTOMER, t_stream_ms=0, t_end_ms=15, text="hi")
    call.receive("s1", said, START + 30)
    call.receive("s1", media(20, bytes(160)), START + 40)
    assert kinds(call.take()) == ["CallStarted", "AudioChunk", "TranscriptSegment", "AudioChunk"]


def test_a_stream_that_comes_back_goes_on_with_its_track_at_a_later_time() -> None:
    call = a_call()
    call.receive("s1", opened("s1"), START)
    call.receive("s1", media(0, bytes(160)), START)
    call.receive("s1", StreamClosed(reason="lost"), START + 1_000)
    assert not call.is_streaming
    call.receive("s1", media(1_000, bytes(160)), START + 1_100)  # a straggler
    call.receive("s2", opened("s2"), START + 4_000)
    call.receive("s2", media(0, bytes(160)), START + 4_020)
    events = call.take()
    assert kinds(events) == ["CallStarted", "AudioChunk", "AudioChunk"]
    assert [e.t_event_ms for e in events] == [0, 0, 4_000]


def test_a_second_source_joins_with_its_own_track_and_a_chat_needs_none() -> None:
    call = a_call()
    chat = StreamText(text_id="m", role=Role.CUSTOMER, t_stream_ms=0, t_end_ms=None, text="hi")
    call.receive("chat", chat, START)
    call.receive("s1", opened("s1", 8_000, Role.CUSTOMER), START + 2_000)
    events = call.take()
    assert kinds(events) == ["CallStarted", "ChatMessage", "TrackJoined"]
    assert events[2].t_event_ms == 2_000


def test_wire_rates_the_kernel_does_not_take_are_resampled() -> None:
    call = a_call()
    call.receive("s1", opened("s1", 24_000), START)
    tone = (8_000 * np.sin(2 * np.pi * 440 * np.arange(24_000) / 24_000)).astype("<i2")
    for at in range(0, 24_000, 480):
        call.receive("s1", media(at // 24, tone[at : at + 480].tobytes(), rate_hz=24_000), START)
    started, *chunks = call.take()
    assert isinstance(started, ev.CallStarted)
    assert started.tracks[0].sample_rate_hz == 16_000
    samples = b"".join(c.payload for c in chunks if isinstance(c, ev.AudioChunk))
    heard = np.frombuffer(samples, "<i2").astype(float)
    assert len(heard) == pytest.approx(16_000, abs=400)
    spectrum = np.abs(np.fft.rfft(heard))
    assert spectrum.argmax() * 16_000 / len(heard) == pytest.approx(440, abs=5)
    odd = StreamMedia(
        track_id="customer",
        t_stream_ms=0,
        encoding=AudioEncoding.MULAW,
        sample_rate_hz=24_000,
        payload=b"x",
    )
    with pytest.raises(WireError, match=r"G\.711"):
        call.receive("s1", odd, START)


def test_pauses_interventions_ticks_and_the_end() -> None:
    call = a_call()
    call.tick(START + 500)
    assert call.take() == []  # time before anything is nothing
    call.receive("s1", opened(), START)
    paused = StreamSignal(kind=SignalKind.PAUSED, t_stream_ms=700)
    call.receive("s1", paused, START + 700)
    call.receive("s1", StreamSignal(kind=SignalKind.RESUMED, t_stream_ms=900), START + 900)
    call.receive("s1", StreamSignal(kind=SignalKind.DTMF, t_stream_ms=950), START + 950)
    call.intervene("supervisor", START + 1_000)
    call.tick(START + 1_500)
    call.end("hangup", START + 2_000)
    call.end("again", START + 3_000)
    events = call.take()
    assert [(type(e).__name__, e.t_event_ms) for e in events] == [
        ("CallStarted", 0),
        ("Paused", 700),
        ("Resumed", 900),
        ("Intervention", 1_000),
        ("Tick", 1_500),
        ("CallEnded", 2_000),
    ]
    call.receive("s1", opened("s9"), START + 4_000)
    assert call.take() == []


@pytest.mark.parametrize(
    ("answered_by", "verdict"),
    [
        ("human", "human"),
        ("machine_start", "machine"),
        ("machine_end_beep", "machine"),
        ("machine_end_silence", "machine"),
        ("machine_end_other", "machine"),
        ("fax", "fax"),
        ("unknown", "unknown"),
    ],
)
def test_who_answered_by_the_platform_is_an_event_of_the_call(
    answered_by: str, verdict: str
) -> None:
    call = a_call()
    signal = StreamSignal(kind=SignalKind.AMD, t_stream_ms=4_000, detail=answered_by)
    call.receive("texts", signal, START + 900)
    started, told = call.take()
    assert isinstance(started, ev.CallStarted)
    assert isinstance(told, ev.AnswerDetected)
    assert (told.verdict, told.answered_by, told.t_event_ms) == (verdict, answered_by, 0 + 900)


def test_of_a_pause_nothing_is_kept_whoever_asked_for_it() -> None:
    call = a_call()
    call.receive("s1", opened(), START)
    call.receive("s1", media(0, bytes(160)), START + 20)
    call.pause(True, START + 20)
    call.receive("s1", media(20, bytes(160)), START + 40)
    said = StreamText(
        text_id="card", role=Role.CUSTOMER, t_stream_ms=30, t_end_ms=None, text="4111"
    )
    call.receive("s1", said, START + 40)
    call.pause(False, START + 60)
    call.receive("s1", media(60, bytes(160)), START + 80)
    assert kinds(call.take()) == ["CallStarted", "AudioChunk", "Paused", "Resumed", "AudioChunk"]
    assert call.said == {}


def test_a_text_sent_again_is_taken_once_and_a_restart_remembers_it() -> None:
    call = a_call()
    said = StreamText(text_id="m1", role=Role.AGENT, t_stream_ms=5, t_end_ms=None, text="hello")
    for _ in range(2):
        call.receive("texts", said, START)
    call.consent(False, START + 10)
    call.pause(True, START + 20)
    events = call.take()
    assert kinds(events) == ["CallStarted", "ChatMessage", "ConsentChanged", "Paused"]
    assert isinstance(events[0], ev.CallStarted)
    assert events[0].has_text
    ledger = CallLedger()
    for event in events:
        ledger.add(event)
    restored = LiveCall.restored(ledger)
    restored.receive("texts", said, START + 30)
    assert restored.take() == []
    assert restored.said == call.said
    assert ledger.event_count == len(events)
    assert restored.now_ms(START + 30) == 30


def test_nothing_is_taken_up_again_without_its_beginning() -> None:
    with pytest.raises(ValueError, match="CallStarted"):
        LiveCall.restored(CallLedger())
