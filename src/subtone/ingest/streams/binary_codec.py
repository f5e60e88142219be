"""Media sockets with one describing text frame and then bare PCM frames: Vonage, jambonz."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from subtone.contracts.vocabulary import AudioEncoding
from subtone.ingest.streams.counts import Refusal, Refusals
from subtone.ingest.streams.dialects import (
    DIGIT,
    BinaryDialect,
    attributes,
    identifier,
    number,
    stream_track,
    value_at,
)
from subtone.ingest.streams.encodings import parse_media_format
from subtone.ingest.streams.messages import check_length, decode_object
from subtone.ingest.wire import (
    Received,
    SignalKind,
    StreamClosed,
    StreamMedia,
    StreamOpened,
    StreamSignal,
    WireError,
)

SAMPLE_BYTES = 2

_DIGIT_PATHS = ("digit", "dtmf.digit", "dtmf")
_SIGNALS = {
    "dtmf": SignalKind.DTMF,
    "websocket:dtmf": SignalKind.DTMF,
    "websocket:cleared": SignalKind.MARK,
    "playDone": SignalKind.MARK,
}


class BinaryCodec:
    """One socket whose first text frame has been read; samples are the only clock.

    How the samples are cut into frames changes nothing but the cut.
    """

    def __init__(
        self, dialect: BinaryDialect, first: Mapping[str, Any], refusals: Refusals
    ) -> None:
        self._refusals = refusals
        media_type = value_at(first, dialect.media_type) if dialect.media_type else "L16"
        rate_hz = number(value_at(first, dialect.sample_rate)) if dialect.sample_rate else None
        announced = parse_media_format(str(media_type), rate_hz)
        if announced.codec != "L16":
            raise WireError(f"{dialect.provider} must send L16; set its content type to audio/l16")
        layout = str(value_at(first, dialect.layout) or "")
        if layout not in dialect.layouts:
            known = ", ".join(name for name in dialect.layouts if name)
            raise WireError(f"{dialect.provider}'s {dialect.layout} must be one of {known}")
        call_id_path = next(
            (p for p in dialect.call_ids if value_at(first, p) is not None), dialect.call_ids[0]
        )
        call_id = identifier(first, call_id_path)
        metadata = value_at(first, "metadata")
        told = attributes({**first, **(metadata if isinstance(metadata, Mapping) else {})})
        self._sample_rate_hz = announced.sample_rate_hz
        self._tracks = dialect.layouts[layout]
        self._partial = b""
        self._sample_count = 0
        self._is_over = False
        self.opened = StreamOpened(
            provider=dialect.provider,
            stream_id=call_id,
            call_id=call_id,
            tracks=tuple(stream_track(t, announced.sample_rate_hz, told) for t in self._tracks),
            attributes=told,
        )

    @property
    def _through_ms(self) -> int:
        return self._sample_count * 1000 // self._sample_rate_hz

    def receive(self, message: str | bytes, t_seen_ms: int) -> Received:
        """Take one frame: text is a happening, binary is interleaved 16-bit PCM."""
        del t_seen_ms  # samples are the clock
        check_length(message)
        return self._text(message) if isinstance(message, str) else self._media(message)

    def disconnect(self, t_seen_ms: int) -> Received:
        """The socket is gone, which is how these streams end."""
        del t_seen_ms
        closed = () if self._is_over else (StreamClosed(reason="disconnect"),)
        self._is_over = True
        return Received(events=closed, is_over=True)

    def _media(self, frame: bytes) -> Received:
        if self._is_over:
            return Received(events=self._refusals.add(Refusal.AFTER_STOP, self._through_ms))
        joined = self._partial + frame
        frame_count = len(joined) // (SAMPLE_BYTES * len(self._tracks))
        whole = frame_count * SAMPLE_BYTES * len(self._tracks)
        self._partial = joined[whole:]
        if not frame_count:
            return Received()
        samples = np.frombuffer(joined[:whole], dtype="<i2").reshape(-1, len(self._tracks))
        t_stream_ms = self._through_ms
        self._sample_count += frame_count
        return Received(
            events=tuple(
                StreamMedia(
                    track_id=track_id,
                    t_stream_ms=t_stream_ms,
                    encoding=AudioEncoding.PCM_S16LE,
                    sample_rate_hz=self._sample_rate_hz,
                    payload=samples[:, at].tobytes(),
                )
                for at, track_id in enumerate(self._tracks)
            )
        )

    def _text(self, message: str) -> Received:
        told = decode_object(message)
        event = value_at(told, "event")
        kind = _SIGNALS.get(event) if isinstance(event, str) else None
        if kind is None or self._is_over:
            refusal = Refusal.AFTER_STOP if self._is_over else Refusal.UNKNOWN_EVENT
            return Received(events=self._refusals.add(refusal, self._through_ms))
        detail = str(event)
        if kind is SignalKind.DTMF:
            found = (value_at(told, path) for path in _DIGIT_PATHS)
            detail = next((d for d in found if isinstance(d, str)), "")
            if not DIGIT.fullmatch(detail):
                return Received(events=self._refusals.add(Refusal.UNKNOWN_DIGIT, self._through_ms))
        signal = StreamSignal(kind=kind, t_stream_ms=self._through_ms, detail=detail)
        return Received(events=(signal,))
