"""Whatever a peer sends, only WireError leaves a codec, and it says little."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from subtone.ingest.streams import MediaSocket, open_codec
from subtone.ingest.wire import Received, StreamClosed, StreamMedia, StreamOpened, WireError

_KEYS = """
event start media stop dtmf mark streamSid stream_id streamId stream_sid callSid callId
call_control_id call_sid tracks mediaFormat media_format encoding sampleRate sample_rate channels
track chunk timestamp payload customParameters extra_headers content-type call_id mixType metadata
digit name reason code
"""
_WORDS = """
connected start media stop dtmf mark error inbound outbound both_tracks audio/x-mulaw PCMU L16
L16@24000h audio/l16;rate=16000 websocket:connected stereo 8000 1 AAAA S1
"""
KEYS, WORDS = st.sampled_from(_KEYS.split()), st.sampled_from(_WORDS.split())
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    WORDS,
    st.text(max_size=9),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=12,
)
RAW = st.one_of(st.text(max_size=40), st.binary(max_size=40), JSON.map(json.dumps))


def media(chunk: int, track: str) -> dict[str, Any]:
    body = {"track": track, "chunk": str(chunk), "timestamp": str(chunk * 20)}
    return {
        "event": "media",
        "streamSid": "S1",
        "stream_id": "S1",
        "media": body | {"payload": base64.b64encode(bytes(4)).decode()},
    }


CALL: list[dict[str, Any]] = [
    {"event": "connected", "protocol": "Call"},
    {
        "event": "start",
        "streamSid": "S1",
        "stream_id": "S1",
        "extra_headers": "a=1",
        "start": {
            "streamSid": "S1",
            "callSid": "C1",
            "call_control_id": "C1",
            "tracks": ["inbound", "outbound"],
            "customParameters": {"inbound_role": "agent"},
            "mediaFormat": {"encoding": "L16", "sampleRate": 8000, "channels": 1},
            "media_format": {"encoding": "PCMA", "sample_rate": "8000"},
        },
    },
    *(media(n, track) for n in (1, 3, 2, 40) for track in ("inbound", "outbound")),
    {"event": "dtmf", "dtmf": {"digit": "1"}},
    {"event": "mark", "mark": {"name": "m"}},
    {"event": "stop", "stop": {"reason": "r"}},
]
BINARY: list[Any] = [
    {"callSid": "C1", "sampleRate": 8000, "mixType": "stereo", "metadata": {"a": 1}},
    bytes(7),
    bytes(9),
    {"event": "dtmf", "dtmf": "5"},
]


def feed(codec: MediaSocket, wire: list[str | bytes]) -> list[Received]:
    """Feed until the codec refuses; then hang up, which nothing may hinder."""
    received: list[Received] = []
    try:
        received.extend(codec.receive(message, 0) for message in wire)
    except WireError as error:
        assert "\n" not in str(error)
        assert len(str(error)) < 300
    received.append(codec.disconnect(0))
    assert received[-1].is_over
    return received


def check(received: list[Received]) -> None:
    events = [event for one in received for event in one.events]
    opened = [e for e in events if isinstance(e, StreamOpened)]
    closed = [e for e in events if isinstance(e, StreamClosed)]
    assert len(opened) <= 1
    assert len(closed) == len(opened)
    tracks = {t.track_id: t for e in opened for t in e.tracks}
    for event in events:
        if isinstance(event, StreamMedia):
            assert event.payload
            assert event.t_stream_ms >= 0
            assert event.sample_rate_hz == tracks[event.track_id].sample_rate_hz


@given(st.lists(RAW, max_size=6))
def test_anything_at_all(wire: list[str | bytes]) -> None:
    check(feed(open_codec(), wire))


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value, the value itself included."""
    pairs = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else pairs
    return [path, *(place for key, inner in items for place in places(inner, (*path, key)))]


@settings(max_examples=300)
@given(data=st.data(), is_binary=st.booleans())
def test_a_real_call_with_anything_changed(data: st.DataObject, is_binary: bool) -> None:
    wire = copy.deepcopy(BINARY if is_binary else CALL)
    for _ in range(data.draw(st.integers(1, 3))):
        texts = [i for i, message in enumerate(wire) if isinstance(message, dict)]
        at = data.draw(st.sampled_from(texts))
        place = data.draw(st.sampled_from(places(wire[at])))
        value = data.draw(JSON)
        if not place:
            wire[at] = value if isinstance(value, dict) else wire[at]
            continue
        inner = wire[at]
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value
    check(feed(open_codec(), [m if isinstance(m, bytes) else json.dumps(m) for m in wire]))


@given(order=st.permutations(CALL), cut=st.integers(0, 60))
def test_a_real_call_in_any_order_or_cut(order: list[dict[str, Any]], cut: int) -> None:
    check(feed(open_codec(), [json.dumps(m) for m in order]))
    check(feed(open_codec(), [json.dumps(m)[cut:] for m in CALL]))
    check(feed(open_codec(), [*(json.dumps(m) for m in CALL[:6]), json.dumps(CALL[6])[:-cut]]))
