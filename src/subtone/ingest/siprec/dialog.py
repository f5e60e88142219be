"""One recording session as a value: who, what was agreed, what is known of it (RFC 3261 §12)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import Final

from subtone.contracts.vocabulary import Role
from subtone.ingest.siprec.answer import AcceptedMedia
from subtone.ingest.siprec.metadata import RecordingMetadata
from subtone.ingest.siprec.replies import Peer
from subtone.ingest.siprec.roles import RoleHints, stream_roles
from subtone.ingest.siprec.sdp import Crypto, Media, MediaFormat
from subtone.ingest.siprec.sip import Headers, Identity, Request, address_of
from subtone.ingest.wire import StreamClosed, StreamOpened, StreamSignal, StreamTrack

MIN_SESSION_EXPIRES_S: Final = 90
_URI = re.compile(r"sips?:[^\s<>]+", re.IGNORECASE)
_CALL_ID = re.compile(r"[!-.0-~]{1,200}")  # what a path of the HTTP API can name
_MAX_LABEL_CHARS = 100  # SDP sets no bound
_INTERVAL = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaEndpoint:
    """One agreed audio stream: what arrives where, and how to read it."""

    track_id: str
    role: Role
    role_basis: str
    label: str | None
    local_port: int
    remote_host: str | None  # None when the client did not say: learn it from its packets
    remote_port: int
    remote_rtcp_port: int
    audio: MediaFormat
    beside: tuple[MediaFormat, ...]
    ptime_ms: int | None
    is_held: bool
    is_rtcp_muxed: bool
    crypto: Crypto | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRequested:
    """The shell opens ``port_count`` RTP sockets, then calls accept, or refuse if it cannot."""

    dialog: str
    port_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingOpened:
    """A recording began; media may arrive from now on."""

    dialog: str
    opened: StreamOpened
    media: tuple[MediaEndpoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingUpdated:
    """Streams, codecs, holds or roles changed; ``media`` is all there is now."""

    dialog: str
    media: tuple[MediaEndpoint, ...]
    tracks: tuple[StreamTrack, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSignal:
    """A hold, its end, or a fault of the peer's; stream time is time since it opened."""

    dialog: str
    signal: StreamSignal


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingClosed:
    """The recording, or the attempt at one, is over; its sockets are free."""

    dialog: str
    closed: StreamClosed


