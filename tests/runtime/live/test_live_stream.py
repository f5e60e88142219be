"""Following what the kernel says: nothing missed, nothing twice, nobody delayed; media sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from subtone.contracts.inbound import AudioChunk
from subtone.contracts.vocabulary import Role
from subtone.runtime.config import JournalConfig, LimitsConfig, Scope
from subtone.runtime.journal import AudioPolicy, OutputRow
from subtone.runtime.live.ledger import Said
from subtone.runtime.live.metrics import Metrics
from subtone.runtime.live.stream_feed import PAGE_ROWS, RECENT_ROWS, OutputFeed
from support_live import SECRETS, Live, eventually, live_server, next_frame, run_live

READ = {"Authorization": f"Bearer {SECRETS[Scope.READ]}"}
START = {
    "event": "start",
    "sequenceNumber": "1",
    "streamSid": "MZ1",
    "start": {
        "streamSid": "MZ1",
        "accountSid": "AC1",
        "callSid": "CA1",
        "tracks": ["inbound"],
        "customParameters": {},
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
    },
}
CONNECTED = {"event": "connected", "protocol": "Call", "version": "1.0.0"}


def media(number: int, payload: str = "/" * 160) -> dict[str, Any]:
    return {
        "event": "media",
        "sequenceNumber": str(number + 1),
        "streamSid": "MZ1",
        "media": {
            "track": "inbound",
            "chunk": str(number),
            "timestamp": str(155 + 20 * number),
            "payload": payload,
        },
    }


async def events(
    live: Live, path: str, last_id: int | None = None
) -> AsyncGenerator[dict[str, Any], None]:
    """Server-sent events as dictionaries, until the server ends the stream."""
    headers = READ | ({"Last-Event-ID": str(last_id)} if last_id is not None else {})
    async with live.http.stream("GET", path, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        event: dict[str, Any] = {}
        async for line in answer.aiter_lines():
            field, _, value = line.partition(": ")
            if field in ("id", "event", "data"):
                event[field] = value
            elif not line and "data" in event:
                yield event
                event = {}


async def collect(live: Live, path: str, count: int, last_id: int | None = None) -> list[Any]:
    found: list[Any] = []
    async with aclosing(events(live, path, last_id)) as stream:
        async for event in stream:
            found.append(json.loads(event["data"]))
            assert int(event["id"]) == found[-1]["cursor"]
            if len(found) == count:
                return found
    return found


def test_a_reconnect_with_the_last_id_misses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        for number in range(6):
            await live.say("a" if number % 2 else "b", f"text {number}")
        everything = await collect(live, "/v1/stream?after=0", 6)
        first = await collect(live, "/v1/stream?after=0", 2)
        rest = await collect(live, "/v1/stream", 4, last_id=first[-1]["cursor"])
        assert first + rest == everything
        cursors = [item["cursor"] for item in everything]
        assert cursors == sorted(set(cursors))
        only_a = await collect(live, "/v1/stream?after=0&call_id=a", 3)
        assert only_a == [item for item in everything if item["call_id"] == "a"]
        async with live.socket(f"/v1/stream?after={cursors[1]}", Scope.READ) as socket:
            assert [await next_frame(socket) for _ in range(4)] == rest
            await live.say("a", "one more")
            assert (await next_frame(socket))["item"]["turn"]["text"] == "one more"

    run_live(tmp_path, test)


def test_followers_hear_that_a_call_is_over_last_of_all(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        await live.say("c", "I want a manager!", t_ms=6_000)
        await live.call("POST", "/v1/calls/c/end", Scope.OPERATE, json={})
        found: list[str] = []
        async with live.socket("/v1/stream?after=0", Scope.READ) as socket:
            while "ended" not in found:
                found.append((await next_frame(socket))["kind"])
        assert found == ["turn", "decision", "ended"]
        reader: Any = live.parts.reader

        async def is_settled() -> bool:
            return bool(reader.call("c").is_settled)

        await eventually(is_settled)

    run_live(tmp_path, test)


def test_without_a_cursor_a_follower_starts_now(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        await live.say("a", "before")
        await collect(live, "/v1/stream?after=0", 1)
        async with live.socket("/v1/stream", Scope.READ) as socket:
            await live.say("a", "after")
            assert (await next_frame(socket))["item"]["turn"]["text"] == "after"

    run_live(tmp_path, test)


def test_a_restart_goes_on_with_the_same_cursor_and_the_same_call(tmp_path: Path) -> None:
    async def both() -> None:
        async with asyncio.timeout(20):
            async with live_server(tmp_path) as live:
                await live.say("c", "one", message_id="m1")
                (before,) = await collect(live, "/v1/stream?after=0", 1)
            async with live_server(tmp_path) as live:
                assert list(live.parts.hub.calls) == ["c"]
                assert (await live.say("c", "one", message_id="m1")).json()["t_ms"] == 0
                await live.say("c", "two", message_id="m2")
                (after,) = await collect(live, f"/v1/stream?after={before['cursor']}", 1)
                assert after["item"]["turn"]["text"] == "two"
                again = await collect(live, "/v1/stream?after=0", 2)
                assert again == [before, after]

    asyncio.run(both())


def test_when_the_server_stops_followers_are_told_where_to_go_on(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        await live.say("c", "one")
        (seen,) = await collect(live, "/v1/stream?after=0", 1)
        async with live.socket("/v1/stream?after=0", Scope.READ) as socket:
            await next_frame(socket)
            stream = events(live, "/v1/stream?after=0")
            await anext(stream)
            live.parts.feed.close()
            told = await asyncio.wait_for(anext(stream), 5.0)
            assert (told["event"], json.loads(told["data"])) == (
                "resume",
                {"after": seen["cursor"]},
            )
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(socket.recv(), 5.0)
            assert socket.close_code == 1013
            assert f"after={seen['cursor']}" in (socket.close_reason or "")
            await stream.aclose()

    run_live(tmp_path, test)


class Table:
    """The journal's outputs in memory, counting how often it is read."""

    def __init__(self, count: int) -> None:
        self.rows = [self.row(cursor) for cursor in range(1, count + 1)]
        self.reads = 0

    def row(self, cursor: int) -> OutputRow:
        return OutputRow(cursor, f"c{cursor % 2}", "notice", cursor, b"{}")

    def outputs_after(
        self, cursor: int = 0, limit: int = 100, *, call_id: str | None = None
    ) -> list[OutputRow]:
        self.reads += 1
        rows = (r for r in self.rows if r.cursor > cursor and call_id in (None, r.call_id))
        return [row for row, _ in zip(rows, range(limit), strict=False)]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 1_000, 1_023, 1_024, 1_025])
