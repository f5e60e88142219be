"""``subtone simulate``: N copies of one recording into a server, in real time or faster."""

from __future__ import annotations

import asyncio
import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from pathlib import Path

import httpx
from websockets.exceptions import WebSocketException

from subtone.contracts.vocabulary import Role
from subtone.ingest.files import read_transcript
from subtone.runtime.simulate import audiohook, chat, rtp, siprec, twilio
from subtone.runtime.simulate.packets import (
    PACKET_MS,
    Network,
    Packet,
    impaired,
    packets_of,
)
from subtone.runtime.simulate.peers import base_url, http_client


class Protocol(StrEnum):
    """What to speak."""

    TWILIO = "twilio"
    AUDIOHOOK = "audiohook"
    RTP = "rtp"
    SIPREC = "siprec"
    CHAT = "chat"


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """What to play, where, how often and how badly."""

    protocol: Protocol
    call: Path
    target: str  # URL, or HOST:PORT[,PORT] for rtp and siprec
    roles: tuple[Role, ...] = (Role.AGENT, Role.CUSTOMER)
    text: Path | None = None  # chat and twilio: what is said, posted when it was complete
    copies: int = 1
    speed: float = 1.0
    network: Network = field(default_factory=Network)
    reconnect_s: float | None = None  # twilio: leave and come back as a new stream so often
    token: str | None = None


class PlayError(Exception):
    """The server could not be reached or refused the call; the message says what it answered."""


async def play_all(wanted: Play) -> list[str]:
    """Play every copy at once; return the call ids.

    Raises IngestError for a recording that cannot be read, PlayError for a server that refuses.
    """
    packets: list[Packet] = []
    if wanted.protocol is not Protocol.CHAT:
        packets = impaired(list(packets_of(wanted.call, wanted.roles)), wanted.network)
    ids = [_new_id(wanted.protocol) for _ in range(wanted.copies)]
    try:
        await asyncio.gather(*(_play_one(wanted, call_id, packets) for call_id in ids))
    except (WebSocketException, httpx.HTTPError, OSError, RuntimeError) as error:
        reason = str(error) or type(error).__name__
        raise PlayError(f"{wanted.target} did not take the call: {reason}") from error
    return ids


def _new_id(protocol: Protocol) -> str:
    if protocol is Protocol.AUDIOHOOK:  # Genesys names conversations so
        return str(uuid.uuid4())
    return f"sim-{uuid.uuid4().hex[:12]}"


async def _play_one(wanted: Play, call_id: str, packets: Sequence[Packet]) -> None:
    headers = {"Authorization": f"Bearer {wanted.token}"} if wanted.token else None
    match wanted.protocol:
        case Protocol.TWILIO:
            await _play_twilio(wanted, call_id, packets, headers)
        case Protocol.AUDIOHOOK:
            timed = audiohook.frames(wanted.roles, packets)
            session_id = str(uuid.uuid4())
            await audiohook.play(
                wanted.target, session_id, call_id, timed, speed=wanted.speed, headers=headers
            )
        case Protocol.RTP:
            targets = addresses(wanted.target)
            await rtp.play(targets, rtp.datagrams(packets), speed=wanted.speed)
        case Protocol.SIPREC:
            server = addresses(wanted.target)[0]
            sent = rtp.datagrams(packets)
            await siprec.play(server, call_id, wanted.roles, sent, speed=wanted.speed)
        case Protocol.CHAT:
            url = f"{wanted.target.rstrip('/')}/v1/calls/{call_id}/messages"
            posts = chat.posts(read_transcript(wanted.text or wanted.call))
            await chat.play(url, posts, speed=wanted.speed, headers=headers)


async def _play_twilio(
    wanted: Play, call_id: str, packets: Sequence[Packet], headers: dict[str, str] | None
) -> None:
    """One stream, or several after one another where the line breaks every so often."""
    every_ms = (wanted.reconnect_s or 1e9) * 1000.0
    pieces: dict[int, list[Packet]] = {}
    for packet in packets:
        piece = int(packet.t_ms // every_ms)
        began_ms = int(piece * every_ms) // PACKET_MS * PACKET_MS if piece else 0
        rebased = replace(
            packet,
            number=packet.number - began_ms // PACKET_MS,
            t_ms=packet.t_ms - began_ms,
            send_ms=packet.send_ms - began_ms,
        )
        pieces.setdefault(piece, []).append(rebased)
    has_text = wanted.text is not None
    base = base_url(wanted.target)
    async with http_client(base, headers) as client:
        words = _words(wanted, f"{base}/v1/calls/{call_id}/messages", client)
        for piece, rebased_packets in sorted(pieces.items()):
            timed = twilio.messages(
                call_id, f"MZ{call_id}{piece}", wanted.roles, rebased_packets, has_text=has_text
            )
            until_ms = (piece + 1) * every_ms if piece < max(pieces) else math.inf
            said = [(t - piece * every_ms, say) for t, say in words if t < until_ms]
            words = words[len(said) :]
            await twilio.play(wanted.target, timed, speed=wanted.speed, headers=headers, words=said)
        if has_text:
            await twilio.hang_up(base, call_id, client)


def _words(wanted: Play, url: str, client: httpx.AsyncClient) -> list[tuple[float, twilio.Say]]:
    """What was said, as posts beside a stream, each when it was complete."""
    if wanted.text is None:
        return []
    posts = chat.posts(read_transcript(wanted.text))
    return [(t_ms, partial(chat.post, client, url, body)) for t_ms, body in posts]


def addresses(target: str) -> list[tuple[str, int]]:
    """``"127.0.0.1:4000,4002"`` to addresses; raises ValueError saying what is wanted."""
    host, _, ports = target.rpartition(":")
    try:
        return [(host, int(port)) for port in ports.split(",") if host]
    except ValueError as error:
        raise ValueError(f"{target!r} is not HOST:PORT[,PORT]") from error
