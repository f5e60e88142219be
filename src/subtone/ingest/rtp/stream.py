"""One RTP stream, whole: datagrams of one port in, placed audio and digits out.

It never answers: nothing a stranger sends to an RTP port comes back (RTP bleed, reflection).
Nothing a peer sends raises; what cannot be used is counted. All audio of a port is one
track, whatever SSRCs it comes under.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from subtone.contracts.vocabulary import Role
from subtone.ingest.rtp.clock import StreamClock
from subtone.ingest.rtp.packet import (
    DatagramKind,
    Goodbye,
    RtpError,
    RtpPacket,
    classify,
    parse_rtcp,
    parse_rtp,
)
from subtone.ingest.rtp.payload import (
    DigitCounter,
    PayloadFormat,
    UnsupportedPayloadError,
    open_decoder,
)
from subtone.ingest.rtp.player import Player, SourceVoice
from subtone.ingest.rtp.reorder import Ordered, ReorderBuffer
from subtone.ingest.rtp.source import Address, Arrival, SequenceCheck, SourceLock
from subtone.ingest.rtp.srtp import SrtpReceiver, SrtpRefusedError
from subtone.ingest.rtp.statistics import RtpStatistics
from subtone.ingest.wire import (
    SignalKind,
    StreamClosed,
    StreamEvent,
    StreamOpened,
    StreamSignal,
    StreamTrack,
)

TAKEOVER_MS = 100  # an SSRC silent for so long gives the track to another
_MAX_SOURCES = 64
_MAX_WAITING = 32  # packets of a source that is not heard yet
_MAX_DISTANCE_MS = 60_000  # a timestamp farther from the audio is not about it


@dataclass(slots=True)
class _Source:
    """One SSRC: its numbers, its decoders, and packets that wait for its turn."""

    seen_ms: int
    check: SequenceCheck = field(default_factory=SequenceCheck)
    reorder: ReorderBuffer = field(default_factory=ReorderBuffer)
    waiting: list[Ordered] = field(default_factory=list)
    voice: SourceVoice = field(default_factory=SourceVoice)
    clock_rate_hz: int = 8000  # of its audio
    lost_count: int = 0  # since its last audio
    is_over: bool = False  # said goodbye


class RtpStream:
    """The codec of one RTP port, fed with datagrams and the receiver's clock.

    Args:
        stream_id: names the stream in its events.
        call_id: the call it belongs to.
        track_id: the one track all of its audio is.
        role: who speaks on it, from signalling.
        formats: payload types as negotiated; all others are ignored.
        expected_address: where signalling says the media comes from, if it does.
        srtp: decrypts, where SRTP was negotiated; clear RTP is then refused.
        attributes: given on in StreamOpened.

    Raises:
        UnsupportedPayloadError: no decoder for a negotiated format.

    """

    def __init__(
        self,
        *,
        stream_id: str,
        call_id: str,
        track_id: str,
        role: Role,
        formats: Mapping[int, PayloadFormat],
        expected_address: Address | None = None,
        srtp: SrtpReceiver | None = None,
        attributes: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.statistics = RtpStatistics()
        self.clock = StreamClock()
        self._player = Player(track_id, self.clock, self.statistics)
        self._stream_id, self._call_id = stream_id, call_id
        self._role, self._attributes = role, attributes
        self._formats = dict(formats)
        self._rate_hz = _announced_rate_hz(formats)
        self._srtp = srtp
        self._lock = SourceLock(expected_address)
        self._digits = DigitCounter()
        self._sources: dict[int, _Source] = {}
        self._active: int | None = None
        self._is_open = self._is_closed = False

    @property
    def source_address(self) -> Address | None:
        """Where the audio comes from, once learned."""
        return self._lock.address

    def relearn(
        self,
        *,
        formats: Mapping[int, PayloadFormat] | None = None,
        expected_address: Address | None = None,
        srtp: SrtpReceiver | None = None,
    ) -> None:
        """Signalling renegotiated: the media may come from elsewhere, and be other formats.

        Audio and its clock go on. Without ``formats`` or ``srtp`` those known stay, and a key
        that did not change keeps its rollover count.

        Raises:
            UnsupportedPayloadError: no decoder for a negotiated format.

        """
        if formats is not None and formats != self._formats:
            self._rate_hz = _announced_rate_hz(formats)
            self._formats = dict(formats)
            for source in self._sources.values():
                source.voice = SourceVoice()
                source.waiting.clear()  # its payload types may mean something else now
        if srtp is not None and not (self._srtp and self._srtp.is_same_key(srtp)):
            self._srtp = srtp
        self._lock.relearn(expected_address)

    def receive(self, datagram: bytes, address: Address, t_seen_ms: int) -> tuple[StreamEvent, ...]:
        """Take one datagram of the port; the answer to it is always silence."""
        kind = classify(datagram)
        if self._is_closed or kind not in (DatagramKind.RTP, DatagramKind.RTCP):
            self.statistics.other_count += 1
            return ()
        events: list[StreamEvent] = []
        if kind is DatagramKind.RTP:
            self._receive_rtp(datagram, address, t_seen_ms, events)
        else:
            self._receive_rtcp(datagram, address, t_seen_ms, events)
        return tuple(events)

    def advance(self, t_seen_ms: int) -> tuple[StreamEvent, ...]:
        """Time passed without a datagram: stop waiting for what is overdue."""
        events: list[StreamEvent] = []
        for ssrc, source in list(self._sources.items()):
            self._hear(ssrc, source, source.reorder.expire(t_seen_ms), t_seen_ms, events)
        return tuple(events)

    def close(self, t_seen_ms: int, reason: str) -> tuple[StreamEvent, ...]:
        """Signalling ended the stream: give what still waits."""
        if self._is_closed:
            return ()
        events: list[StreamEvent] = []
        for ssrc, source in list(self._sources.items()):
            self._hear(ssrc, source, source.reorder.flush(), t_seen_ms, events)
        self._is_closed = True
        self._sources.clear()
        if self._is_open:
            events.append(StreamClosed(reason=reason))
        return tuple(events)

    def _receive_rtp(
        self, datagram: bytes, address: Address, t_seen_ms: int, events: list[StreamEvent]
    ) -> None:
        self.statistics.rtp_count += 1
        if self._lock.is_foreign(address):
            self.statistics.foreign_count += 1
            return
        try:
            packet = parse_rtp(self._srtp.open_rtp(datagram) if self._srtp else datagram)
        except SrtpRefusedError:
            self.statistics.refused_count += 1
            return
        except RtpError:
            self.statistics.malformed_count += 1
            return
        known = self._sources.get(packet.ssrc)
        if packet.payload_type not in self._formats:
            self.statistics.unnegotiated_count += 1
            if known is None:
                return  # it may neither teach an address nor open a source
        for believed in self._lock.admit(address, Arrival(packet, t_seen_ms)):
            self._admit(believed, t_seen_ms, events)

    def _admit(self, arrival: Arrival, t_seen_ms: int, events: list[StreamEvent]) -> None:
        ssrc = arrival.packet.ssrc
        source = self._sources.get(ssrc)
        if source is None:
            source = self._new_source(ssrc, arrival.t_seen_ms)
        source.seen_ms = max(source.seen_ms, arrival.t_seen_ms)
        source.is_over = False
        admitted = source.check.admit(arrival)
        if admitted.is_restart:
            self._hear(ssrc, source, source.reorder.flush(), t_seen_ms, events)
        before = source.reorder.discarded_count
        for extended, believed in admitted.packets:
            payload_format = self._formats.get(believed.packet.payload_type)
            if payload_format is not None and payload_format.is_audio:
                source.clock_rate_hz = payload_format.clock_rate_hz
            ordered = source.reorder.push(extended, believed, source.clock_rate_hz)
            self._hear(ssrc, source, ordered, t_seen_ms, events)
        self.statistics.discarded_count += source.reorder.discarded_count - before

    def _new_source(self, ssrc: int, t_seen_ms: int) -> _Source:
        if len(self._sources) >= _MAX_SOURCES:
            weakest = min(
                (known for known in self._sources if known != self._active),
                key=lambda known: (
                    self._sources[known].check.is_proven,
                    self._sources[known].seen_ms,
                ),
            )
            del self._sources[weakest]
            self.statistics.discarded_count += 1
        source = self._sources[ssrc] = _Source(seen_ms=t_seen_ms)
        return source

    def _hear(
        self,
        ssrc: int,
        source: _Source,
        ordered: Iterable[Ordered],
        t_seen_ms: int,
        events: list[StreamEvent],
    ) -> None:
        """Count digits at once; audio waits until the source has the track."""
        for item in ordered:
            self.statistics.lost_count += item.lost_count
            source.lost_count += item.lost_count
            payload_format = self._formats.get(item.arrival.packet.payload_type)
            if payload_format is None or not item.arrival.packet.payload:
                continue
            if payload_format.is_digits:
                self._count_digit(ssrc, item.arrival.packet, events)
                continue
            source.waiting.append(Ordered(item.arrival, source.lost_count))
            source.lost_count = 0
            self._speak(ssrc, source, t_seen_ms, events)
        self._speak(ssrc, source, t_seen_ms, events)
        del source.waiting[:-_MAX_WAITING]

    def _speak(self, ssrc: int, source: _Source, t_seen_ms: int, events: list[StreamEvent]) -> None:
        if not source.waiting or not self._may_speak(ssrc, t_seen_ms):
            return
        self._take_over(ssrc, t_seen_ms, events)
        waiting, source.waiting = source.waiting, []
        for item in waiting:
            self._play(source, item, events)

    def _may_speak(self, ssrc: int, t_seen_ms: int) -> bool:
        active = None if self._active is None else self._sources[self._active]
        return (
            active is None
            or self._active == ssrc
            or active.is_over
            or t_seen_ms - active.seen_ms >= TAKEOVER_MS
        )

    def _take_over(self, ssrc: int, t_seen_ms: int, events: list[StreamEvent]) -> None:
        if self._active == ssrc:
            return
        if self._active is not None:
            active = self._sources[self._active]
            self._hear(self._active, active, active.reorder.flush(), t_seen_ms, events)
            self._player.placement.rebase()
        self._active = ssrc

    def _play(self, source: _Source, item: Ordered, events: list[StreamEvent]) -> None:
        packet = item.arrival.packet
        try:
            media = self._player.play(
                source.voice,
                packet,
                self._formats[packet.payload_type],
                lost_count=item.lost_count,
                t_seen_ms=item.arrival.t_seen_ms,
            )
        except RtpError:
            self.statistics.malformed_count += 1
            source.lost_count += 1  # what it should have held is lost
            return
        self._open(media[0].sample_rate_hz if media else self._rate_hz, events)
        events.extend(media)

    def _open(self, rate_hz: int, events: list[StreamEvent]) -> None:
        if self._is_open:
            return
        self._is_open = True
        track = StreamTrack(track_id=self._player.track_id, role=self._role, sample_rate_hz=rate_hz)
        events.append(
            StreamOpened(
                provider="rtp",
                stream_id=self._stream_id,
                call_id=self._call_id,
                tracks=(track,),
                attributes=self._attributes,
            )
        )

    def _count_digit(self, ssrc: int, packet: RtpPacket, events: list[StreamEvent]) -> None:
        try:
            digit = self._digits.take(packet)
        except RtpError:
            self.statistics.malformed_count += 1
            return
        if digit is None:
            return
        self._open(self._rate_hz, events)
        at_ms = self._stream_ms(packet.timestamp) if ssrc == self._active else None
        t_stream_ms = self._player.placement.end_ms if at_ms is None else at_ms
        events.append(StreamSignal(kind=SignalKind.DTMF, t_stream_ms=t_stream_ms, detail=digit))

    def _stream_ms(self, timestamp: int) -> int | None:
        """Stream time of a timestamp of the active source, where that is plausible."""
        at_ms = self._player.placement.timestamp_ms(timestamp)
        if at_ms is None or abs(at_ms - self._player.placement.end_ms) > _MAX_DISTANCE_MS:
            return None
        return max(0, at_ms)

    def _receive_rtcp(
        self, datagram: bytes, address: Address, t_seen_ms: int, events: list[StreamEvent]
    ) -> None:
        # RTCP may come from a port of its own
        if self._lock.address is None or self._lock.address[0] != address[0]:
            self.statistics.foreign_count += 1
            return
        try:
            reports = parse_rtcp(self._srtp.open_rtcp(datagram) if self._srtp else datagram)
        except SrtpRefusedError:
            self.statistics.refused_count += 1
            return
        except RtpError:
            self.statistics.malformed_count += 1
            return
        for report in reports:
            if isinstance(report, Goodbye):
                self._part(report, t_seen_ms, events)
            elif report.ssrc == self._active:
                at_ms = self._stream_ms(report.timestamp)
                if at_ms is not None:
                    self.clock.observe_report(at_ms, report.ntp_ms)

    def _part(self, goodbye: Goodbye, t_seen_ms: int, events: list[StreamEvent]) -> None:
        """A source says it will send no more; should it send again, it is there again."""
        for ssrc in goodbye.ssrcs:
            source = self._sources.get(ssrc)
            if source is not None:
                self._hear(ssrc, source, source.reorder.flush(), t_seen_ms, events)
                source.is_over = True


def _announced_rate_hz(formats: Mapping[int, PayloadFormat]) -> int:
    """Sample rate of the preferred audio format; proves that each of them has a decoder."""
    rates = [open_decoder(known).sample_rate_hz for known in formats.values() if known.is_audio]
    if not rates:
        raise UnsupportedPayloadError("RTP without any audio payload type; negotiate one")
    return rates[0]
