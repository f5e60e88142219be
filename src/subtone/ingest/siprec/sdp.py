"""Session descriptions: what a recording client offers to send (RFC 4566, 3264, 3551, 4568)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from subtone.ingest.siprec.sip import SipError

MAX_SDP_BYTES: Final = 65_536
MAX_MEDIA: Final = 32
_MAX_LINES: Final = 2_048
_MAX_FORMATS: Final = 64
_MAX_PTIME_MS: Final = 200

_MEDIA = re.compile(
    r"([A-Za-z0-9\-]{1,32}) ([0-9]{1,5})(?:/[0-9]{1,3})? ([A-Za-z0-9/\-]{1,64}) (.+)"
)
_CONNECTION = re.compile(r"IN (?:IP4|IP6) ([0-9A-Za-z.:\-]{1,255})(?:/[0-9/]{1,11})?")
_ORIGIN = re.compile(r"\S+ \S+ \S+ IN (?:IP4|IP6) \S+")
_RTPMAP = re.compile(r"([0-9]{1,3})\s+([A-Za-z0-9\-_.]{1,32})/([0-9]{1,6})(?:/([0-9]))?")
_CRYPTO = re.compile(
    r"([0-9]{1,9})\s+([A-Za-z0-9_]{1,64})\s+inline:([A-Za-z0-9+/=]{20,120})((?:\|[^\s|]{1,32}){0,2})(.*)"
)
_LABEL = re.compile(r"[!-~]{1,64}")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Direction(StrEnum):
    """Who sends, as the offering side says it (RFC 4566 §6)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFormat:
    """One payload type; the clock rate is the RTP timestamp's, not always the audio's."""

    payload_type: int  # 0-127
    encoding: str  # lower case
    clock_rate_hz: int
    channels: int = 1
    fmtp: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crypto:
    """One a=crypto line (RFC 4568); the key never shows in a repr."""

    tag: int
    suite: str
    key_base64: str = field(repr=False)  # master key and salt
    is_plain: bool = True  # no lifetime beyond ours, no MKI, no session parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """One m= section of an offer."""

    kind: str
    port: int  # 0: refused or gone
    protocol: str
    formats: tuple[MediaFormat, ...]
    host: str | None = None  # where the client's RTP lives; None when it did not say
    direction: Direction = Direction.SENDRECV
    label: str | None = None
    ptime_ms: int | None = None
    rtcp_port: int | None = None
    is_rtcp_muxed: bool = False
    crypto: tuple[Crypto, ...] = ()

    @property
    def is_held(self) -> bool:
        """Nothing will be sent: inactive, recvonly, or the older 0.0.0.0 (RFC 3264 §8.4)."""
        return self.direction in (Direction.INACTIVE, Direction.RECVONLY) or (
            self.host is not None and _is_unspecified(self.host)
        )


_STATIC: Final = {  # RFC 3551 §6: what a payload type means without rtpmap
    0: ("pcmu", 8_000, 1),
    3: ("gsm", 8_000, 1),
    4: ("g723", 8_000, 1),
    8: ("pcma", 8_000, 1),
    9: ("g722", 8_000, 1),
    10: ("l16", 44_100, 2),
    11: ("l16", 44_100, 1),
    13: ("cn", 8_000, 1),
    15: ("g728", 8_000, 1),
    18: ("g729", 8_000, 1),
}


def parse_sdp(payload: bytes) -> tuple[Media, ...]:
    """Read the m= sections of an offer, in order; what is unknown is ignored (RFC 4566 §5).

    Raises:
        SipError: a limit, a control character, or a line media cannot be placed without.

    """
    if len(payload) > MAX_SDP_BYTES or payload.count(b"\n") > _MAX_LINES:
        raise SipError("SDP too large", status=513)
    text = payload.decode("utf-8", "replace").strip("\r\n \t")
    lines = [line.rstrip(" \t") for line in re.split(r"\r?\n", text)]
    if any(_CONTROL.search(line) for line in lines):
        raise SipError("Control character in SDP")
    if lines[0] != "v=0":
        raise SipError("SDP does not begin with v=0")
    session, *sections = _sections(lines[1:])
    if len(sections) > MAX_MEDIA:
        raise SipError("Too many media lines in SDP")
    origin = next((line[2:] for line in session if line.startswith("o=")), None)
    if origin is None or not _ORIGIN.fullmatch(origin):
        raise SipError("SDP without a usable o= line")
    outer = _applied(
        Media(kind="", port=0, protocol="", formats=()), session
    )  # session level counts where a section says nothing
    return tuple(_media(section, outer) for section in sections)


def _sections(lines: list[str]) -> list[list[str]]:
    """The session's lines, then those of each m= section."""
    sections: list[list[str]] = [[]]
    for line in lines:
        if line.startswith("m="):
            sections.append([])
        sections[-1].append(line)
    return sections


def _media(section: list[str], outer: Media) -> Media:
    found = _MEDIA.fullmatch(section[0][2:])
    if found is None or int(found[2]) > 65_535:
        raise SipError("Malformed m= line in SDP")
    kind, protocol = found[1].lower(), found[3].upper()
    names = found[4].split()
    if len(names) > _MAX_FORMATS:
        raise SipError("Too many payload types in SDP")
    formats: tuple[MediaFormat, ...] = ()
    if kind == "audio" and protocol.startswith(("RTP/", "UDP/TLS/RTP/")):
        formats = _formats(names, section)
    base = replace(outer, kind=kind, port=int(found[2]), protocol=protocol, formats=formats)
    return _applied(base, section)


def _formats(names: list[str], section: list[str]) -> tuple[MediaFormat, ...]:
    maps: dict[int, tuple[str, int, int]] = dict(_STATIC)
    fmtp: dict[int, str] = {}
    for line in section:
        if line.startswith("a=rtpmap:"):
            found = _RTPMAP.fullmatch(line[9:].strip())
            if found is None or int(found[1]) > 127 or int(found[3]) == 0:
                raise SipError("Malformed rtpmap in SDP")
            maps[int(found[1])] = (found[2].lower(), int(found[3]), int(found[4] or 1))
        elif line.startswith("a=fmtp:"):
            name, _, value = line[7:].strip().partition(" ")
            if re.fullmatch(r"[0-9]{1,3}", name):
                fmtp[int(name)] = value.strip()
    formats: dict[int, MediaFormat] = {}
    if not all(re.fullmatch(r"[0-9]{1,3}", name) and int(name) <= 127 for name in names):
        raise SipError("Payload type beyond 127 in SDP")
    for number in map(int, names):
        encoding, rate_hz, channels = maps.get(number, ("", 0, 1))
        formats[number] = MediaFormat(
            payload_type=number,
            encoding=encoding,
            clock_rate_hz=rate_hz,
            channels=channels,
            fmtp=fmtp.get(number, ""),
        )
    return tuple(formats.values())


def _applied(media: Media, lines: list[str]) -> Media:
    """The media with what its lines say of connection, direction, label and keys."""
    for line in lines:
        kind, _, value = line.partition("=")
        if kind == "c":
            found = _CONNECTION.fullmatch(value)
            if found is None:
                raise SipError("Malformed c= line in SDP")
            media = replace(media, host=found[1])
        elif kind == "a":
            name, _, detail = value.partition(":")
            media = _with_attribute(media, name.strip().lower(), detail.strip())
    return media


_DIRECTIONS: Final = frozenset(one.value for one in Direction)


def _with_attribute(media: Media, name: str, value: str) -> Media:
    if name in _DIRECTIONS:
        return replace(media, direction=Direction(name))
    if name == "label":
        return replace(media, label=value) if _LABEL.fullmatch(value) else media
    if name == "ptime":
        whole = re.fullmatch(r"([0-9]{1,4})(?:\.[0-9]+)?", value)
        ptime_ms = int(whole[1]) if whole else 0
        return replace(media, ptime_ms=ptime_ms) if 0 < ptime_ms <= _MAX_PTIME_MS else media
    if name == "rtcp":
        port = re.match(r"[0-9]{1,5}", value)
        return replace(media, rtcp_port=int(port[0])) if port and int(port[0]) < 65_536 else media
    if name == "rtcp-mux":
        return replace(media, is_rtcp_muxed=True)
    if name == "crypto":
        found = _CRYPTO.fullmatch(value)
        if found is None:
            return media
        crypto = Crypto(
            tag=int(found[1]),
            suite=found[2],
            key_base64=found[3],
            is_plain=":" not in found[4] and not found[5].strip(),
        )
        return replace(media, crypto=(*media.crypto, crypto))
    return media


def _is_unspecified(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False  # a name
