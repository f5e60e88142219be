"""Responses, and the one request this side sends (RFC 3261 §8.2.6, §12.2.1, §18.2)."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, replace
from typing import Final

from subtone.ingest.siprec.sip import Headers, Identity, Request, Response, address_of

ALLOWED: Final = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE")
ACCEPTED_TYPES: Final = (
    "application/sdp, application/rs-metadata, application/rs-metadata+xml, multipart/mixed"
)
SUPPORTED: Final = ("siprec", "timer", "record-aware")
_SERVER: Final = "subtone"
_DEFAULT_PORT: Final = 5060
_RPORT = re.compile(r";\s*rport\b(?:\s*=\s*\w*)?", re.IGNORECASE)
_SENT_BY = re.compile(r"(\[[0-9a-f:.]+\]|[^:\s]+)(?:\s*:\s*([0-9]{1,5}))?")

REASONS: Final = {
    100: "Trying",
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Not a Recording Session",
    405: "Method Not Allowed",
    415: "Unsupported Media Type",
    420: "Bad Extension",
    422: "Session Interval Too Small",
    481: "Call/Transaction Does Not Exist",
    482: "Merged Request",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    500: "Server Internal Error",
    501: "Not Implemented",
    503: "Service Unavailable",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Where a message came from; on a connection the shell answers on that connection."""

    transport: str  # "udp", "tcp" or "tls"
    host: str
    port: int
    is_trusted: bool = False  # a client certificate was verified

    @property
    def is_reliable(self) -> bool:
        """The transport itself repeats what is lost."""
        return self.transport != "udp"


def keyed(secret: bytes, *parts: object) -> str:
    """A tag nobody else can make, the same each time for the same parts; 32 hex digits."""
    text = "\n".join(map(str, parts)).encode("utf-8", "surrogateescape")
    return hmac.digest(secret, text, hashlib.sha256).hex()[:32]


def reply_target(identity: Identity, peer: Peer) -> Peer:
    """Where the answer goes: always the host it came from (RFC 3261 §18.2.2, RFC 3581)."""
    found = _SENT_BY.fullmatch(identity.sent_by)
    if peer.is_reliable or identity.wants_rport or found is None:
        return peer
    port = int(found[2] or _DEFAULT_PORT)
    return replace(peer, port=port) if 0 < port < 65_536 else peer


def response_to(
    request: Request,
    identity: Identity | None,
    peer: Peer,
    status: int,
    *,
    secret: bytes,
    reason: str = "",
    extra: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
) -> Response | None:
    """The response to a request, None when it lacks what an answer must echo.

    Args:
        request: what is answered.
        identity: its identity, None when it is malformed.
        peer: where it came from.
        status: SIP status code.
        secret: the server's; the To tag is derived from it and the request, so a response
            made twice is the same twice.
        reason: the reason phrase where it says more than the code's own.
        extra: further header fields.
        body: content.

    """
    echoed = {name: request.headers.first(name) for name in ("from", "to", "call-id", "cseq")}
    vias = request.headers.all("via") if identity is None else identity.vias
    if not vias or not all(echoed.values()):
        return None
    fields = [("via", via) for via in vias]
    fields[0] = ("via", _seen_from(vias[0], identity, peer))
    if status != 100 and "tag" not in address_of(echoed["to"] or "")[1]:
        echoed["to"] = f"{echoed['to']};tag={local_tag(request, secret)}"
    fields += [(name, value or "") for name, value in echoed.items()]
    if 100 < status < 300:
        fields += [("record-route", route) for route in request.headers.all("record-route")]
    fields += [*extra, ("server", _SERVER)]
    return Response(status, reason or REASONS[status], Headers(tuple(fields)), body)


def local_tag(request: Request, secret: bytes) -> str:
    """The tag of this side for a request without one; also the key of the dialog it may open."""
    number = (request.headers.first("cseq") or "").partition(" ")[0]  # a CANCEL's is its INVITE's
    return keyed(secret, request.headers.first("call-id"), request.headers.first("from"), number)


def _seen_from(via: str, identity: Identity | None, peer: Peer) -> str:
    found = None if identity is None else _SENT_BY.fullmatch(identity.sent_by)
    if identity is not None and identity.wants_rport:
        return f"{_RPORT.sub(f';rport={peer.port}', via, count=1)};received={peer.host}"
    if found is not None and found[1].strip("[]") == peer.host.lower():
        return via
    return f"{via};received={peer.host}"
