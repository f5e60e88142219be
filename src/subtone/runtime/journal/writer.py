"""One thread writes: whatever waits goes to disk together, and only then is it acknowledged."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from subtone.runtime.journal.database import FILE_NAME, Database, full, named_failures, transaction
from subtone.runtime.journal.errors import JournalError, JournalFullError
from subtone.runtime.journal.records import Record
from subtone.runtime.journal.segments import Place, Segments

T = TypeVar("T")
Task = Callable[[Database], T]

# Each statement lets the interpreter's lock go and may wait long for it: few, wide statements.
ROWS_PER_STATEMENT: Final = 256
COLUMNS: Final = 9


@dataclass(frozen=True, slots=True)
class WriterLimits:
    """How long and how much may wait."""

    linger_s: float = 0.005  # the first in a batch waits this long for others
    max_batch_events: int = 4_096
    max_waiting_bytes: int = 256 * 1024 * 1024  # beyond, the disk is too slow: refuse
    segment_max_age_s: float | None = None  # None: a segment ends by size alone


@dataclass(slots=True)
class _Work:
    """Events or a task, and who waits for it."""

    future: Future[Any]
    records: Sequence[Record] = ()
    task: Task[Any] | None = None
    is_alone: bool = False  # outside the transaction, once it is through
    n_bytes: int = 0
    failure: Exception | None = None
    result: Any = None


@dataclass(slots=True)
class _Queue:
    """What waits for the thread; every field is guarded by the condition."""

    changed: threading.Condition = field(default_factory=threading.Condition)
    work: deque[_Work] = field(default_factory=deque)
    n_bytes: int = 0
    n_events: int = 0
    is_closed: bool = False


class Writer:
    """Group commit over one database and its segment files."""

    def __init__(
        self,
        folder: Path,
        database: Database,
        segments: Segments,
        limits: WriterLimits,
        on_rotate: Callable[[Database], None],
    ) -> None:
        self._path = folder / FILE_NAME
        self._database = database
        self._segments = segments
        self._limits = limits
        self._on_rotate = on_rotate
        self._segment_since_s = time.monotonic()
        self._queue = _Queue()
        row = database.execute("SELECT seq FROM sqlite_sequence WHERE name='events'").fetchone()
        self._last_seq = 0 if row is None else int(row[0])
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def append(self, records: Sequence[Record]) -> Future[int]:
        """Queue events; the future gives the last one's seq once all of them are on disk."""
        n_bytes = sum(len(r.body) + len(r.payload) for r in records)
        return self._put(_Work(Future(), records=records, n_bytes=n_bytes))

    def run(self, task: Task[T]) -> Future[T]:
        """Queue a task; it runs in the thread's transaction and fails alone."""
        return self._put(_Work(Future(), task=task))

    def run_alone(self, task: Task[T]) -> Future[T]:
        """Queue a task that no transaction can hold, or that needs the last one on disk."""
        return self._put(_Work(Future(), task=task, is_alone=True))

    def close(self) -> None:
        """Write what waits, then stop."""
        with self._queue.changed:
            self._queue.is_closed = True
            self._queue.changed.notify()
        self._thread.join()
        self._segments.close()

    def _put(self, work: _Work) -> Future[Any]:
        queue = self._queue
        with queue.changed:
            if queue.is_closed:
                raise JournalError("the journal is closed: nothing more is accepted")
            if queue.n_bytes + work.n_bytes > self._limits.max_waiting_bytes and queue.work:
                raise JournalFullError(
                    f"{queue.n_bytes} bytes already wait for the disk under {self._path.parent}: "
                    "refuse new calls, and give the journal a faster disk"
                )
            queue.work.append(work)
            queue.n_bytes += work.n_bytes
            queue.n_events += len(work.records)
            queue.changed.notify()
        return work.future

    def _run(self) -> None:
        while batch := self._next_batch():
            running = [w for w in batch if w.future.set_running_or_notify_cancel()]
            try:
                self._commit(running)
            except Exception as error:  # whoever waits must hear of any failure
                for work in running:
                    work.future.set_exception(error)
                continue
            for work in running:
                if work.failure is not None:
                    work.future.set_exception(work.failure)
                else:
                    work.future.set_result(work.result)

    def _next_batch(self) -> list[_Work]:
        """Wait for work; empty once closed and drained."""
        queue, limits = self._queue, self._limits
        with queue.changed:
            while not queue.work and not queue.is_closed:
                queue.changed.wait()
            until_s = time.monotonic() + limits.linger_s
            while not queue.is_closed and queue.n_events < limits.max_batch_events:
                left_s = until_s - time.monotonic()
                if left_s <= 0.0 or not queue.changed.wait(left_s):
                    break
            batch: list[_Work] = []
            n_events = 0
            while queue.work and n_events < limits.max_batch_events:
                work = queue.work.popleft()
                batch.append(work)
                n_events += len(work.records)
                queue.n_bytes -= work.n_bytes
                queue.n_events -= len(work.records)
            return batch

    def _commit(self, batch: Sequence[_Work]) -> None:
        """Payloads first, then the rows that refer to them; all or nothing."""
        self._rotate()
        records = [record for work in batch for record in work.records]
        size = self._segments.size
        try:
            places = iter(self._segments.append([r.payload for r in records if r.payload]))
        except OSError as error:
            raise full(self._path.parent, error.strerror or str(error)) from error
        try:
            with named_failures(self._path), transaction(self._database):
                if records:
                    self._insert(records, places)
                seq = self._last_seq
                for work in batch:
                    seq += len(work.records)
                    work.result = seq
                    if work.task is not None and not work.is_alone:
                        self._run_task(work, work.task)
        except BaseException:
            self._segments.take_back(size)
            raise
        self._last_seq = seq
        for work in batch:
            if work.task is not None and work.is_alone:
                self._run_task(work, work.task)

    def _rotate(self) -> None:
        age_s = time.monotonic() - self._segment_since_s
        oldest_s = self._limits.segment_max_age_s
        before = self._segments.current
        self._segments.rotate(is_due=oldest_s is not None and age_s >= oldest_s)
        if self._segments.current != before:
            self._segment_since_s = time.monotonic()
            with named_failures(self._path):
                self._on_rotate(self._database)

    def _run_task(self, work: _Work, task: Task[Any]) -> None:
        try:
            if work.is_alone:
                with named_failures(self._path):
                    work.result = task(self._database)
            else:
                with self._database:  # a savepoint: what one task broke, it alone loses
                    work.result = task(self._database)
        except (JournalError, ValueError) as error:
            work.failure = error

    def _insert(self, records: Sequence[Record], places: Any) -> None:
        numbers = self._count_up(records)
        rows: list[Any] = []
        for seq, record in enumerate(records, start=self._last_seq + 1):
            key, number = next(numbers[record.call_id])
            place: Place | None = next(places) if record.payload else None
            rows += (seq, key, number, record.t_seen_ms, record.crc, record.body)
            rows += (len(record.payload),)
            rows += (None, None) if place is None else (place.segment, place.position)
        at = 0
        while at < len(rows):
            left = (len(rows) - at) // COLUMNS
            n = ROWS_PER_STATEMENT if left >= ROWS_PER_STATEMENT else 1 << left.bit_length() - 1
            values = ",".join(["(?,?,?,?,?,?,?,?,?)"] * n)
            # placeholders only; powers of two, so that few statements are ever prepared
            sql = f"INSERT INTO events VALUES {values}"  # noqa: S608
            self._database.execute(sql, rows[at : at + n * COLUMNS])
            at += n * COLUMNS

    def _count_up(self, records: Sequence[Record]) -> dict[str, Any]:
        """Note the events in their calls; for each call, its key and its next numbers."""
        totals: dict[str, list[int]] = {}
        for record in records:
            total = totals.setdefault(record.call_id, [0, record.t_seen_ms, record.t_seen_ms, 0])
            total[0] += 1
            total[1] = min(total[1], record.t_seen_ms)
            total[2] = max(total[2], record.t_seen_ms)
            total[3] |= record.is_end
        given = json.dumps([[call_id, *total] for call_id, total in totals.items()])
        self._database.execute(
            """
            INSERT INTO calls (call_id, last_number, first_seen_ms, last_seen_ms, is_ended)
            SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4
            FROM json_each(?) WHERE true
            ON CONFLICT (call_id) DO UPDATE SET
                last_number = last_number + excluded.last_number,
                last_seen_ms = max(last_seen_ms, excluded.last_seen_ms),
                is_ended = max(is_ended, excluded.is_ended)
            """,
            (given,),
        )
        ((found,),) = self._database.execute(
            """
            SELECT json_group_array(json_array(call_id, key, last_number)) FROM calls
            WHERE call_id IN (SELECT value ->> 0 FROM json_each(?))
            """,
            (given,),
        )
        return {
            call_id: zip(
                itertools.repeat(key),
                range(last - totals[call_id][0] + 1, last + 1),
                strict=False,
            )
            for call_id, key, last in json.loads(found)
        }
