"""Crashes: N live Twilio calls, kill -9 at a random moment, restart on the same journal, again.

    python -m bench.crash --calls 50 --rounds 10

Every client comes back with a new stream under its old call id; a follower of all outputs comes
back with its cursor. In the end each call's journal must hold what it held at every crash and
more, each event once, and must lead the kernel to exactly what was recorded and followed.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from bench.live import CALL, ROLES, Server, repeated
from subtone.contracts.inbound import CallEnded, CallStarted, InboundEvent
from subtone.kernel import pipeline
from subtone.kernel.pipeline import PeerError
from subtone.runtime.journal import JournalReader
from subtone.runtime.live.stream_feed import items_of
from subtone.runtime.simulate import twilio
from subtone.runtime.simulate.packets import packets_of

SETTINGS = {
    "SUBTONE_JOURNAL_AUDIO": "keep",  # so that every call can be replayed from its first event
    "SUBTONE_JOURNAL_SNAPSHOT_S": "5",  # so that restarts begin from snapshots too
    "SUBTONE_LOG_LEVEL": "warning",
}
LIVES_S = (2.0, 9.0)  # how long a process lives once all clients are there
CONNECTION_S = 120  # of audio in hand; longer than a process lives
BACK_S = 0.1
ATTACH_S = 60.0
END_S = 60.0
PAGE = 1_000

encode = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True)
class Crash:
    """One kill -9 and the restart after it."""

    lived_s: float
    events: int  # in the journal when the process was dead
    restart_s: float  # until the new process listened
    attached_s: float  # from then until the last client was back


@dataclass
class Found:
    """What was seen while the processes came and went."""

    crashes: list[Crash] = field(default_factory=list)
    journals: list[dict[str, list[bytes]]] = field(default_factory=list)  # at each crash
    followed: list[tuple[int, str, str, Any]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class World:
    """The server of the moment and everybody who talks to it."""

    def __init__(self, folder: Path, call_ids: Sequence[str]) -> None:
        self.folder = folder
        self.call_ids = call_ids
        self.server = Server(folder)
        self.attached: set[str] = set()
        self.is_over = False
        self.found = Found()
        self._packets = list(repeated(list(packets_of(CALL, ROLES)), CONNECTION_S))

    async def play(self, call_id: str) -> None:
        """One client: streams, and whenever the line breaks begins another stream."""
        streams = 0
        while not self.is_over:
            streams += 1
            timed = self._timed(call_id, f"MZ{call_id}-{streams}")
            server = self.server
            url = f"ws://{server.address}/v1/streams"
            try:
                await twilio.play(url, timed, headers=server.headers)
            except (WebSocketException, OSError, TimeoutError):
                await asyncio.sleep(BACK_S)

    async def follow(self) -> None:
        """One reader of everything, who goes on behind the last cursor it saw."""
        while True:
            seen = self.found.followed
            server = self.server
            url = f"ws://{server.address}/v1/stream?after={seen[-1][0] if seen else 0}"
            try:
                async with connect(url, additional_headers=server.headers, max_size=None) as socket:
                    async for message in socket:
                        row = json.loads(message)
                        seen.append((row["cursor"], row["call_id"], row["kind"], row["item"]))
            except (WebSocketException, OSError, TimeoutError):
                await asyncio.sleep(BACK_S)

    async def crash(self, after_s: float) -> None:
        """Let the process live so long, kill it, and start another on its journal."""
        await asyncio.sleep(after_s)
        self.server.process.kill()
        self.server.process.wait()
        journal = await asyncio.to_thread(events_of, self.folder, self.call_ids)
        self.attached.clear()
        began_s = time.monotonic()
        self.server = await asyncio.to_thread(Server, self.folder)
        listened_s = time.monotonic()
        await self.all_attached()
        crash = Crash(
            lived_s=after_s,
            events=sum(map(len, journal.values())),
            restart_s=listened_s - began_s,
            attached_s=time.monotonic() - listened_s,
        )
        self.found.journals.append(journal)
        self.found.crashes.append(crash)
        print(
            f"lived {after_s:.1f} s: {crash.events} events in the journal, listening again after "
            f"{crash.restart_s:.2f} s, all clients back {crash.attached_s:.2f} s later",
            flush=True,
        )

    async def all_attached(self) -> None:
        async with asyncio.timeout(ATTACH_S):
            while len(self.attached) < len(self.call_ids):  # noqa: ASYNC110 - set by every client
                await asyncio.sleep(0.02)

    async def end(self) -> None:
        """Every client says goodbye, every call is ended, and what follows from it is recorded."""
        self.is_over = True
        url = f"http://{self.server.address}/v1/calls"
        async with asyncio.timeout(END_S), httpx.AsyncClient(headers=self.server.headers) as http:
            for call_id in self.call_ids:
                (await http.post(f"{url}/{call_id}/end", json={})).raise_for_status()
            while not await asyncio.to_thread(self._is_settled):  # noqa: ASYNC110 - in a process
                await asyncio.sleep(0.2)

    def _is_settled(self) -> bool:
        reader = JournalReader(self.folder)
        try:
            newest = outputs_of(reader)[-1][0]
            return not reader.unsettled() and self.found.followed[-1][0] == newest
        finally:
            reader.close()

    def _timed(self, call_id: str, stream_id: str) -> Iterator[tuple[float, str]]:
        """The stream's messages; the first is asked for when the socket is open."""
        self.attached.add(call_id)
        for send_ms, message in twilio.messages(call_id, stream_id, ROLES, self._packets):
            if self.is_over:
                return
            yield send_ms, message


