"""The texts of a call, posted when they were said."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from time import monotonic
from typing import Any

import httpx

from subtone.ingest.files import Transcript
from subtone.runtime.simulate.peers import http_client


def posts(transcript: Transcript) -> Iterator[tuple[float, dict[str, Any]]]:
    """Every text as the body of one POST, with the time it was complete."""
    numbered = enumerate(sorted(transcript.turns, key=lambda turn: turn.known_ms), start=1)
    for number, turn in numbered:
        body: dict[str, Any] = {
            "message_id": f"m{number}",
            "role": turn.role.value,
            "t_ms": turn.t_event_ms,
            "text": turn.text,
        }
        if turn.t_end_ms is not None:
            body["end_ms"] = turn.t_end_ms
        yield float(turn.known_ms), body


async def play(
    url: str,
    timed: Iterator[tuple[float, dict[str, Any]]],
    *,
    speed: float = 1.0,
    headers: dict[str, str] | None = None,
) -> int:
    """Post every text to the call's messages; return how many were accepted.

    Raises httpx.HTTPStatusError when the server refuses one.
    """
    count = 0
    async with http_client(url, headers) as client:
        began = monotonic()
        for send_ms, body in timed:
            wait_s = send_ms / 1000.0 / speed - (monotonic() - began)
            if wait_s > 0.0:
                await asyncio.sleep(wait_s)
            await post(client, url, body)
            count += 1
    return count


async def post(client: httpx.AsyncClient, url: str, body: dict[str, Any]) -> None:
    """Post one text. Raises httpx.HTTPStatusError when it is refused."""
    answer = await client.post(url, json=body)
    answer.raise_for_status()
