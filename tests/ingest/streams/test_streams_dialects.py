"""Each provider's own messages: told apart, and heard alike."""

from __future__ import annotations

import base64
import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.contracts.vocabulary import AudioEncoding, Role
from subtone.ingest.streams import PROVIDERS, SUBPROTOCOLS, Refusal, open_codec
from subtone.ingest.streams.encodings import parse_media_format
from subtone.ingest.wire import (
    SignalKind,
    StreamClosed,
    StreamEvent,
    StreamMedia,
    StreamOpened,
    StreamSignal,
    WireError,
)

UUID = "12345678-1234-1234-1234-123456789abc"
PCM = np.array([1, -2, 300, -32768], dtype="<i2")


def b64(payload: bytes) -> str:
    return base64.b64encode(payload).decode()


def twilio_like(call: str, encoding: str, rate: Any, **start: Any) -> dict[str, Any]:
    media_format = {"encoding": encoding, "sampleRate": rate, "channels": 1}
    body = {"streamSid": "S1", "callSid": call, "mediaFormat": media_format} | start
    return {"event": "start", "streamSid": "S1", "start": body}


TELNYX = {
    "event": "start",
    "sequence_number": "1",
    "stream_id": "T1",
    "start": {
        "user_id": "u",
        "call_control_id": "v2:abc",
        "from": "+1",
        "client_state": "YQ==",
        "custom_parameters": {"tenant": "acme"},
        "media_format": {"encoding": "PCMU", "sample_rate": 8000, "channels": 1},
    },
}
PLIVO = {
    "sequenceNumber": 0,
    "event": "start",
    "start": {
        "callId": UUID,
        "streamId": "P1",
        "accountId": "MA",
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-l16", "sampleRate": 8000},
    },
    "extra_headers": "tenant=acme;shop=7",
}
EXOTEL = {
    "event": "start",
    "sequence_number": "1",
    "stream_sid": "E1",
    "start": {
        "stream_sid": "E1",
        "call_sid": "C1",
        "account_sid": "A1",
        "from": "+91",
        "to": "+92",
        "custom_parameters": {"tenant": "acme"},
        "media_format": {"encoding": "audio/x-raw", "sample_rate": "8000", "bit_rate": "16"},
    },
}
VONAGE = {
    "event": "websocket:connected",
    "content-type": "audio/l16;rate=16000",
    "call_id": "V1",
    "tenant": "acme",
}
JAMBONZ = {
    "callSid": UUID,
    "from": "1",
    "to": "2",
    "sampleRate": 8000,
    "mixType": "stereo",
    "metadata": {"tenant": "acme"},
}

# start, then provider, stream id, call id, tracks with roles, rate
BOTH = (("inbound", Role.CUSTOMER), ("outbound", Role.AGENT))
INBOUND, MIXED = BOTH[:1], (("mixed", Role.UNKNOWN),)
CA = "CA" + "a" * 32
STARTS: dict[str, tuple[dict[str, Any], str, str, Any, int]] = {
    "twilio": (twilio_like(CA, "audio/x-mulaw", 8000), "S1", CA, INBOUND, 8000),
    "signalwire": (twilio_like(UUID, "L16@24000h@40i", "24000"), "S1", UUID, INBOUND, 24000),
    "talkdesk": (
        twilio_like("interaction-5", "audio/x-mulaw", 8000),
        "S1",
        "interaction-5",
        BOTH,
        8000,
    ),
    "telnyx": (TELNYX, "T1", "v2:abc", BOTH, 8000),
    "plivo": (PLIVO, "P1", UUID, INBOUND, 8000),
    "exotel": (EXOTEL, "E1", "C1", INBOUND, 8000),
    "vonage": (VONAGE, "V1", "V1", MIXED, 16000),
    "jambonz": (JAMBONZ, UUID, UUID, BOTH, 8000),
}


