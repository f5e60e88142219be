"""SIP messages as values: bytes to requests and responses and back, limits first (RFC 3261).

Tolerant where real recorders' clients need it (bare line feeds, folding, compact names, a
Contact that is no URI), strict where two readings would differ (two Content-Length fields, two
Call-IDs). What goes back in a response is echoed byte for byte, so header text is kept as sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from sipmessage.message import COMPACT_FORMS

from subtone.ingest.wire import WireError

MAX_HEAD_BYTES: Final = 32_768
MAX_HEADER_LINES: Final = 256
MAX_LINE_BYTES: Final = 8_192
MAX_BODY_BYTES: Final = 262_144
_MAX_URI_CHARS: Final = 2_048
_MAX_CSEQ: Final = 2**31 - 1

_LINE_END = re.compile(rb"\r?\n")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_BLANK = re.compile(rb"[\r\n]+")
_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]{1,256}")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_DIGITS = re.compile(r"[0-9]{1,9}")
_CSEQ = re.compile(r"([0-9]{1,10})\s+(\S+)")
_LONG_NAMES = {short: name.lower() for short, name in COMPACT_FORMS.items()}
_WRITTEN = {
    "call-id": "Call-ID",
    "cseq": "CSeq",
    "min-se": "Min-SE",
    "www-authenticate": "WWW-Authenticate",
}
_ONCE = ("call-id", "cseq", "from", "to", "content-length", "content-type", "max-forwards")


class SipError(WireError):
    """A message that cannot be used; the cause holds no word of the peer's.

    Args:
        cause: what is wrong with it, also the reason phrase of the answer.
        status: the SIP status to answer with.
        request: the request as far as it was understood, when it can still be answered.

    """

    def __init__(self, cause: str, *, status: int = 400, request: Request | None = None) -> None:
        super().__init__(cause)
        self.cause = cause
        self.status = status
        self.request = request


@dataclass(frozen=True, slots=True)
class Headers:
    """Header fields in order: long lower-case name, value as sent (folds joined)."""

    fields: tuple[tuple[str, str], ...] = ()

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of the header ``name`` (lower case), in order."""
        return tuple(value for key, value in self.fields if key == name)

    def first(self, name: str) -> str | None:
        """The first value of the header ``name`` (lower case)."""
        return next((value for key, value in self.fields if key == name), None)

    def tokens(self, name: str) -> tuple[str, ...]:
        """The comma-separated tokens of all fields of that name, lower case, none empty."""
        pieces = (piece.strip().lower() for v in self.all(name) for piece in v.split(","))
        return tuple(piece for piece in pieces if piece)


@dataclass(frozen=True, slots=True)
class Request:
    """A request; ``headers`` and ``uri`` are the peer's text."""

    method: str
    uri: str
    headers: Headers
    body: bytes = b""

    def __bytes__(self) -> bytes:
        return _serialized(f"{self.method} {self.uri} SIP/2.0", self.headers, self.body)


@dataclass(frozen=True, slots=True)
class Response:
    """A response to something this side asked, or one this side gives."""

    status: int
    reason: str
    headers: Headers
    body: bytes = b""

    def __bytes__(self) -> bytes:
        return _serialized(f"SIP/2.0 {self.status} {self.reason}", self.headers, self.body)


@dataclass(frozen=True, slots=True)
class Keepalive:
    """A double CRLF on a connection; a single CRLF is due back (RFC 5626 §4.4.1)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The fields that place a request in a transaction and a dialog."""

    vias: tuple[str, ...]  # topmost first
    branch: str
    sent_by: str  # host[:port] of the topmost Via
    wants_rport: bool
    call_id: str
    from_tag: str
    to_tag: str
    cseq: int


def split_outside_quotes(text: str, separator: str) -> list[str]:
    """``text`` cut at ``separator``, but never inside "quotes" or <angle brackets>."""
    pieces: list[str] = []
    start = 0
    is_quoted = is_escaped = False
    depth = 0
    for at, char in enumerate(text):
        if is_escaped:
            is_escaped = False
        elif is_quoted:
            is_escaped = char == "\\"
            is_quoted = char != '"'
        elif char == '"':
            is_quoted = True
        elif char in "<>":
            depth = int(char == "<")
        elif char == separator and depth == 0:
            pieces.append(text[start:at])
            start = at + 1
    return [*pieces, text[start:]]


