"""Reads captures (pcap, pcapng) and builds RTP packets, for the tests of the RTP codec."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_LINK_HEADER = {0: 4, 1: 14, 101: 0, 113: 16}  # null, Ethernet, raw IP, Linux cooked


class Datagram(NamedTuple):
    """One UDP datagram of a capture."""

    t_ms: int
    source: tuple[str, int]
    target: tuple[str, int]
    payload: bytes


def read_capture(path: Path) -> list[Datagram]:
    """All UDP datagrams over IPv4 of a capture, whole ones only."""
    raw = path.read_bytes()
    frames = _pcapng(raw) if raw[:4] == b"\x0a\x0d\x0d\x0a" else _pcap(raw)
    return [found for t_ms, link, frame in frames if (found := _datagram(t_ms, link, frame))]


def flow(path: Path, target_port: int | None = None) -> list[Datagram]:
    """The datagrams of a capture sent to one port."""
    return [d for d in read_capture(path) if target_port in (None, d.target[1])]


def rtp_packet(
    sequence: int,
    timestamp: int,
    payload: bytes,
    *,
    payload_type: int = 0,
    ssrc: int = 0x1234,
    is_marked: bool = False,
) -> bytes:
    """A plain RTP packet; numbers wrap as on the wire."""
    return (
        struct.pack(
            ">BBHII",
            0x80,
            payload_type | is_marked << 7,
            sequence & 0xFFFF,
            timestamp & 0xFFFF_FFFF,
            ssrc,
        )
        + payload
    )


def _pcap(raw: bytes) -> Iterator[tuple[int, int, bytes]]:
    order = "<" if raw[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    per_ms = 1_000_000 if raw[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d") else 1000
    link = struct.unpack_from(f"{order}I", raw, 20)[0] & 0xFFFF
    at = 24
    while at + 16 <= len(raw):
        seconds, fraction, size = struct.unpack_from(f"{order}III", raw, at)
        yield seconds * 1000 + fraction // per_ms, link, raw[at + 16 : at + 16 + size]
        at += 16 + size


def _pcapng(raw: bytes) -> Iterator[tuple[int, int, bytes]]:
    order, links, at = "<", list[int](), 0
    while at + 12 <= len(raw):
        kind = struct.unpack_from(f"{order}I", raw, at)[0]
        if kind == 0x0A0D0D0A:
            order = "<" if raw[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
        size = struct.unpack_from(f"{order}I", raw, at + 4)[0]
        if kind == 1:
            links.append(struct.unpack_from(f"{order}H", raw, at + 8)[0])
        elif kind == 6:
            interface, high, low, kept = struct.unpack_from(f"{order}IIII", raw, at + 8)
            frame = raw[at + 28 : at + 28 + kept]
            yield (high << 32 | low) // 1000, links[interface], frame
        at += max(size, 12)


def _datagram(t_ms: int, link: int, frame: bytes) -> Datagram | None:
    packet = frame[_LINK_HEADER[link] :]
    if len(packet) < 28 or packet[0] >> 4 != 4 or packet[9] != 17:
        return None
    udp = packet[(packet[0] & 15) * 4 :]
    source_port, target_port, size = struct.unpack_from(">HHH", udp)
    hosts = [".".join(map(str, packet[at : at + 4])) for at in (12, 16)]
    return Datagram(t_ms, (hosts[0], source_port), (hosts[1], target_port), udp[8:size])
