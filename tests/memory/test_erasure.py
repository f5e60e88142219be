"""What is erased is gone: from searches, from the indexes, from every byte on disk."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from subtone.contracts.memory import MemoryFilter
from subtone.memory.errors import MemoryRefusedError
from subtone.memory.store import DAY_MS, SqliteMemoryStore
from support_memory import KEY, bytes_of, encoding, query, record, vectors

NOW_MS = 100 * DAY_MS


@pytest.fixture(params=[None, KEY], ids=["plain", "encrypted"])
def store(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SqliteMemoryStore]:
    with SqliteMemoryStore(
        tmp_path, key=request.param, is_voiceprint_allowed=True, now_ms=lambda: NOW_MS
    ) as opened:
        yield opened


def secret(number: int) -> str:
    """A word of its own: letters only, so that no stemmer or tokenizer cuts it."""
    return (
        "zq"
        + hashlib.sha256(str(number).encode())
        .hexdigest()
        .translate(str.maketrans("0123456789", "ghijklmnop"))[:12]
    )


def inner(words: list[str]) -> list[bytes]:
    """What an index without the first letters of a word would still hold."""
    return [word[4:13].encode() for word in words]


def test_no_word_and_no_vector_stays_on_disk(tmp_path: Path) -> None:
    n = 1_500
    found = vectors(n)
    words = [secret(i) for i in range(n)]
    with SqliteMemoryStore(tmp_path) as store:
        for start in range(0, n, 300):
            store.add(
                record(
                    i, encoding(found[i]), transcript=f"秘密{chr(0x4E00 + i)}话 {words[i]} common"
                )
                for i in range(start, start + 300)
            )
        present = bytes_of(tmp_path)
        assert sum(word in present for word in inner(words)) > 0.9 * n
        assert all(vector.tobytes() in present for vector in found[:50])
        for call in (3, 7, 120):  # one after another: the second meets an index in one piece
            assert store.erase(MemoryFilter(call_id=f"call-{call}")).is_scrubbed
            gone = range(10 * call, 10 * call + 10)
            left = bytes_of(tmp_path)
            assert not [word for word in inner([words[i] for i in gone]) if word in left]
            assert not [i for i in gone if found[i].tobytes() in left]
            assert not [i for i in gone if chr(0x4E00 + i).encode() in left]
        store.erase(MemoryFilter(t_seen_until_ms=1_001_000))
        assert store.search(text=words[1_100])
        left = bytes_of(tmp_path)
        assert not [word for word in inner(words[:1_000]) if word in left]
        assert not [i for i in range(1_000) if found[i].tobytes() in left]
    left = bytes_of(tmp_path)
    assert not [word for word in inner(words[:1_000]) if word in left]


def test_a_replaced_record_leaves_no_word_in_the_index(tmp_path: Path) -> None:
    with SqliteMemoryStore(tmp_path) as store:
        store.add(record(i, transcript=f"{secret(i)} words") for i in range(500))
        store.add([record(7, transcript="corrected words")])
    assert secret(7)[4:13].encode() not in bytes_of(tmp_path)


def test_an_erasure_cut_short_is_finished_at_the_next_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SqliteMemoryStore, "_scrub", lambda _: False)
    with SqliteMemoryStore(tmp_path / "killed") as store:
        store.add([record(0, transcript=secret(0))])
        assert not store.erase(MemoryFilter(call_id="call-0")).is_scrubbed
        shutil.copytree(tmp_path / "killed", tmp_path / "left")  # as a kill would leave it
    assert secret(0).encode() in bytes_of(tmp_path / "left")
    with SqliteMemoryStore(tmp_path / "left"):
        assert secret(0).encode() not in bytes_of(tmp_path / "left")


def test_an_erasure_gives_the_space_back(store: SqliteMemoryStore) -> None:
    found = vectors(2_000, width=256)
    store.add(record(i, encoding(found[i])) for i in range(2_000))
    before = store.stats().disk_bytes
    store.erase(MemoryFilter(t_seen_from_ms=1_000_100))
    assert store.stats().disk_bytes < 0.2 * before
    assert store.count() == 100


def test_the_receipt_says_what_left_and_is_kept(store: SqliteMemoryStore) -> None:
    store.add(record(i, encoding([1.0]), encoding([1.0]), transcript=f"{i}") for i in range(25))
    where = MemoryFilter(call_id="call-1")
    receipt = store.erase(where)
    ids = sorted(f"record-{i}" for i in range(10, 20))
    assert (receipt.records, receipt.vectors) == (10, 20)
    assert receipt.scope == where
    assert receipt.t_seen_ms == NOW_MS
    assert (
        receipt.record_ids_sha256
        == hashlib.sha256("".join(f"{i}\n" for i in ids).encode()).hexdigest()
    )
    again = store.erase(where)
    assert (again.records, again.vectors) == (0, 0)
    assert again.record_ids_sha256 == hashlib.sha256(b"").hexdigest()
    assert store.receipts() == (receipt, again)


def test_erased_records_are_in_no_search(store: SqliteMemoryStore) -> None:
    found = vectors(40)
    store.add(record(i, encoding(found[i]), transcript=f"order {i}") for i in range(40))
    store.search(vectors=[query(found[0])])
    store.search(text="order")
    store.erase(MemoryFilter(call_id="call-2"))
    gone = {f"record-{i}" for i in range(20, 30)}
    for hits in (
        store.search(limit=40),
        store.search(text="order", limit=40),
        store.search(vectors=[query(found[25])], limit=40),
        store.search(text="order 25", vectors=[query(found[25])], limit=40),
    ):
        assert len(hits) == 30
        assert not gone & {hit.record_id for hit in hits}
    assert not store.has("record-25")
    assert not store.get(gone)
    assert not store.known_sources(["call-2.wav"])


def test_erasing_a_speaker_takes_the_voiceprints_too(
    store: SqliteMemoryStore, tmp_path: Path
) -> None:
    print_of_anna = np.full(16, 0.1234567, np.float32)
    store.enrol("anna", [print_of_anna.tolist()], "speaker")
    store.enrol("anna", [[1.0], [2.0]], "another")
    store.enrol("ben", [[3.0] * 16], "speaker")
    store.add([record(0, speaker_id="anna"), record(1, speaker_id="ben")])
    narrower = store.erase(MemoryFilter(speaker_id="anna", call_id="call-9"))
    assert (narrower.records, narrower.vectors) == (0, 0)
    receipt = store.erase(MemoryFilter(speaker_id="anna"))
    assert (receipt.records, receipt.vectors) == (1, 3)
    assert [voice.speaker_id for voice in store.voiceprints("speaker")] == ["ben"]
    assert print_of_anna.tobytes() not in bytes_of(tmp_path)


def test_voiceprints_go_even_where_they_are_switched_off(tmp_path: Path) -> None:
    with SqliteMemoryStore(tmp_path, is_voiceprint_allowed=True) as store:
        store.enrol("anna", [[1.0]], "speaker")
    with SqliteMemoryStore(tmp_path) as store:
        assert store.erase(MemoryFilter(speaker_id="anna")).vectors == 1
        assert store.stats().voiceprints == 0


def test_everything_goes_only_when_it_is_said(store: SqliteMemoryStore) -> None:
    store.add([record(0, encoding([1.0]), transcript="word")])
    store.enrol("anna", [[1.0]], "speaker")
    with pytest.raises(MemoryRefusedError, match="everything=True"):
        store.erase(MemoryFilter())
    with pytest.raises(MemoryRefusedError, match="everything=True"):
        store.erase(MemoryFilter(call_id="call-0"), everything=True)
    assert store.count() == 1
    receipt = store.erase(MemoryFilter(), everything=True)
    assert (receipt.records, receipt.vectors) == (1, 2)
    assert not store.search(text="word")
    assert store.stats().voiceprints == 0


def test_retention_erases_what_is_older(store: SqliteMemoryStore) -> None:
    store.add(record(i, t_seen_ms=NOW_MS - i * DAY_MS) for i in range(6))
    assert store.erase_older_than(3).records == 2  # of four and five days; three is not older
    assert sorted(hit.record_id for hit in store.search()) == [f"record-{i}" for i in range(4)]
    assert store.erase_older_than(1_000).records == 0


@pytest.mark.parametrize("days", [-1.0, float("nan")])
def test_an_age_that_is_none_is_refused(store: SqliteMemoryStore, days: float) -> None:
    with pytest.raises(MemoryRefusedError, match="number of days"):
        store.erase_older_than(days)


def test_what_is_remembered_of_a_held_call_stays_until_the_hold_is_lifted(
    store: SqliteMemoryStore,
) -> None:
    store.add(record(i, call_id=f"call-{i % 2}", t_seen_ms=1) for i in range(6))
    assert store.erase_older_than(1.0, ["call-1"]).records == 3
    assert store.count() == store.count(MemoryFilter(call_id="call-1")) == 3
    assert store.erase(MemoryFilter(), everything=True, held_calls=["call-1"]).records == 0
    assert store.erase(MemoryFilter(), everything=True).records == 3