def parameters_of(text: str, separator: str = ";") -> tuple[str, dict[str, str]]:
    """The value before the first separator and its parameters (names lower case, unquoted).

    The first of two parameters with one name counts; a parameter without value is "".
    """
    value, *pieces = split_outside_quotes(text, separator)
    found: dict[str, str] = {}
    for piece in pieces:
        name, _, raw = piece.partition("=")
        found.setdefault(name.strip().lower(), unquoted(raw))
    return value.strip(), found


def unquoted(text: str) -> str:
    """A token, or a quoted-string without its quotes and escapes."""
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text


def address_of(text: str) -> tuple[str, dict[str, str]]:
    """URI and header parameters of a From, To, Contact or Record-Route value."""
    value, parameters = parameters_of(text)
    _, opening, rest = value.rpartition("<")
    return (rest.partition(">")[0] if opening else value).strip(), parameters


def parse_message(datagram: bytes) -> Request | Response:
    """The one message in a datagram (RFC 3261 §18.3: Content-Length may cut it short).

    Raises:
        SipError: it is none, is beyond a limit, or is shorter than it says.

    """
    end = _HEAD_END.search(datagram, 0, MAX_HEAD_BYTES)
    if end is None:
        raise _unfinished_head(len(datagram))
    message, length = _parse_head(datagram[: end.start()])
    body = datagram[end.end() :]
    if length is not None and length > len(body):
        raise _error("Content-Length says more than arrived", message)
    if len(body) > MAX_BODY_BYTES:
        raise _error("Body too large", message, status=513)
    return replace(message, body=body if length is None else body[:length])


