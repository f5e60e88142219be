"""A Twilio media stream as Twilio sends it: both tracks, real stamps, JSON with base64."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from heapq import merge
from time import monotonic
from typing import Literal

import httpx
from websockets.asyncio.client import connect

from subtone.contracts.vocabulary import Role
from subtone.runtime.simulate.packets import Packet
from subtone.runtime.simulate.peers import is_proxied

TRACK_OF = {Role.CUSTOMER: "inbound", Role.AGENT: "outbound"}
FIRST_STAMP_MS = 155  # seen on the wire: the first stamp is not 0
HANG_UP_S = 10.0  # for the server to take what was sent and close
Say = Callable[[], Awaitable[object]]  # tells the server words; returns when they are taken


def messages(
    call_sid: str,
    stream_sid: str,
    roles: Sequence[Role],
    packets: Sequence[Packet],
    *,
    has_text: bool = False,
) -> Iterator[tuple[float, str]]:
    """Every message of one stream with the time it is sent, in milliseconds from the start.

    has_text tells the server that the call's words come from elsewhere. They are placed by the
    recording's clock, so its first sample is then the stream's, too.
    """
    first_ms = 0 if has_text else FIRST_STAMP_MS
    tracks = [TRACK_OF[role] for role in roles]
    yield 0.0, json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"})
    start = {
        "streamSid": stream_sid,
        "accountSid": "AC" + "0" * 32,
        "callSid": call_sid,
        "tracks": tracks,
        "customParameters": {"has_text": "true"} if has_text else {},
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
    }
    yield 0.0, _message("start", 1, stream_sid, {"start": start})
    sequence, chunks = 2, [0] * len(roles)
    end_ms = 0.0
    for packet in packets:
        chunks[packet.track] += 1
        media = {
            "track": tracks[packet.track],
            "chunk": str(packet.number + 1),
            "timestamp": str(first_ms + packet.t_ms),
            "payload": base64.b64encode(packet.payload).decode(),
        }
        yield packet.send_ms, _message("media", sequence, stream_sid, {"media": media})
        sequence += 1
        end_ms = packet.send_ms
    stop = {"accountSid": "AC" + "0" * 32, "callSid": call_sid}
    yield end_ms, _message("stop", sequence, stream_sid, {"stop": stop})


async def play(
    url: str,
    timed: Iterator[tuple[float, str]],
    *,
    speed: float = 1.0,
    headers: dict[str, str] | None = None,
    words: Iterable[tuple[float, Say]] = (),
) -> int:
    """Send the messages at their times, speed times as fast; return how many were sent.

    Words are said at theirs, and no later sound is sent before they were taken: voice and words
    then meet as they would in real time, however fast this plays. It ends when the server has
    closed, which it does once it has taken everything.
    """
    count = 0
    steps: Iterator[tuple[float, str | Say]] = merge(timed, words, key=lambda step: step[0])
    proxy: Literal[True] | None = True if is_proxied(url) else None
    async with connect(url, additional_headers=headers, compression=None, proxy=proxy) as socket:
        began = monotonic()
        for send_ms, step in steps:
            wait_s = send_ms / 1000.0 / speed - (monotonic() - began)
            if wait_s > 0.0:
                await asyncio.sleep(wait_s)
            if isinstance(step, str):
                await socket.send(step)
                count += 1
            else:
                await step()
        with suppress(TimeoutError):  # a server that does not close is closed upon
            async with asyncio.timeout(HANG_UP_S):
                await socket.wait_closed()
    return count


async def hang_up(base_url: str, call_sid: str, client: httpx.AsyncClient) -> None:
    """Twilio's status callback: the call is over. Raises httpx.HTTPStatusError when refused."""
    form = {"CallSid": call_sid, "CallStatus": "completed"}
    answer = await client.post(f"{base_url}/v1/webhooks/twilio/status", data=form)
    answer.raise_for_status()


def _message(event: str, number: int, stream_sid: str, body: dict[str, object]) -> str:
    return json.dumps(
        {"event": event, "sequenceNumber": str(number), "streamSid": stream_sid, **body}
    )
