"""AudioHook's control messages: what a client may say, and how a server says it.

Field by field from the protocol's reference implementation
(purecloudlabs/audiohook-reference-implementation and, for ``dtmf``, GenesysCloudBlueprints/
audioconnector-server-reference-implementation). Fields subtone does not use are not decoded,
above all the participant's name and numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from subtone.contracts.base import MAX_CALL_MS
from subtone.ingest.wire import WireError

# The protocol's own limit for text, kept for audio too (4 s of stereo PCMU; clients send 0.2 s).
# Clients offer permessage-deflate: the socket must apply it to the decompressed size.
MAX_MESSAGE_BYTES = 65_535
MAX_OFFERS = 64
MAX_CONTINUED_SESSIONS = 16
NULL_UUID = "00000000-0000-0000-0000-000000000000"


class AudioHookError(WireError):
    """The client broke the protocol; the text goes back to it in ``disconnect``."""


_UUID_PATTERN = r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\Z"
_Uuid = Annotated[str, Meta(pattern=_UUID_PATTERN)]
_SequenceNumber = Annotated[int, Meta(ge=0, le=2**53 - 1)]
_Duration = Annotated[str, Meta(max_length=40)]
_LanguageTag = Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,35}\Z")]  # BCP 47


class Envelope(msgspec.Struct, frozen=True):
    """What every client message carries."""

    version: Literal["2"]
    type: Annotated[str, Meta(max_length=64)]
    id: _Uuid
    seq: _SequenceNumber
    serverseq: _SequenceNumber
    position: _Duration
    parameters: msgspec.Raw


class MediaOffer(msgspec.Struct, frozen=True):
    """One format the client can send; ``opened`` returns the chosen one unchanged."""

    type: str
    format: str
    channels: tuple[str, ...]
    rate: int


class ContinuedSession(msgspec.Struct, frozen=True):
    """An earlier session of the same conversation that this one takes up."""

    id: _Uuid


class Open(msgspec.Struct, frozen=True):
    """``open``: whose call this is and which media it can send."""

    organization_id: _Uuid = msgspec.field(name="organizationId")
    conversation_id: _Uuid = msgspec.field(name="conversationId")
    media: Annotated[tuple[MediaOffer, ...], Meta(max_length=MAX_OFFERS)]
    language: _LanguageTag | None = None
    continued_sessions: Annotated[
        tuple[ContinuedSession, ...], Meta(max_length=MAX_CONTINUED_SESSIONS)
    ] = msgspec.field(default=(), name="continuedSessions")


class Gap(msgspec.Struct, frozen=True):
    """``discarded`` and ``resumed``: audio from ``start`` on that will never come."""

    start: _Duration
    discarded: _Duration


class Update(msgspec.Struct, frozen=True):
    """``update``: the language, or the participant, is another one now."""

    language: _LanguageTag | None = None
    participant: dict[str, msgspec.Raw] | None = None


class Dtmf(msgspec.Struct, frozen=True):
    """``dtmf``: the customer pressed a key."""

    digit: Annotated[str, Meta(pattern=r"^[0-9*#A-Da-d]\Z")]


class ClientError(msgspec.Struct, frozen=True):
    """``error``: the client's complaint; its prose is not read."""

    code: Annotated[int, Meta(ge=400, le=9_999)]


class Close(msgspec.Struct, frozen=True):
    """``close``: the client ends the session."""

    reason: Literal["end", "error", "disconnect", "reconnect"]


class Nothing(msgspec.Struct, frozen=True):
    """``ping`` and ``paused``: nothing in them is used."""


Parameters = Open | Gap | Update | Dtmf | ClientError | Close | Nothing
_Parameters = TypeVar("_Parameters", bound=Parameters)


def is_uuid(text: str) -> bool:
    """Whether the text is a UUID of any version, the null one included."""
    return re.match(_UUID_PATTERN, text) is not None


_ENVELOPE = msgspec.json.Decoder(Envelope)


def parse_envelope(text: str) -> Envelope:
    """One client message, its parameters still raw. Raises AudioHookError."""
    try:
        return _ENVELOPE.decode(text)
    except msgspec.ValidationError as error:
        raise AudioHookError("Message not a well-formed client message") from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise AudioHookError("Text message not valid JSON") from error


def parse_parameters(raw: msgspec.Raw, kind: type[_Parameters]) -> _Parameters:
    """The parameters of one message type. Raises AudioHookError."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise AudioHookError("Invalid Message: Invalid/missing parameters") from error


def server_message(
    kind: str, session_id: str, seq: int, clientseq: int, parameters: Mapping[str, object]
) -> str:
    """One server message as JSON text."""
    message = {
        "version": "2",
        "type": kind,
        "seq": seq,
        "clientseq": clientseq,
        "id": session_id,
        "parameters": parameters,
    }
    return msgspec.json.encode(message).decode()


_DURATION = re.compile(r"PT([0-9]{0,9})(?:\.([0-9]{0,20}))?S")


def parse_duration_samples(text: str, sample_rate_hz: int) -> int:
    """Samples in a duration ``PT{seconds}S``, rounded to the nearest; exact, no floats.

    Raises:
        AudioHookError: no such duration, or above 7 days.

    """
    match = _DURATION.fullmatch(text)
    whole, fraction = (match[1], match[2] or "") if match else ("", "")
    if not whole and not fraction:
        raise AudioHookError("Invalid duration")
    scale: int = 10 ** len(fraction)
    samples = (2 * int(whole + fraction) * sample_rate_hz + scale) // (2 * scale)
    if samples * 1000 > MAX_CALL_MS * sample_rate_hz:
        raise AudioHookError("Invalid duration: above 7 days")
    return samples
