"""The SQLite file of a journal: how it is opened, locked, brought up to date and judged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import apsw

from subtone.runtime.journal import m001_events, m002_alerts
from subtone.runtime.journal.errors import (
    JournalCorruptError,
    JournalError,
    JournalFullError,
    JournalLockedError,
)

FILE_NAME: Final = "journal.sqlite3"
LOCK_NAME: Final = "journal.lock"
# append only: user_version counts those applied
MIGRATIONS: Final = (m001_events.SQL, m002_alerts.SQL)
BUSY_TIMEOUT_MS: Final = 5_000
CACHE_KIB: Final = 16_384

# a name, not apsw's types, which ship no stubs
Database = Any


def lock(folder: Path) -> Database:
    """Hold the journal's lock until the returned connection closes or its process dies.

    Raises JournalLockedError when another holds it.
    """
    held = apsw.Connection(str(folder / LOCK_NAME))
    try:
        held.execute("PRAGMA journal_mode=OFF")
        held.execute("BEGIN EXCLUSIVE")
    except apsw.BusyError as error:
        held.close()
        raise JournalLockedError(
            f"another process writes the journal in {folder}: stop it, or give this one "
            "a journal.path of its own"
        ) from error
    return held


def open_writer(folder: Path) -> Database:
    """Open for writing and bring the schema up to date. Raises JournalError."""
    path = folder / FILE_NAME
    with named_failures(path):
        database = apsw.Connection(str(path))
        database.set_busy_timeout(BUSY_TIMEOUT_MS)
        # only a new file takes it; deleted pages are handed back a few at a time
        database.execute("PRAGMA auto_vacuum=INCREMENTAL")
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("PRAGMA secure_delete=ON")  # what is erased is overwritten
        database.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        _migrate(database, path)
    return database


def open_reader(folder: Path) -> Database:
    """Open for reading beside the writer. Raises JournalError."""
    path = folder / FILE_NAME
    with named_failures(path):
        database = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        database.set_busy_timeout(BUSY_TIMEOUT_MS)
        _require_known(database, path)
    return database


@contextmanager
def transaction(database: Database) -> Iterator[None]:
    """All or nothing, durable when it returns."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:  # a full disk may have rolled it back already
            database.execute("ROLLBACK")
        raise


@contextmanager
def named_failures(path: Path) -> Iterator[None]:
    """Turn the library's errors into the journal's own."""
    try:
        yield
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise JournalCorruptError(
            f"{path} is damaged ({error}): restore it from a copy, or move it away to begin anew"
        ) from error
    except (apsw.FullError, apsw.IOError) as error:
        raise full(path, str(error)) from error
    except apsw.Error as error:
        raise JournalError(f"{path} cannot be used ({error}): check its permissions") from error


def full(path: Path, reason: str) -> JournalFullError:
    """The refusal of a disk that takes no more."""
    return JournalFullError(
        f"{path} cannot be written ({reason}): nothing of this was accepted; free some space, "
        "shorten journal.retention_days or move journal.path"
    )


def _migrate(database: Database, path: Path) -> None:
    applied = _require_known(database, path)
    for number, sql in enumerate(MIGRATIONS[applied:], start=applied + 1):
        with transaction(database):
            database.execute(sql)
            database.execute(f"PRAGMA user_version={number}")


def _require_known(database: Database, path: Path) -> int:
    version = int(database.pragma("user_version"))
    if version > len(MIGRATIONS):
        raise JournalError(
            f"{path} was written by a newer subtone (schema {version}, this one knows "
            f"{len(MIGRATIONS)}): upgrade, or use another journal.path"
        )
    return version