class SipFramer:
    """Cuts messages from a byte stream (TCP, TLS); after a SipError the connection must close."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self._head: tuple[Request | Response, int] | None = None

    @property
    def is_inside_message(self) -> bool:
        """A message has begun and not ended; the shell bounds how long that may last."""
        return self._head is not None or bool(self._buffer.strip(b"\r\n"))

    def feed(self, data: bytes) -> tuple[Request | Response | Keepalive, ...]:
        """Take bytes as they came and give every message they complete.

        Raises:
            SipError: the stream cannot be cut any further.

        """
        self._buffer += data
        found: list[Request | Response | Keepalive] = []
        while (item := self._next()) is not None:
            found.append(item)
        return tuple(found)

    def _next(self) -> Request | Response | Keepalive | None:
        if self._head is None:
            if self._buffer.startswith(b"\r\n\r\n"):
                del self._buffer[:4]
                return Keepalive()
            if bytes(self._buffer[:4]) in (b"\r", b"\r\n", b"\r\n\r"):
                return None  # half of a keep-alive
            if (blank := _BLANK.match(self._buffer)) is not None:
                del self._buffer[: blank.end()]
            self._head = self._take_head()
        if self._head is None:
            return None
        message, length = self._head
        if len(self._buffer) < length:
            return None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        self._head = None
        return replace(message, body=body)

    def _take_head(self) -> tuple[Request | Response, int] | None:
        end = _HEAD_END.search(self._buffer, max(0, self._scanned - 3), MAX_HEAD_BYTES)
        if end is None:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise _unfinished_head(len(self._buffer))
            self._scanned = len(self._buffer)
            return None
        message, length = _parse_head(bytes(self._buffer[: end.start()]))
        if length is None:
            raise _error("No Content-Length on a connection", message)
        del self._buffer[: end.end()]
        self._scanned = 0
        return message, length


def identity_of(request: Request) -> Identity:
    """What every request must carry (RFC 3261 §8.1.1).

    Raises:
        SipError: a field is missing, there twice or malformed; ``request`` is set when the
            answer can still find its way back.

    """
    headers = request.headers
    vias = tuple(
        piece.strip() for v in headers.all("via") for piece in split_outside_quotes(v, ",")
    )
    if not vias or not vias[0]:
        raise SipError("No Via")
    hop, parameters = parameters_of(vias[0])
    _, _, sent_by = hop.rpartition(" ")
    if not hop.upper().replace(" ", "").startswith("SIP/2.0/") or not sent_by:
        raise SipError("Malformed Via")
    call_id, origin, target = (headers.first(name) for name in ("call-id", "from", "to"))
    if not call_id or not origin or not target:
        raise SipError("No Call-ID, From or To")
    counted = _CSEQ.fullmatch(headers.first("cseq") or "")
    identity = Identity(
        vias=vias,
        branch=parameters.get("branch", ""),
        sent_by=sent_by.lower(),
        wants_rport="rport" in parameters,
        call_id=call_id,
        from_tag=address_of(origin)[1].get("tag", ""),
        to_tag=address_of(target)[1].get("tag", ""),
        cseq=int(counted[1]) if counted else 0,
    )
    if counted is None or identity.cseq > _MAX_CSEQ:
        raise SipError("Malformed CSeq", request=request)
    if counted[2] != request.method:
        raise SipError("CSeq of another method", request=request)
    return identity


def _parse_head(head: bytes) -> tuple[Request | Response, int | None]:
    """The message without its body, and its Content-Length."""
    if head.count(b"\n") > MAX_HEADER_LINES:
        raise SipError("Too many header lines", status=513)
    first, *lines = _LINE_END.split(head.lstrip(b"\r\n"))
    headers, fault = _headers(lines)
    message, line_fault = _start(_text(first), headers)
    fault = line_fault or fault
    for name in _ONCE:
        if fault is None and len(headers.all(name)) > 1:
            fault = f"More than one {name.title()}"
    length = headers.first("content-length")
    if fault is None and length is not None and not _DIGITS.fullmatch(length):
        fault = "Content-Length is no length"
    if fault is not None:
        raise _error(fault, message, status=505 if fault == _VERSION else 400)
    if length is not None and int(length) > MAX_BODY_BYTES:
        raise _error("Body too large", message, status=513)
    return message, None if length is None else int(length)


_VERSION: Final = "Version Not Supported"


def _start(line: str, headers: Headers) -> tuple[Request | Response, str | None]:
    if line.startswith("SIP/2.0 "):
        code, _, reason = line[8:].partition(" ")
        if not re.fullmatch(r"[1-6][0-9]{2}", code):
            raise SipError("Malformed status line")
        return Response(int(code), reason, headers), None
    words = line.split(" ")
    if len(words) < 3 or not _TOKEN.fullmatch(words[0]) or not words[-1].startswith("SIP/"):
        raise SipError("Neither a request nor a response")
    request = Request(words[0], " ".join(words[1:-1]), headers)
    if words[-1] != "SIP/2.0":
        return request, _VERSION
    is_uri = len(words) == 3 and ":" in words[1] and not re.search(r'[<>"\x00-\x20\x7f]', words[1])
    if not is_uri or len(words[1]) > _MAX_URI_CHARS:
        return request, "Malformed Request-URI"
    return request, None


def _headers(lines: list[bytes]) -> tuple[Headers, str | None]:
    """The fields that are well-formed, and the first fault, so that a 400 finds its way."""
    fields: list[tuple[str, str]] = []
    fault: str | None = None
    for raw in lines:
        line = _text(raw)
        if len(raw) > MAX_LINE_BYTES:
            fault = fault or "Header line too long"
        elif _CONTROL.search(line):
            fault = fault or "Control character in a header"
        elif line[:1] in (" ", "\t"):
            if fields:
                name, value = fields.pop()
                fields.append((name, f"{value} {line.strip()}".strip()))
            else:
                fault = fault or "Header line without a name"
        else:
            name, colon, value = line.partition(":")
            name = name.rstrip().lower()
            if colon and _TOKEN.fullmatch(name):
                fields.append((_LONG_NAMES.get(name, name), value.strip()))
            else:
                fault = fault or "Header line without a name"
    return Headers(tuple(fields)), fault


def _text(raw: bytes) -> str:
    """Keeps every byte: what is echoed must leave as it came."""
    return raw.decode("utf-8", "surrogateescape")


def _serialized(start: str, headers: Headers, body: bytes) -> bytes:
    lines = [
        f"{_WRITTEN.get(name, name.title())}: {value}"
        for name, value in headers.fields
        if name != "content-length"
    ]
    head = "\r\n".join([start, *lines, f"Content-Length: {len(body)}", "", ""])
    return head.encode("utf-8", "surrogateescape") + body


def _error(cause: str, message: Request | Response, status: int = 400) -> SipError:
    return SipError(cause, status=status, request=message if isinstance(message, Request) else None)


def _unfinished_head(byte_count: int) -> SipError:
    if byte_count > MAX_HEAD_BYTES:
        return SipError("Head too large", status=513)
    return SipError("The head of the message does not end")