def events_of(folder: Path, call_ids: Sequence[str]) -> dict[str, list[bytes]]:
    """A digest of each event of each call, read from a journal whose process is dead."""
    reader = JournalReader(folder)
    try:
        return {c: [digest(event) for event in reader.replay(c)] for c in call_ids}
    finally:
        reader.close()


def digest(event: InboundEvent) -> bytes:
    return hashlib.sha256(encode(event)).digest()


def outputs_of(reader: JournalReader) -> list[tuple[int, str, str, Any]]:
    """Every recorded output: cursor, call, kind, item."""
    rows: list[tuple[int, str, str, Any]] = []
    while page := reader.outputs_after(rows[-1][0] if rows else 0, PAGE):
        rows += [(row.cursor, row.call_id, row.kind, json.loads(row.body)) for row in page]
    return rows


def check(folder: Path, found: Found, call_ids: Sequence[str]) -> dict[str, int]:
    """Add to ``found.wrong`` whatever was lost, doubled or does not follow."""
    wrong, counts = found.wrong, Counter[str]()
    reader = JournalReader(folder)
    try:
        recorded = outputs_of(reader)
        counts["outputs"] = len(recorded)
        if found.followed != recorded:
            wrong.append(f"a follower saw {len(found.followed)} of {len(recorded)} outputs")
        for call_id in call_ids:
            events = list(reader.replay(call_id))  # raises where a number is missing
            digests = [digest(event) for event in events]
            counts["events"] += len(events)
            if len(set(digests)) < len(digests):
                wrong.append(f"{call_id}: an event is there twice")
            if [e for e in events if isinstance(e, CallStarted)] != events[:1]:
                wrong.append(f"{call_id}: did not begin exactly once")
            if [e for e in events if isinstance(e, CallEnded)] != events[-1:]:
                wrong.append(f"{call_id}: did not end exactly once")
            for number, journal in enumerate(found.journals):
                kept = journal[call_id]
                if digests[: len(kept)] != kept:
                    wrong.append(f"{call_id}: crash {number} changed what was journalled")
                if len(digests) <= len(kept) + 1:
                    wrong.append(f"{call_id}: nothing came after crash {number}")
            mine = [(kind, item) for _, call, kind, item in recorded if call == call_id]
            indexes = [item["moment"]["index"] for kind, item in mine if kind == "decision"]
            counts["moments"] += len(indexes)
            if indexes != list(range(len(indexes))):
                wrong.append(f"{call_id}: its moments are numbered {indexes}")
            if sorted(mine, key=str) != sorted(replayed(events), key=str):
                wrong.append(f"{call_id}: the journal leads elsewhere than what was said")
    finally:
        reader.close()
    return dict(counts)


def replayed(events: Sequence[InboundEvent]) -> list[tuple[str, Any]]:
    """What a call that is over leads to when the kernel hears it once more from its first event."""
    state = pipeline.start(None)
    said: list[tuple[str, Any]] = [("ended", {})]
    for number, event in enumerate(events, 1):
        try:
            state, outputs = pipeline.feed(state, event)
        except PeerError:
            continue
        said += [(item.kind, json.loads(item.body)) for item in items_of(number, outputs)]
    return said


async def run(world: World, rounds: int, seed: int) -> None:
    dice = random.Random(seed)
    clients = [asyncio.create_task(world.play(call_id)) for call_id in world.call_ids]
    follower = asyncio.create_task(world.follow())
    await world.all_attached()
    for _ in range(rounds):
        await world.crash(dice.uniform(*LIVES_S))
    await asyncio.sleep(LIVES_S[0])
    await world.end()
    follower.cancel()
    await asyncio.gather(*clients)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1, help="of the moments to die")
    parser.add_argument("--out", type=Path, help="write results as JSON")
    options = parser.parse_args()
    os.environ.update(SETTINGS)
    call_ids = [f"CA{number:04d}" for number in range(options.calls)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        world = World(folder, call_ids)
        try:
            asyncio.run(run(world, options.rounds, options.seed))
        finally:
            world.server.process.terminate()
            world.server.process.wait(30)
        counts = check(folder, world.found, call_ids)
    found = world.found
    print(
        f"{options.calls} calls over {len(found.crashes)} crashes: {counts['events']} events, "
        f"{counts['moments']} moments, {counts['outputs']} outputs; "
        f"{len(found.wrong)} violations"
    )
    for line in found.wrong:
        print(f"wrong: {line}")
    if options.out:
        figures = {
            "calls": options.calls,
            "seed": options.seed,
            "crashes": [asdict(crash) for crash in found.crashes],
            "violations": found.wrong,
            **counts,
        }
        options.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    sys.exit(bool(found.wrong))


if __name__ == "__main__":
    main()