def say(codec: Any, *messages: dict[str, Any] | bytes) -> list[StreamEvent]:
    heard: list[StreamEvent] = []
    for message in messages:
        heard += codec.receive(
            message if isinstance(message, bytes) else json.dumps(message), 0
        ).events
    return heard


def media(heard: list[StreamEvent]) -> list[StreamMedia]:
    return [event for event in heard if isinstance(event, StreamMedia)]


def test_every_provider_has_a_golden_start() -> None:
    assert set(STARTS) == set(PROVIDERS)


@pytest.mark.parametrize("provider", STARTS)
@pytest.mark.parametrize("has_connected", [True, False])
def test_start_opens_the_stream(provider: str, has_connected: bool) -> None:
    start, stream_id, call_id, tracks, rate_hz = STARTS[provider]
    codec = open_codec()
    if has_connected and "start" in start:
        assert say(codec, {"event": "connected", "version": "1.0.0"}) == []
    (event,) = say(codec, start)
    assert isinstance(event, StreamOpened)
    assert (event.provider, event.stream_id, event.call_id) == (provider, stream_id, call_id)
    assert tuple((t.track_id, t.role) for t in event.tracks) == tracks
    assert {t.sample_rate_hz for t in event.tracks} == {rate_hz}
    if provider not in ("twilio", "signalwire", "talkdesk"):
        assert ("tenant", "acme") in event.attributes
    assert codec.disconnect(0).events == (StreamClosed(reason="disconnect"),)


def test_a_start_of_nobody_is_refused_by_name() -> None:
    with pytest.raises(WireError, match="telnyx, plivo, exotel"):
        say(open_codec(), {"event": "start", "start": {"hello": 1}})
    with pytest.raises(WireError, match="none of the known providers"):
        say(open_codec(), {"type": "open"})


# --- Telnyx -----------------------------------------------------------------------------------


def telnyx(chunk: int, track: str = "inbound", payload: bytes | None = None) -> dict[str, Any]:
    body = {"track": track, "chunk": str(chunk), "timestamp": str(chunk * 20 - 15)}
    body["payload"] = b64(payload if payload is not None else bytes([chunk % 256]) * 160)
    return {"event": "media", "sequence_number": "9", "stream_id": "T1", "media": body}


@given(jitter=st.lists(st.integers(0, 8), min_size=1, max_size=40), repeat=st.integers(1, 2))
def test_telnyx_order_does_not_matter_within_the_window(jitter: list[int], repeat: int) -> None:
    count = len(jitter)
    arrival = sorted(range(1, count + 1), key=lambda n: (n + jitter[n - 1], n))
    codec, sorted_codec = open_codec(), open_codec()
    heard = say(codec, TELNYX, *(telnyx(n) for n in arrival for _ in range(repeat)))
    heard += codec.disconnect(0).events
    clean = say(sorted_codec, TELNYX, *(telnyx(n) for n in range(1, count + 1)))
    assert media(heard) == media(clean)
    assert codec.refused.get(Refusal.DUPLICATE_CHUNK, 0) == count * (repeat - 1)


def test_telnyx_gives_a_missing_chunk_up_when_the_window_is_full() -> None:
    codec = open_codec()
    heard = say(codec, TELNYX, telnyx(1), *(telnyx(n) for n in range(3, 13)))
    assert len(media(heard)) == 1  # ten wait for the second
    heard = say(codec, telnyx(13))
    assert [m.t_stream_ms for m in media(heard)] == [n * 20 - 15 for n in range(3, 14)]
    assert isinstance(heard[0], StreamSignal)
    assert heard[0].detail == "track=inbound gap_ms=20"
    assert say(codec, telnyx(2)) == [
        StreamSignal(kind=SignalKind.PEER_ERROR, t_stream_ms=265, detail="duplicate_chunk")
    ]


