"""A live server on a loopback socket inside the test's own event loop."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect

from subtone.runtime.config import JournalConfig, RuntimeConfig, Scope
from subtone.runtime.live.auth import Token, Tokens
from subtone.runtime.live.parts import LiveParts
from subtone.runtime.live.server import LiveServer, running_parts

SECRETS = {scope: f"secret-{scope.value}" for scope in Scope}
TOKENS = Tokens(tuple(Token.of(s.value, secret, [s]) for s, secret in SECRETS.items()))
LIMIT_S = 20.0


@dataclass
class Live:
    """A running server and its client."""

    parts: LiveParts
    http: httpx.AsyncClient
    address: str

    async def call(
        self, method: str, path: str, scope: Scope | None = None, **options: Any
    ) -> httpx.Response:
        headers = dict(options.pop("headers", {}))
        if scope is not None:
            headers["Authorization"] = f"Bearer {SECRETS[scope]}"
        return await self.http.request(method, path, headers=headers, **options)

    async def say(self, call_id: str, text: str, **fields: Any) -> httpx.Response:
        body = {"role": "customer", "text": text, **fields}
        return await self.call("POST", f"/v1/calls/{call_id}/messages", Scope.INGEST, json=body)

    def socket(
        self, path: str, scope: Scope | None = None, headers: Sequence[tuple[str, str]] = ()
    ) -> connect:
        extra = list(headers)
        if scope is not None:
            extra.append(("Authorization", f"Bearer {SECRETS[scope]}"))
        return connect(f"ws://{self.address}{path}", additional_headers=extra, compression=None)


@asynccontextmanager
async def live_server(
    folder: Path, tokens: Tokens = TOKENS, **sections: Any
) -> AsyncIterator[Live]:
    """Serve until the block ends, then shut down as a SIGTERM would."""
    journal = sections.pop("journal", JournalConfig())
    journal = msgspec.structs.replace(journal, path=str(folder))
    config = RuntimeConfig(journal=journal, **sections)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = "{}:{}".format(*listening.getsockname())
        async with running_parts(config, tokens) as parts:
            server, listens = LiveServer(config, parts), asyncio.Event()
            server.on_ready = listens.set
            serving = asyncio.create_task(server.serve([listening]))
            await asyncio.wait_for(listens.wait(), LIMIT_S)
            async with httpx.AsyncClient(base_url=f"http://{address}", timeout=10.0) as http:
                yield Live(parts, http, address)
            server.should_exit = True
            await asyncio.wait_for(serving, LIMIT_S)


def run_live(
    folder: Path, test: Callable[[Live], Awaitable[None]], tokens: Tokens = TOKENS, **sections: Any
) -> None:
    """One test against one server, bounded."""

    async def bounded() -> None:
        async with asyncio.timeout(LIMIT_S), live_server(folder, tokens, **sections) as live:
            await test(live)

    asyncio.run(bounded())


async def eventually(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it is so; the test's own limit bounds it."""
    while not await is_so():  # noqa: ASYNC110 - what is waited for is in another process or thread
        await asyncio.sleep(0.02)


async def next_frame(socket: ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(socket.recv(), 10.0))
