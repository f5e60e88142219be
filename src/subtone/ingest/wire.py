"""What every live codec gives, whatever the peer speaks: stream events and replies.

A codec has no socket and no clock. It is fed the peer's messages with the receiver's stamp
and answers with what they meant, on the stream's own clock, and what to send back. Joining
streams to calls, and stream time to call time, is the session's work.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import msgspec

from subtone.contracts.vocabulary import AudioEncoding, Language, Role
from subtone.contracts.voice_intelligence import Word


class WireError(ValueError):
    """The peer broke its protocol; one line, without any of its words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTrack:
    """One track a stream announced."""

    track_id: str
    role: Role
    sample_rate_hz: int  # as on the wire; the session resamples what the kernel cannot take


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOpened:
    """A stream began; nothing of it is accepted before this."""

    provider: str
    stream_id: str
    call_id: str
    tracks: tuple[StreamTrack, ...]
    attributes: tuple[tuple[str, str], ...] = ()  # what the peer told us, verbatim


class StreamMedia(
    msgspec.Struct, frozen=True, kw_only=True
):  # made for every message: cheap to make
    """Consecutive samples of one track; t_stream_ms is the first sample's media time."""

    track_id: str
    t_stream_ms: int
    encoding: AudioEncoding
    sample_rate_hz: int
    payload: bytes
    is_concealed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamText:
    """Words with their media time; a chat message has no end."""

    text_id: str
    role: Role
    t_stream_ms: int
    t_end_ms: int | None
    text: str
    words: tuple[Word, ...] = ()
    language: Language | None = None


class SignalKind(StrEnum):
    """What happened on a stream beside media and words."""

    PAUSED = "paused"
    RESUMED = "resumed"
    DISCARDED = "discarded"  # the peer dropped audio; the gap is real
    DTMF = "dtmf"
    MARK = "mark"
    AMD = "amd"
    PEER_ERROR = "peer_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSignal:
    """One such happening; detail holds codes and numbers, never words or names."""

    kind: SignalKind
    t_stream_ms: int
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamClosed:
    """The stream is over."""

    reason: str


StreamEvent = StreamOpened | StreamMedia | StreamText | StreamSignal | StreamClosed


class Received(msgspec.Struct, frozen=True, kw_only=True):  # made for every message: cheap to make
    """What one message led to."""

    events: tuple[StreamEvent, ...] = ()
    replies: tuple[str | bytes, ...] = ()
    is_over: bool = False  # close the connection after the replies


class SocketCodec(Protocol):
    """A peer on a message socket: text and binary frames."""

    def receive(self, message: str | bytes, t_seen_ms: int) -> Received:
        """Take one whole message. Raises WireError, after which the socket must close."""
        ...

    def disconnect(self, t_seen_ms: int) -> Received:
        """The socket is gone; close what is open."""
        ...
