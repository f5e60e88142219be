"""The dialects of media sockets: each is a row of field paths, formats and names.

Sources: the providers' public pages on their media streams (Twilio Media Streams, Telnyx media
streaming, Plivo audio streaming, Exotel stream and voicebot applets, SignalWire cXML Stream,
Vonage Voice WebSockets, jambonz listen).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from subtone.contracts.vocabulary import Role
from subtone.ingest.streams.encodings import ByteOrder, MediaFormat, parse_media_format
from subtone.ingest.wire import StreamTrack, WireError

MAX_ID_CHARS = 200  # contracts.base.Name
MAX_ATTRIBUTES = 64
MAX_ATTRIBUTE_CHARS = 2_000

# Seen from the provider: inbound is what it hears from the party on the line.
ROLES = {"inbound": Role.CUSTOMER, "outbound": Role.AGENT}
BOTH_TRACKS = ("inbound", "outbound")
DIGIT = re.compile("[0-9A-D*#]")

Path = str  # keys joined by dots


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonDialect:
    """A provider whose messages are JSON with base64 payloads.

    The paths are looked up in the whole ``start`` message. ``marks`` are the paths whose
    presence tells this dialect from the others; ``call_id_pattern`` where they share them.
    """

    provider: str
    marks: tuple[Path, ...]
    stream_id: Path
    call_id: Path
    media_format: Path
    sample_rate: str
    custom_parameters: Path
    call_id_pattern: re.Pattern[str] = re.compile(".*", re.DOTALL)
    tracks: Path = "start.tracks"
    default_tracks: tuple[str, ...] = ("inbound",)
    l16_order: ByteOrder = "little"
    reorder_depth: int = 0  # chunks


TWILIO = JsonDialect(
    provider="twilio",
    marks=("start.streamSid", "start.callSid"),
    call_id_pattern=re.compile("CA[0-9A-Fa-f]{32}"),
    stream_id="start.streamSid",
    call_id="start.callSid",
    media_format="start.mediaFormat",
    sample_rate="sampleRate",
    custom_parameters="start.customParameters",
)
SIGNALWIRE = replace(
    TWILIO,
    provider="signalwire",
    call_id_pattern=re.compile("[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"),
)
# Talkdesk, and whoever else speaks as Twilio does with call ids of its own
TALKDESK = replace(
    TWILIO,
    provider="talkdesk",
    call_id_pattern=re.compile(".*", re.DOTALL),
    default_tracks=BOTH_TRACKS,
)
TELNYX = JsonDialect(
    provider="telnyx",
    marks=("stream_id", "start.call_control_id"),
    stream_id="stream_id",
    call_id="start.call_control_id",
    media_format="start.media_format",
    sample_rate="sample_rate",
    custom_parameters="start.custom_parameters",
    default_tracks=BOTH_TRACKS,  # start does not say which
    l16_order="big",  # an RTP payload, RFC 3551 §4.5.11
    reorder_depth=10,  # "order not guaranteed": 200 ms of 20 ms chunks
)
PLIVO = JsonDialect(
    provider="plivo",
    marks=("start.streamId", "start.callId"),
    stream_id="start.streamId",
    call_id="start.callId",
    media_format="start.mediaFormat",
    sample_rate="sampleRate",
    custom_parameters="extra_headers",
)
EXOTEL = JsonDialect(
    provider="exotel",
    marks=("start.stream_sid", "start.call_sid"),
    stream_id="start.stream_sid",
    call_id="start.call_sid",
    media_format="start.media_format",
    sample_rate="sample_rate",
    custom_parameters="start.custom_parameters",
)

# In this order: the last matches whatever has Twilio's fields.
JSON_DIALECTS = (TELNYX, PLIVO, EXOTEL, TWILIO, SIGNALWIRE, TALKDESK)


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryDialect:
    """A provider that describes the call in one text frame and then sends bare PCM frames.

    ``layouts`` gives the interleaved tracks of each value at ``layout``. ``call_ids`` are
    tried in order: where the operator chooses the attributes, any of these names will do.
    """

    provider: str
    marks: tuple[Path, ...]
    call_ids: tuple[Path, ...]
    media_type: Path | None  # of the encoding; None: always L16
    sample_rate: Path | None
    layout: Path
    layouts: Mapping[str, tuple[str, ...]]


VONAGE = BinaryDialect(
    provider="vonage",
    marks=("content-type",),
    call_ids=("call_id", "callId", "call_uuid", "uuid", "conversation_uuid"),
    media_type="content-type",
    sample_rate=None,
    layout="track",  # ours to set in the headers: only the operator knows who is heard
    layouts={"": ("mixed",), "mixed": ("mixed",), "inbound": ("inbound",)},
)
JAMBONZ = BinaryDialect(
    provider="jambonz",
    marks=("callSid", "sampleRate"),
    call_ids=("callSid",),
    media_type=None,
    sample_rate="sampleRate",
    layout="mixType",
    layouts={"": ("inbound",), "mono": ("inbound",), "stereo": BOTH_TRACKS, "mixed": ("mixed",)},
)

BINARY_DIALECTS = (VONAGE, JAMBONZ)

PROVIDERS = tuple(d.provider for d in (*JSON_DIALECTS, *BINARY_DIALECTS))


# --- reading a row ----------------------------------------------------------------------------


def value_at(message: Mapping[str, Any], path: Path) -> Any:
    """The value at a dotted path, None where it is missing."""
    value: Any = message
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def detect_json(start: Mapping[str, Any]) -> JsonDialect:
    """The dialect of a ``start`` message. Raises WireError where no row fits."""
    for dialect in JSON_DIALECTS:
        is_marked = all(value_at(start, path) is not None for path in dialect.marks)
        if is_marked and dialect.call_id_pattern.fullmatch(str(value_at(start, dialect.call_id))):
            return dialect
    names = ", ".join(d.provider for d in JSON_DIALECTS)
    raise WireError(f"the peer's start message is of none of the known providers: {names}")


def detect_binary(first: Mapping[str, Any]) -> BinaryDialect | None:
    """The dialect of a first text frame, None where it is of none of these."""
    return next(
        (d for d in BINARY_DIALECTS if all(value_at(first, m) is not None for m in d.marks)), None
    )


def identifier(message: Mapping[str, Any], path: Path) -> str:
    """The id at a path. Raises WireError unless it is 1 to 200 printable characters."""
    value = value_at(message, path)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID_CHARS or not value.isprintable():
        raise WireError(f"the peer's {path} must be 1 to {MAX_ID_CHARS} printable characters")
    return value


def number(value: Any) -> int | None:
    """A whole number below 10**9, from a JSON number or its digits; None for anything else."""
    text = str(value) if type(value) in (int, str) else ""
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else None


def announced_format(start: Mapping[str, Any], dialect: JsonDialect) -> MediaFormat:
    """The media format of a ``start`` message. Raises WireError; more than one channel is one."""
    told = value_at(start, dialect.media_format)
    encoding = value_at(told, "encoding") if isinstance(told, Mapping) else None
    if not isinstance(encoding, str):
        raise WireError(f"the peer's {dialect.media_format}.encoding is missing")
    if value_at(told, "channels") not in (None, 1, "1"):
        raise WireError(f"the peer's {dialect.media_format}.channels must be 1")
    return parse_media_format(encoding, number(value_at(told, dialect.sample_rate)))


def track_names(start: Mapping[str, Any], dialect: JsonDialect) -> tuple[str, ...]:
    """The tracks a ``start`` message announces. Raises WireError for others than ours."""
    told = value_at(start, dialect.tracks)
    if told is None or told == []:
        return dialect.default_tracks
    if not isinstance(told, list) or len(told) > len(BOTH_TRACKS):
        raise WireError(f"the peer's {dialect.tracks} must list one or two tracks")
    names = tuple(dict.fromkeys(str(name).removesuffix("_track") for name in told))
    if not set(names) <= set(BOTH_TRACKS):
        raise WireError(f"the peer's {dialect.tracks} may name only inbound and outbound")
    return names


def attributes(values: Any) -> tuple[tuple[str, str], ...]:
    """The peer's own names and values, verbatim; what is no scalar or too long is left out.

    Plivo writes them as ``a=1;b=2`` or ``a=1,b=2`` in one string.
    """
    if isinstance(values, str):
        parts = re.split("[;,]", values[:MAX_ATTRIBUTE_CHARS])
        values = {k.strip(): v.strip() for k, _, v in (part.partition("=") for part in parts)}
    if not isinstance(values, Mapping):
        return ()
    scalars = ((k, str(v)) for k, v in values.items() if isinstance(v, (str, int, float)))
    fitting = [(k, v) for k, v in scalars if k and len(k) <= MAX_ID_CHARS]
    return tuple((k, v) for k, v in fitting if len(v) <= MAX_ATTRIBUTE_CHARS)[:MAX_ATTRIBUTES]


def stream_track(name: str, sample_rate_hz: int, told: tuple[tuple[str, str], ...]) -> StreamTrack:
    """A track with its role: the attribute ``<track>_role`` where given, else ``ROLES``.

    A word that is no role, and a mixed track whatever is said of it, is ``unknown``.
    """
    wanted = dict(told).get(f"{name}_role", ROLES.get(name, Role.UNKNOWN))
    role = Role(wanted) if name in ROLES and wanted in [*Role] else Role.UNKNOWN
    return StreamTrack(track_id=name, role=role, sample_rate_hz=sample_rate_hz)
