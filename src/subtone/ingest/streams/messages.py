"""The JSON of media sockets: one message shape for all providers, limits before decoding.

All providers share ``event`` and ``media``; they differ in the name of the stream's id, in
``start`` and in whether numbers are strings, so that one decoder reads them all.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec

from subtone.ingest.wire import WireError

MAX_MESSAGE_BYTES = 256 * 1024  # the longest documented payload, 100 kB, in base64, and then some
MAX_NESTING = 256  # opening brackets in one message, which bounds its depth
MAX_NUMBER = 10**15  # 30 000 years in ms; a chunk counter never comes near

T = TypeVar("T")

Number = Annotated[int, msgspec.Meta(ge=0, le=MAX_NUMBER)]


class MediaBody(msgspec.Struct):
    """One chunk; chunk counts per track, timestamp is in ms."""

    payload: bytes  # base64 on the wire
    track: str | None = None
    chunk: Number | None = None
    timestamp: Number | None = None


class Message(msgspec.Struct):
    """What every message of a JSON media socket has; other fields are read where they matter."""

    event: str = ""
    stream_sid_camel: str | None = msgspec.field(default=None, name="streamSid")
    stream_id_camel: str | None = msgspec.field(default=None, name="streamId")
    stream_id: str | None = None
    stream_sid: str | None = None
    media: MediaBody | None = None

    @property
    def stream(self) -> str | None:
        """The stream this message says it belongs to, under whichever name."""
        return self.stream_sid_camel or self.stream_id_camel or self.stream_id or self.stream_sid


# Not strict: "8000" and 8000 are the same number to these peers.
_MESSAGE = msgspec.json.Decoder(Message, strict=False)
_ANY = msgspec.json.Decoder(Any)


def decode_message(message: str | bytes) -> Message:
    """Decode one JSON message.

    Raises:
        WireError: too long, too deep, not JSON, or a field of the wrong kind.

    """
    return _decode(_MESSAGE, message)


def decode_json(message: str | bytes) -> Any:
    """Decode JSON of unknown shape. Raises WireError like decode_message."""
    return _decode(_ANY, message)


def decode_object(message: str | bytes) -> dict[str, Any]:
    """Decode one JSON object of unknown shape. Raises WireError like decode_message."""
    told = decode_json(message)
    if not isinstance(told, dict):
        raise WireError("the peer sent JSON that is not an object")
    return told


def _decode(decoder: msgspec.json.Decoder[T], message: str | bytes) -> T:
    check_length(message)
    if isinstance(message, str):
        nesting = message.count("{") + message.count("[")
    else:
        nesting = message.count(b"{") + message.count(b"[")
    if nesting > MAX_NESTING:
        raise WireError(f"the peer sent JSON with more than {MAX_NESTING} brackets")
    try:
        return decoder.decode(message)
    except msgspec.ValidationError as error:
        # msgspec puts the place after the dash and, before it, sometimes what the peer wrote.
        place = str(error).rpartition(" - at ")[2] if " - at " in str(error) else "its top level"
        raise WireError(
            f"the peer sent a message with a field of the wrong kind at {place}"
        ) from None
    except (msgspec.DecodeError, UnicodeError):
        raise WireError("the peer sent text that is not JSON") from None


def check_length(message: str | bytes) -> None:
    """Refuse a message beyond the limit. Raises WireError."""
    if len(message) > MAX_MESSAGE_BYTES:
        raise WireError(f"the peer sent a message of more than {MAX_MESSAGE_BYTES} bytes")
