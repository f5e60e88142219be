"""Bad files, full disks, second writers: a clear refusal, and what is stored stays."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from subtone.contracts.memory import MemoryFilter
from subtone.memory.database import FILE_NAME
from subtone.memory.errors import (
    MemoryCorruptError,
    MemoryFullError,
    MemoryLockedError,
    MemoryStoreError,
)
from subtone.memory.store import SqliteMemoryStore
from support_memory import encoding, query, record, vectors


def change(folder: Path, sql: str) -> None:
    database = apsw.Connection(str(folder / FILE_NAME))
    database.execute(sql)
    database.close()


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    with SqliteMemoryStore(tmp_path) as store:
        with pytest.raises(MemoryLockedError, match="another process writes"):
            SqliteMemoryStore(tmp_path)
        store.add([record(0)])
    with SqliteMemoryStore(tmp_path) as store:
        assert store.has("record-0")


@pytest.mark.parametrize("is_read_only", [False, True])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, is_read_only: bool) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"not a database at all" * 1_000)
    with pytest.raises(MemoryCorruptError, match="is damaged"):
        SqliteMemoryStore(tmp_path, is_read_only=is_read_only)


def test_a_damaged_page_is_named_and_not_answered_from(tmp_path: Path) -> None:
    found = vectors(2_000)
    with SqliteMemoryStore(tmp_path) as store:
        store.add(record(i, encoding(found[i]), transcript="word") for i in range(2_000))
    path = tmp_path / FILE_NAME
    content = bytearray(path.read_bytes())
    for page in range(2, len(content) // 16_384):
        content[16_384 * page : 16_384 * page + 200] = b"\xff" * 200
    path.write_bytes(content)
    with pytest.raises(MemoryCorruptError), SqliteMemoryStore(tmp_path) as store:
        store.search(vectors=[query(found[0])])


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE records SET body = x'c1'",
        "UPDATE records SET body = x'80'",
        "UPDATE vectors SET body = x'00'",
        "DELETE FROM vectors",
    ],
)
def test_rows_that_are_none_are_refused(tmp_path: Path, sql: str) -> None:
    with SqliteMemoryStore(tmp_path) as store:
        store.add([record(0, encoding(vectors(1)[0]))])
    change(tmp_path, sql)
    with SqliteMemoryStore(tmp_path) as store, pytest.raises(MemoryCorruptError, match="restore"):
        store.get(["record-0"])


@pytest.mark.parametrize("is_read_only", [False, True])
def test_a_newer_schema_is_refused(tmp_path: Path, is_read_only: bool) -> None:
    SqliteMemoryStore(tmp_path).close()
    change(tmp_path, "PRAGMA user_version=99")
    with pytest.raises(MemoryStoreError, match="newer subtone"):
        SqliteMemoryStore(tmp_path, is_read_only=is_read_only)


def test_reading_where_nothing_is_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MemoryStoreError, match="there is no memory"):
        SqliteMemoryStore(tmp_path, is_read_only=True)
    apsw.Connection(str(tmp_path / FILE_NAME)).execute("PRAGMA journal_mode=WAL")
    with pytest.raises(MemoryStoreError, match="no memory yet"):
        SqliteMemoryStore(tmp_path, is_read_only=True)


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(MemoryStoreError, match="cannot be made"):
        SqliteMemoryStore(tmp_path / "taken" / "memory")
    with pytest.raises(MemoryStoreError, match="cannot be made"):
        SqliteMemoryStore(tmp_path / "taken")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(MemoryStoreError, match="writable"):
            SqliteMemoryStore(tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_a_database_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    SqliteMemoryStore(tmp_path).close()
    path = f"file:{tmp_path / FILE_NAME}?immutable=1"
    store = SqliteMemoryStore(tmp_path)
    store._database.close()
    store._database = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    with store, pytest.raises(MemoryStoreError, match="writable"):
        store.add([record(0)])


def test_a_full_disk_refuses_the_batch_and_keeps_the_rest(tmp_path: Path) -> None:
    found = vectors(400, width=256)
    with SqliteMemoryStore(tmp_path) as store:
        store.add([record(0, encoding(found[0]), transcript="kept")])
        pages = store._database.pragma("page_count")
        store._database.execute(f"PRAGMA max_page_count={pages + 3}")
        with pytest.raises(MemoryFullError, match="nothing of this was stored"):
            store.add(record(i, encoding(found[i]), transcript="lost") for i in range(1, 400))
        assert store.count() == 1
        assert not store.search(text="lost")
        assert [hit.record_id for hit in store.search(vectors=[query(found[0])])] == ["record-0"]
        store._database.execute("PRAGMA max_page_count=1000000")
        store.add([record(1, encoding(found[1]), transcript="found")])
        assert store.search(text="found")
        assert len(store.search(vectors=[query(found[1])])) == 2


def test_a_reader_that_holds_on_is_reported_by_the_receipt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subtone.memory.database.BUSY_TIMEOUT_MS", 10)
    with SqliteMemoryStore(tmp_path) as store:
        store.add([record(0, transcript="word")])
        held = apsw.Connection(str(tmp_path / FILE_NAME), flags=apsw.SQLITE_OPEN_READONLY)
        held.execute("BEGIN")
        held.execute("SELECT count(*) FROM records").fetchall()
        assert not store.erase(MemoryFilter(call_id="call-0")).is_scrubbed
        held.close()
        store.add([record(1)])
        assert store.erase(MemoryFilter(call_id="call-0")).is_scrubbed


def test_without_apsw_the_error_says_what_to_install() -> None:
    program = "import sys; sys.modules['apsw'] = None\nimport subtone.memory.store"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert "install subtone[memory]" in done.stderr
