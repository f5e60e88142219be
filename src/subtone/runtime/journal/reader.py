"""The read side: any thread, beside the writer, each page a consistent view."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final

from subtone.contracts.inbound import InboundEvent
from subtone.runtime.journal.database import FILE_NAME, Database, named_failures, open_reader
from subtone.runtime.journal.errors import AudioDroppedError, JournalCorruptError, JournalError
from subtone.runtime.journal.records import from_record
from subtone.runtime.journal.segments import FOLDER_NAME, Place, SegmentReader

PAGE_EVENTS: Final = 512
MAX_LIMIT: Final = 1_000
CALL_COLUMNS: Final = (
    "key, call_id, last_number, first_seen_ms, last_seen_ms, is_ended, is_settled, is_held"
)


@dataclass(frozen=True, slots=True)
class CallRow:
    """One call as the journal knows it; times are the receiver's, Unix milliseconds."""

    cursor: int  # pass the last one of a page to get the next
    call_id: str
    event_count: int
    first_seen_ms: int
    last_seen_ms: int
    is_ended: bool
    is_settled: bool  # everything that follows from it is recorded
    is_held: bool  # a legal hold: nothing erases it


@dataclass(frozen=True, slots=True)
class OutputRow:
    """One thing the kernel said, as JSON; (call_id, kind, item) names it for good."""

    cursor: int
    call_id: str
    kind: str
    item: int
    body: bytes


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """One erasure of one call, as the journal remembers it."""

    t_purged_ms: int
    event_count: int
    output_count: int
    audio_bytes: int


