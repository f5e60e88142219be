"""RTP and RTCP packets, and what else arrives on their port: bytes in, values out.

Sources: RFC 3550 (RTP, RTCP), RFC 7983 (demultiplexing), RFC 5761 (RTCP on the RTP port).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import StrEnum

from subtone.ingest.wire import WireError

MAX_DATAGRAM_BYTES = 4096  # 40 ms of L16 at 48 kHz; voice packets are far smaller

_HEADER = struct.Struct(">BBHII")
_SENDER_INFO = struct.Struct(">IQIII")
_SENDER_REPORT, _GOODBYE = 200, 203
_NTP_UNITS_PER_S = 1 << 32


class RtpError(WireError):
    """A packet breaks RTP, RTCP, SRTP or its payload format; it is dropped, the call goes on."""


class DatagramKind(StrEnum):
    """What a datagram on an RTP port is, by its first bytes."""

    RTP = "rtp"
    RTCP = "rtcp"
    STUN = "stun"
    ZRTP = "zrtp"
    DTLS = "dtls"
    TURN = "turn"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One RTP packet without its padding; csrcs and header extension carry nothing we use."""

    payload_type: int  # 0..127
    is_marked: bool
    sequence_number: int  # 0..65535
    timestamp: int  # 0..2**32-1, in units of the payload's clock rate
    ssrc: int
    payload: bytes
    csrcs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SenderReport:
    """Which wall-clock time a sender gives to one of its RTP timestamps."""

    ssrc: int
    ntp_ms: float  # since 1900
    timestamp: int


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The sources named here will send no more."""

    ssrcs: tuple[int, ...]


def classify(datagram: bytes) -> DatagramKind:
    """Tell the protocols on one port apart (RFC 7983 §7, RFC 5761 §4)."""
    if not datagram:
        return DatagramKind.UNKNOWN
    first = datagram[0]
    if 128 <= first <= 191:
        is_rtcp = len(datagram) > 1 and 192 <= datagram[1] <= 223
        return DatagramKind.RTCP if is_rtcp else DatagramKind.RTP
    for low, high, kind in (
        (0, 3, DatagramKind.STUN),
        (16, 19, DatagramKind.ZRTP),
        (20, 63, DatagramKind.DTLS),
        (64, 79, DatagramKind.TURN),
    ):
        if low <= first <= high:
            return kind
    return DatagramKind.UNKNOWN


def parse_rtp(datagram: bytes) -> RtpPacket:
    """Read one RTP packet (RFC 3550 §5.1).

    Raises:
        RtpError: it is cut short, too long, of another version, or its padding is impossible.

    """
    size = len(datagram)
    if size < _HEADER.size:
        raise RtpError("RTP packet is shorter than its 12-byte header")
    if size > MAX_DATAGRAM_BYTES:
        raise RtpError(f"RTP packet is longer than {MAX_DATAGRAM_BYTES} bytes")
    flags, kind, sequence_number, timestamp, ssrc = _HEADER.unpack_from(datagram)
    if flags >> 6 != 2:
        raise RtpError(f"RTP version is {flags >> 6}, not 2")
    start = _HEADER.size + 4 * (flags & 15)
    if start > size:
        raise RtpError("RTP packet has truncated CSRCs")
    csrcs = struct.unpack_from(f">{flags & 15}I", datagram, _HEADER.size)
    if flags & 0x10:
        if start + 4 > size:
            raise RtpError("RTP packet has a truncated header extension")
        start += 4 + 4 * int.from_bytes(datagram[start + 2 : start + 4], "big")
        if start > size:
            raise RtpError("RTP packet has a truncated header extension")
    end = size
    if flags & 0x20:
        padding = datagram[-1]
        if not 1 <= padding <= size - start:
            raise RtpError("RTP padding does not fit the packet")
        end -= padding
    return RtpPacket(
        payload_type=kind & 0x7F,
        is_marked=kind >= 0x80,
        sequence_number=sequence_number,
        timestamp=timestamp,
        ssrc=ssrc,
        payload=datagram[start:end],
        csrcs=csrcs,
    )


def parse_rtcp(datagram: bytes) -> tuple[SenderReport | Goodbye, ...]:
    """Read what matters of a compound RTCP packet (RFC 3550 §6); the rest is skipped.

    A compound that does not begin with a report is accepted (RFC 5506), one whose lengths do
    not add up is refused whole (RFC 3550 A.2).

    Raises:
        RtpError: it is cut short, of another version, or a length leaves the datagram.

    """
    found: list[SenderReport | Goodbye] = []
    at = 0
    while at < len(datagram):
        if at + 4 > len(datagram):
            raise RtpError("RTCP packet is shorter than its 4-byte header")
        flags, kind, words = struct.unpack_from(">BBH", datagram, at)
        if flags >> 6 != 2:
            raise RtpError(f"RTCP version is {flags >> 6}, not 2")
        end = at + 4 + 4 * words
        if end > len(datagram):
            raise RtpError("RTCP length leaves the datagram")
        body = datagram[at + 4 : end]
        if kind == _SENDER_REPORT:
            found.append(_sender_report(flags & 31, body))
        elif kind == _GOODBYE:
            found.append(_goodbye(flags & 31, body))
        at = end
    return tuple(found)


def _sender_report(report_count: int, body: bytes) -> SenderReport:
    if len(body) < _SENDER_INFO.size + 24 * report_count:
        raise RtpError("RTCP sender report is shorter than it says")
    ssrc, ntp, timestamp, _packets, _octets = _SENDER_INFO.unpack_from(body)
    return SenderReport(ssrc, ntp * 1000 / _NTP_UNITS_PER_S, timestamp)


def _goodbye(source_count: int, body: bytes) -> Goodbye:
    if len(body) < 4 * source_count:
        raise RtpError("RTCP goodbye is shorter than it says")
    return Goodbye(struct.unpack_from(f">{source_count}I", body))
