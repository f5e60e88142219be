"""A recorded call through a live server, as a user of that server would see it.

The server is a real one on loopback, with a journal in a folder that goes with it. The call
comes in as a Twilio media stream, its words as posted messages; what is said about it is read
from the event stream.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec

from subtone.contracts.outputs import AnalysedTurn, Decision
from subtone.contracts.vocabulary import Role
from subtone.runtime.config import HttpConfig, JournalConfig, RuntimeConfig
from subtone.runtime.live.hosted import Hosted, hosted
from subtone.runtime.simulate.peers import http_client
from subtone.runtime.simulate.play import Play, PlayError, Protocol, play_all

LiveItem = AnalysedTurn | Decision
GRACE_S = 60.0  # after the call's last words, for a slow machine
EVENT = "data: "


class _Followed(msgspec.Struct, frozen=True):
    kind: str
    item: msgspec.Raw


_followed = msgspec.json.Decoder(_Followed).decode
_ITEMS: dict[str, Callable[[msgspec.Raw], LiveItem]] = {
    "turn": msgspec.json.Decoder(AnalysedTurn).decode,
    "decision": msgspec.json.Decoder(Decision).decode,
}


@contextmanager
def own_server() -> Iterator[Hosted]:
    """A server on a port of its own, whose journal is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="subtone-demo-") as folder:
        journal = JournalConfig(path=folder)
        with hosted(RuntimeConfig(http=HttpConfig(port=0), journal=journal)) as server:
            yield server


def play_live(
    server: Hosted,
    audio: Path,
    text: Path,
    roles: Sequence[Role],
    speed: float,
    on_item: Callable[[LiveItem], None],
) -> None:
    """Play a call with its words into a server and hand on what it says, until the call is over.

    Args:
        server: one that has no other call.
        audio: recording with one channel per role.
        text: transcript of the same call.
        roles: who is on each channel.
        speed: how many times faster than it was spoken.
        on_item: called for every turn and every decided moment, in the order they are told.

    Raises IngestError for a call that cannot be read, PlayError for a server that refuses it or
    stops talking, TimeoutError for one that never says that the call is over.

    """
    wanted = Play(
        protocol=Protocol.TWILIO,
        call=audio,
        target=server.url.replace("http", "ws", 1) + "/v1/streams",
        roles=tuple(roles),
        text=text,
        speed=speed,
        token=server.token,
    )
    try:
        asyncio.run(_play(server, wanted, on_item))
    except httpx.HTTPError as error:
        raise PlayError(f"{server.url} told no more about the call: {error}") from error


async def _play(server: Hosted, wanted: Play, on_item: Callable[[LiveItem], None]) -> None:
    following = asyncio.create_task(_follow(server, on_item))
    playing = asyncio.create_task(play_all(wanted))
    try:
        await asyncio.wait((following, playing), return_when=asyncio.FIRST_COMPLETED)
        if following.done():  # a call nobody follows is not played on
            following.result()
        await playing
        async with asyncio.timeout(GRACE_S):
            await following
    finally:
        for task in (following, playing):
            task.cancel()
        await asyncio.gather(following, playing, return_exceptions=True)


async def _follow(server: Hosted, on_item: Callable[[LiveItem], None]) -> None:
    """Everything the event stream says, up to the call's end."""
    headers = {"Authorization": f"Bearer {server.token}"}
    async with (
        http_client(server.url, headers) as client,
        client.stream("GET", f"{server.url}/v1/stream?after=0", timeout=None) as answer,
    ):
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            if not line.startswith(EVENT):
                continue
            said = _followed(line.removeprefix(EVENT))
            if said.kind == "ended":
                return
            if said.kind in _ITEMS:
                on_item(_ITEMS[said.kind](said.item))
    raise httpx.RemoteProtocolError("the event stream ended before the call")