def call_digest(call_id: str) -> str:
    """What a receipt knows of a call's name: its SHA-256."""
    return hashlib.sha256(call_id.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Resumption:
    """Where a call stood: the newest snapshot, if any, and every event after it, in order."""

    snapshot: bytes | None
    events: Iterator[InboundEvent]


class JournalReader:
    """Reads one journal; may be opened without its writer, also by another process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / FILE_NAME
        self._audio = SegmentReader(folder / FOLDER_NAME)
        self._idle: list[Database] = [open_reader(folder)]
        self._guard = Lock()
        self._is_closed = False

    def calls(
        self, before: int | None = None, limit: int = 50, *, is_ended: bool | None = None
    ) -> tuple[CallRow, ...]:
        """Calls, newest first; before is the cursor of the last one already seen."""
        with self._connection() as database:
            rows = database.execute(
                f"SELECT {CALL_COLUMNS} FROM calls WHERE is_purging = 0 "  # noqa: S608
                "AND (?1 IS NULL OR key < ?1) AND (?2 IS NULL OR is_ended = ?2) "
                "ORDER BY key DESC LIMIT ?3",
                (before, is_ended, _limited(limit)),
            ).fetchall()
        return tuple(_call_row(row) for row in rows)

    def call(self, call_id: str) -> CallRow | None:
        """One call, or None where there is none of this name."""
        with self._connection() as database:
            row = database.execute(
                f"SELECT {CALL_COLUMNS} FROM calls WHERE call_id = ? AND is_purging = 0",  # noqa: S608
                (call_id,),
            ).fetchone()
        return None if row is None else _call_row(row)

    def unsettled(self) -> tuple[str, ...]:
        """Calls to resume after a restart, oldest first: not everything of them is recorded."""
        with self._connection() as database:
            rows = database.execute(
                "SELECT call_id FROM calls WHERE is_settled = 0 AND is_purging = 0 ORDER BY key"
            ).fetchall()
        return tuple(call_id for (call_id,) in rows)

    def held(self) -> tuple[str, ...]:
        """Calls under legal hold, oldest first."""
        with self._connection() as database:
            rows = database.execute(
                "SELECT call_id FROM calls WHERE is_held = 1 ORDER BY key"
            ).fetchall()
        return tuple(call_id for (call_id,) in rows)

    def replay(self, call_id: str) -> Iterator[InboundEvent]:
        """All events of one call in order; none for an unknown one.

        Raises JournalCorruptError at the damaged event, AudioDroppedError where the policy
        kept no audio.
        """
        return self._events(call_id, 0)

    def resume(self, call_id: str) -> Resumption:
        """The newest snapshot and what followed. Raises JournalCorruptError for a damaged one."""
        with self._connection() as database:
            row = database.execute(
                "SELECT number, crc, state FROM snapshots JOIN calls USING (key) "
                "WHERE call_id = ? AND is_purging = 0",
                (call_id,),
            ).fetchone()
        if row is None:
            return Resumption(None, self._events(call_id, 0))
        number, crc, state = row
        if zlib.crc32(state) != crc:
            raise JournalCorruptError(
                f"{self._path}: the snapshot of call {call_id!r} is damaged: restore from a copy"
            )
        return Resumption(state, self._events(call_id, number))

    def outputs_after(
        self, cursor: int = 0, limit: int = 100, *, call_id: str | None = None
    ) -> tuple[OutputRow, ...]:
        """What was recorded behind the cursor, in order; nothing is skipped or said twice."""
        with self._connection() as database:
            rows = database.execute(
                "SELECT cursor, call_id, kind, item, body FROM outputs JOIN calls USING (key) "
                "WHERE cursor > ?1 AND (?2 IS NULL OR call_id = ?2) AND is_purging = 0 "
                "ORDER BY cursor LIMIT ?3",
                (cursor, call_id, _limited(limit)),
            ).fetchall()
        return tuple(OutputRow(*row) for row in rows)

    def outputs_of(
        self, call_id: str, kind: str, after: int = -1, limit: int = 100
    ) -> tuple[OutputRow, ...]:
        """One call's outputs of one kind by item, behind the item given."""
        with self._connection() as database:
            rows = database.execute(
                "SELECT cursor, call_id, kind, item, body FROM outputs JOIN calls USING (key) "
                "WHERE call_id = ? AND kind = ? AND item > ? AND is_purging = 0 "
                "ORDER BY item LIMIT ?",
                (call_id, kind, after, _limited(limit)),
            ).fetchall()
        return tuple(OutputRow(*row) for row in rows)

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """What a query finds; for stores that lie beside the events in the same database."""
        with self._connection() as database:
            found: list[tuple[Any, ...]] = database.execute(sql, values).fetchall()
        return found

    def receipts(self, call_id: str) -> tuple[ReceiptRow, ...]:
        """Every erasure of a call of this name, oldest first."""
        with self._connection() as database:
            rows = database.execute(
                "SELECT t_purged_ms, event_count, output_count, audio_bytes FROM receipts "
                "WHERE call_sha256 = ? ORDER BY number",
                (call_digest(call_id),),
            ).fetchall()
        return tuple(ReceiptRow(*row) for row in rows)

    def damages(self) -> Iterator[str]:
        """Read everything and name each thing that is not as it was written; slow."""
        with self._connection() as database:
            found = database.execute("PRAGMA integrity_check").fetchall()
        yield from (f"{self._path}: {text}" for (text,) in found if text != "ok")
        cursor: int | None = None
        while page := self.calls(cursor, MAX_LIMIT):
            cursor = page[-1].cursor
            for row in page:
                try:
                    for _ in self.replay(row.call_id):
                        continue
                except AudioDroppedError:
                    continue
                except JournalError as error:
                    yield str(error)

    def close(self) -> None:
        """Close every connection that is not in use; the others close when handed back."""
        with self._guard:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for database in idle:
            database.close()

    def _events(self, call_id: str, after: int) -> Iterator[InboundEvent]:
        number = last_number = after
        is_more = True
        while is_more:
            with self._connection() as database:
                rows = database.execute(
                    "SELECT last_number, number, crc, body, payload_bytes, segment, position "
                    "FROM calls LEFT JOIN events ON events.key = calls.key AND number > ? "
                    "WHERE call_id = ? AND is_purging = 0 ORDER BY number LIMIT ?",
                    (number, call_id, PAGE_EVENTS),
                ).fetchall()
            for row in rows:
                last_number = row[0]
                if row[1] is not None:
                    number += 1
                    yield self._event(call_id, number, row[1:])
            is_more = len(rows) == PAGE_EVENTS
        if number < last_number:
            raise JournalCorruptError(
                f"{self._path}: call {call_id!r} ends at event {number} of {last_number}: "
                "restore it from a copy"
            )

    def _event(
        self,
        call_id: str,
        expected: int,
        row: Sequence[Any],
    ) -> InboundEvent:
        number, crc, body, payload_bytes, segment, position = row
        place = f"{self._path}: event {expected} of call {call_id!r}"
        if number != expected:
            raise JournalCorruptError(f"{place} is missing: restore it from a copy")
        if not payload_bytes:
            return from_record(body, crc, b"", place)
        if segment is None or position is None:
            raise AudioDroppedError(
                f"{place} is audio that was not kept (journal.audio): resume the call instead"
            )
        payload = self._audio.read(Place(segment, position, payload_bytes))
        return from_record(body, crc, payload, place)

    @contextmanager
    def _connection(self) -> Iterator[Database]:
        with self._guard:
            if self._is_closed:
                raise JournalError("the journal is closed")
            database = self._idle.pop() if self._idle else None
        database = database or open_reader(self._folder)
        try:
            with named_failures(self._path):
                yield database
        finally:
            with self._guard:
                is_kept = not self._is_closed
                if is_kept:
                    self._idle.append(database)
            if not is_kept:
                database.close()


def _limited(limit: int) -> int:
    if not 1 <= limit <= MAX_LIMIT:
        raise ValueError(f"limit must be 1 to {MAX_LIMIT}, got {limit}")
    return limit


def _call_row(row: tuple[int, str, int, int, int, int, int, int]) -> CallRow:
    key, call_id, count, first_ms, last_ms, is_ended, is_settled, is_held = row
    return CallRow(
        key, call_id, count, first_ms, last_ms, bool(is_ended), bool(is_settled), bool(is_held)
    )