def test_the_newest_cursor_is_found_without_reading_everything(count: int) -> None:
    table = Table(count)
    unused: Any = None

    async def test() -> None:
        feed = OutputFeed(unused, table, Metrics())
        await feed.start()
        assert feed.newest == count
        assert table.reads < 30
        await feed.stop()

    asyncio.run(asyncio.wait_for(test(), 10))


def test_followers_at_any_place_get_every_row_once_in_order() -> None:
    table = Table(3 * PAGE_ROWS)
    unused: Any = None

    async def test() -> None:
        feed = OutputFeed(unused, table, Metrics())
        await feed.start()
        starts = [0, PAGE_ROWS + 7, len(table.rows)]
        seen: list[list[int]] = [[] for _ in starts]

        async def follow(index: int) -> None:
            async with aclosing(feed.follow(starts[index])) as steps:
                async for step in steps:
                    seen[index] += [row.cursor for row in step.rows]
                    assert len(step.rows) <= PAGE_ROWS

        followers = [asyncio.create_task(follow(i)) for i in range(len(starts))]
        for _ in range(30):
            last = len(table.rows)
            table.rows += [table.row(c) for c in range(last + 1, last + 101)]
            await feed._look()
            await asyncio.sleep(0)

        async def have_all() -> bool:
            return all(s and s[-1] == len(table.rows) for s in seen)

        await eventually(have_all)
        await feed.stop()
        await asyncio.gather(*followers)
        for start, found in zip(starts, seen, strict=True):
            assert found == list(range(start + 1, len(table.rows) + 1))
        assert len(feed._recent) <= 2 * RECENT_ROWS

    asyncio.run(asyncio.wait_for(test(), 20))


