"""The simulated Genesys client against the AudioHook codec over a real WebSocket."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import numpy as np
import pytest
import soundfile
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from subtone.contracts.vocabulary import Role
from subtone.ingest.audiohook import AudioHookCodec
from subtone.ingest.wire import StreamClosed, StreamEvent, StreamMedia, StreamOpened
from subtone.runtime.simulate import audiohook
from subtone.runtime.simulate.packets import packets_of

ROLES = (Role.AGENT, Role.CUSTOMER)
ORGANISATION = "d7934305-0972-4844-938e-9060eef73d05"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "call.wav"
    t_s = np.arange(3 * 8_000) / 8_000
    stereo = np.stack([0.5 * np.sin(2 * np.pi * 300 * t_s), 0.4 * np.sin(2 * np.pi * 700 * t_s)], 1)
    soundfile.write(path, stereo, 8_000)
    return path


def test_a_session_is_played_to_its_end_and_every_sample_arrives(recording: Path) -> None:
    packets = list(packets_of(recording, ROLES))
    session_id, conversation_id = str(uuid.uuid4()), str(uuid.uuid4())
    heard: list[StreamEvent] = []

    async def handle(socket: ServerConnection) -> None:
        codec = AudioHookCodec(organization_id=ORGANISATION, session_id=session_id)
        try:
            async for message in socket:
                received = codec.receive(message, 0)
                heard.extend(received.events)
                for reply in received.replies:
                    await socket.send(reply)
        except ConnectionClosed:
            return

    async def main() -> int:
        async with serve(handle, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            return await audiohook.play(
                f"ws://127.0.0.1:{port}",
                session_id,
                conversation_id,
                audiohook.frames(ROLES, packets),
                speed=20.0,
            )

    assert asyncio.run(asyncio.wait_for(main(), 20)) == 15
    opened = next(e for e in heard if isinstance(e, StreamOpened))
    assert opened.call_id == conversation_id
    for index, role in enumerate(ROLES):
        track = next(t.track_id for t in opened.tracks if t.role is role)
        media = [e for e in heard if isinstance(e, StreamMedia) and e.track_id == track]
        expected = b"".join(p.payload for p in packets if p.track == index)
        assert b"".join(m.payload for m in media) == expected
    assert isinstance(heard[-1], StreamClosed)
