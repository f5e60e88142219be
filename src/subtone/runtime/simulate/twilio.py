"""A Twilio media stream as Twilio sends it: both tracks, real stamps, JSON with base64."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator, Sequence
from time import monotonic

from websockets.asyncio.client import connect

from subtone.contracts.vocabulary import Role
from subtone.runtime.simulate.packets import Packet

TRACK_OF = {Role.CUSTOMER: "inbound", Role.AGENT: "outbound"}
FIRST_STAMP_MS = 155  # seen on the wire: the first stamp is not 0


def messages(
    call_sid: str, stream_sid: str, roles: Sequence[Role], packets: Sequence[Packet]
) -> Iterator[tuple[float, str]]:
    """Every message of one stream with the time it is sent, in milliseconds from the start."""
    tracks = [TRACK_OF[role] for role in roles]
    yield 0.0, json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"})
    start = {
        "streamSid": stream_sid,
        "accountSid": "AC" + "0" * 32,
        "callSid": call_sid,
        "tracks": tracks,
        "customParameters": {},
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
            "timestamp": str(FIRST_STAMP_MS + packet.t_ms),
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
) -> int:
    """Send the messages at their times, speed times as fast; return how many were sent."""
    count = 0
    async with connect(url, additional_headers=headers, compression=None) as socket:
        began = monotonic()
        for send_ms, message in timed:
            wait_s = send_ms / 1000.0 / speed - (monotonic() - began)
            if wait_s > 0.0:
                await asyncio.sleep(wait_s)
            await socket.send(message)
            count += 1
    return count


def _message(event: str, number: int, stream_sid: str, body: dict[str, object]) -> str:
    return json.dumps(
        {"event": event, "sequenceNumber": str(number), "streamSid": stream_sid, **body}
    )