def test_telnyx_what_still_waits_comes_at_the_end() -> None:
    codec = open_codec()
    say(codec, TELNYX, telnyx(1), telnyx(3))
    heard = say(codec, {"event": "stop", "stream_id": "T1", "stop": {}})
    assert [m.t_stream_ms for m in media(heard)] == [45]
    assert heard[-1] == StreamClosed(reason="stop")


def test_telnyx_one_counter_for_both_tracks_makes_no_gaps() -> None:
    codec = open_codec()
    wire = [telnyx(n, ("inbound", "outbound")[n % 2]) for n in range(1, 81)]
    for message in wire:
        number = int(message["media"]["chunk"])
        message["media"]["timestamp"] = str((number + 1) // 2 * 20)
    heard = [*say(codec, TELNYX, *wire), *codec.disconnect(0).events]
    assert len(media(heard)) == 80
    assert not [e for e in heard if isinstance(e, StreamSignal)]


def test_telnyx_l16_is_in_network_order() -> None:
    start = json.loads(json.dumps(TELNYX))
    start["start"]["media_format"] = {"encoding": "L16", "sample_rate": 16000}
    (heard,) = media(say(open_codec(), start, telnyx(1, payload=PCM.astype(">i2").tobytes())))
    assert heard.encoding is AudioEncoding.PCM_S16LE
    assert heard.payload == PCM.tobytes()


def test_telnyx_error_is_told_by_its_code() -> None:
    codec = open_codec()
    error = {"code": 100002, "title": "Malformed", "detail": "words"}
    heard = say(codec, TELNYX, {"event": "error", "stream_id": "T1", "payload": error})
    assert heard[1:] == [StreamSignal(kind=SignalKind.PEER_ERROR, t_stream_ms=0, detail="100002")]


class HalvingDecoder:
    """Stands for a real codec: one byte in, one 16-bit sample out, at 16 kHz."""

    def __init__(self, sample_rate_hz: int) -> None:
        assert sample_rate_hz == 8000  # G.722's RTP clock, RFC 3551 §4.5.2
        self.sample_rate_hz = 16_000

    def decode(self, payload: bytes) -> bytes:
        if payload == b"bad":
            raise ValueError
        return b"".join(bytes([b, 0]) for b in payload)


def test_other_codecs_go_through_a_decoder_where_there_is_one() -> None:
    start = json.loads(json.dumps(TELNYX))
    start["start"]["media_format"] = {"encoding": "G722", "sample_rate": 8000}
    codec = open_codec(decoders={"G722": HalvingDecoder})
    heard = say(codec, start, telnyx(1, payload=b"abc"), telnyx(2, payload=b"bad"))
    opened = heard[0]
    assert isinstance(opened, StreamOpened)
    assert {t.sample_rate_hz for t in opened.tracks} == {16_000}
    assert [m.payload for m in media(heard)] == [b"a\0b\0c\0"]
    assert codec.refused == {Refusal.UNDECODABLE: 1}


def test_amr_wb_is_refused_even_so() -> None:
    start = json.loads(json.dumps(TELNYX))
    start["start"]["media_format"] = {"encoding": "AMR-WB", "sample_rate": 16000}
    with pytest.raises(WireError, match="AMR-WB"):
        say(open_codec(decoders={"AMR-WB": HalvingDecoder}), start)


# --- Plivo, Exotel, SignalWire, Talkdesk -------------------------------------------------------


def plivo(chunk: int, timestamp: int | str) -> dict[str, Any]:
    body = {"track": "inbound", "chunk": chunk, "timestamp": timestamp, "payload": b64(bytes(320))}
    return {"event": "media", "sequenceNumber": chunk, "streamId": "P1", "media": body}


@pytest.mark.parametrize("origin", [1_705_312_200_000, 0, 130])
@pytest.mark.parametrize("kind", [int, str])
def test_plivo_timestamps_may_be_the_time_of_day(origin: int, kind: type) -> None:
    wire = [plivo(n, kind(origin + (n - 1) * 20)) for n in (1, 2, 3, 5)]
    heard = say(open_codec(), PLIVO, *wire)
    first = 0 if origin > 10**9 else origin
    assert [m.t_stream_ms for m in media(heard)] == [first + t for t in (0, 20, 40, 80)]
    assert {m.encoding for m in media(heard)} == {AudioEncoding.PCM_S16LE}


def test_plivo_played_and_digits() -> None:
    codec = open_codec()
    say(codec, PLIVO)
    digit = {"event": "dtmf", "streamId": "P1", "dtmf": {"track": "inbound", "digit": "5"}}
    played = {"event": "playedStream", "streamId": "P1", "name": "c1"}
    cleared = {"event": "clearedAudio", "streamId": "P1"}
    details = [e.detail for e in say(codec, digit, played, cleared) if isinstance(e, StreamSignal)]
    assert details == ["5", "c1", "clearedAudio"]


def test_exotel_names_no_track_and_sends_tenths_of_a_second() -> None:
    def chunk(number: int, timestamp: str) -> dict[str, Any]:
        body = {"chunk": str(number), "timestamp": timestamp, "payload": b64(PCM.tobytes() * 200)}
        return {"event": "media", "sequence_number": "3", "stream_sid": "E1", "media": body}

    stop = {"event": "stop", "stream_sid": "E1", "stop": {"call_sid": "C1", "reason": "callended"}}
    heard = say(open_codec(), EXOTEL, chunk(1, "100"), chunk(2, "200"), stop)
    assert [(m.track_id, m.t_stream_ms) for m in media(heard)] == [
        ("inbound", 100),
        ("inbound", 200),
    ]
    assert media(heard)[0].payload == PCM.tobytes() * 200
    assert heard[-1] == StreamClosed(reason="callended")


def test_half_a_sample_is_refused_and_the_call_goes_on() -> None:
    codec = open_codec()
    odd = plivo(1, 0)
    odd["media"]["payload"] = b64(b"abc")
    assert len(media(say(codec, PLIVO, odd, plivo(2, 20)))) == 1
    assert codec.refused == {Refusal.UNDECODABLE: 1}


def test_without_timestamps_the_counter_says_what_is_missing() -> None:
    wire = [plivo(n, 0) for n in (1, 2, 5)]
    for message in wire:
        del message["media"]["timestamp"]
    assert [m.t_stream_ms for m in media(say(open_codec(), PLIVO, *wire))] == [0, 20, 80]


@pytest.mark.parametrize(
    ("media_type", "rate_hz", "expected"),
    [
        ("audio/x-mulaw", 8000, ("PCMU", 8000)),
        ("PCMA", 8000, ("PCMA", 8000)),
        ("audio/l16;rate=16000", None, ("L16", 16000)),
        ("audio/x-l16; rate=16000", 8000, ("L16", 16000)),
        ("L16@24000h", 8000, ("L16", 24000)),
        ("L16@16000h@40i", None, ("L16", 16000)),
        ("PCMU@8000h", None, ("PCMU", 8000)),
    ],
)
def test_media_types(media_type: str, rate_hz: int | None, expected: tuple[str, int]) -> None:
    found = parse_media_format(media_type, rate_hz)
    assert (found.codec, found.sample_rate_hz) == expected


# --- binary sockets ---------------------------------------------------------------------------


@given(
    samples=st.lists(st.integers(-32768, 32767), max_size=200).filter(lambda s: len(s) % 2 == 0),
    cuts=st.lists(st.integers(0, 400), max_size=6),
)
def test_how_stereo_pcm_is_cut_changes_nothing(samples: list[int], cuts: list[int]) -> None:
    wire = np.array(samples, dtype="<i2").tobytes()
    codec = open_codec(SUBPROTOCOLS[0])
    edges = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    frames = [wire[a:b] for a, b in pairwise(edges)]
    heard = media(say(codec, JAMBONZ, *frames))
    for at, track in enumerate(("inbound", "outbound")):
        own = [m for m in heard if m.track_id == track]
        assert b"".join(m.payload for m in own) == np.array(samples[at::2], dtype="<i2").tobytes()
        sent = 0
        for m in own:
            assert m.t_stream_ms == sent * 1000 // 8000
            sent += len(m.payload) // 2


@pytest.mark.parametrize(
    ("mix", "tracks"), [("mono", INBOUND), ("stereo", BOTH), ("mixed", MIXED), (None, INBOUND)]
)
def test_jambonz_layouts(mix: str | None, tracks: Any) -> None:
    (event,) = say(open_codec(), JAMBONZ | {"mixType": mix})
    assert isinstance(event, StreamOpened)
    assert tuple((t.track_id, t.role) for t in event.tracks) == tracks


def test_a_mixed_track_has_no_role_whatever_is_said() -> None:
    (event,) = say(open_codec(), VONAGE | {"mixed_role": "customer"})
    assert isinstance(event, StreamOpened)
    assert event.tracks[0].role is Role.UNKNOWN
    (event,) = say(open_codec(), VONAGE | {"track": "inbound"})
    assert isinstance(event, StreamOpened)
    assert event.tracks[0].role is Role.CUSTOMER


@pytest.mark.parametrize(
    ("message", "kind", "detail"),
    [
        ({"event": "websocket:dtmf", "digit": "5", "duration": 260}, SignalKind.DTMF, "5"),
        ({"event": "websocket:dtmf", "dtmf": {"digit": "6"}}, SignalKind.DTMF, "6"),
        ({"event": "dtmf", "dtmf": "7", "duration": "2"}, SignalKind.DTMF, "7"),
        ({"event": "websocket:cleared"}, SignalKind.MARK, "websocket:cleared"),
        ({"event": "websocket:notify", "payload": {}}, SignalKind.PEER_ERROR, "unknown_event"),
        ({"event": "dtmf", "dtmf": "77"}, SignalKind.PEER_ERROR, "unknown_digit"),
        ({"digit": ["x"]}, SignalKind.PEER_ERROR, "unknown_event"),
    ],
)
def test_binary_sockets_happenings(message: dict[str, Any], kind: SignalKind, detail: str) -> None:
    heard = say(open_codec(), VONAGE, bytes(640), message)
    assert heard[2:] == [StreamSignal(kind=kind, t_stream_ms=20, detail=detail)]


@pytest.mark.parametrize(
    ("first", "fault"),
    [
        (VONAGE | {"content-type": "audio/x-mulaw;rate=8000"}, "must send L16"),
        (VONAGE | {"content-type": "audio/l16"}, "sample rate"),
        (VONAGE | {"call_id": None}, "call_id"),
        (VONAGE | {"track": "sideways"}, "track"),
        (JAMBONZ | {"sampleRate": 5}, "8000 to 64000"),
        (JAMBONZ | {"sampleRate": True}, "sample rate"),
        (JAMBONZ | {"mixType": "quadro"}, "mixType"),
    ],
)
def test_first_frames_that_cannot_be_used(first: dict[str, Any], fault: str) -> None:
    with pytest.raises(WireError, match=fault):
        say(open_codec(), first)


def test_binary_before_the_first_text_frame_is_counted() -> None:
    codec = open_codec()
    assert len(say(codec, bytes(640), bytes(640))) == 1
    assert codec.refused == {Refusal.BEFORE_START: 2}
    with pytest.raises(WireError, match="callSid and sampleRate"):
        say(open_codec(SUBPROTOCOLS[0]), {"event": "connected"})


def test_binary_after_the_end_is_counted() -> None:
    codec = open_codec()
    say(codec, VONAGE)
    assert codec.disconnect(0).is_over
    assert media(say(codec, bytes(640))) == []
    assert codec.disconnect(0).events == ()
    assert codec.refused == {Refusal.AFTER_STOP: 1}
