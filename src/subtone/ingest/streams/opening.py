"""From a fresh socket to the right codec: the peer's first messages say what it speaks."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from subtone.ingest.streams.binary_codec import BinaryCodec
from subtone.ingest.streams.counts import Refusal, Refusals
from subtone.ingest.streams.dialects import detect_binary
from subtone.ingest.streams.encodings import DecoderFactory, Decoders
from subtone.ingest.streams.json_codec import JsonCodec
from subtone.ingest.streams.messages import check_length, decode_object
from subtone.ingest.wire import Received, WireError

SUBPROTOCOLS = ("audio.jambonz.org",)  # the shell must accept these where a peer offers them

_NO_DECODERS: Mapping[str, DecoderFactory] = MappingProxyType({})


def open_codec(subprotocol: str | None = None, decoders: Decoders = _NO_DECODERS) -> MediaSocket:
    """A codec for a media socket of any known provider.

    Args:
        subprotocol: the WebSocket subprotocol agreed on, if any.
        decoders: makers of decoders for "G722" and "OPUS", one decoder per track; without
            one, a stream of that codec is refused by name, as AMR-WB always is.

    """
    return MediaSocket(subprotocol, decoders)


class MediaSocket:
    """A SocketCodec that tells the dialect from the first text frame and then hands over."""

    def __init__(self, subprotocol: str | None, decoders: Decoders) -> None:
        self._refusals = Refusals()
        self._subprotocol = subprotocol
        self._decoders = decoders
        self._codec: JsonCodec | BinaryCodec | None = None

    @property
    def refused(self) -> Mapping[Refusal, int]:
        """How many messages were put aside, by kind."""
        return self._refusals.counts

    def receive(self, message: str | bytes, t_seen_ms: int) -> Received:
        """Take one whole message. Raises WireError, after which the socket must close."""
        if self._codec is not None:
            return self._codec.receive(message, t_seen_ms)
        check_length(message)
        if not isinstance(message, str):
            return Received(events=self._refusals.add(Refusal.BEFORE_START, 0))
        return self._open(message, t_seen_ms)

    def disconnect(self, t_seen_ms: int) -> Received:
        """The socket is gone; close what is open."""
        return self._codec.disconnect(t_seen_ms) if self._codec else Received(is_over=True)

    def _open(self, message: str, t_seen_ms: int) -> Received:
        first = decode_object(message)
        dialect = detect_binary(first)
        if dialect is None and self._subprotocol in SUBPROTOCOLS:
            raise WireError("jambonz's first text frame must hold callSid and sampleRate")
        if dialect is not None:
            binary = BinaryCodec(dialect, first, self._refusals)
            self._codec = binary
            return Received(events=(binary.opened,))
        if "event" not in first:
            raise WireError("the peer's first message is of none of the known providers")
        self._codec = JsonCodec(self._decoders, self._refusals)
        return self._codec.receive(message, t_seen_ms)
