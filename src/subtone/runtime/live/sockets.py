"""WebSockets: who may open one, how long it may be silent, and how it is told to go."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from litestar import WebSocket
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException, WebSocketException
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from subtone.ingest.wire import (
    Received,
    SignalKind,
    SocketCodec,
    StreamEvent,
    StreamOpened,
    StreamSignal,
    WireError,
)
from subtone.runtime.live.hub import Overloaded
from subtone.runtime.live.parts import ConflictError, LiveParts
from subtone.runtime.live.socket_protocol import waiting_receiver

MAX_REASON_BYTES = 120  # RFC 6455 leaves 123
GATHER_S = 0.08  # media comes every 20 ms: what waits is taken together, well within a batch
REFUSAL = "subtone_refusal"
HAS_TEXT = ("has_text", "true")  # a stream's attribute: its words come from elsewhere


class PeerGone(Exception):  # noqa: N818 - it is no error that a peer leaves
    """The other side closed."""


class TryLater(Exception):  # noqa: N818 - it is an answer
    """Not now; the reason says when or from where."""


class GoneError(Exception):
    """What the socket is about is over."""


# what ends a socket, and the close code that says so (RFC 6455 section 7.4.1)
CLOSE_CODES: dict[type[Exception], int] = {
    WireError: 1002,
    GoneError: 1008,
    ConflictError: 1008,
    TimeoutError: 1001,
    Overloaded: 1013,
    TryLater: 1013,
}


class Frames:
    """Whole messages of a socket, none of them too large, none too late."""

    def __init__(self, socket: WebSocket[Any, Any, Any], max_bytes: int, idle_s: float) -> None:
        self._socket = socket
        self._max_bytes = max_bytes
        self._idle_s = idle_s
        self._receive_waiting = waiting_receiver(socket.scope)
        self._waiting: deque[Any] = deque()

    async def next(self) -> str | bytes:
        """The next message. Raises PeerGone, WireError when too large, TimeoutError when idle."""
        while not self._waiting:
            await self._receive()
        event = self._waiting.popleft()
        if event["type"] != "websocket.receive":
            raise PeerGone
        frame: str | bytes | None = event.get("text")
        if frame is None:
            frame = event.get("bytes") or b""
        if len(frame) > self._max_bytes:
            raise WireError(f"a message is larger than {self._max_bytes} bytes")
        return frame

    @property
    def is_drained(self) -> bool:
        """Whether nothing that has arrived waits to be taken."""
        return not self._waiting

    async def _receive(self) -> None:
        try:
            async with asyncio.timeout(self._idle_s):
                if self._receive_waiting is None:
                    self._waiting.append(await self._socket.receive())
                else:
                    self._waiting.extend(await self._receive_waiting())
        except TimeoutError as error:
            raise TimeoutError(f"silent for {self._idle_s:g} s") from error


@asynccontextmanager
async def kept(
    socket: WebSocket[Any, Any, Any], kind: str, parts: LiveParts
) -> AsyncIterator[None]:
    """An accepted socket for as long as the block runs; closed with a code that says why."""
    with parts.metrics.sockets.labels(kind).track_inprogress():
        code, reason = 1000, ""
        try:
            yield
        except PeerGone:
            return
        except tuple(CLOSE_CODES) as error:
            code = next(code for kind, code in CLOSE_CODES.items() if isinstance(error, kind))
            reason = _reason(error)
            if isinstance(error, WireError):
                parts.metrics.peer_errors.labels(kind).inc()
        await close(socket, code, reason)


async def close(socket: WebSocket[Any, Any, Any], code: int, reason: str) -> None:
    """Close, whether or not the peer is still there."""
    short = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
    try:
        await socket.close(code, short)
    except (WebSocketException, RuntimeError):
        return  # it was closed already


async def play(
    socket: WebSocket[Any, Any, Any], codec: SocketCodec, kind: str, parts: LiveParts
) -> None:
    """Feed an accepted socket's messages through a codec into the hub until it is over."""
    source = _Source(parts, kind)
    frames = Frames(socket, parts.limits.max_message_bytes, parts.limits.socket_idle_s)
    async with kept(socket, kind, parts):
        is_over = False
        decode: Callable[[str | bytes, int], Received] = codec.receive
        gathering = None
        if parts.tracing is not None:
            decode = gathering = parts.tracing.gathering(codec.receive, lambda: source.call_id)
        try:
            while not is_over:
                received = decode(await frames.next(), parts.now_ms())
                await source.take(received.events)
                for reply in received.replies:
                    await socket.send_data(reply, "text" if isinstance(reply, str) else "binary")
                is_over = received.is_over
                # until the call is known nothing waits: its clock begins with what comes first
                if source.call_id and frames.is_drained and not received.replies:
                    await asyncio.sleep(GATHER_S)
        finally:
            if gathering is not None:
                gathering.flush()
            await source.take(codec.disconnect(parts.now_ms()).events)


class _Source:
    """The call a socket feeds, once it has said which."""

    def __init__(self, parts: LiveParts, kind: str) -> None:
        self._parts = parts
        self._kind = kind
        self.call_id = ""
        self._stream_id = ""

    async def take(self, events: Sequence[StreamEvent]) -> None:
        """Hand on events. Raises Overloaded or ConflictError when the call cannot begin."""
        for event in events:
            if isinstance(event, StreamOpened):
                await self._parts.require_startable(event.call_id)
                self._parts.hub.call(
                    event.call_id,
                    is_amd_enabled=self._parts.is_amd_enabled,
                    has_text=HAS_TEXT in event.attributes,
                )
                self._parts.alerting.label(event.call_id, event.attributes)
                self.call_id, self._stream_id = event.call_id, event.stream_id
            elif isinstance(event, StreamSignal) and event.kind is SignalKind.PEER_ERROR:
                self._parts.metrics.peer_errors.labels(self._kind).inc()
            if self.call_id:
                self._parts.hub.receive(self.call_id, self._stream_id, (event,))


class Denial(ASGIMiddleware):
    """A socket that is refused before it opens gets the HTTP status that says why."""

    scopes = (ScopeType.WEBSOCKET,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Turn the close that Litestar makes of an exception into a response, before the accept."""
        extensions: Any = scope.get("extensions") or {}
        is_open = "websocket.http.response" not in extensions

        async def watched(message: Any) -> None:
            nonlocal is_open
            if message["type"] == "websocket.close" and not is_open:
                await _deny(send, scope["state"].get(REFUSAL))
                return
            is_open = is_open or message["type"] == "websocket.accept"
            await send(message)

        try:
            await next_app(scope, receive, watched)
        except HTTPException as error:
            if is_open:
                raise
            await _deny(send, error)


async def note_refusal(error: Exception, scope: Scope) -> None:
    """Keep for Denial what a handshake failed on."""
    scope["state"][REFUSAL] = error


async def _deny(send: Any, error: Exception | None) -> None:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = _reason(error) if isinstance(error, HTTPException) else "the server failed"
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": detail.encode()})


def _reason(error: Exception) -> str:
    return str(error.detail) if isinstance(error, HTTPException) else str(error)
