"""SIPREC on the wire: sockets, timers and media ports around the recording server's codec."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from subtone.ingest.rtp import (
    PayloadFormat,
    RtpStream,
    SrtpKeyError,
    SrtpReceiver,
    UnsupportedPayloadError,
)
from subtone.ingest.siprec import (
    Keepalive,
    MediaEndpoint,
    MediaRequested,
    Output,
    Peer,
    RecordingClosed,
    RecordingEvent,
    RecordingOpened,
    RecordingSignal,
    RecordingUpdated,
    ServerSettings,
    SessionRecordingServer,
    SipError,
    SipFramer,
    Timer,
)
from subtone.ingest.wire import StreamOpened
from subtone.runtime.live.hub import Hub, Overloaded
from subtone.runtime.live.media_ports import MediaPorts, PortsExhausted

READ_BYTES = 65_536
KEEPALIVE_ANSWER = b"\r\n"  # RFC 5626 section 4.4.1
HALF_MESSAGE_S = 10.0  # a connection that stops inside a message is closed
IDLE_S = 7_200.0  # between messages a recording may be silent for its whole length


@dataclass
class Recording:
    """One dialog with its call and its ports."""

    opened: StreamOpened | None = None
    ports: set[int] = field(default_factory=set)


class RecordingServer:
    """The shell: what the codec asks for is done here and nowhere else."""

    def __init__(
        self,
        hub: Hub,
        ports: MediaPorts,
        settings: ServerSettings,
        now_ms: Callable[[], int],
    ) -> None:
        self.malformed_count = 0
        self._hub = hub
        self._ports = ports
        self._now_ms = now_ms
        self._codec = SessionRecordingServer(settings)
        self._recordings: dict[str, Recording] = {}
        self._udp: asyncio.DatagramTransport | None = None
        self._listeners: list[asyncio.Server] = []
        self._connections: dict[tuple[str, str, int], asyncio.StreamWriter] = {}
        self._jobs: set[asyncio.Task[None]] = set()

    @property
    def recording_count(self) -> int:
        """Recordings that run."""
        return self._codec.recording_count

    async def listen_udp(self, host: str, port: int) -> int:
        """Listen on UDP; return the port."""
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self), local_addr=(host, port)
        )
        number: int = self._udp.get_extra_info("sockname")[1]
        return number

    async def listen_tcp(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen on TCP, or on TLS with a context; return the port."""
        transport = "tcp" if tls is None else "tls"

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._serve(transport, reader, writer)

        listener = await asyncio.start_server(serve, host, port, ssl=tls)
        self._listeners.append(listener)
        number: int = listener.sockets[0].getsockname()[1]
        return number

    async def stop(self) -> None:
        """Tell every client goodbye and close the sockets."""
        for dialog in list(self._recordings):
            self._do(self._codec.hang_up(dialog, "shutdown", self._now_ms()))
        if self._udp is not None:
            self._udp.close()
        for listener in self._listeners:
            listener.close()
        for writer in list(self._connections.values()):
            writer.close()
        for job in self._jobs:
            job.cancel()
        await asyncio.gather(*self._jobs, return_exceptions=True)

    def take_datagram(self, data: bytes, peer: Peer) -> None:
        """One datagram of a client."""
        try:
            self._do(self._codec.receive(data, peer, self._now_ms()))
        except SipError:
            self.malformed_count += 1  # it says too little to be answered

    async def _serve(
        self, transport: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """One connection, until it ends, breaks the framing, or stops inside a message."""
        host, port = writer.get_extra_info("peername")[:2]
        is_trusted = bool(transport == "tls" and writer.get_extra_info("peercert"))
        peer = Peer(transport=transport, host=host, port=port, is_trusted=is_trusted)
        self._connections[transport, host, port] = writer
        framer = SipFramer()
        try:
            while data := await asyncio.wait_for(
                reader.read(READ_BYTES), HALF_MESSAGE_S if framer.is_inside_message else IDLE_S
            ):
                for message in framer.feed(data):
                    if isinstance(message, Keepalive):
                        writer.write(KEEPALIVE_ANSWER)
                    else:
                        self._do(self._codec.handle(message, peer, self._now_ms()))
        except SipError as error:
            self.malformed_count += 1
            with contextlib.suppress(SipError):
                self._do(self._codec.refuse_malformed(error, peer))
        except (TimeoutError, ConnectionError):
            pass  # the peer is gone or silent; its recordings end by their session timers
        finally:
            self._connections.pop((transport, host, port), None)
            writer.close()

    def _do(self, output: Output) -> None:
        """Send, schedule and act, in the codec's order."""
        for send in output.sends:
            self._send(send.data, send.peer)
        loop = asyncio.get_running_loop()
        for timer in output.timers:
            delay_s = max(0.0, (timer.due_ms - self._now_ms()) / 1000.0)
            loop.call_later(delay_s, self._expire, timer)
        for event in output.events:
            self._act(event)

    def _expire(self, timer: Timer) -> None:
        self._do(self._codec.expire(timer))

    def _send(self, data: bytes, peer: Peer) -> None:
        if peer.transport == "udp":
            if self._udp is not None and not self._udp.is_closing():
                self._udp.sendto(data, (peer.host, peer.port))
            return
        writer = self._connections.get((peer.transport, peer.host, peer.port))
        if writer is not None and not writer.is_closing():
            writer.write(data)

    def _act(self, event: RecordingEvent) -> None:
        match event:
            case MediaRequested():
                job = asyncio.create_task(self._open_ports(event))
                self._jobs.add(job)
                job.add_done_callback(self._jobs.discard)
            case RecordingOpened():
                self._begin(event)
            case RecordingUpdated():
                self._update(event)
            case RecordingSignal():
                opened = self._recordings[event.dialog].opened
                if opened is not None:
                    self._hub.receive(opened.call_id, opened.stream_id, (event.signal,))
            case RecordingClosed():
                self._end(event)

    async def _open_ports(self, wanted: MediaRequested) -> None:
        recording = self._recordings.setdefault(wanted.dialog, Recording())
        try:
            opened = await self._ports.open(wanted.port_count)
        except PortsExhausted:
            self._do(self._codec.refuse(wanted.dialog, self._now_ms()))
            return
        numbers = tuple(port.port for port in opened)
        recording.ports |= set(numbers)
        self._do(self._codec.accept(wanted.dialog, numbers, self._now_ms()))

    def _begin(self, event: RecordingOpened) -> None:
        opened = event.opened
        recording = self._recordings.setdefault(event.dialog, Recording())
        try:
            self._hub.call(opened.call_id)
        except Overloaded as error:
            self._do(self._codec.hang_up(event.dialog, str(error), self._now_ms()))
            return
        recording.opened = opened
        self._hub.receive(opened.call_id, opened.stream_id, (opened,))
        self._attach(event.dialog, recording, event.media)

    def _update(self, event: RecordingUpdated) -> None:
        recording = self._recordings[event.dialog]
        opened = recording.opened
        if opened is None:
            return
        if set(event.tracks) - set(opened.tracks):  # a stream more than before
            opened = recording.opened = replace(opened, tracks=event.tracks)
            self._hub.receive(opened.call_id, opened.stream_id, (opened,))
        self._attach(event.dialog, recording, event.media)
        for number in recording.ports - {m.local_port for m in event.media}:
            recording.ports.discard(number)
            self._ports.close(number, "stream_gone")

    def _attach(self, dialog: str, recording: Recording, media: tuple[MediaEndpoint, ...]) -> None:
        opened = recording.opened
        for endpoint in media:
            port = self._ports.get(endpoint.local_port)
            if port is None or opened is None:
                continue
            try:
                if port.stream is not None:
                    _tune(port.stream, endpoint)
                else:
                    stream_id = f"{opened.stream_id}:{endpoint.local_port}"
                    port.attach(opened.call_id, stream_id, _stream(opened, stream_id, endpoint))
            except (UnsupportedPayloadError, SrtpKeyError) as error:
                self._do(self._codec.hang_up(dialog, str(error), self._now_ms()))
                return

    def _end(self, event: RecordingClosed) -> None:
        recording = self._recordings.pop(event.dialog, Recording())
        for number in recording.ports:
            self._ports.close(number, event.closed.reason)
        opened = recording.opened
        if opened is not None:
            self._hub.receive(opened.call_id, opened.stream_id, (event.closed,))


class _Datagrams(asyncio.DatagramProtocol):
    """The UDP socket of the recording server."""

    def __init__(self, server: RecordingServer) -> None:
        self._server = server

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        self._server.take_datagram(data, Peer(transport="udp", host=str(addr[0]), port=addr[1]))


def _formats(endpoint: MediaEndpoint) -> dict[int, PayloadFormat]:
    return {
        f.payload_type: PayloadFormat(f.encoding, f.clock_rate_hz, f.channels)
        for f in (endpoint.audio, *endpoint.beside)
    }


def _srtp(endpoint: MediaEndpoint) -> SrtpReceiver | None:
    if endpoint.crypto is None:
        return None
    return SrtpReceiver(endpoint.crypto.suite, f"inline:{endpoint.crypto.key_base64}")


def _address(endpoint: MediaEndpoint) -> tuple[str, int] | None:
    if endpoint.remote_host is None or endpoint.is_held:
        return None
    return endpoint.remote_host, endpoint.remote_port


def _stream(opened: StreamOpened, stream_id: str, endpoint: MediaEndpoint) -> RtpStream:
    return RtpStream(
        stream_id=stream_id,
        call_id=opened.call_id,
        track_id=endpoint.track_id,
        role=endpoint.role,
        formats=_formats(endpoint),
        expected_address=_address(endpoint),
        srtp=_srtp(endpoint),
    )


def _tune(stream: RtpStream, endpoint: MediaEndpoint) -> None:
    stream.relearn(
        formats=_formats(endpoint), expected_address=_address(endpoint), srtp=_srtp(endpoint)
    )
