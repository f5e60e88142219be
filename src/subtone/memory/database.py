"""The SQLite file of a memory: how it is opened, locked, brought up to date and judged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from subtone.memory import m001_memory
from subtone.memory.errors import (
    MemoryCorruptError,
    MemoryFullError,
    MemoryLockedError,
    MemoryStoreError,
)

try:
    import apsw
except ModuleNotFoundError as missing:
    raise MemoryStoreError("apsw is missing: install subtone[memory]") from missing

FILE_NAME: Final = "memory.sqlite3"
LOCK_NAME: Final = "memory.lock"
# append only: user_version counts those applied
MIGRATIONS: Final = (m001_memory.SQL,)
BUSY_TIMEOUT_MS: Final = 5_000
CACHE_KIB: Final = 32_768
# seven vectors of 512 float32 fill a page to 88 %; of 4,096 bytes, one fills it to half
PAGE_BYTES: Final = 16_384

FTS5_TOKENIZE_QUERY: Final[int] = apsw.FTS5_TOKENIZE_QUERY

# a name, not apsw's types, which ship no stubs
Database = Any


def lock(folder: Path) -> Database:
    """Hold the memory's lock until the returned connection closes or its process dies.

    Raises MemoryLockedError when another holds it, MemoryStoreError where it cannot be made.
    """
    path = folder / LOCK_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MemoryStoreError(
            f"{folder} cannot be made ({error.strerror}): check its permissions"
        ) from error
    with named_failures(path):
        held = apsw.Connection(str(path))
        try:
            held.execute("PRAGMA journal_mode=OFF")
            held.execute("BEGIN EXCLUSIVE")
        except apsw.BusyError as error:
            held.close()
            raise MemoryLockedError(
                f"another process writes the memory in {folder}: wait for it, open this one "
                "for reading only, or give it another folder"
            ) from error
        except apsw.Error:
            held.close()
            raise
    return held


def open_writer(folder: Path) -> Database:
    """Open for writing and bring the schema up to date. Raises MemoryStoreError."""
    path = folder / FILE_NAME
    with named_failures(path):
        database = apsw.Connection(str(path))
        with closed_on_failure(database):
            _configure(database)
            # only a new file takes these two
            database.execute(f"PRAGMA page_size={PAGE_BYTES}")
            database.execute("PRAGMA auto_vacuum=INCREMENTAL")
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=FULL")
            database.execute("PRAGMA secure_delete=ON")  # what is erased is overwritten
            applied = _require_known(database, path)
            for number, sql in enumerate(MIGRATIONS[applied:], start=applied + 1):
                with transaction(database):
                    database.execute(sql)
                    database.execute(f"PRAGMA user_version={number}")
            # an erasure that was killed may have left what it erased in the log
            empty_log(database)
    return database


def open_reader(folder: Path) -> Database:
    """Open for reading beside the writer. Raises MemoryStoreError."""
    path = folder / FILE_NAME
    if not path.is_file():
        raise MemoryStoreError(f"there is no memory in {folder}: remember something first")
    with named_failures(path):
        database = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        with closed_on_failure(database):
            _configure(database)
            if not _require_known(database, path):
                raise MemoryStoreError(f"{path} is no memory yet: open it for writing once")
    return database


@contextmanager
def closed_on_failure(*connections: Database) -> Iterator[None]:
    """Close the connections when the block raises."""
    try:
        yield
    except BaseException:
        for connection in connections:
            connection.close()
        raise


@contextmanager
def transaction(database: Database, kind: str = "IMMEDIATE") -> Iterator[None]:
    """All or nothing, durable when it returns; with DEFERRED, one unchanging view."""
    database.execute(f"BEGIN {kind}")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:  # a full disk may have rolled it back already
            database.execute("ROLLBACK")
        raise


@contextmanager
def named_failures(path: Path) -> Iterator[None]:
    """Turn the library's errors into the memory's own."""
    try:
        yield
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise MemoryCorruptError(
            f"{path} is damaged ({error}): restore it from a copy, or move it away to begin anew"
        ) from error
    except apsw.FullError as error:
        raise MemoryFullError(
            f"{path} cannot grow ({error}): nothing of this was stored; free some space"
        ) from error
    except apsw.Error as error:
        raise MemoryStoreError(
            f"{path} cannot be used ({error}): check that its folder is there and writable"
        ) from error


def empty_log(database: Database) -> bool:
    """Cut the write-ahead log to nothing; False where a reader still needs it."""
    (is_busy, _, _) = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not is_busy


def _configure(database: Database) -> None:
    database.set_busy_timeout(BUSY_TIMEOUT_MS)
    database.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    # an encrypted memory's words are indexed in the temporary schema: never in a file
    database.execute("PRAGMA temp_store=MEMORY")


def _require_known(database: Database, path: Path) -> int:
    version = int(database.pragma("user_version"))
    if version > len(MIGRATIONS):
        raise MemoryStoreError(
            f"{path} was written by a newer subtone (schema {version}, this one knows "
            f"{len(MIGRATIONS)}): upgrade, or use another folder"
        )
    return version
