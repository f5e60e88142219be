"""Bare RTP: ports for a call, asked for over HTTP by whoever does the signalling."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import delete, post
from litestar.exceptions import ServiceUnavailableException
from litestar.params import JSONBody
from msgspec import Meta

from subtone.contracts.vocabulary import Role
from subtone.ingest.rtp import (
    PayloadFormat,
    RtpStream,
    SrtpKeyError,
    SrtpReceiver,
    UnsupportedPayloadError,
)
from subtone.runtime.config import Scope
from subtone.runtime.live.auth import requires
from subtone.runtime.live.hub import Overloaded
from subtone.runtime.live.media_ports import PortsExhausted
from subtone.runtime.live.messages import CallId
from subtone.runtime.live.parts import Parts, UnprocessableError
from subtone.runtime.live.problems import PROBLEMS

TAGS = ["ingest"]
GUARDS = [requires(Scope.INGEST)]
MAX_TRACKS = 8


class RtpFormat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One payload type, as an ``a=rtpmap`` would say it."""

    payload_type: Annotated[int, Meta(ge=0, le=127)] = 0
    name: Annotated[str, Meta(min_length=1, max_length=32, examples=["PCMU"])] = "PCMU"
    clock_rate_hz: Annotated[int, Meta(ge=8_000, le=48_000)] = 8_000
    channel_count: Annotated[int, Meta(ge=1, le=2)] = 1


class RtpTrack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One speaker on one port."""

    role: Role
    track_id: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    formats: Annotated[tuple[RtpFormat, ...], Meta(min_length=1, max_length=16)] = (RtpFormat(),)
    source_host: Annotated[str, Meta(max_length=253)] | None = None  # learned where unset
    source_port: Annotated[int, Meta(ge=1, le=65_535)] | None = None
    srtp_suite: Annotated[str, Meta(max_length=64)] | None = None
    srtp_key: Annotated[str, Meta(max_length=256)] | None = None  # inline:BASE64


class RtpPost(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tracks that will arrive."""

    tracks: Annotated[tuple[RtpTrack, ...], Meta(min_length=1, max_length=MAX_TRACKS)]


class RtpPort(msgspec.Struct, frozen=True, kw_only=True):
    """Where to send one track; nothing comes back from there."""

    track_id: str
    host: str
    port: int


@post(
    "/v1/calls/{call_id:str}/rtp",
    guards=GUARDS,
    status_code=201,
    tags=TAGS,
    summary="Open RTP ports for a call",
    responses=PROBLEMS,
)
async def open_rtp(call_id: CallId, data: JSONBody[RtpPost], parts: Parts) -> tuple[RtpPort, ...]:
    """One port a track, until the call is over or the ports are closed."""
    if parts.telephony is None:
        raise ServiceUnavailableException("RTP is not running on this server")
    await parts.require_startable(call_id)
    ports = parts.telephony.ports
    names = [t.track_id or t.role.value for t in data.tracks]
    if len(set(names)) < len(names):
        raise UnprocessableError("two tracks have one name: give each a track_id of its own")
    try:
        streams = [
            _stream(call_id, name, track) for name, track in zip(names, data.tracks, strict=True)
        ]
        opened = await ports.open(len(streams))
    except (UnsupportedPayloadError, SrtpKeyError) as error:
        raise UnprocessableError(str(error)) from error
    except PortsExhausted as error:
        raise ServiceUnavailableException(str(error)) from error
    try:
        parts.hub.call(call_id, is_amd_enabled=parts.is_amd_enabled)
    except Overloaded:
        for port in opened:
            ports.close(port.port, "overloaded")
        raise
    for port, name, stream in zip(opened, names, streams, strict=True):
        port.attach(call_id, f"rtp:{name}", stream)
    host = parts.telephony.media_host
    return tuple(
        RtpPort(track_id=name, host=host, port=port.port)
        for port, name in zip(opened, names, strict=True)
    )


@delete(
    "/v1/calls/{call_id:str}/rtp",
    guards=GUARDS,
    status_code=204,
    tags=TAGS,
    summary="Close a call's RTP ports",
    responses=PROBLEMS,
)
async def close_rtp(call_id: CallId, parts: Parts) -> None:
    """What still waits is analysed; the call itself goes on for as long as it may be rejoined."""
    if parts.telephony is None:
        return
    for port in parts.telephony.ports.of_call(call_id):
        parts.telephony.ports.close(port.port, "closed_by_api")


def _stream(call_id: str, name: str, track: RtpTrack) -> RtpStream:
    address = None
    if track.source_host is not None and track.source_port is not None:
        address = (track.source_host, track.source_port)
    srtp = None
    if track.srtp_suite is not None and track.srtp_key is not None:
        srtp = SrtpReceiver(track.srtp_suite, track.srtp_key)
    return RtpStream(
        stream_id=f"rtp:{name}",
        call_id=call_id,
        track_id=name,
        role=track.role,
        formats={
            f.payload_type: PayloadFormat(f.name, f.clock_rate_hz, f.channel_count)
            for f in track.formats
        },
        expected_address=address,
        srtp=srtp,
    )
