"""What the kernel says, recorded once and handed to everybody who follows.

The journal's outputs table is the truth: its cursor is global and only grows. A follower holds
nothing but a cursor and asks for the next page, from the newest rows kept in memory or, further
back, from the table. So nothing is missed or doubled across a reconnect or a restart, and a
slow follower costs one page and delays nobody.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_right
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

import msgspec

from subtone.contracts.outputs import Outputs
from subtone.runtime.journal import JournalFullError, Output, OutputRow
from subtone.runtime.live.metrics import Metrics

RECENT_ROWS = 500
PAGE_ROWS = 100
HEARTBEAT_S = 15.0
RETRY_S = 1.0
ITEM_BITS = 20  # room for what one event leads to; a week of moments in one tick fits

log = logging.getLogger(__name__)
encode = msgspec.json.Encoder().encode


class OutputStore(Protocol):
    """What the feed asks of the journal."""

    def record(self, call_id: str, outputs: Sequence[Output]) -> Future[int]:
        """Keep outputs; what is there already stays."""
        ...

    def snapshot(self, call_id: str, seq: int, state: bytes) -> Future[None]:
        """Keep where the call stood after event seq."""
        ...

    def settle(self, call_id: str, seq: int) -> Future[None]:
        """Nothing more follows from the call, whose last event is seq."""
        ...


class OutputReader(Protocol):
    """The read side of the journal's outputs; called on threads."""

    def outputs_after(
        self, cursor: int = 0, limit: int = 100, *, call_id: str | None = None
    ) -> Sequence[OutputRow]:
        """Rows behind the cursor, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Followed:
    """One step of following: rows, maybe none, and the cursor to go on from."""

    rows: tuple[OutputRow, ...]
    cursor: int


class OutputFeed:
    """The hub's recorder, and the source of every live stream of outputs."""

    def __init__(self, store: OutputStore, reader: OutputReader, metrics: Metrics) -> None:
        self._store = store
        self._reader = reader
        self._metrics = metrics
        self._recent: list[OutputRow] = []
        self.newest = 0  # everything up to here was seen
        self._oldest = 0  # everything behind here is in memory
        self._waiting: list[Callable[[], Future[Any]]] = []
        self._has_work = asyncio.Event()
        self._grown = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None
        self._is_stopping = False
        self.is_closing = False

    async def start(self) -> None:
        """Begin recording; followers who come later start from what is there now."""
        self.newest = self._oldest = await self._last_cursor()
        self._writing = asyncio.create_task(self._write(), name="output-feed")

    async def stop(self) -> None:
        """Record what waits, and let every follower go."""
        self.close()
        self._is_stopping = True
        if self._writing is not None:
            self._has_work.set()
            await self._writing

    def close(self) -> None:
        """Let every follower go; recording goes on."""
        self.is_closing = True
        self._grown.set()

    def say(self, call_id: str, said: Sequence[tuple[int, Outputs]]) -> None:
        """Record what the kernel said; see hub.Recorder."""
        items = [item for number, outputs in said for item in items_of(number, outputs)]
        for item in items:
            self._metrics.count_output(item.kind)
        for _, outputs in said:
            for decision in outputs.decisions:
                self._metrics.count_decision(decision.snapshot.state)
        if items:
            self._do(lambda: self._store.record(call_id, items))

    def snapshot(self, call_id: str, seq: int, snapshot: bytes) -> None:
        """Keep where the call stood; never before what it said by then is recorded."""
        self._do(lambda: self._store.snapshot(call_id, seq, snapshot))

    def settle(self, call_id: str, seq: int) -> None:
        """Tell followers that the call is over, and note that it is recorded."""
        ended = [Output("ended", 0, b"{}")]
        self._metrics.count_output("ended")
        self._do(lambda: self._store.record(call_id, ended))
        self._do(lambda: self._store.settle(call_id, seq))

    def forget(self, call_id: str) -> None:
        """Nothing of an erased call stays in memory."""
        self._recent = [row for row in self._recent if row.call_id != call_id]

    async def follow(
        self, after: int, call_id: str | None = None, heartbeat_s: float = HEARTBEAT_S
    ) -> AsyncGenerator[Followed, None]:
        """Every row behind the cursor, as it comes, until the feed closes.

        An empty step comes when there was nothing for heartbeat_s. A consumer that does not
        come back for the next page is simply not served.
        """
        cursor = after
        while not self.is_closing:
            grown, newest = self._grown, self.newest
            rows = await self._page(cursor, call_id)
            cursor = rows[-1].cursor if rows else max(cursor, newest)
            if rows or not await _within(grown, heartbeat_s):
                yield Followed(rows, cursor)

    async def _page(self, cursor: int, call_id: str | None) -> tuple[OutputRow, ...]:
        if cursor < self._oldest:
            found = await asyncio.to_thread(
                self._reader.outputs_after, cursor, PAGE_ROWS, call_id=call_id
            )
            return tuple(found)
        first = bisect_right(self._recent, cursor, key=lambda row: row.cursor)
        rows = (r for r in islice(self._recent, first, None) if call_id in (None, r.call_id))
        return tuple(islice(rows, PAGE_ROWS))

    def _do(self, work: Callable[[], Future[Any]]) -> None:
        self._waiting.append(work)
        self._has_work.set()

    async def _write(self) -> None:
        """Everything that waits goes to the journal together, then to the followers."""
        while self._waiting or not self._is_stopping:
            await self._has_work.wait()
            self._has_work.clear()
            work, self._waiting = self._waiting, []
            done = await self._done(work)
            failed = [item for item, is_done in zip(work, done, strict=True) if not is_done]
            await self._look()
            if failed:
                self._waiting = failed + self._waiting
                if self._is_stopping:
                    log.error("%d outputs stay unrecorded; a restart makes them again", len(failed))
                    return
                await asyncio.sleep(RETRY_S)
                self._has_work.set()

    async def _done(self, work: Sequence[Callable[[], Future[Any]]]) -> list[bool]:
        """Whether each needs no other try: it worked, or never will."""
        submitted = [asyncio.wrap_future(item()) for item in work]
        results = await asyncio.gather(*submitted, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                self._metrics.record_errors.inc()
                log.error("the journal did not take an output: %s", result)
        return [not isinstance(result, JournalFullError) for result in results]

    async def _look(self) -> None:
        """Fetch what was recorded since the last look and wake everybody."""
        while rows := await asyncio.to_thread(
            self._reader.outputs_after, self.newest, PAGE_ROWS * 10
        ):
            self._recent += rows
            self.newest = rows[-1].cursor
            if len(self._recent) > 2 * RECENT_ROWS:
                del self._recent[:-RECENT_ROWS]
                self._oldest = self._recent[0].cursor - 1
            grown, self._grown = self._grown, asyncio.Event()
            grown.set()

    async def _last_cursor(self) -> int:
        """The newest cursor, found without reading what lies before it."""
        low, step = 0, 1
        while await self._is_beyond(low + step):
            low, step = low + step, step * 2
        while step > 1:
            step //= 2
            low += step * await self._is_beyond(low + step)
        return low + await self._is_beyond(low)

    async def _is_beyond(self, cursor: int) -> bool:
        return bool(await asyncio.to_thread(self._reader.outputs_after, cursor, 1))


def items_of(number: int, outputs: Outputs) -> Iterator[Output]:
    """What followers see of the outputs of one event, each with a name that never changes."""
    first = number << ITEM_BITS
    for kind, values in (
        ("turn", outputs.turns),
        ("decision", outputs.decisions),
        ("transition", [d.transition for d in outputs.decisions if d.transition is not None]),
        ("amended", outputs.amended),
        ("amd", [outputs.amd] if outputs.amd is not None else []),
        ("notice", outputs.notices),
    ):
        for index, value in enumerate(values):
            yield Output(kind, first + index, encode(value))


async def _within(event: asyncio.Event, timeout_s: float) -> bool:
    """Wait for the event, but no longer; whether it came."""
    waiting = asyncio.ensure_future(event.wait())
    done, _ = await asyncio.wait([waiting], timeout=timeout_s)
    waiting.cancel()
    return bool(done)
