"""Erasure: calls leave the journal whole, audio first, and a receipt stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from subtone.runtime.journal.database import Database
from subtone.runtime.journal.errors import CallRunsError, UnknownCallError
from subtone.runtime.journal.reader import call_digest
from subtone.runtime.journal.segments import FOLDER_NAME, Place, SegmentReader
from subtone.runtime.journal.writer import Writer

SLICE_EVENTS: Final = 2_000  # erased in one go; running calls wait for no more than this
SLICE_PAGES: Final = 500


@dataclass(frozen=True, slots=True)
class PurgeReceipt:
    """What one erasure removed."""

    t_purged_ms: int
    call_sha256s: tuple[str, ...]  # SHA-256 of each call id: proof for whoever knows the id
    event_count: int
    output_count: int
    audio_bytes: int
    held_count: int  # calls that were asked for and are under legal hold
    is_space_returned: bool  # False: a reader was busy; the next purge does it


class Retention:
    """Erases calls a slice at a time through the journal's one writer."""

    def __init__(self, folder: Path, writer: Writer) -> None:
        self._audio = SegmentReader(folder / FOLDER_NAME)
        self._writer = writer

    def hold(self, call_id: str, *, is_held: bool) -> None:
        """Set or lift the legal hold of one call. Raises UnknownCallError."""

        def task(database: Database) -> None:
            database.execute(
                "UPDATE calls SET is_held = ? WHERE call_id = ? AND is_purging = 0",
                (is_held, call_id),
            )
            if not database.changes():
                raise UnknownCallError(f"there is no call {call_id!r} to hold")

        self._writer.run(task).result()

    def purge_before(self, before_ms: int, now_ms: int) -> PurgeReceipt:
        """Erase every call last heard of before a time, but none under legal hold."""
        doomed, held = self._writer.run(lambda db: _marked_before(db, before_ms)).result()
        return self._erase(doomed, held, now_ms)

    def purge_call(self, call_id: str, now_ms: int) -> PurgeReceipt:
        """Erase one call. Raises UnknownCallError, or CallRunsError for one that is not over."""
        doomed, held = self._writer.run(lambda db: _marked_call(db, call_id)).result()
        return self._erase(doomed, held, now_ms)

    def _erase(self, doomed: list[tuple[int, str]], held: int, now_ms: int) -> PurgeReceipt:
        counts = [self._erase_call(key, digest, now_ms) for key, digest in doomed]
        is_space_returned = self._return_space() if doomed else True
        return PurgeReceipt(
            t_purged_ms=now_ms,
            call_sha256s=tuple(digest for _, digest in doomed),
            event_count=sum(events for events, _, _ in counts),
            output_count=sum(outputs for _, outputs, _ in counts),
            audio_bytes=sum(audio for _, _, audio in counts),
            held_count=held,
            is_space_returned=is_space_returned,
        )

    def _erase_call(self, key: int, digest: str, now_ms: int) -> tuple[int, int, int]:
        events = outputs = audio_bytes = 0
        while True:
            # the audio goes first: a row that is gone could no longer say where it lies
            places = self._writer.run(lambda db: _places(db, key)).result()
            for _, group in groupby(places, key=lambda place: place.segment):
                self._audio.erase(tuple(group))
            audio_bytes += sum(place.payload_bytes for place in places)
            gone = self._writer.run(lambda db: _delete_slice(db, key)).result()
            events += gone
            if gone < SLICE_EVENTS:
                break

        def finish(database: Database) -> int:
            database.execute("DELETE FROM outputs WHERE key = ?", (key,))
            found = int(database.changes())
            database.execute("DELETE FROM snapshots WHERE key = ?", (key,))
            database.execute("DELETE FROM calls WHERE key = ?", (key,))
            database.execute(
                "INSERT INTO receipts (call_sha256, t_purged_ms, event_count, output_count, "
                "audio_bytes) VALUES (?, ?, ?, ?, ?)",
                (digest, now_ms, events, found, audio_bytes),
            )
            return found

        outputs = self._writer.run(finish).result()
        return events, outputs, audio_bytes

    def _return_space(self) -> bool:
        """Give free pages back to the system and empty the log, which still holds old pages."""
        while self._writer.run(_vacuum_slice).result():
            continue
        return self._writer.run_alone(_empty_log).result()


def unfinished_purges(database: Database) -> Iterator[tuple[int, str]]:
    """Calls whose erasure was cut short: they are hidden already and must still go."""
    for key, name in database.execute("SELECT key, call_id FROM calls WHERE is_purging = 1"):
        yield key, name.split(":")[1]


def _marked_before(database: Database, before_ms: int) -> tuple[list[tuple[int, str]], int]:
    rows = database.execute(
        "SELECT key, call_id, is_held FROM calls WHERE last_seen_ms < ? AND is_purging = 0",
        (before_ms,),
    ).fetchall()
    doomed = [_mark(database, key, call_id) for key, call_id, is_held in rows if not is_held]
    return [*unfinished_purges(database)], len(rows) - len(doomed)


def _marked_call(database: Database, call_id: str) -> tuple[list[tuple[int, str]], int]:
    row: Any = database.execute(
        "SELECT key, is_held, is_ended FROM calls WHERE call_id = ? AND is_purging = 0", (call_id,)
    ).fetchone()
    if row is None:
        raise UnknownCallError(
            f"there is no call {call_id!r}: it may be gone already, see receipts"
        )
    key, is_held, is_ended = row
    if is_held:
        return [], 1
    if not is_ended:
        raise CallRunsError(f"call {call_id!r} still runs: end it, then erase it")
    return [_mark(database, key, call_id)], 0


def _mark(database: Database, key: int, call_id: str) -> tuple[int, str]:
    """Hide a call and free its name: a new call may have it while the old one is erased."""
    digest = call_digest(call_id)
    database.execute("DELETE FROM alerts WHERE call_id = ?", (call_id,))
    database.execute("DELETE FROM deliveries WHERE call_id = ?", (call_id,))
    database.execute(
        "UPDATE calls SET is_purging = 1, is_settled = 1, call_id = ? WHERE key = ?",
        (f"purging:{digest}:{key}", key),
    )
    return key, digest


def _places(database: Database, key: int) -> list[Place]:
    rows = database.execute(
        "SELECT segment, position, payload_bytes FROM "
        "(SELECT * FROM events WHERE key = ? ORDER BY number LIMIT ?) "
        "WHERE segment IS NOT NULL ORDER BY segment, position",
        (key, SLICE_EVENTS),
    )
    return [Place(*row) for row in rows]


def _delete_slice(database: Database, key: int) -> int:
    database.execute(
        "DELETE FROM events WHERE seq IN "
        "(SELECT seq FROM events WHERE key = ? ORDER BY number LIMIT ?)",
        (key, SLICE_EVENTS),
    )
    return int(database.changes())


def _vacuum_slice(database: Database) -> bool:
    before = int(database.pragma("freelist_count"))
    database.execute(f"PRAGMA incremental_vacuum({SLICE_PAGES})").fetchall()
    return 0 < int(database.pragma("freelist_count")) < before


def _empty_log(database: Database) -> bool:
    (busy, _, _) = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy
