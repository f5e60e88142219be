"""Multipart bodies as real recording clients send them (RFC 2046 §5.1), bounded.

Read by boundary lines alone: a part's own Content-Length is often wrong, the final boundary is
often missing, boundary lines end in spaces. Nested multiparts come out flat.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from subtone.ingest.siprec.sip import Headers, SipError, parameters_of

MAX_PARTS: Final = 32
MAX_DEPTH: Final = 4
_MAX_BOUNDARY_CHARS: Final = 200
_MAX_PART_HEAD_BYTES: Final = 8_192
_HEAD_END = re.compile(rb"\r?\n[ \t]*\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_FIELD = re.compile(rb"^([A-Za-z\-]{1,64})[ \t]*:[ \t]*([^\r\n]{0,1024})", re.MULTILINE)

SDP: Final = "application/sdp"


@dataclass(frozen=True, slots=True)
class Part:
    """One leaf of a body: media type (lower case, without spaces), disposition, bytes."""

    media_type: str
    disposition: str
    payload: bytes

    @property
    def is_sdp(self) -> bool:
        """The part is a session description."""
        return self.media_type == SDP

    @property
    def is_metadata(self) -> bool:
        """The part is recording metadata, under any of the names seen for it."""
        return not self.is_sdp and (
            self.disposition == "recording-session"
            or "rs-metadata" in self.media_type
            or self.media_type == "application/+xml"
        )


def parts_of(headers: Headers, body: bytes) -> tuple[Part, ...]:
    """The leaves of a message body; one part when it is no multipart, none when it is empty.

    Raises:
        SipError: no boundary, no part, too many parts, or nested too deep.

    """
    if not body.strip():
        return ()
    content_type = headers.first("content-type")
    if content_type is None:
        raise SipError("Body without Content-Type")
    leaves: list[Part] = []
    _collect(content_type, headers.first("content-disposition") or "", body, 0, leaves)
    return tuple(leaves)


def _collect(
    content_type: str, disposition: str, body: bytes, depth: int, leaves: list[Part]
) -> None:
    value, parameters = parameters_of(content_type)
    media_type = re.sub(r"\s", "", value).lower()
    if not media_type.startswith("multipart/"):
        if len(leaves) == MAX_PARTS:
            raise SipError("Too many body parts")
        leaves.append(Part(media_type, parameters_of(disposition)[0].lower(), body))
        return
    if depth == MAX_DEPTH:
        raise SipError("Body parts nested too deep")
    for raw in _cut(body, parameters.get("boundary", "").rstrip()):
        fields, payload = _part_fields(raw)
        _collect(
            fields.get("content-type", "text/plain"),
            fields.get("content-disposition", ""),
            payload,
            depth + 1,
            leaves,
        )


def _cut(body: bytes, boundary: str) -> list[bytes]:
    if not boundary or len(boundary) > _MAX_BOUNDARY_CHARS:
        raise SipError("Multipart without a usable boundary")
    mark = re.escape(boundary.encode("utf-8", "surrogateescape"))
    line = re.compile(rb"(?:^|\r?\n)--" + mark + rb"(--)?[ \t]*(?=\r?\n|$)")
    cut: list[bytes] = []
    start: int | None = None
    for found in line.finditer(body):
        if start is not None:
            cut.append(body[start : found.start()])
        start = found.end()
        if len(cut) > MAX_PARTS:
            raise SipError("Too many body parts")
        if found[1]:
            start = None
            break
    if start is not None and body[start:].strip():
        cut.append(body[start:])  # the final boundary is missing
    if not cut:
        raise SipError("Multipart without parts")
    return cut


def _part_fields(raw: bytes) -> tuple[dict[str, str], bytes]:
    """A part's header fields and payload; ``raw`` begins at the end of its boundary line."""
    end = _HEAD_END.search(raw)
    head, payload = (raw, b"") if end is None else (raw[: end.start()], raw[end.end() :])
    fields: dict[str, str] = {}
    for name, value in _FIELD.findall(_FOLD.sub(b" ", head[:_MAX_PART_HEAD_BYTES])):
        fields.setdefault(name.decode().lower(), value.decode("utf-8", "surrogateescape"))
    return fields, payload
