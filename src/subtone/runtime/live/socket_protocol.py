"""Uvicorn's WebSocket protocol, able to hand over everything that waits at once.

A media socket brings fifty to a hundred small messages a second. One at a time, each costs a
task switch, a timer and two changes of what the event loop watches: more than reading it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from litestar.types import Scope
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

EXTENSION = "subtone.receive_waiting"
MAX_WAITING_BYTES = 256 * 1024  # of one socket; beyond it, TCP holds the peer back

ReceiveWaiting = Callable[[], Awaitable[list[Any]]]


class BatchingProtocol(WebSocketsSansIOProtocol):
    """Reads on while messages wait, up to a bound; ``receive`` stays what ASGI says it is."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting_bytes = 0

    def handle_connect(self, event: Any) -> None:
        """Offer the extension to the application, whose task has not run yet."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            extensions: Any = self.scope["extensions"]
            extensions[EXTENSION] = {"receive": self.receive_waiting}

    def send_receive_event_to_app(self) -> None:
        """Queue one whole message; stop reading only when too much waits."""
        # what the parent would stop reading for; it stops by itself only where it was not told
        self._waiting_bytes += sum(map(len, self.frames))
        is_reading = not self.read_paused
        self.read_paused = True
        super().send_receive_event_to_app()
        self.read_paused = not is_reading
        if is_reading and not self.close_sent and self._waiting_bytes > MAX_WAITING_BYTES:
            self.read_paused = True
            self.transport.pause_reading()

    async def receive(self) -> Any:
        """One message, as ASGI wants it."""
        event = await self.queue.get()
        self._taken()
        return event

    async def receive_waiting(self) -> list[Any]:
        """Every message that waits, at least one: ASGI events in order."""
        events = [await self.queue.get()]
        while not self.queue.empty():
            events.append(self.queue.get_nowait())
        self._taken()
        return events

    def _taken(self) -> None:
        if self.queue.empty():
            self._waiting_bytes = 0
            if self.read_paused:
                self.read_paused = False
                self.transport.resume_reading()


def waiting_receiver(scope: Scope) -> ReceiveWaiting | None:
    """How to take everything that waits on a socket; None where the server cannot."""
    extensions: Any = scope.get("extensions") or {}
    found: ReceiveWaiting | None = extensions.get(EXTENSION, {}).get("receive")
    return found
