"""AudioHook sessions: every state with every message, opening, faults, limits, the end."""

from __future__ import annotations

import json

import pytest

from subtone.ingest.audiohook import (
    MAX_MESSAGE_BYTES,
    AudioHookCodec,
    AudioHookError,
    ServerRequest,
)
from subtone.ingest.audiohook.codec import (
    CLOSE_GRACE_MS,
    MAX_LAST_MESSAGES,
    State,
)
from subtone.ingest.wire import (
    Received,
    SignalKind,
    StreamClosed,
)
from support_audiohook import (
    CONVERSATION,
    FRAME,
    MONO,
    NULL,
    ORGANIZATION,
    SAID,
    SESSION,
    STEREO,
    Client,
    Json,
    client_in,
    kind_of,
    opened_client,
    signal,
)

# --- every state with every message --------------------------------------------------------------

# State, then what comes of each message: events > replies > state after ("-": ignored).
TABLE = """
        WAITING                      ACTIVE                       PAUSED                       PROBING               LEAVING            CLOSED
open    opened>opened>active         -                            -                            -                     -                  refused
ping    >pong>waiting                >pong>active                 >pong>paused                 >pong>probing         -                  refused
paused  -                            paused>>paused               -                            -                     -                  refused
resumed -                            -                            discarded,resumed>>active    -                     -                  refused
discarded -                          discarded>>active            discarded>>paused            -                     -                  refused
update  -                            mark>updated>active          mark>updated>paused          -                     -                  refused
dtmf    -                            dtmf>>active                 -                            -                     -                  refused
error   -                            peer_error>>active           peer_error>>paused           -                     -                  refused
close   >closed>closed               closed>closed>closed         closed>closed>closed         >closed>closed        >closed>closed     refused
audio   >disconnect>leaving          media,media>>active          closed>disconnect>leaving    -                     -                  refused
weather -                            -                            -                            -                     -                  refused
"""  # noqa: E501
HEAD, *ROWS = (line.split() for line in TABLE.strip().splitlines())
CASES = [
    (state, row[0], outcome) for row in ROWS for state, outcome in zip(HEAD, row[1:], strict=True)
]


def test_the_table_has_every_pair() -> None:
    assert {state for state, _, _ in CASES} == {state.name for state in State}
    assert {kind for _, kind, _ in CASES} == {*SAID, "audio"}
    assert len(CASES) == len(State) * (len(SAID) + 1)


@pytest.mark.parametrize(("state", "kind", "outcome"), CASES)
def test_each_state_answers_each_message(state: str, kind: str, outcome: str) -> None:
    client = client_in(State[state])
    heard_before = len(client.heard)
    ignored_before = client.codec.ignored_count
    message: Json | bytes = FRAME if kind == "audio" else client.message(kind, **SAID[kind])
    if outcome == "refused":
        with pytest.raises(AudioHookError):
            client.deliver(message)
        return
    got = client.deliver(message)
    replies = [reply["type"] for reply in client.heard[heard_before:]]
    if outcome == "-":
        assert (got, client.codec.state) == (Received(), State[state])
        assert client.codec.ignored_count == ignored_before + 1
        return
    events = ",".join(kind_of(event) for event in got.events)
    assert f"{events}>{','.join(replies)}>{client.codec.state}" == outcome
    assert got.is_over == (client.codec.state is State.CLOSED)
    assert client.codec.ignored_count == ignored_before


def test_what_the_table_s_replies_say() -> None:
    client = opened_client()
    assert client.heard[0] == {
        "version": "2",
        "type": "opened",
        "id": SESSION,
        "seq": 1,
        "clientseq": 1,
        "parameters": {"startPaused": False, "media": [STEREO]},
    }
    assert client.say("update", language="zh-CN").events == (
        signal(SignalKind.MARK, 0, "language=zh-CN"),
    )
    assert client.say("update", participant={"id": NULL, "aniName": "Ada"}).events == (
        signal(SignalKind.MARK, 0, "participant"),
    )
    assert client.say("update").events == ()
    assert [reply["type"] for reply in client.heard[1:]] == ["updated"] * 3
    assert client.say("dtmf", digit="a").events == (signal(SignalKind.DTMF, 0, "A"),)
    assert client.say("error", code=429, message="x", retryAfter="PT1S").events == (
        signal(SignalKind.PEER_ERROR, 0, "429"),
    )
    client.say("paused")
    client.deliver(FRAME)
    assert client.heard[-1]["parameters"] == {
        "reason": "error",
        "info": "Client Error: Received audio in state PAUSED",
    }
    assert client.heard[-1]["clientseq"] == client.seq


