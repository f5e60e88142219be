"""What the kernel says, as it says it: server-sent events and a socket, both with a cursor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Annotated, Any

import msgspec
from litestar import Request, WebSocket, get, websocket
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send
from msgspec import Meta

from subtone.runtime.config import Scope as TokenScope
from subtone.runtime.journal import OutputRow
from subtone.runtime.live.auth import View, requires, view_of
from subtone.runtime.live.parts import LiveParts, Parts
from subtone.runtime.live.problems import PROBLEMS
from subtone.runtime.live.routes_read import MAX_CURSOR
from subtone.runtime.live.sockets import PeerGone, TryLater, kept

LONG_BYTES = 65_536  # JSON that is read and written again in some milliseconds
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"x-accel-buffering", b"no"),
]
After = Annotated[
    int | None,
    QueryParameter(
        ge=0,
        le=MAX_CURSOR,
        required=False,
        description="cursor seen last; 0 from the begin",
        schema_extra={"minimum": 0},  # Litestar leaves out a bound of 0 where None is allowed
    ),
]
FollowedCall = Annotated[
    str | None, QueryParameter(max_length=200, required=False, description="only this call")
]


class StreamItem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing the kernel said; item is a contract named by kind."""

    cursor: int
    call_id: str
    kind: str
    item: Any


class StreamEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One server-sent event, as an EventSource hands it over."""

    id: str  # the cursor
    event: str  # the item's kind, or resume when the server stops
    data: Annotated[
        str,
        Meta(
            extra_json_schema={
                "contentMediaType": "application/json",
                "contentSchema": msgspec.json.schema_components([StreamItem])[1]["StreamItem"],
            }
        ),
    ]


@get(
    "/v1/stream",
    guards=[requires(TokenScope.READ)],
    tags=["read"],
    summary="Server-sent events of everything the kernel says",
    security=[{"token": []}, {"query_token": []}],
    responses={
        **PROBLEMS,
        200: ResponseSpec(
            StreamEvent,
            media_type="text/event-stream",
            generate_examples=False,
            description="events until the peer goes or the server stops",
        ),
    },
)
async def follow_events(
    request: Request[Any, Any, Any],
    parts: Parts,
    after: After = None,
    call_id: FollowedCall = None,
) -> ASGIResponse:
    """Each event's id is its cursor: a reconnect sends it as Last-Event-ID and misses nothing."""
    last_id = request.headers.get("last-event-id", "")
    if last_id.isdecimal() and len(last_id) < 19:
        after = int(last_id)
    start = parts.feed.newest if after is None else after
    return EventStream(parts, start, call_id, view_of(request))


@websocket("/v1/stream", guards=[requires(TokenScope.READ)])
async def follow_socket(
    socket: WebSocket[Any, Any, Any],
    parts: Parts,
    after: After = None,
    call_id: FollowedCall = None,
) -> None:
    """The same as JSON text frames; what the peer sends is ignored."""
    await socket.accept()
    start = parts.feed.newest if after is None else after
    async with kept(socket, "stream", parts):
        listening = asyncio.ensure_future(_until_gone(socket))
        sent = _send_all(socket, parts, start, call_id, view_of(socket))
        sending = asyncio.ensure_future(sent)
        try:
            await asyncio.wait([listening, sending], return_when=asyncio.FIRST_COMPLETED)
            if listening.done():
                raise PeerGone
            await sending
        finally:
            listening.cancel()
            sending.cancel()


async def _send_all(
    socket: WebSocket[Any, Any, Any],
    parts: LiveParts,
    start: int,
    call_id: str | None,
    view: View,
) -> None:
    cursor = start
    async with aclosing(parts.feed.follow(start, call_id)) as steps:
        async for step in steps:
            for row in step.rows:
                told = await _encoded((row,), view)
                try:
                    async with asyncio.timeout(parts.limits.send_timeout_s):
                        await socket.send_data(told[0].decode())
                except TimeoutError as error:
                    parts.metrics.dropped_followers.inc()
                    raise TryLater(f"too slow: resume with after={cursor}") from error
                cursor = row.cursor
    raise TryLater(f"the server stops: resume with after={cursor}")


async def _until_gone(socket: WebSocket[Any, Any, Any]) -> None:
    while (await socket.receive())["type"] == "websocket.receive":
        continue


def encode_row(row: OutputRow, view: View) -> bytes:
    """One row as a StreamItem, as it may be seen."""
    item = msgspec.Raw(view(row.body))
    return msgspec.json.encode(
        StreamItem(cursor=row.cursor, call_id=row.call_id, kind=row.kind, item=item)
    )


async def _encoded(rows: Sequence[OutputRow], view: View) -> list[bytes]:
    """The rows as StreamItems; long ones are looked through beside the event loop."""

    def encoded() -> list[bytes]:
        return [encode_row(row, view) for row in rows]

    is_long = sum(len(row.body) for row in rows) > LONG_BYTES
    return await asyncio.to_thread(encoded) if is_long else encoded()


class EventStream(ASGIResponse):
    """A response that lasts as long as the follower keeps up."""

    def __init__(self, parts: LiveParts, start: int, call_id: str | None, view: View) -> None:
        super().__init__()
        self._parts = parts
        self._start = start
        self._call_id = call_id
        self._view = view

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the peer goes, falls asleep, or the server stops."""
        del scope
        listening = asyncio.ensure_future(_until_disconnect(receive))
        sending = asyncio.ensure_future(self._send(send))
        try:
            with self._parts.metrics.sockets.labels("sse").track_inprogress():
                await asyncio.wait([listening, sending], return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                await sending
        finally:
            listening.cancel()
            sending.cancel()

    async def _send(self, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        async with aclosing(self._chunks()) as chunks:
            async for chunk in chunks:
                body = {"type": "http.response.body", "body": chunk, "more_body": True}
                try:
                    async with asyncio.timeout(self._parts.limits.send_timeout_s):
                        await send(body)
                except TimeoutError:  # it goes on from the last id it saw
                    self._parts.metrics.dropped_followers.inc()
                    return
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        yield b"retry: 1000\n\n"
        cursor = self._start
        async with aclosing(self._parts.feed.follow(cursor, self._call_id)) as steps:
            async for step in steps:
                cursor = step.cursor
                # an id without data moves the cursor although this follower was told nothing
                told = zip(step.rows, await _encoded(step.rows, self._view), strict=True)
                yield b"".join(_event(*one) for one in told) or b"id: %d\n\n" % cursor
        yield b'event: resume\nid: %d\ndata: {"after":%d}\n\n' % (cursor, cursor)


def _event(row: OutputRow, data: bytes) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (row.cursor, row.kind.encode(), data)


async def _until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
