"""The journal of the live runtime: durable before it is fed, whole after any crash.

    submit -> group commit -> audio in a segment, rows in SQLite, both on disk -> future

The record of an event is its row; audio payloads lie in segment files beside the database.
Where the policy keeps audio, a call can be replayed from its start. Where it does not, the
payloads stay only until a snapshot of the call's state covers them: the snapshot and what
followed it are enough to go on with the very same state.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from subtone.contracts.inbound import InboundEvent
from subtone.runtime.journal import database as db
from subtone.runtime.journal.database import Database
from subtone.runtime.journal.errors import JournalError, ReplayDifferenceError
from subtone.runtime.journal.reader import JournalReader, Resumption
from subtone.runtime.journal.records import to_record
from subtone.runtime.journal.retention import PurgeReceipt, Retention
from subtone.runtime.journal.segments import FOLDER_NAME, FRAME, Segments, settle, sync_folder
from subtone.runtime.journal.writer import T, Task, Writer, WriterLimits

SEGMENT_BYTES: Final = 64 * 1024 * 1024
DROPPED_SEGMENT_AGE_S: Final = 60.0  # short segments are soon without anything that is needed


class AudioPolicy(StrEnum):
    """Whether audio payloads outlive the need to resume their call."""

    KEEP = "keep"  # until the retention ends
    DROP = "drop"  # only until a snapshot covers them


@dataclass(frozen=True, slots=True)
class Output:
    """One thing the kernel said about a call, as JSON; (kind, item) names it for good."""

    kind: str
    item: int
    body: bytes


class SqliteJournal:
    """One folder, one writing process. Every method may be called from any thread."""

    def __init__(
        self,
        folder: Path,
        audio: AudioPolicy,
        *,
        limits: WriterLimits | None = None,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        """Open or create a journal, and settle what a crash left.

        Raises JournalLockedError, JournalCorruptError, JournalFullError, JournalError.
        """
        self.audio: Final = audio
        limits = limits or WriterLimits()
        if audio is AudioPolicy.DROP and limits.segment_max_age_s is None:
            limits = replace(limits, segment_max_age_s=DROPPED_SEGMENT_AGE_S)
        audio_folder = folder / FOLDER_NAME
        try:
            audio_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            sync_folder(folder)
        except OSError as error:
            raise JournalError(
                f"{folder} cannot be used ({error.strerror}): check journal.path"
            ) from error
        self._lock = db.lock(folder)
        try:
            database = db.open_writer(folder)
            with db.named_failures(folder / db.FILE_NAME):
                torn_bytes, first = settle(audio_folder, _segment_ends(database))
            self.torn_bytes: Final = (
                torn_bytes  # cut from the audio: never acknowledged, or erased since
            )
            self.reader: Final = JournalReader(folder)
        except BaseException:
            self._lock.close()
            raise
        self._database = database
        self._segments = Segments(audio_folder, first, segment_bytes)
        self._writer = Writer(folder, database, self._segments, limits, self._remove_unneeded)
        self._retention = Retention(folder, self._writer)

    def submit(self, events: Sequence[InboundEvent]) -> Future[int]:
        """Make events durable together; the future gives the last one's sequence number.

        Numbers of one submission are consecutive, and the events of one call keep the order in
        which they were submitted. The future fails with
        JournalFullError when the disk took none of them. Raises JournalFullError at once when
        too much waits already, JournalError once closed.
        """
        return self._writer.append([to_record(event) for event in events])

    def append(self, events: Sequence[InboundEvent]) -> int:
        """Submit and wait."""
        return self.submit(events).result()

    def replay(self, call_id: str) -> Iterator[InboundEvent]:
        """See JournalReader.replay."""
        return self.reader.replay(call_id)

    def resume(self, call_id: str) -> Resumption:
        """See JournalReader.resume."""
        return self.reader.resume(call_id)

    def snapshot(self, call_id: str, seq: int, state: bytes) -> Future[None]:
        """Keep the call's state after event seq, instead of the snapshot before it.

        Where audio is not kept, what the snapshot covers is dropped in the same commit. The
        future fails with JournalError when seq is no event of the call.
        """

        def task(database: Database) -> None:
            key, number = _event_at(database, call_id, seq)
            self._drop_audio(database, key, number)
            database.execute(
                "INSERT INTO snapshots (key, number, crc, state) VALUES (?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET number = excluded.number, crc = excluded.crc, "
                "state = excluded.state WHERE excluded.number > number",
                (key, number, zlib.crc32(state), state),
            )

        return self._writer.run(task)

    def settle(self, call_id: str, seq: int) -> Future[None]:
        """Note that all that follows from the call, up to its last event, is recorded.

        It is then no longer to be resumed. The future fails with JournalError when the call has
        later events.
        """

        def task(database: Database) -> None:
            key, number = _event_at(database, call_id, seq)
            database.execute(
                "UPDATE calls SET is_settled = 1 WHERE key = ? AND last_number = ?", (key, number)
            )
            if not database.changes():
                raise JournalError(f"call {call_id!r} goes on behind event {number}: feed it first")
            self._drop_audio(database, key, number)
            database.execute("DELETE FROM snapshots WHERE key = ?", (key,))

        return self._writer.run(task)

    def record(self, call_id: str, outputs: Iterable[Output]) -> Future[int]:
        """Keep what the kernel said; what is there already must be the same and stays.

        The future gives the newest cursor. It fails with ReplayDifferenceError when a call fed
        again said something else, and with JournalError for an unknown call.
        """
        given = tuple(outputs)

        def task(database: Database) -> int:
            key = _key_of(database, call_id)
            for output in given:
                row = (key, output.kind, output.item)
                database.execute(
                    "INSERT INTO outputs (key, kind, item, body) VALUES (?, ?, ?, ?) "
                    "ON CONFLICT DO NOTHING",
                    (*row, output.body),
                )
                if database.changes():
                    continue
                ((body,),) = database.execute(
                    "SELECT body FROM outputs WHERE key = ? AND kind = ? AND item = ?", row
                )
                if body != output.body:
                    raise ReplayDifferenceError(
                        f"{output.kind} {output.item} of call {call_id!r} differs from what was "
                        "emitted: the calibration or the version changed while the call ran"
                    )
            ((cursor,),) = database.execute("SELECT coalesce(max(cursor), 0) FROM outputs")
            return int(cursor)

        return self._writer.run(task)

    def run(self, task: Task[T]) -> Future[T]:
        """Let the writer do something in its next commit; for stores that lie beside the events."""
        return self._writer.run(task)

    def hold(self, call_id: str, *, is_held: bool) -> None:
        """See Retention.hold."""
        self._retention.hold(call_id, is_held=is_held)

    def purge_before(self, before_ms: int, now_ms: int) -> PurgeReceipt:
        """See Retention.purge_before; segments nothing needs any more are deleted."""
        return self._swept(self._retention.purge_before(before_ms, now_ms))

    def purge_call(self, call_id: str, now_ms: int) -> PurgeReceipt:
        """See Retention.purge_call; segments nothing needs any more are deleted."""
        return self._swept(self._retention.purge_call(call_id, now_ms))

    def close(self) -> None:
        """Write what waits, release the lock."""
        self._writer.close()
        self.reader.close()
        self._database.close()
        self._lock.close()

    def _swept(self, receipt: PurgeReceipt) -> PurgeReceipt:
        self._writer.run_alone(self._remove_unneeded).result()
        return receipt

    def _drop_audio(self, database: Database, key: int, number: int) -> None:
        if self.audio is AudioPolicy.DROP:
            database.execute(
                "UPDATE events SET segment = NULL, position = NULL WHERE key = ?1 AND number > "
                "coalesce((SELECT number FROM snapshots WHERE key = ?1), 0) AND number <= ?2 "
                "AND segment IS NOT NULL",
                (key, number),
            )

    def _remove_unneeded(self, database: Database) -> None:
        self._segments.remove_all_but(_referenced(database))


def _event_at(database: Database, call_id: str, seq: int) -> tuple[int, int]:
    row = database.execute(
        "SELECT key, number FROM events JOIN calls USING (key) "
        "WHERE seq = ? AND call_id = ? AND is_purging = 0",
        (seq, call_id),
    ).fetchone()
    if row is None:
        raise JournalError(f"event {seq} is none of call {call_id!r}: journal it first")
    return int(row[0]), int(row[1])


def _key_of(database: Database, call_id: str) -> int:
    row = database.execute(
        "SELECT key FROM calls WHERE call_id = ? AND is_purging = 0", (call_id,)
    ).fetchone()
    if row is None:
        raise JournalError(f"there is no call {call_id!r}: journal its events first")
    return int(row[0])


def _referenced(database: Database) -> list[int]:
    """Every segment some event needs, hopping along the index."""
    rows = database.execute(
        "WITH RECURSIVE hop (segment) AS ("
        "SELECT min(segment) FROM events WHERE segment IS NOT NULL UNION ALL "
        "SELECT (SELECT min(e.segment) FROM events AS e WHERE e.segment > hop.segment) "
        "FROM hop WHERE hop.segment IS NOT NULL) "
        "SELECT segment FROM hop WHERE segment IS NOT NULL"
    )
    return [number for (number,) in rows]


def _segment_ends(database: Database) -> dict[int, int]:
    """For each segment an event needs, where the last needed frame ends."""
    ends = {}
    for number in _referenced(database):
        ((position, payload_bytes),) = database.execute(
            "SELECT position, payload_bytes FROM events WHERE segment = ? "
            "ORDER BY position DESC LIMIT 1",
            (number,),
        )
        ends[number] = position + FRAME.size + payload_bytes
    return ends