RecordingEvent = (
    MediaRequested | RecordingOpened | RecordingUpdated | RecordingSignal | RecordingClosed
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingOffer:
    """An INVITE or UPDATE whose answer waits for ports."""

    request: Request
    identity: Identity
    peer: Peer
    transaction: str
    offer: tuple[Media, ...]
    accepted: tuple[AcceptedMedia | None, ...]
    metadata: RecordingMetadata | None
    metadata_fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialog:
    """A dialog; ``key`` is this side's tag."""

    key: str
    call_id: str
    remote_tag: str
    local_address: str  # this side's From in requests, with tag
    remote_address: str
    remote_target: str
    routes: tuple[str, ...]
    remote_cseq: int
    peer: Peer
    offer: tuple[Media, ...] = ()
    accepted: tuple[AcceptedMedia | None, ...] = ()
    ports: tuple[int, ...] = ()  # by m= line
    answer: bytes = b""
    answer_version: int = 0
    metadata: RecordingMetadata | None = None
    opened_ms: int | None = None
    expires_ms: int | None = None  # by the session timer
    last_invite: tuple[int, str] | None = None  # CSeq and transaction key, for its ACK
    pending: PendingOffer | None = None


@dataclass(frozen=True, slots=True)
class SessionInterval:
    """A session timer the client keeps alive (RFC 4028)."""

    seconds: int
    is_too_small: bool


def opened_dialog(request: Request, identity: Identity, tag: str, peer: Peer) -> Dialog:
    """The dialog an INVITE would open."""
    headers = request.headers
    contact = address_of(headers.first("contact") or "")[0]
    host = f"[{peer.host}]" if ":" in peer.host else peer.host
    return Dialog(
        key=tag,
        call_id=identity.call_id,
        remote_tag=identity.from_tag,
        local_address=f"{headers.first('to')};tag={tag}",
        remote_address=headers.first("from") or "",
        remote_target=contact if _URI.fullmatch(contact) else f"sip:{host}:{peer.port}",
        routes=headers.all("record-route"),
        remote_cseq=identity.cseq,
        peer=peer,
    )


def ports_missing(dialog: Dialog, accepted: tuple[AcceptedMedia | None, ...]) -> int:
    """How many more sockets an offer needs; a line that had one keeps it."""
    return sum(
        agreed is not None and not _port_at(dialog, at) for at, agreed in enumerate(accepted)
    )


def ports_assigned(
    dialog: Dialog, accepted: tuple[AcceptedMedia | None, ...], fresh: tuple[int, ...]
) -> tuple[int, ...]:
    """A port for each m= line: its own, else the next fresh one; 0 where it is refused."""
    spare = iter(fresh)
    return tuple(
        0 if agreed is None else _port_at(dialog, at) or next(spare)
        for at, agreed in enumerate(accepted)
    )


def _port_at(dialog: Dialog, at: int) -> int:
    return dialog.ports[at] if at < len(dialog.ports) else 0


def media_of(dialog: Dialog, hints: RoleHints) -> tuple[MediaEndpoint, ...]:
    """The agreed streams with their roles."""
    agreed = [one for one in dialog.accepted if one is not None]
    offered = [dialog.offer[one.index] for one in agreed]
    labels = tuple(media.label for media in offered)
    roles = stream_roles(labels, dialog.metadata, hints)
    return tuple(
        MediaEndpoint(
            track_id=_track_id(media, labels, one.index),
            role=verdict.role,
            role_basis=verdict.basis,
            label=media.label,
            local_port=dialog.ports[one.index],
            remote_host=media.host,
            remote_port=media.port,
            remote_rtcp_port=media.port
            if media.is_rtcp_muxed
            else media.rtcp_port or min(media.port + 1, 65_535),
            audio=one.audio,
            beside=one.beside,
            ptime_ms=media.ptime_ms,
            is_held=media.is_held,
            is_rtcp_muxed=media.is_rtcp_muxed,
            crypto=one.crypto,
        )
        for one, media, verdict in zip(agreed, offered, roles, strict=True)
    )


def _track_id(media: Media, labels: tuple[str | None, ...], index: int) -> str:
    label = media.label
    is_own = label is not None and len(label) <= _MAX_LABEL_CHARS and labels.count(label) == 1
    return f"label:{label}" if is_own else f"m:{index}"


def tracks_of(media: tuple[MediaEndpoint, ...]) -> tuple[StreamTrack, ...]:
    """The streams as tracks; G.722 says 8000 and is 16 kHz (RFC 3551 §4.5.2)."""
    return tuple(
        StreamTrack(
            track_id=one.track_id,
            role=one.role,
            sample_rate_hz=16_000 if one.audio.encoding == "g722" else one.audio.clock_rate_hz,
        )
        for one in media
    )


def stream_opened(
    dialog: Dialog,
    media: tuple[MediaEndpoint, ...],
    request: Request,
    call_id_from: tuple[str, ...],
) -> StreamOpened:
    """The stream's announcement.

    Args:
        dialog: the recording session.
        media: its streams.
        request: the INVITE, for the headers an operator joins calls by.
        call_id_from: what names the call, the first that is there and can be a call id:
            ``sip_call_id``, ``session_id``, ``sip_session_id``, ``group_id``, a header of the
            INVITE as ``header:x-ucid``, an element of the metadata as ``element:ucid``.

    """
    metadata = dialog.metadata or RecordingMetadata()
    found = {
        "sip_call_id": dialog.call_id,
        "session_id": metadata.session_id,
        "sip_session_id": metadata.sip_session_id,
        "group_id": metadata.group_id,
    }
    for name in call_id_from:
        if name.startswith("header:"):
            found[name] = request.headers.first(name.removeprefix("header:").lower()) or ""
        elif name.startswith("element:"):
            found[name] = metadata.element(name.removeprefix("element:"))
    named = (found[name] for name in call_id_from if _CALL_ID.fullmatch(found.get(name, "")))
    call_id = next(named, "") or _call_id(dialog.call_id)
    if metadata.start_unix_ms is not None:
        found["start_unix_ms"] = str(metadata.start_unix_ms)
    return StreamOpened(
        provider="siprec",
        stream_id=dialog.key,
        call_id=call_id,
        tracks=tracks_of(media),
        attributes=tuple((name, value) for name, value in found.items() if value),
    )


def _call_id(sip_call_id: str) -> str:
    """The SIP Call-ID, or where it cannot name a call, as it may be of any length, its digest."""
    if _CALL_ID.fullmatch(sip_call_id):
        return sip_call_id
    return f"sip-{hashlib.sha256(sip_call_id.encode('utf-8', 'surrogateescape')).hexdigest()}"


def is_on_hold(dialog: Dialog) -> bool:
    """No agreed stream will carry anything for now."""
    agreed = [dialog.offer[one.index] for one in dialog.accepted if one is not None]
    return all(media.is_held for media in agreed)


def session_interval(request: Request) -> SessionInterval | None:
    """The session timer a request asks for; None without one, or if we were to refresh.

    A client that insists on ``refresher=uas`` gets no session timer, as from a server that
    does not know the extension (RFC 4028 §9).
    """
    raw = request.headers.first("session-expires")
    value, _, parameters = (raw or "").partition(";")
    if not _INTERVAL.fullmatch(value.strip()) or "refresher=uas" in parameters.lower():
        return None
    seconds = int(value)
    return SessionInterval(min(seconds, 86_400), seconds < MIN_SESSION_EXPIRES_S)


def farewell(dialog: Dialog, contact_host: str, branch: str) -> Request:
    """The BYE that ends a dialog from this side."""
    via = f"SIP/2.0/{dialog.peer.transport.upper()} {contact_host};branch={branch};rport"
    fields = [
        ("via", via),
        ("max-forwards", "70"),
        *(("route", route) for route in dialog.routes),
        ("from", dialog.local_address),
        ("to", dialog.remote_address),
        ("call-id", dialog.call_id),
        ("cseq", "1 BYE"),
    ]
    return Request("BYE", dialog.remote_target, Headers(tuple(fields)))


def refreshed(dialog: Dialog, request: Request, now_ms: int) -> Dialog:
    """The dialog with the session timer this request leaves it with."""
    interval = session_interval(request)
    if interval is None:
        return replace(dialog, expires_ms=None)
    # A third before the end, at most 32 s: RFC 4028 §10.
    margin_s = min(32, interval.seconds // 3)
    return replace(dialog, expires_ms=now_ms + (interval.seconds - margin_s) * 1000)
