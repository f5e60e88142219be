"""Sockets are read on while messages wait, up to a bound, and nothing is lost or reordered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from subtone.runtime.live.socket_protocol import (
    MAX_WAITING_BYTES,
    BatchingProtocol,
    waiting_receiver,
)

LIMIT_S = 20.0
Socket = Callable[[Any, Any, Any], Awaitable[None]]


class Announced(uvicorn.Server):
    """Uvicorn, telling when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.listens.set()


@asynccontextmanager
async def listening(application: Socket) -> AsyncIterator[str]:
    server = Announced(
        uvicorn.Config(application, port=0, ws=BatchingProtocol, lifespan="off", log_config=None)
    )
    serving = asyncio.create_task(server.serve())
    await server.listens.wait()
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"ws://127.0.0.1:{port}"
    server.should_exit = True
    await serving


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(LIMIT_S):
            await test()

    asyncio.run(bounded())


def test_everything_that_waits_is_taken_at_once_and_in_order() -> None:
    batches: list[list[str]] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        receive_waiting = waiting_receiver(scope)
        assert receive_waiting is not None
        while True:
            await asyncio.sleep(0.05)
            events = await receive_waiting()
            batches.append([event["text"] for event in events if "text" in event])
            if events[-1]["type"] == "websocket.disconnect":
                return

    async def test() -> None:
        async with listening(application) as url, connect(url) as socket:
            for number in range(1_000):
                await socket.send(str(number))

    run(test)
    assert [text for batch in batches for text in batch] == [str(n) for n in range(1_000)]
    assert max(len(batch) for batch in batches) > 10


def test_a_peer_faster_than_we_read_is_held_back_and_loses_nothing() -> None:
    message = b"x" * 8_192
    waited: list[int] = []
    taken = 0

    async def application(scope: Any, receive: Any, send: Any) -> None:
        nonlocal taken
        await receive()
        await send({"type": "websocket.accept"})
        receive_waiting = waiting_receiver(scope)
        assert receive_waiting is not None
        is_open = True
        while is_open:
            await asyncio.sleep(0.02)
            events = await receive_waiting()
            sizes = [len(event["bytes"]) for event in events if "bytes" in event]
            waited.append(sum(sizes))
            taken += len(sizes)
            is_open = events[-1]["type"] != "websocket.disconnect"

    async def test() -> None:
        async with listening(application) as url, connect(url, compression=None) as socket:
            for _ in range(500):
                await socket.send(message)

    run(test)
    assert taken == 500
    # what one read of the transport brings may lie on top of the bound
    assert MAX_WAITING_BYTES < max(waited) <= MAX_WAITING_BYTES + 512 * 1024


def test_one_message_at_a_time_still_works() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        del scope
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": event["text"].upper()})

    async def test() -> None:
        async with listening(application) as url, connect(url) as socket:
            for word in ("one", "two", "three"):
                await socket.send(word)
                assert await socket.recv() == word.upper()

    run(test)


def test_after_a_close_the_peers_flood_does_not_keep_the_socket() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        del scope
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 1008})

    async def test() -> None:
        async with listening(application) as url, connect(url, compression=None) as socket:
            with pytest.raises(ConnectionClosed):
                for _ in range(10_000):
                    await socket.send(b"x" * 8_192)
            assert socket.close_code == 1008

    run(test)
