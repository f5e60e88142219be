"""AudioHook against hostile input: only documented errors escape, and order holds."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from subtone.contracts.base import MAX_CALL_MS
from subtone.ingest.wire import (
    SocketCodec,
    StreamClosed,
    StreamMedia,
    StreamOpened,
    StreamSignal,
    WireError,
)
from support_audiohook import (
    CONVERSATION,
    FRAME,
    NULL,
    ORGANIZATION,
    SAID,
    SESSION,
    STEREO,
    Client,
    Json,
    media_of,
    opened_client,
)

leaf = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
leaf |= st.sampled_from(
    [SESSION, CONVERSATION, NULL, ORGANIZATION, "2", "PT1S", "PT1e9S", "end", "5", "en-US", 8000]
)
anything = st.recursive(
    leaf,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=12,
)


@st.composite
def nearly_right(draw: st.DrawFn) -> Json:
    """A right message with some of its fields replaced, inside and outside of parameters."""
    kind = draw(st.sampled_from(sorted(SAID)))
    message: Json = {
        "version": "2",
        "type": kind,
        "id": SESSION,
        "seq": None,  # the right one, filled in when it is sent
        "serverseq": 0,
        "position": draw(st.sampled_from(["PT0S", "PT0.2S", "PT2.5S", "PT99S"])),
        "parameters": dict(SAID[kind]),
    }
    part = draw(st.sampled_from([message, message["parameters"]]))
    if part and draw(st.booleans()):
        part[draw(st.sampled_from(sorted(part)))] = draw(anything)
    return message


hostile = (
    nearly_right()
    | anything
    | st.binary(max_size=40)
    | st.just(FRAME)
    | st.text(max_size=40)
    | st.just(SAID["open"])
)


@settings(max_examples=300, deadline=None)
@given(st.lists(hostile, max_size=12), st.booleans())
def test_nothing_but_wire_errors_escape(messages: list[Any], is_opened: bool) -> None:
    codec: SocketCodec
    client = opened_client() if is_opened else Client()
    codec = client.codec
    is_open = is_opened
    clock_ms = 0
    seq = client.seq
    for t_ms, drawn in enumerate(messages):
        is_unnumbered = isinstance(drawn, dict) and drawn.get("seq", 0) is None
        message = drawn | {"seq": seq + 1} if is_unnumbered else drawn
        raw = message if isinstance(message, str | bytes) else json.dumps(message)
        try:
            got = codec.receive(raw, t_ms)
        except WireError as error:
            assert "\n" not in str(error)
            break
        seq = client.codec._clientseq
        for event in got.events:
            if isinstance(event, StreamOpened):
                assert not is_open
                is_open = True
            elif isinstance(event, StreamClosed):
                assert is_open
                is_open = False
            elif isinstance(event, StreamMedia | StreamSignal):
                assert is_open
                assert clock_ms <= event.t_stream_ms <= MAX_CALL_MS
                clock_ms = event.t_stream_ms
        for reply in got.replies:
            assert json.loads(reply)["id"] == SESSION
        if got.is_over:
            break
    events = codec.disconnect(99).events
    assert events == ((StreamClosed(reason="connection_lost"),) if is_open else ())


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=20), st.sampled_from(["PCMU", "L16"]))
def test_however_audio_is_cut_the_tracks_are_the_same(counts: list[int], name: str) -> None:
    width = 2 if name == "PCMU" else 4
    total = sum(counts) * width
    wire = (b"abcdefghijklmnopqrstuvw" * (total // 23 + 1))[:total]
    tracks = []
    for cuts in (counts, [sum(counts)]):
        client = opened_client(media=[STEREO | {"format": name}])
        heard: dict[str, bytes] = defaultdict(bytes)
        at = 0
        for count in cuts:
            for event in media_of(client.deliver(wire[at : at + count * width])):
                assert event.t_stream_ms == at // width // 8
                heard[event.track_id] += event.payload
            at += count * width
        tracks.append(dict(heard))
    assert tracks[0] == tracks[1]
    step = width // 2
    assert tracks[0]["external"] == b"".join(
        wire[start : start + step] for start in range(0, total, width)
    )
