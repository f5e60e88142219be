"""Inbound events as the journal keeps them: msgpack, audio payloads apart, each with a CRC."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import msgspec

from subtone.contracts.inbound import AudioChunk, CallEnded, InboundEvent
from subtone.contracts.vocabulary import AudioEncoding
from subtone.runtime.journal.errors import JournalCorruptError


class _AudioHead(msgspec.Struct, frozen=True, kw_only=True, tag="AudioChunk", tag_field="contract"):
    """An AudioChunk without its payload, as the same bytes, without checking it again."""

    call_id: str
    t_event_ms: int
    t_seen_ms: int
    track_id: str
    encoding: AudioEncoding
    payload: bytes = b""
    is_concealed: bool = False


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(InboundEvent).decode


@dataclass(frozen=True, slots=True)
class Record:
    """One event on its way to disk."""

    call_id: str
    t_seen_ms: int
    is_end: bool
    body: bytes
    crc: int
    payload: bytes


def to_record(event: InboundEvent) -> Record:
    """Encode one event."""
    payload = b""
    kept: InboundEvent | _AudioHead = event
    if isinstance(event, AudioChunk):
        payload = event.payload
        kept = _AudioHead(
            call_id=event.call_id,
            t_event_ms=event.t_event_ms,
            t_seen_ms=event.t_seen_ms,
            track_id=event.track_id,
            encoding=event.encoding,
            is_concealed=event.is_concealed,
        )
    body = _encode(kept)
    is_end = isinstance(event, CallEnded)
    return Record(event.call_id, event.t_seen_ms, is_end, body, zlib.crc32(body), payload)


def from_record(body: bytes, crc: int, payload: bytes, place: str) -> InboundEvent:
    """Decode one event. Raises JournalCorruptError naming the place."""
    if zlib.crc32(body) != crc:
        raise JournalCorruptError(f"{place} is damaged: restore the journal from a copy")
    try:
        event: InboundEvent = _decode(body)
    except (msgspec.DecodeError, ValueError) as error:
        raise JournalCorruptError(f"{place} is no event of this version ({error})") from error
    if isinstance(event, AudioChunk) and payload:
        return msgspec.structs.replace(event, payload=payload)
    return event
