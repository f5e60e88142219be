"""Twilio Media Streams: the recorded wire, both directions, and what is put aside."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from subtone.contracts.vocabulary import AudioEncoding, Role
from subtone.ingest.streams import MAX_MESSAGE_BYTES, MediaSocket, Refusal, open_codec
from subtone.ingest.wire import (
    Received,
    SignalKind,
    StreamClosed,
    StreamEvent,
    StreamMedia,
    StreamOpened,
    StreamSignal,
    StreamTrack,
    WireError,
)
from support_shared import shared

STREAM = "MZ" + "1" * 32
CALL = "CA" + "2" * 32
CONNECTED = {"event": "connected", "protocol": "Call", "version": "1.0.0"}


def start(*tracks: str, **custom: str) -> dict[str, Any]:
    return {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": STREAM,
        "start": {
            "streamSid": STREAM,
            "accountSid": "AC" + "0" * 32,
            "callSid": CALL,
            "tracks": list(tracks) or ["inbound"],
            "customParameters": custom,
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        },
    }


def media(
    chunk: int, timestamp: int | str, track: str = "inbound", payload: bytes = b"\xff" * 160
) -> dict[str, Any]:
    body = {"track": track, "chunk": str(chunk), "timestamp": str(timestamp)}
    body["payload"] = base64.b64encode(payload).decode()
    return {"event": "media", "sequenceNumber": "2", "streamSid": STREAM, "media": body}


def say(codec: MediaSocket, message: dict[str, Any]) -> Received:
    return codec.receive(json.dumps(message), 0)


def opened(*tracks: str, **custom: str) -> tuple[MediaSocket, StreamOpened]:
    codec = open_codec()
    assert say(codec, CONNECTED) == Received()
    (event,) = say(codec, start(*tracks, **custom)).events
    assert isinstance(event, StreamOpened)
    return codec, event


def events(codec: MediaSocket, *messages: dict[str, Any]) -> list[StreamEvent]:
    return [event for message in messages for event in say(codec, message).events]


# --- the recorded wire -----------------------------------------------------------------------


def recorded() -> list[dict[str, Any]]:
    lines = shared("protocols", "twilio", "twilio_real_wire.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_recorded_call_byte_for_byte() -> None:
    wire = recorded()[:5]
    codec = open_codec()
    heard = events(codec, *wire)
    payloads = [base64.b64decode(m["media"]["payload"]) for m in wire if m["event"] == "media"]
    assert heard[0] == StreamOpened(
        provider="twilio",
        stream_id=STREAM,
        call_id=CALL,
        tracks=(StreamTrack(track_id="inbound", role=Role.CUSTOMER, sample_rate_hz=8000),),
        attributes=(
            ("accountSid", "AC" + "0" * 32),
            ("streamSid", STREAM),
            ("callSid", CALL),
        ),
    )
    assert heard[1:] == [
        # the first timestamp is 155, and nothing is missing before it
        mulaw(155, payloads[0]),
        # the log leaves out chunks 2 to 72
        StreamSignal(
            kind=SignalKind.DISCARDED, t_stream_ms=175, detail="track=inbound gap_ms=1418"
        ),
        mulaw(1593, payloads[1]),
        StreamClosed(reason="stop"),
    ]
    assert codec.refused == {}


def mulaw(t_stream_ms: int, payload: bytes, track: str = "inbound") -> StreamMedia:
    return StreamMedia(
        track_id=track,
        t_stream_ms=t_stream_ms,
        encoding=AudioEncoding.MULAW,
        sample_rate_hz=8000,
        payload=payload,
    )


def test_recorded_second_call_has_a_mark_echo() -> None:
    speech, mark = recorded()[5:]
    codec, _ = opened()
    heard = events(codec, speech, mark)
    assert heard == [
        mulaw(171, base64.b64decode(speech["media"]["payload"])),
        StreamSignal(kind=SignalKind.MARK, t_stream_ms=191, detail="171"),
    ]


# --- tracks and roles ------------------------------------------------------------------------


def test_both_tracks_have_their_own_clock_and_role() -> None:
    codec, event = opened("inbound", "outbound")
    assert [(t.track_id, t.role) for t in event.tracks] == [
        ("inbound", Role.CUSTOMER),
        ("outbound", Role.AGENT),
    ]
    heard = events(
        codec, media(1, 100), media(1, 105, "outbound"), media(2, 122), media(2, 124, "outbound")
    )
    assert [(e.track_id, e.t_stream_ms) for e in heard if isinstance(e, StreamMedia)] == [
        ("inbound", 100),
        ("outbound", 105),
        ("inbound", 120),
        ("outbound", 125),
    ]


@pytest.mark.parametrize(
    ("custom", "roles"),
    [
        ({"inbound_role": "agent", "outbound_role": "customer"}, [Role.AGENT, Role.CUSTOMER]),
        ({"inbound_role": "unknown"}, [Role.UNKNOWN, Role.AGENT]),
        ({"inbound_role": "boss"}, [Role.UNKNOWN, Role.AGENT]),  # fails closed
        ({"other": "agent"}, [Role.CUSTOMER, Role.AGENT]),
    ],
)
def test_custom_parameters_override_roles(custom: dict[str, str], roles: list[Role]) -> None:
    _, event = opened("inbound", "outbound", **custom)
    assert [t.role for t in event.tracks] == roles
    assert event.attributes[-len(custom) :] == tuple(custom.items())


def test_two_way_stream_has_digits_and_marks() -> None:
    codec, _ = opened()
    heard = events(
        codec,
        media(1, 155),
        {"event": "dtmf", "streamSid": STREAM, "dtmf": {"track": "inbound_track", "digit": "#"}},
        {"event": "mark", "streamSid": STREAM, "mark": {"name": "she said her name is Ann"}},
    )
    assert heard[1:] == [
        StreamSignal(kind=SignalKind.DTMF, t_stream_ms=175, detail="#"),
        StreamSignal(kind=SignalKind.MARK, t_stream_ms=175, detail=""),  # no words
    ]


# --- time -------------------------------------------------------------------------------------


def times(heard: list[StreamEvent]) -> list[int]:
    return [e.t_stream_ms for e in heard if isinstance(e, StreamMedia)]


def gaps(heard: list[StreamEvent]) -> list[str]:
    kinds = [e for e in heard if isinstance(e, StreamSignal) and e.kind is SignalKind.DISCARDED]
    return [e.detail for e in kinds]


def test_one_lost_chunk_is_a_gap_of_its_length() -> None:
    codec, _ = opened()
    heard = events(codec, media(1, 155), media(2, 174), media(4, 216), media(5, 235))
    assert times(heard) == [155, 175, 216, 236]
    assert gaps(heard) == ["track=inbound gap_ms=21"]


def test_silence_suppression_is_a_gap_even_where_the_counter_goes_on() -> None:
    codec, _ = opened()
    heard = events(codec, media(1, 155), media(2, 1000))
    assert times(heard) == [155, 1000]
    assert gaps(heard) == ["track=inbound gap_ms=825"]


def test_a_timestamp_never_moves_the_clock_back() -> None:
    codec, _ = opened()
    heard = events(codec, media(1, 5000), media(2, 10), media(3, 5040))
    assert times(heard) == [5000, 5020, 5040]
    assert gaps(heard) == []


def test_duplicates_and_late_chunks_are_dropped() -> None:
    codec, _ = opened()
    heard = events(codec, media(1, 0), media(2, 20), media(2, 20), media(1, 0), media(3, 40))
    assert times(heard) == [0, 20, 40]
    assert codec.refused == {Refusal.DUPLICATE_CHUNK: 2}


def test_a_track_may_begin_late() -> None:
    codec, _ = opened("inbound", "outbound")
    heard = events(codec, media(1, 155), media(1, 60_000, "outbound"))
    assert times(heard) == [155, 60_000]
    assert gaps(heard) == []


def test_an_hour_forward_is_refused_and_the_call_goes_on() -> None:
    codec, _ = opened("inbound", "outbound")
    heard = events(
        codec,
        media(1, 155),
        media(2, 3_600_155),
        media(1, 3_600_155, "outbound"),
        media(3, 195),
    )
    assert times(heard) == [155, 195]
    assert codec.refused == {Refusal.TIMESTAMP_JUMP: 2}
    first_of_its_kind = [e.detail for e in heard if isinstance(e, StreamSignal)]
    assert first_of_its_kind == ["timestamp_jump", "track=inbound gap_ms=20"]


def test_timestamps_that_do_not_come_back_end_the_stream() -> None:
    codec, _ = opened()
    say(codec, media(1, 155))
    for chunk in range(2, 51):
        say(codec, media(chunk, 10_000_000 + chunk * 20))
    with pytest.raises(WireError, match="did not come back"):
        say(codec, media(51, 10_001_020))


def test_timestamps_that_do_come_back_never_end_it() -> None:
    codec, _ = opened()
    for chunk in range(1, 201):
        absurd_ms = 10_000_000 if chunk % 2 == 0 else 0
        say(codec, media(chunk, chunk * 20 + absurd_ms))
    assert codec.refused == {Refusal.TIMESTAMP_JUMP: 100}


def test_a_wild_chunk_number_does_not_silence_the_stream() -> None:
    codec, _ = opened()
    assert times(events(codec, media(1, 0), media(10**14, 20), media(2, 20))) == [0, 20]


# --- what is put aside -----------------------------------------------------------------------


def test_media_before_start_is_counted_and_told_once() -> None:
    codec = open_codec()
    heard = events(codec, media(1, 0), media(2, 20))
    assert heard == [StreamSignal(kind=SignalKind.PEER_ERROR, t_stream_ms=0, detail="before_start")]
    assert codec.refused == {Refusal.BEFORE_START: 2}
    assert isinstance(say(codec, start()).events[0], StreamOpened)
    assert times(events(codec, media(3, 40))) == [40]


def test_media_that_never_starts_ends_the_socket() -> None:
    codec = open_codec()
    message = json.dumps(media(1, 0))
    for _ in range(1000):
        codec.receive(message, 0)
    with pytest.raises(WireError, match="send start first"):
        codec.receive(message, 0)


def test_foreign_streams_and_tracks_are_ignored() -> None:
    codec, _ = opened()
    foreign = media(1, 0) | {"streamSid": "MZ" + "9" * 32}
    assert times(events(codec, foreign, media(1, 0, "outbound"), media(1, 0))) == [0]
    assert codec.refused == {Refusal.FOREIGN_STREAM: 1, Refusal.FOREIGN_TRACK: 1}


def test_a_foreign_stop_does_not_close_the_stream() -> None:
    codec, _ = opened()
    received = say(codec, {"event": "stop", "streamSid": "MZ" + "9" * 32, "stop": {}})
    assert not received.is_over
    assert codec.refused == {Refusal.FOREIGN_STREAM: 1}


def test_second_start_and_what_follows_stop_are_ignored() -> None:
    codec, _ = opened()
    assert all(isinstance(e, StreamSignal) for e in events(codec, start()))
    stop = {"event": "stop", "streamSid": STREAM, "stop": {"callSid": CALL}}
    assert say(codec, stop) == Received(events=(StreamClosed(reason="stop"),), is_over=True)
    assert times(events(codec, media(1, 0))) == []
    assert codec.disconnect(0) == Received(is_over=True)
    assert codec.refused == {Refusal.SECOND_START: 1, Refusal.AFTER_STOP: 1}


def test_disconnect_closes_what_is_open() -> None:
    codec, _ = opened()
    assert codec.disconnect(0) == Received(
        events=(StreamClosed(reason="disconnect"),), is_over=True
    )
    assert open_codec().disconnect(0) == Received(is_over=True)


def test_unknown_events_and_digits_are_counted() -> None:
    codec, _ = opened()
    events(codec, {"event": "weather"}, {"event": "dtmf", "dtmf": {"digit": "hello"}})
    assert codec.refused == {Refusal.UNKNOWN_EVENT: 1, Refusal.UNKNOWN_DIGIT: 1}


def test_an_empty_payload_is_nothing() -> None:
    codec, _ = opened()
    assert events(codec, media(1, 0, payload=b"")) == []


# --- what ends the socket ---------------------------------------------------------------------

HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "bad base64": (
        json.dumps(media(1, 0)).replace("//8=", "!!!!").replace("/w==", "!!!!"),
        "payload",
    ),
    "negative": (json.dumps(media(1, -1)), "timestamp"),
    "5000 digits": (json.dumps(media(1, "9" * 5000)), "timestamp"),
    "5000 digit number": (
        '{"event":"media","media":{"payload":"","chunk":' + "9" * 5000 + "}}",
        "chunk",
    ),
    "no payload": ('{"event":"media","media":{"chunk":"1"}}', "media"),
    "no media": ('{"event":"media"}', "without media"),
    "deep": ('{"event":"x","y":' + "[" * 100_000 + "]" * 100_000 + "}", "brackets"),
    "long": (json.dumps(media(1, 0, payload=bytes(MAX_MESSAGE_BYTES))), "bytes"),
    "16 MiB": ("x" * 2**24, "bytes"),
    "not JSON": ("hello", "not JSON"),
    "NaN": ('{"event":"media","media":{"payload":"","timestamp":NaN}}', "not JSON"),
    "array": ("[]", "wrong kind"),
    "surrogate": ('{"event":"\ud800"}', "not JSON"),
    "not UTF-8": (b'{"event":"\xff"}', "not JSON"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_messages_name_the_fault_without_the_peers_words(name: str) -> None:
    message, fault = HOSTILE[name]
    codec, _ = opened()
    with pytest.raises(WireError, match=fault) as caught:
        codec.receive(message, 0)
    assert "hello" not in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"callSid": ""}, "callSid"),
        ({"callSid": "x" * 201}, "callSid"),
        ({"callSid": "a\nb"}, "callSid"),
        ({"streamSid": 5}, "streamSid"),
        ({"tracks": ["inbound", "sideways"]}, "tracks"),
        ({"tracks": "inbound"}, "tracks"),
        ({"mediaFormat": None}, "encoding"),
        ({"mediaFormat": {"encoding": "video/h264", "sampleRate": 8000}}, "encoding"),
        ({"mediaFormat": {"encoding": "audio/x-mulaw"}}, "without a sample rate"),
        ({"mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 10**9}}, "without a sample"),
        ({"mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 400}}, "8000 to 64000"),
        ({"mediaFormat": {"encoding": "PCMU", "sampleRate": 8000, "channels": 2}}, "channels"),
        ({"mediaFormat": {"encoding": "G722", "sampleRate": 8000}}, "G722"),
        ({"mediaFormat": {"encoding": "OPUS", "sampleRate": 48000}}, "OPUS"),
        ({"mediaFormat": {"encoding": "AMR-WB", "sampleRate": 16000}}, "AMR-WB"),
    ],
)
def test_start_that_cannot_be_used(change: dict[str, Any], fault: str) -> None:
    message = start()
    message["start"] |= change
    with pytest.raises(WireError, match=fault):
        say(open_codec(), message)
