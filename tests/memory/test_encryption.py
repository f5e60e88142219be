"""An encrypted memory finds what a plain one finds, and its files tell nothing."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from subtone.contracts.memory import MemoryFilter, MemoryRecord
from subtone.memory.database import FILE_NAME
from subtone.memory.errors import MemoryCorruptError, MemoryKeyError
from subtone.memory.store import SqliteMemoryStore
from subtone.memory.vault import SealedVault
from support_memory import KEY, bytes_of, encoding, query, record, vectors

FOUND = vectors(60)


def records() -> list[MemoryRecord]:
    return [
        record(
            i,
            encoding(FOUND[i]),
            transcript=f"confidential 机密内容 {i}",
            speaker_id="margarethe",
            emotion="melancholy",
            language="zh",
            source="recordings/margarethe.wav",
        )
        for i in range(60)
    ]


def test_no_content_lies_in_the_files(tmp_path: Path) -> None:
    with SqliteMemoryStore(tmp_path, key=KEY, is_voiceprint_allowed=True) as store:
        store.add(records())
        store.enrol("margarethe", [FOUND[0].tolist()], "speaker")
        store.search(text="confidential")
        store.search(vectors=[query(FOUND[0])])
        store.erase(MemoryFilter(call_id="call-1"))
        on_disk = bytes_of(tmp_path)
    on_disk += bytes_of(tmp_path)
    for word in ("confident", "机密", "margarethe", "melancholy", "record-", "call-", "customer"):
        assert word.encode() not in on_disk, word
    assert not [v for v in FOUND if v.tobytes()[:16] in on_disk]


def test_it_finds_what_a_plain_memory_finds(tmp_path: Path) -> None:
    with (
        SqliteMemoryStore(tmp_path / "plain") as plain,
        SqliteMemoryStore(tmp_path / "sealed", key=KEY) as sealed,
    ):
        for store in (plain, sealed):
            store.add(records()[:40])
            store.search(text="机密")
            store.add(records()[20:])
            store.erase(MemoryFilter(call_id="call-2"))
        for where in (MemoryFilter(), MemoryFilter(call_id="call-1", speaker_id="margarethe")):
            for text in ("机密", "confidential 7", "内容 13", "absent"):
                found = plain.search(text=text, where=where)
                assert sealed.search(text=text, where=where) == found
            for vector in vectors(5, seed=3):
                both = {"text": "机密 5", "vectors": [query(vector)], "where": where}
                assert sealed.search(**both) == plain.search(**both)  # type: ignore[arg-type]
        ids = [f"record-{i}" for i in range(60)]
        assert sealed.get(ids) == plain.get(ids)


@pytest.mark.parametrize(
    ("made_with", "opened_with", "reason"),
    [
        (KEY, bytes(32), "another key"),
        (KEY, None, "is encrypted: give its key"),
        (None, KEY, "is not encrypted"),
        (KEY, KEY[:16], "16 bytes: give 32"),
    ],
)
@pytest.mark.parametrize("is_read_only", [False, True])
def test_a_wrong_key_is_refused_at_opening(
    tmp_path: Path,
    made_with: bytes | None,
    opened_with: bytes | None,
    reason: str,
    is_read_only: bool,
) -> None:
    with SqliteMemoryStore(tmp_path, key=made_with) as store:
        store.add([record(0)])
    with pytest.raises(MemoryKeyError, match=reason):
        SqliteMemoryStore(tmp_path, key=opened_with, is_read_only=is_read_only)
    with SqliteMemoryStore(tmp_path, key=made_with) as store:  # the refusal left no lock
        assert store.has("record-0")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ("UPDATE vectors SET body = (SELECT body FROM vectors WHERE key = 2) WHERE key = 1", "1"),
        ("UPDATE vectors SET body = zeroblob(length(body)) WHERE key = 1", "vectors/1"),
        ("UPDATE vectors SET body = x'00' WHERE key = 1", "vectors/1"),
        (
            "UPDATE records SET body = (SELECT body FROM records WHERE key = 2) WHERE key = 1",
            "records/1",
        ),
    ],
)
def test_a_body_that_was_changed_or_moved_is_noticed(
    tmp_path: Path, change: str, place: str
) -> None:
    with SqliteMemoryStore(tmp_path, key=KEY) as store:
        store.add(records())
    database = apsw.Connection(str(tmp_path / FILE_NAME))
    database.execute(change)
    database.close()
    with SqliteMemoryStore(tmp_path, key=KEY) as store:
        with pytest.raises(MemoryCorruptError, match=place):
            store.get(["record-0"])
        assert store.get(["record-5"])  # the others are still there


def test_equal_contents_look_different_and_equal_values_have_one_token() -> None:
    vault = SealedVault(KEY, b"salt")
    assert vault.seal(b"content", "a/1") != vault.seal(b"content", "a/1")
    assert vault.token("call", "x") == vault.token("call", "x")
    assert vault.token("call", "x") != vault.token("source", "x")
    assert vault.token("call", "x") != SealedVault(KEY, b"pepper").token("call", "x")