BAD_PARAMETERS = "Invalid Message: Invalid/missing parameters"
BAD_MESSAGE = "Message not a well-formed client message"
BAD_SEQ = "Invalid seq value (not monotonically increasing)"

# --- opening, faults and limits ------------------------------------------------------------------


def test_who_and_what_is_told_but_no_name_and_no_number() -> None:
    before = "11111111-2222-4333-8444-555555555555"
    opened = Client().open(
        language="en-US",
        continuedSessions=[{"id": before, "serverseq": 7, "clientseq": 9}],
        customConfig={"a": 1},
        supportedLanguages=True,
    )
    (event,) = opened.events
    assert event.attributes == (
        ("organizationId", ORGANIZATION),
        ("language", "en-US"),
        ("continuedSession", before),
    )


def test_a_probe_is_answered_and_makes_no_call() -> None:
    for media in ([STEREO], [], [STEREO | {"rate": 16000}]):
        client = Client()
        assert client.open(conversation=NULL, media=media).events == ()
        assert client.heard[0]["parameters"]["media"] == [one for one in media if one == STEREO]
        assert client.deliver(FRAME) == Received()
        assert client.codec.ask(ServerRequest.PAUSE, 0) == Received()
        closed = client.say("close", reason="end")
        assert (closed.events, closed.is_over) == ((), True)


@pytest.mark.parametrize("wrong", ["", "x", SESSION + "\n", SESSION + "0", "\udc80"])
def test_a_session_needs_the_upgrade_s_ids(wrong: str) -> None:
    with pytest.raises(AudioHookError):
        AudioHookCodec(organization_id=ORGANIZATION, session_id=wrong)
    with pytest.raises(AudioHookError):
        AudioHookCodec(organization_id=wrong, session_id=SESSION)


def test_another_organization_is_not_let_in() -> None:
    client = Client()
    got = client.say("open", **SAID["open"] | {"organizationId": CONVERSATION})
    assert got.events == ()
    assert client.heard[-1]["parameters"] == {"reason": "unauthorized"}
    assert client.codec.state is State.LEAVING
    assert "organization" in str(client.codec.fault)


def test_no_usable_media_ends_the_session() -> None:
    client = Client()
    assert client.open(media=[STEREO | {"rate": 16000}]).events == ()
    assert client.heard[-1]["type"] == "disconnect"


@pytest.mark.parametrize(
    ("change", "info"),
    [
        ({"seq": 3}, BAD_SEQ),
        ({"seq": 1}, BAD_SEQ),
        ({"serverseq": 2}, "Invalid serverseq value"),
        ({"id": CONVERSATION}, "Session identifier mismatch"),
        ({"id": SESSION + "\n"}, BAD_MESSAGE),
        ({"version": "1"}, BAD_MESSAGE),
        ({"seq": -1}, BAD_MESSAGE),
        ({"seq": 10**400}, BAD_MESSAGE),
        ({"seq": 2.5}, BAD_MESSAGE),
        ({"serverseq": None}, BAD_MESSAGE),
        ({"position": "1.5"}, "Invalid duration"),
        ({"position": "PTS"}, "Invalid duration"),
        ({"position": "PT.S"}, "Invalid duration"),
        ({"position": "PT-1S"}, "Invalid duration"),
        ({"position": "PT1e3S"}, "Invalid duration"),
        ({"position": "PT１S"}, "Invalid duration"),
        ({"position": "PT604800.1S"}, "Invalid duration: above 7 days"),
        ({"parameters": []}, BAD_PARAMETERS),
        ({"type": "dtmf"}, BAD_PARAMETERS),
        ({"type": "close", "parameters": {"reason": "bored"}}, BAD_PARAMETERS),
        ({"type": "update", "parameters": {"language": "my words"}}, BAD_PARAMETERS),
        ({"type": "error", "parameters": {"code": "503"}}, BAD_PARAMETERS),
    ],
)  # fmt: skip
def test_a_broken_message_is_told_and_may_still_close(change: Json, info: str) -> None:
    client = opened_client()
    got = client.deliver(client.message("ping") | change)
    assert got.events == (StreamClosed(reason=f"error: {info}"),)
    assert not got.is_over
    assert client.heard[-1]["type"] == "disconnect"
    assert client.heard[-1]["parameters"] == {"reason": "error", "info": f"Client Error: {info}"}
    closed = client.say("close", reason="disconnect")
    assert (closed.events, closed.is_over) == ((), True)
    assert (client.heard[-1]["type"], client.heard[-1]["clientseq"]) == ("closed", client.seq)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        '"open"',
        "\ud800",
        "[" * 60_000,
        '{"x":' + "[" * 60_000,
        '{"a":NaN}',
        "é" * 100,
        "\x00",
    ],
)
def test_what_is_no_message_is_told(text: str) -> None:
    client = opened_client()
    client.deliver(text)
    assert client.heard[-1]["parameters"]["reason"] == "error"


