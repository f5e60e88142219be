"""UDP ports that hear RTP: opened on request, bound to a call, silent towards everybody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import cast

from subtone.ingest.rtp import Address, RtpStream
from subtone.ingest.wire import StreamEvent
from subtone.runtime.live.hub import Hub

ADVANCE_S = 0.1  # how often overdue packets are given up on
MAX_DATAGRAM_BYTES = 8_192  # RTP is far smaller; larger ones are dropped unread


class PortsExhausted(Exception):  # noqa: N818 - it is an answer, not a fault
    """No UDP port is free in the configured range."""


@dataclass
class MediaPort(asyncio.DatagramProtocol):
    """One socket; what arrives before a stream is attached is dropped."""

    hub: Hub
    now_ms: Callable[[], int]
    port: int = 0
    call_id: str = ""
    stream_id: str = ""
    stream: RtpStream | None = None
    oversized_count: int = 0
    transport: asyncio.DatagramTransport | None = field(default=None, repr=False)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is bound."""
        self.transport = cast("asyncio.DatagramTransport", transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        """Hand one datagram to the stream; nothing is ever sent back."""
        if self.stream is None:
            return
        if len(data) > MAX_DATAGRAM_BYTES:
            self.oversized_count += 1
            return
        sender: Address = (str(addr[0]), addr[1])
        self._tell(self.stream.receive(data, sender, self.now_ms()))

    def attach(self, call_id: str, stream_id: str, stream: RtpStream) -> None:
        """From now on what arrives is media of this call."""
        self.call_id, self.stream_id, self.stream = call_id, stream_id, stream

    def advance(self) -> None:
        """Give up on packets that are overdue."""
        if self.stream is not None:
            self._tell(self.stream.advance(self.now_ms()))

    def close(self, reason: str) -> None:
        """Hand on what still waits, and free the port."""
        if self.stream is not None:
            self._tell(self.stream.close(self.now_ms(), reason))
            self.stream = None
        if self.transport is not None:
            self.transport.close()

    def _tell(self, events: tuple[StreamEvent, ...]) -> None:
        if events:
            self.hub.receive(self.call_id, self.stream_id, events)


class MediaPorts:
    """All open RTP sockets of one server."""

    def __init__(
        self, hub: Hub, now_ms: Callable[[], int], host: str, port_min: int, port_max: int
    ) -> None:
        self.host = host
        self._hub = hub
        self._now_ms = now_ms
        self._even = range(port_min + port_min % 2, port_max + 1, 2)
        self._next = 0
        self._open: dict[int, MediaPort] = {}
        self._advancing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin giving up on overdue packets; call inside a running event loop."""
        self._advancing = asyncio.create_task(self._advance(), name="rtp-advance")

    async def stop(self) -> None:
        """Close every port."""
        if self._advancing is not None:
            self._advancing.cancel()
            await asyncio.gather(self._advancing, return_exceptions=True)
        for port in list(self._open):
            self.close(port, "shutdown")

    async def open(self, count: int) -> tuple[MediaPort, ...]:
        """Bind so many even ports, or none. Raises PortsExhausted."""
        opened: list[MediaPort] = []
        loop = asyncio.get_running_loop()
        for number in self._candidates():
            if len(opened) == count:
                break
            try:
                _, port = await loop.create_datagram_endpoint(
                    lambda: MediaPort(self._hub, self._now_ms), local_addr=(self.host, number)
                )
            except OSError:
                continue  # somebody else's port
            self._open[port.port] = port
            opened.append(port)
        if len(opened) < count:
            for port in opened:
                self.close(port.port, "unused")
            raise PortsExhausted(f"no {count} free UDP ports between {self._even}")
        return tuple(opened)

    def close(self, number: int, reason: str) -> None:
        """Close one port, if it is open."""
        port = self._open.pop(number, None)
        if port is not None:
            port.close(reason)

    def get(self, number: int) -> MediaPort | None:
        """One open port."""
        return self._open.get(number)

    def of_call(self, call_id: str) -> tuple[MediaPort, ...]:
        """The ports that hear one call."""
        return tuple(port for port in self._open.values() if port.call_id == call_id)

    def _candidates(self) -> Iterator[int]:
        """Even ports that are not ours yet, going on where the last search ended."""
        for _ in range(len(self._even)):
            number = self._even[self._next]
            self._next = (self._next + 1) % len(self._even)
            if number not in self._open:
                yield number

    async def _advance(self) -> None:
        while True:
            await asyncio.sleep(ADVANCE_S)
            for port in list(self._open.values()):
                port.advance()
                if port.call_id and port.call_id not in self._hub.calls:
                    self.close(port.port, "call_over")