def test_a_follower_who_sleeps_is_dropped_and_delays_nobody(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        live.parts.limits = _impatient(live)
        address, port = live.address.split(":")
        reader, writer = await asyncio.open_connection(address, int(port), limit=1_024)
        lines = (
            "GET /v1/stream?after=0 HTTP/1.1",
            "Host: x",
            f"Authorization: {READ['Authorization']}",
        )
        writer.write("".join(f"{line}\r\n" for line in (*lines, "")).encode())
        text = "x" * 15_000
        async with live.socket("/v1/stream?after=0", Scope.READ) as awake:
            sent = 0
            while not live.parts.metrics.dropped_followers._value.get():
                batch = [{"role": "agent", "text": f"{sent + i} {text}"} for i in range(40)]
                path = "/v1/calls/c/messages/batch"
                body = {"messages": batch}
                assert (await live.call("POST", path, Scope.INGEST, json=body)).status_code == 202
                for i in range(40):
                    assert (await next_frame(awake))["item"]["turn"]["text"] == f"{sent + i} {text}"
                sent += 40
        del reader
        writer.close()

    limits = LimitsConfig(max_peer_requests_per_s=500.0)
    run_live(tmp_path, test, limits=limits)


def _impatient(live: Live) -> Any:
    return replace(live.parts.limits, send_timeout_s=0.2)


def test_a_twilio_stream_reaches_the_journal_and_comes_back_after_a_break(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        for _ in range(2):
            async with live.socket("/v1/streams", Scope.INGEST) as socket:
                for message in (CONNECTED, START, *(media(n) for n in range(1, 26))):
                    await socket.send(json.dumps(message))
                await asyncio.sleep(0.3)
        await live.parts.hub.durable("CA1")
        reader: Any = live.parts.reader
        kinds = [type(event).__name__ for event in reader.replay("CA1")]
        assert kinds.count("CallStarted") == 1
        chunks = [e for e in reader.replay("CA1") if isinstance(e, AudioChunk)]
        assert sum(len(c.payload) for c in chunks) == 2 * 25 * 120
        assert live.parts.hub.counts.peer_errors == 0

    run_live(tmp_path, test, journal=JournalConfig(audio=AudioPolicy.KEEP))


@pytest.mark.parametrize(
    ("path", "frames", "code"),
    [
        ("/v1/streams", ["{"], 1002),
        ("/v1/streams", ["[" * 3_000], 1002),
        ("/v1/streams", ['{"event":"start","start":{}}'], 1002),
        ("/v1/streams", ["x" * 5_000], 1009),
    ],
)
def test_a_broken_peer_is_told_and_a_healthy_call_goes_on(
    tmp_path: Path, path: str, frames: list[str], code: int
) -> None:
    async def test(live: Live) -> None:
        await live.say("healthy", "hello", message_id="m1")
        async with live.socket(path, Scope.INGEST) as socket:
            for frame in frames:
                await socket.send(frame)
            await asyncio.wait_for(socket.wait_closed(), 5.0)
            assert socket.close_code == code
        assert (await live.say("healthy", "still here")).status_code == 202
        assert list(live.parts.hub.calls) == ["healthy"]

    run_live(tmp_path, test, limits=LimitsConfig(max_message_bytes=4_096))


def test_an_audiohook_session_is_answered_and_its_faults_too(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        session = "e160e428-53b2-487c-977d-96989bf5c99d"
        headers = [("Audiohook-Organization-Id", session), ("Audiohook-Session-Id", session)]
        async with live.socket("/v1/audiohook", Scope.INGEST, headers) as socket:
            await socket.send("{}")
            assert (await next_frame(socket))["type"] == "disconnect"
        with pytest.raises(InvalidStatus) as refused:
            await live.socket("/v1/audiohook", Scope.INGEST, [("Audiohook-Session-Id", "s")])
        assert refused.value.response.status_code == 400

    run_live(tmp_path, test)


def test_a_stream_of_a_call_too_many_is_told_to_come_later(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        await live.say("first", "hello")
        async with live.socket("/v1/streams", Scope.INGEST) as socket:
            await socket.send(json.dumps(CONNECTED))
            await socket.send(json.dumps(START))
            await asyncio.wait_for(socket.wait_closed(), 5.0)
            assert socket.close_code == 1013

    run_live(tmp_path, test, limits=LimitsConfig(max_calls=1))


def test_what_was_said_is_compared_by_role_and_words_not_by_time() -> None:
    one = Said.of(0, Role.AGENT, "yes")
    assert one.digest == Said.of(9, Role.AGENT, "yes").digest
    assert one.digest != Said.of(0, Role.CUSTOMER, "yes").digest


def test_a_socket_that_says_nothing_is_let_go(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        live.parts.limits = replace(live.parts.limits, socket_idle_s=0.2)
        async with live.socket("/v1/streams", Scope.INGEST) as socket:
            await asyncio.wait_for(socket.wait_closed(), 5.0)
            assert (socket.close_code, socket.close_reason) == (1001, "silent for 0.2 s")

    run_live(tmp_path, test)
