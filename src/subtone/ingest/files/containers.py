"""What the headers of plain sample containers declare, so that a cut file is noticed.

libsndfile quietly shortens such a file to what is there. Pure: bytes in, numbers out.
Sources: RIFF/WAVE (Microsoft, 1991), RF64 (EBU Tech 3306), AIFF (Apple, 1989),
AU (Sun/NeXT ``audio.h``), W64 (Sony Wave64).
"""

from __future__ import annotations

import struct
from typing import NamedTuple

HEAD_BYTES = 65_536

# Recorders that write to a pipe cannot go back and fill in the size; these are their marks
# (sox 0x7ffff000 and up, ffmpeg 0xffffffff).
_UNKNOWN_SIZE = 0x7FFFF000

_W64_RIFF = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"
_W64_DATA_TAIL = b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"


class DeclaredData(NamedTuple):
    """Where the samples begin and how many bytes the header says follow."""

    offset: int
    byte_count: int


def declared_data(head: bytes) -> DeclaredData | None:
    """What the header in ``head`` (the first ``HEAD_BYTES`` of a file) declares.

    None where the format has no such field, the size is marked unknown, or the samples
    begin after ``head``.
    """
    if head[:4] in (b"RIFF", b"RIFX") and head[8:12] == b"WAVE":
        order = "<" if head[:4] == b"RIFF" else ">"
        return _known(_chunk(head, b"data", order))
    if head[:4] == b"RF64" and head[8:12] == b"WAVE":
        return _rf64(head)
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return _known(_chunk(head, b"SSND", ">"))
    if head[:4] in (b".snd", b"dns.") and len(head) >= 12:
        order = ">" if head[:4] == b".snd" else "<"
        return _known(DeclaredData(*struct.unpack_from(f"{order}II", head, 4)))
    if head[:16] == _W64_RIFF:
        return _w64(head)
    return None


def _known(found: DeclaredData | None) -> DeclaredData | None:
    return None if found is None or found.byte_count >= _UNKNOWN_SIZE else found


def _chunk(head: bytes, wanted: bytes, order: str) -> DeclaredData | None:
    """First chunk of that name in an IFF-style list; chunks are padded to even sizes."""
    at = 12
    while at + 8 <= len(head):
        size: int = struct.unpack_from(f"{order}I", head, at + 4)[0]
        if head[at : at + 4] == wanted:
            return DeclaredData(at + 8, size)
        at += 8 + size + size % 2
    return None


def _rf64(head: bytes) -> DeclaredData | None:
    sizes = _chunk(head, b"ds64", "<")
    data = _chunk(head, b"data", "<")
    if sizes is None or data is None or sizes.offset + 16 > len(head):
        return None
    return DeclaredData(data.offset, struct.unpack_from("<Q", head, sizes.offset + 8)[0])


def _w64(head: bytes) -> DeclaredData | None:
    at = 40  # file GUID, file size, "wave" GUID
    while at + 24 <= len(head):
        size: int = struct.unpack_from("<Q", head, at + 16)[0]  # header included
        if size < 24:
            return None
        if head[at : at + 16] == b"data" + _W64_DATA_TAIL:
            return DeclaredData(at + 24, size - 24)
        at += (size + 7) // 8 * 8
    return None