def test_limits_of_size_and_rate() -> None:
    for message in (" " * (MAX_MESSAGE_BYTES + 1), bytes(MAX_MESSAGE_BYTES + 1)):
        client = opened_client()
        client.deliver(message)
        assert "too large" in client.heard[-1]["parameters"]["info"]
    client = opened_client(media=[MONO])
    assert len(client.deliver(bytes(MAX_MESSAGE_BYTES)).events) == 1
    client.deliver(json.dumps(client.message("ping")).ljust(MAX_MESSAGE_BYTES))
    assert client.heard[-1]["type"] == "pong"

    client = opened_client()
    for _ in range(99):
        client.say("ping")
    assert client.heard[-1]["type"] == "pong"
    client.deliver(client.message("ping"), 1_050)  # one more for each 50 ms
    assert client.heard[-1]["type"] == "pong"
    client.deliver(client.message("ping"), 1_051)
    assert client.heard[-1]["parameters"]["info"] == "Client Error: Rate limit exceeded"

    client = opened_client()
    for _ in range(300):  # 60 s at once
        client.deliver(FRAME)
    assert len(client.deliver(FRAME, 1_100).events) == 2
    client.deliver(b"\x00\x00", 1_101)
    assert client.heard[-1]["parameters"]["info"] == "Client Error: Rate limit exceeded"


def test_a_client_that_never_closes_is_cut_off() -> None:
    def leaving() -> Client:
        client = opened_client()
        client.deliver("?", 5_000)
        return client

    assert leaving().deliver(FRAME, 5_000 + CLOSE_GRACE_MS) == Received()
    with pytest.raises(AudioHookError, match="did not close"):
        leaving().deliver(FRAME, 5_001 + CLOSE_GRACE_MS)
    client = leaving()
    for _ in range(MAX_LAST_MESSAGES):
        client.deliver(FRAME, 5_000)
    with pytest.raises(AudioHookError, match="did not close"):
        client.deliver(FRAME, 5_000)
    with pytest.raises(AudioHookError):
        leaving().deliver("still not JSON", 5_000)


# --- what the server asks, and the end -----------------------------------------------------------


@pytest.mark.parametrize(
    "request_", [ServerRequest.PAUSE, ServerRequest.RESUME, ServerRequest.RECONNECT]
)
def test_the_server_may_ask(request_: ServerRequest) -> None:
    client = opened_client()
    (reply,) = client.codec.ask(request_, 0).replies
    assert json.loads(reply) == {
        "version": "2",
        "type": request_.value,
        "id": SESSION,
        "seq": 2,
        "clientseq": 1,
        "parameters": {},
    }
    assert client_in(State.WAITING).codec.ask(request_, 0) == Received()
    assert client_in(State.LEAVING).codec.ask(request_, 0) == Received()


def test_the_server_may_end_it() -> None:
    client = opened_client()
    got = client.codec.ask(ServerRequest.COMPLETE, 2_000)
    assert got.events == (StreamClosed(reason="completed"),)
    client.heard += [json.loads(reply) for reply in got.replies]
    assert client.heard[-1]["parameters"] == {"reason": "completed"}
    assert client.deliver(FRAME) == Received()
    assert client.say("close", reason="disconnect").is_over


def test_a_lost_socket_closes_only_what_was_open() -> None:
    for state in State:
        codec = client_in(state).codec
        got = codec.disconnect(0)
        is_call = state in {State.ACTIVE, State.PAUSED}
        assert got.events == ((StreamClosed(reason="connection_lost"),) if is_call else ())
        assert (got.is_over, codec.state) == (True, State.CLOSED)
        assert codec.disconnect(0).events == ()
