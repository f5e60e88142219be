"""A Genesys AudioHook v2 client: open, binary stereo PCMU of 200 ms, pings, close."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from subtone.contracts.vocabulary import Role
from subtone.runtime.simulate.packets import LINE_RATE_HZ, PACKET_MS, Packet, to_mulaw

FRAME_MS = 200
CHANNELS = (Role.CUSTOMER, Role.AGENT)  # external, internal
SILENCE = to_mulaw(np.zeros(1, np.float32))
ANSWER_S = 10.0
ORGANIZATION_ID = "d7934305-0972-4844-938e-9060eef73d05"


def frames(roles: Sequence[Role], packets: Sequence[Packet]) -> Iterator[tuple[float, bytes]]:
    """Interleaved external and internal samples, 200 ms each; what was lost is silence."""
    size = LINE_RATE_HZ * PACKET_MS // 1000
    last = max((p.number for p in packets), default=-1)
    tracks = {role: bytearray(SILENCE * size * (last + 1)) for role in CHANNELS}
    for packet in packets:
        role = roles[packet.track]
        if role in tracks:
            tracks[role][packet.number * size : (packet.number + 1) * size] = packet.payload
    channels = [np.frombuffer(bytes(tracks[role]), np.uint8) for role in CHANNELS]
    interleaved = np.stack(channels, axis=1)
    step = LINE_RATE_HZ * FRAME_MS // 1000
    for at in range(0, len(interleaved), step):
        yield float((at + step) * 1000 // LINE_RATE_HZ), interleaved[at : at + step].tobytes()


async def play(
    url: str,
    session_id: str,
    conversation_id: str,
    timed: Iterator[tuple[float, bytes]],
    *,
    speed: float = 1.0,
    headers: dict[str, str] | None = None,
) -> int:
    """Play one session to its end; return the number of audio frames sent.

    Raises RuntimeError when the server disconnects or does not answer as the protocol says.
    """
    who = {"Audiohook-Organization-Id": ORGANIZATION_ID, "Audiohook-Session-Id": session_id}
    async with connect(url, additional_headers=who | (headers or {}), compression=None) as socket:
        client = _Client(socket, session_id)
        opened = await client.ask("open", "opened", _open_parameters(conversation_id))
        if [m["channels"] for m in opened["parameters"]["media"]] != [["external", "internal"]]:
            raise RuntimeError("the server did not take the stereo media it was offered")
        began, count = monotonic(), 0
        for send_ms, frame in timed:
            wait_s = send_ms / 1000.0 / speed - (monotonic() - began)
            if wait_s > 0.0:
                await asyncio.sleep(wait_s)
            await socket.send(frame)
            client.position_ms += len(frame) // 2 * 1000 // LINE_RATE_HZ
            count += 1
        await client.ask("close", "closed", {"reason": "end"})
    return count


class _Client:
    """Sequence numbers and position of one session."""

    def __init__(self, socket: ClientConnection, session_id: str) -> None:
        self.position_ms = 0
        self._socket = socket
        self._session_id = session_id
        self._seq = self._server_seq = 0

    async def ask(self, kind: str, answer: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Send one message and wait for its answer."""
        self._seq += 1
        message = {
            "version": "2",
            "type": kind,
            "id": self._session_id,
            "seq": self._seq,
            "serverseq": self._server_seq,
            "position": f"PT{self.position_ms / 1000:g}S",
            "parameters": parameters,
        }
        await self._socket.send(json.dumps(message))
        while True:
            reply: dict[str, Any] = json.loads(
                await asyncio.wait_for(self._socket.recv(), ANSWER_S)
            )
            self._server_seq = int(reply["seq"])
            if reply["type"] == answer:
                return reply
            if reply["type"] == "disconnect":
                raise RuntimeError(f"the server disconnected: {reply['parameters']}")


def _open_parameters(conversation_id: str) -> dict[str, Any]:
    media = [["external", "internal"], ["external"], ["internal"]]
    return {
        "organizationId": ORGANIZATION_ID,
        "conversationId": conversation_id,
        "participant": {
            "id": "883efee8-3d6c-4537-b500-6d7ca4b92fa0",
            "ani": "",
            "aniName": "",
            "dnis": "",
        },
        "media": [
            {"type": "audio", "format": "PCMU", "channels": channels, "rate": 8000}
            for channels in media
        ],
    }
