"""A whole server inside this process, on a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from subtone.runtime.config import RuntimeConfig
from subtone.runtime.live.server import (
    LiveServer,
    listen,
    loop_factory,
    make_tokens,
    running_parts,
)


@dataclass(frozen=True, slots=True)
class Hosted:
    """Where the server listens, and a token for every scope."""

    url: str
    token: str = field(repr=False)


@contextmanager
def hosted(config: RuntimeConfig) -> Iterator[Hosted]:
    """Serve on loopback for as long as the block runs; everything taken is written when it ends.

    Raises ConfigError for an address that cannot be listened on, JournalError for a journal that
    cannot be opened.
    """
    ready: Future[Hosted] = Future()
    wish = threading.Event()
    with listen(config) as listening, ThreadPoolExecutor(1, "server") as thread:
        running = thread.submit(_run, config, listening, ready, wish)
        try:
            both: tuple[Future[Any], ...] = (ready, running)
            wait(both, return_when=FIRST_COMPLETED)
            if running.done():
                running.result()
            yield ready.result()
        finally:
            wish.set()
        running.result()


def _run(
    config: RuntimeConfig, listening: socket.socket, ready: Future[Hosted], wish: threading.Event
) -> None:
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(config, listening, ready, wish))


async def _serve(
    config: RuntimeConfig, listening: socket.socket, ready: Future[Hosted], wish: threading.Event
) -> None:
    tokens, secret = make_tokens(config)
    host, port = listening.getsockname()[:2]
    async with running_parts(config, tokens) as parts:
        server = LiveServer(config, parts)
        server.on_ready = lambda: ready.set_result(Hosted(f"http://{host}:{port}", secret or ""))
        serving = asyncio.create_task(server.serve([listening]))
        await asyncio.wait(
            (serving, asyncio.create_task(asyncio.to_thread(wish.wait))),
            return_when=asyncio.FIRST_COMPLETED,
        )
        server.should_exit = True
        await serving
        wish.set()
