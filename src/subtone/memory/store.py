"""The memory in one SQLite file: ``SqliteMemoryStore`` implements the port ``MemoryStore``."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from subtone.contracts.memory import (
    ErasureReceipt,
    MemoryFilter,
    MemoryHit,
    MemoryRecord,
    MemoryStats,
    SpaceStats,
    VectorQuery,
    Voiceprint,
)
from subtone.contracts.ports import EVERYTHING
from subtone.memory import transcripts, voiceprints
from subtone.memory.database import (
    FILE_NAME,
    Database,
    closed_on_failure,
    empty_log,
    lock,
    named_failures,
    open_reader,
    open_writer,
    transaction,
)
from subtone.memory.erasure import keys_of, keys_where, remove
from subtone.memory.errors import MemoryRefusedError, MemoryStoreError
from subtone.memory.filters import Where, sparing, where_of
from subtone.memory.fusion import fused
from subtone.memory.rows import (
    COLUMNS,
    PreparedRecord,
    finite,
    prepare,
    record_place,
    restored,
    said,
    vector_place,
)
from subtone.memory.spaces import space_for, space_of
from subtone.memory.transcripts import TranscriptRoute
from subtone.memory.vault import Vault, new_identity, vault_of
from subtone.memory.vectors import Scored, SpaceIndex

FUSION_DEPTH: Final = 100  # what a route ranks below this adds less than 1/160 to a fused score
DAY_MS: Final = 24 * 3_600_000


class SqliteMemoryStore:
    """Records of one folder: one process writes, several may read beside it.

    Threads may share it; they take turns. Everything added is durable when ``add`` returns.
    In memory it keeps, for each space that was searched without a narrow filter, width + 24
    bytes a vector (54 MB for 100,000 of 512), and where the memory is encrypted the index of
    all words besides.

    ``key``: 32 random bytes encrypt the memory (``vault`` says what remains visible); given
    once, they are needed for ever. ``is_voiceprint_allowed`` switches voiceprints on.
    Raises MemoryStoreError.
    """

    def __init__(
        self,
        folder: Path,
        *,
        key: bytes | None = None,
        is_read_only: bool = False,
        is_voiceprint_allowed: bool = False,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._path = folder / FILE_NAME
        self._is_read_only = is_read_only
        self._is_voiceprint_allowed = is_voiceprint_allowed
        self._now_ms = now_ms
        self._turn = threading.RLock()
        self._lock: Database = None if is_read_only else lock(folder)
        with closed_on_failure(*([] if is_read_only else [self._lock])):
            self._database = open_reader(folder) if is_read_only else open_writer(folder)
            with closed_on_failure(self._database), named_failures(self._path):
                self._vault = self._identify(key)
                self._transcripts = TranscriptRoute(self._database, self._vault)
        self._spaces: dict[int, SpaceIndex] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file and of the writer's lock."""
        with self._turn:
            self._database.close()
            if self._lock is not None:
                self._lock.close()

    @property
    def is_encrypted(self) -> bool:
        """Whether bodies are sealed on disk."""
        return self._vault.is_sealed

    # --- writing ---------------------------------------------------------------------------

    def add(self, records: Iterable[MemoryRecord]) -> int:
        """Store all of the records in one transaction; the number stored.

        The same record id replaces; within a batch the last one stays. Raises
        MemoryRefusedError for a record without consent, a vector that is not finite or of
        another width than its space, and then stores none.
        """
        prepared = {row.token: row for row in (prepare(r, self._vault) for r in records)}
        with self._writing() as database:
            remove(database, self._vault, keys_of(database, prepared))
            self._insert(database, [*prepared.values()])
        return len(prepared)

    def enrol(
        self,
        speaker_id: str,
        vectors: Sequence[Sequence[float]],
        space: str,
        *,
        is_enrolled: bool = True,
    ) -> None:
        """Store what one voice sounds like; the same speaker and space replaces.

        Raises MemoryRefusedError where voiceprints are not switched on.
        """
        self._require_voiceprints()
        if not vectors:
            raise MemoryRefusedError("a voiceprint needs at least one vector")
        arrays = [finite(vector, "the voiceprint") for vector in vectors]
        with self._writing() as database:
            known: dict[str, tuple[int, int]] = {}
            keys = {space_for(database, space, len(array), known) for array in arrays}
            voice = (speaker_id, keys.pop(), is_enrolled)
            voiceprints.write(database, self._vault, voice, arrays)

    def erase(
        self, where: MemoryFilter, *, everything: bool = False, held_calls: Collection[str] = ()
    ) -> ErasureReceipt:
        """Remove what the filter allows, from the indexes, the log and the free pages too.

        Records of ``held_calls`` stay: they are under legal hold.

        A filter by speaker alone removes that speaker's voiceprints as well, ``everything``
        all of them. Voiceprints go whether they are switched on or not.
        """
        if (where == EVERYTHING) != everything:
            raise MemoryRefusedError(
                "erasing everything takes an empty filter and everything=True, anything less a "
                "filter alone"
            )
        speaker = where.speaker_id
        with self._writing() as database:
            allowed = sparing(where_of(where, self._vault), held_calls, self._vault)
            keys = keys_where(database, allowed)
            removed = remove(database, self._vault, keys)
            vectors = removed.vectors
            if everything:
                vectors += voiceprints.remove(database, None)
            elif speaker is not None and where == MemoryFilter(speaker_id=speaker):
                vectors += voiceprints.remove(database, self._vault.token("speaker", speaker))
            receipt = ErasureReceipt(
                receipt_id=uuid.uuid4().hex,
                t_seen_ms=self._now_ms(),
                scope=where,
                records=len(removed.record_ids),
                vectors=vectors,
                record_ids_sha256=removed.digest,
            )
            body = self._vault.seal(msgspec.msgpack.encode(receipt), "receipts")
            database.execute("INSERT INTO receipts (body) VALUES (?)", (body,))
        return msgspec.structs.replace(receipt, is_scrubbed=self._scrub())

    def erase_older_than(self, days: float, held_calls: Collection[str] = ()) -> ErasureReceipt:
        """Erase what was seen more than so many days ago, but for ``held_calls``."""
        if not days >= 0.0:
            raise MemoryRefusedError(f"an age is a number of days from 0 up, not {days}")
        until_ms = max(0, self._now_ms() - round(days * DAY_MS))
        return self.erase(MemoryFilter(t_seen_until_ms=until_ms), held_calls=held_calls)

    # --- reading ---------------------------------------------------------------------------

    def get(self, record_ids: Iterable[str]) -> tuple[MemoryRecord, ...]:
        """The records that are there, in the order asked for, vectors as float32 values."""
        with self._reading() as database:
            found = (self._record(database, record_id) for record_id in record_ids)
            return tuple(record for record in found if record is not None)

    def has(self, record_id: str) -> bool:
        """Whether the record is there."""
        with self._reading() as database:
            return bool(keys_of(database, [self._vault.token("record", record_id)]))

    def known_sources(self, sources: Iterable[str]) -> frozenset[str]:
        """Which of the sources have records.

        Whoever adds all records of a source in one batch finds here what need not be done
        again after a crash.
        """
        with self._reading() as database:
            sql = "SELECT 1 FROM records WHERE source = ? LIMIT 1"
            return frozenset(
                source
                for source in sources
                if database.execute(sql, (self._vault.token("source", source),)).fetchone()
            )

    def count(self, where: MemoryFilter = EVERYTHING) -> int:
        """How many records the filter allows."""
        allowed = where_of(where, self._vault)
        with self._reading() as database:
            sql = f"SELECT count(*) FROM records AS r WHERE {allowed.sql}"  # noqa: S608
            (count,) = database.execute(sql, allowed.values).fetchone()
        return int(count)

    def search(
        self,
        *,
        text: str | None = None,
        vectors: Sequence[VectorQuery] = (),
        where: MemoryFilter = EVERYTHING,
        limit: int = 10,
    ) -> tuple[MemoryHit, ...]:
        """Best records first.

        By ``text``: any of its words in the transcript, BM25. By one vector: cosine in its
        space; a space nothing was stored in has no hits. By several of these: reciprocal rank
        fusion. By none: everything the filter allows, newest first. Of equals the last stored
        comes first. Raises MemoryRefusedError for a vector of another width than its space.
        """
        if limit < 1:
            raise MemoryRefusedError(f"a search gives at least one hit, not {limit}")
        allowed = where_of(where, self._vault)
        n_routes = len(vectors) + (text is not None)
        depth = limit if n_routes == 1 else max(FUSION_DEPTH, limit)
        with self._reading() as database:
            routes: list[tuple[str, Scored]] = []
            if text is not None:
                found = self._transcripts.search(database, text, allowed, depth)
                routes.append(("transcript", found))
            routes.extend(
                (query.route, self._nearest(database, query, allowed, depth)) for query in vectors
            )
            if not routes:
                routes.append(("filter", _newest(database, allowed, limit)))
            if len(routes) == 1:
                ((route, scored),) = routes
                ranked = [(key, score, route) for key, score in scored]
            else:
                ranked = fused([(route, [key for key, _ in scored]) for route, scored in routes])
            return tuple(
                MemoryHit(
                    record_id=self._record_id(database, key), route=route, score=score, rank=rank
                )
                for rank, (key, score, route) in enumerate(ranked[:limit])
            )

    def voiceprints(self, space: str) -> tuple[Voiceprint, ...]:
        """Every voice of one space. Raises MemoryRefusedError where they are switched off."""
        self._require_voiceprints()
        with self._reading() as database:
            found = space_of(database, space)
            return () if found is None else voiceprints.read(database, self._vault, found[0], space)

    def receipts(self) -> tuple[ErasureReceipt, ...]:
        """Of every erasure, oldest first."""
        with self._reading() as database:
            rows = database.execute("SELECT body FROM receipts ORDER BY key").fetchall()
            return tuple(
                msgspec.msgpack.decode(self._vault.unseal(body, "receipts"), type=ErasureReceipt)
                for (body,) in rows
            )

    def stats(self) -> MemoryStats:
        """How much is stored, and how much of it this process holds in memory."""
        with self._reading() as database:
            (records, prints) = database.execute(
                "SELECT (SELECT count(*) FROM records), "
                "(SELECT coalesce(sum(vectors), 0) FROM voiceprints)"
            ).fetchone()
            spaces = database.execute(
                "SELECT name, width, (SELECT count(*) FROM vectors AS v WHERE v.space = s.key) "
                "FROM spaces AS s ORDER BY name"
            ).fetchall()
            words_bytes = 0
            if self._vault.is_sealed:
                (words_bytes,) = database.execute(
                    "SELECT page_count * page_size "
                    "FROM pragma_page_count('temp'), pragma_page_size('temp')"
                ).fetchone()
        return MemoryStats(
            records=records,
            spaces=tuple(SpaceStats(space=n, width=w, vectors=count) for n, w, count in spaces),
            voiceprints=prints,
            disk_bytes=sum(path.stat().st_size for path in self._path.parent.glob(f"{FILE_NAME}*")),
            index_bytes=words_bytes + sum(index.n_bytes for index in self._spaces.values()),
        )

    # --- inside ----------------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[Database]:
        """One unchanging view of the file."""
        with (
            self._turn,
            named_failures(self._path),
            transaction(self._database, "DEFERRED"),
        ):
            yield self._database

    @contextmanager
    def _writing(self) -> Iterator[Database]:
        if self._is_read_only:
            raise MemoryStoreError("this memory was opened for reading only")
        with self._turn, named_failures(self._path), transaction(self._database):
            yield self._database

    def _identify(self, key: bytes | None) -> Vault:
        sql = "SELECT salt, key_check FROM identity"
        row = self._database.execute(sql).fetchone()
        if row is None and self._is_read_only:
            raise MemoryStoreError(f"{self._path} is no memory yet: open it for writing once")
        if row is None:
            row = new_identity(key)
            vault = vault_of(key, *row)
            with transaction(self._database):
                self._database.execute(
                    "INSERT INTO identity (only, salt, key_check) VALUES (0, ?, ?)", row
                )
                if not vault.is_sealed:
                    self._database.execute(transcripts.CREATE)
            return vault
        return vault_of(key, *row)

    def _insert(self, database: Database, rows: Sequence[PreparedRecord]) -> None:
        first = _next_key(database, "records")
        keyed = [*enumerate(rows, start=first)]
        seal = self._vault.seal
        marks = ", ".join("?" * (len(COLUMNS) + 2))
        database.executemany(
            f"INSERT INTO records (key, {', '.join(COLUMNS)}, body) VALUES ({marks})",  # noqa: S608
            ((key, *row.columns, seal(row.content, record_place(key))) for key, row in keyed),
        )
        known: dict[str, tuple[int, int]] = {}
        placed = [
            (key, space_for(database, space, len(vector), known), vector)
            for key, row in keyed
            for space, vector in row.vectors
        ]
        numbered = enumerate(placed, start=_next_key(database, "vectors"))
        database.executemany(
            "INSERT INTO vectors (key, record, space, body) VALUES (?, ?, ?, ?)",
            (
                (key, record, space, seal(vector.tobytes(), vector_place(key)))
                for key, (record, space, vector) in numbered
            ),
        )
        if not self._vault.is_sealed:
            transcripts.index_rows(database, ((key, row.transcript) for key, row in keyed))

    def _nearest(
        self, database: Database, query: VectorQuery, allowed: Where, limit: int
    ) -> Scored:
        found = space_of(database, query.space)
        if found is None:
            return []
        space, width = found
        if space not in self._spaces:
            self._spaces[space] = SpaceIndex(space, width, self._vault)
        vector = finite(query.vector, "the query")
        return self._spaces[space].search(database, vector, allowed, limit)

    def _record_id(self, database: Database, key: int) -> str:
        (body,) = database.execute("SELECT body FROM records WHERE key = ?", (key,)).fetchone()
        place = record_place(key)
        return said(self._vault.unseal(body, place), place)[0]

    def _record(self, database: Database, record_id: str) -> MemoryRecord | None:
        token = self._vault.token("record", record_id)
        row = database.execute(
            "SELECT key, body FROM records WHERE record = ?", (token,)
        ).fetchone()
        if row is None:
            return None
        key, body = row
        vectors = [
            self._vault.unseal(vector, vector_place(number))
            for number, vector in database.execute(
                "SELECT key, body FROM vectors WHERE record = ? ORDER BY key", (key,)
            )
        ]
        place = record_place(key)
        return restored(self._vault.unseal(body, place), vectors, place)

    def _scrub(self) -> bool:
        """Give free pages back to the system and empty the log, which still holds old pages."""
        with self._turn, named_failures(self._path):
            self._database.execute("PRAGMA incremental_vacuum").fetchall()
            return empty_log(self._database)

    def _require_voiceprints(self) -> None:
        if not self._is_voiceprint_allowed:
            raise MemoryRefusedError(
                "voiceprints are personal data and switched off: allow them where there is a "
                "lawful purpose and the speakers' consent"
            )


def _next_key(database: Database, table: str) -> int:
    """The key after every one ever given."""
    sql = "SELECT seq FROM sqlite_sequence WHERE name = ?"
    row = database.execute(sql, (table,)).fetchone()
    return 1 if row is None else int(row[0]) + 1


def _newest(database: Database, allowed: Where, limit: int) -> Scored:
    rows = database.execute(
        f"SELECT r.key FROM records AS r WHERE {allowed.sql} "  # noqa: S608
        "ORDER BY r.t_seen_ms DESC, r.key DESC LIMIT ?",
        (*allowed.values, limit),
    )
    return [(key, 1.0) for (key,) in rows]
