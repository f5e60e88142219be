"""Media sockets with JSON messages and base64 payloads: Twilio and those that speak like it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from subtone.ingest.streams.counts import Refusal, Refusals
from subtone.ingest.streams.dialects import (
    DIGIT,
    JsonDialect,
    announced_format,
    attributes,
    detect_json,
    identifier,
    stream_track,
    track_names,
    value_at,
)
from subtone.ingest.streams.encodings import (
    SAMPLE_BYTES,
    Decoders,
    TrackFormat,
    open_track_format,
)
from subtone.ingest.streams.media_clock import (
    MAX_CALL_MS,
    Chunk,
    ChunkOrder,
    JumpError,
    Ordered,
    TrackClock,
)
from subtone.ingest.streams.messages import MediaBody, decode_message, decode_object
from subtone.ingest.wire import (
    Received,
    SignalKind,
    StreamClosed,
    StreamEvent,
    StreamMedia,
    StreamOpened,
    StreamSignal,
    WireError,
)

MAX_ABSURD_CHUNKS = 50  # in a row: the peer's clock is gone for good

_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,64}")  # what may go on as a code: no words


@dataclass(slots=True)
class _Track:
    """One track: its format, its clock and the order of its chunks."""

    track_id: str
    format: TrackFormat
    clock: TrackClock
    order: ChunkOrder
    lost_count: int = 0  # chunks missing or refused since the last one heard


@dataclass(slots=True)
class _Stream:
    """The open stream of a socket."""

    dialect: JsonDialect
    stream_id: str
    tracks: dict[str, _Track]
    epoch_ms: int | None = None  # what the peer's timestamps count from; None until the first

    @property
    def through_ms(self) -> int:
        return max(track.clock.through_ms for track in self.tracks.values())


class JsonCodec:
    """One socket; the dialect is told by its ``start`` message.

    Raises WireError from ``receive`` where the peer breaks its protocol beyond repair. What
    can be put aside without harm is, and is counted.
    """

    def __init__(self, decoders: Decoders, refusals: Refusals) -> None:
        self._refusals = refusals
        self._decoders = decoders
        self._stream: _Stream | None = None
        self._is_over = False
        self._absurd_count = 0

    def receive(self, message: str | bytes, t_seen_ms: int) -> Received:
        """Take one JSON message; media first, for there are fifty of them a second."""
        del t_seen_ms  # the stream's own clock is the sender's
        told = decode_message(message)
        if self._is_over:
            return Received(events=self._refuse(Refusal.AFTER_STOP))
        if told.event == "start":
            return self._start(decode_object(message))
        if told.event == "connected":
            return Received()
        if self._stream is None:
            return Received(events=self._refuse(Refusal.BEFORE_START))
        if told.stream is not None and told.stream != self._stream.stream_id:
            return Received(events=self._refuse(Refusal.FOREIGN_STREAM))
        if told.event == "media":
            if told.media is None:
                raise WireError("the peer sent a media message without media")
            events = self._media(self._stream, told.media)
            if self._absurd_count >= MAX_ABSURD_CHUNKS:
                raise WireError("the peer's timestamps or counters jumped and did not come back")
            return Received(events=events)
        return self._other(self._stream, told.event, decode_object(message))

    def disconnect(self, t_seen_ms: int) -> Received:
        """The socket is gone. Where a peer sends no stop (Plivo), this is how streams end."""
        del t_seen_ms
        return self._close("disconnect")

    def _start(self, start: Mapping[str, Any]) -> Received:
        if self._stream is not None:
            return Received(events=self._refuse(Refusal.SECOND_START))
        dialect = detect_json(start)
        announced = announced_format(start, dialect)
        custom = attributes(value_at(start, dialect.custom_parameters))
        told = tuple((dict(attributes(start["start"])) | dict(custom)).items())
        tracks: dict[str, _Track] = {}
        for name in track_names(start, dialect):
            audio = open_track_format(announced, dialect.l16_order, self._decoders)
            clock = TrackClock(sample_rate_hz=audio.sample_rate_hz)
            tracks[name] = _Track(name, audio, clock, ChunkOrder(dialect.reorder_depth))
        opened = StreamOpened(
            provider=dialect.provider,
            stream_id=identifier(start, dialect.stream_id),
            call_id=identifier(start, dialect.call_id),
            tracks=tuple(
                stream_track(name, track.format.sample_rate_hz, told)
                for name, track in tracks.items()
            ),
            attributes=told,
        )
        self._stream = _Stream(dialect=dialect, stream_id=opened.stream_id, tracks=tracks)
        return Received(events=(opened,))

    def _media(self, stream: _Stream, media: MediaBody) -> tuple[StreamEvent, ...]:
        name = media.track.removesuffix("_track") if media.track else next(iter(stream.tracks))
        track = stream.tracks.get(name)
        if track is None:
            return self._refuse(Refusal.FOREIGN_TRACK)
        timestamp_ms = media.timestamp
        if timestamp_ms is not None:
            if stream.epoch_ms is None:
                stream.epoch_ms = timestamp_ms if timestamp_ms > MAX_CALL_MS else 0
            timestamp_ms -= stream.epoch_ms
        try:
            ordered = track.order.push(Chunk(media.chunk, timestamp_ms, media.payload))
        except JumpError:
            return self._refuse_absurd()
        if ordered is None:
            return self._refuse(Refusal.DUPLICATE_CHUNK)
        return self._place(stream, track, ordered)

    def _place(
        self, stream: _Stream, track: _Track, chunks: list[Ordered]
    ) -> tuple[StreamEvent, ...]:
        if len(chunks) == 1:
            return self._place_one(stream, track, chunks[0])
        return tuple(
            event for ordered in chunks for event in self._place_one(stream, track, ordered)
        )

    def _place_one(
        self, stream: _Stream, track: _Track, ordered: Ordered
    ) -> tuple[StreamEvent, ...]:
        chunk, audio = ordered.chunk, track.format
        lost_count = track.lost_count + ordered.missing_count
        track.lost_count = lost_count + 1  # unless it is heard after all
        try:
            payload = audio.decode(chunk.payload) if audio.decode else chunk.payload
        except ValueError:
            return self._refuse(Refusal.UNDECODABLE)
        sample_count, half_sample = divmod(len(payload), SAMPLE_BYTES[audio.encoding])
        if half_sample:
            return self._refuse(Refusal.UNDECODABLE)
        if not sample_count:
            track.lost_count = lost_count
            return ()
        try:
            begun_ms = stream.through_ms if track.clock.origin_ms is None else 0
            placed = track.clock.place(chunk.timestamp_ms, lost_count, sample_count, begun_ms)
        except JumpError:
            return self._refuse_absurd()
        self._absurd_count = track.lost_count = 0
        heard = StreamMedia(
            track_id=track.track_id,
            t_stream_ms=placed.t_stream_ms,
            encoding=audio.encoding,
            sample_rate_hz=audio.sample_rate_hz,
            payload=payload,
        )
        if not placed.gap_ms:
            return (heard,)
        gap = StreamSignal(
            kind=SignalKind.DISCARDED,
            t_stream_ms=placed.t_stream_ms - placed.gap_ms,
            detail=f"track={track.track_id} gap_ms={placed.gap_ms}",
        )
        return (gap, heard)

    def _other(self, stream: _Stream, event: str, message: Mapping[str, Any]) -> Received:
        if event == "stop":
            return self._close(_code(value_at(message, "stop.reason")) or "stop")
        path = _SIGNALS.get(event)
        if path is None:
            return Received(events=self._refuse(Refusal.UNKNOWN_EVENT))
        kind, place = path
        detail = _code(value_at(message, place))
        if kind is SignalKind.DTMF:
            detail = str(value_at(message, place))
            if not DIGIT.fullmatch(detail):
                return Received(events=self._refuse(Refusal.UNKNOWN_DIGIT))
        signal = StreamSignal(kind=kind, t_stream_ms=stream.through_ms, detail=detail)
        return Received(events=(signal,))

    def _close(self, reason: str) -> Received:
        if self._stream is None or self._is_over:
            return Received(is_over=True)
        events: list[StreamEvent] = []
        for track in self._stream.tracks.values():
            events += self._place(self._stream, track, track.order.flush())
        self._is_over = True
        return Received(events=(*events, StreamClosed(reason=reason)), is_over=True)

    def _refuse_absurd(self) -> tuple[StreamEvent, ...]:
        self._absurd_count += 1
        return self._refuse(Refusal.TIMESTAMP_JUMP)

    def _refuse(self, refusal: Refusal) -> tuple[StreamEvent, ...]:
        return self._refusals.add(refusal, self._stream.through_ms if self._stream else 0)


# Where each happening beside media has the code that says what it was.
_SIGNALS = {
    "dtmf": (SignalKind.DTMF, "dtmf.digit"),
    "mark": (SignalKind.MARK, "mark.name"),
    "playedStream": (SignalKind.MARK, "name"),
    "clearedAudio": (SignalKind.MARK, "event"),
    "clear": (SignalKind.MARK, "event"),
    "error": (SignalKind.PEER_ERROR, "payload.code"),
}


def _code(value: Any) -> str:
    """A code as it is; anything that may hold words is dropped."""
    text = str(value) if isinstance(value, (str, int)) else ""
    return text if _CODE.fullmatch(text) else ""
