"""Searches find what is there, all of it, in the right order, and nothing that was."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from subtone.contracts.memory import MemoryFilter, MemoryHit
from subtone.memory import vectors as vectors_module
from subtone.memory.errors import MemoryRefusedError
from subtone.memory.store import SqliteMemoryStore
from subtone.memory.transcripts import MAX_MATCHED_ROWS
from support_memory import KEY, SPACE, FloatArray, encoding, query, record, vectors

N = 3_000
EMOTIONS = ("neutral", "anger", "joy")

Rows = NDArray[np.int64]


@pytest.fixture(scope="module", params=[None, KEY], ids=["plain", "encrypted"])
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[SqliteMemoryStore, FloatArray]]:
    """3,000 records of 300 calls."""
    found = vectors(N)
    with SqliteMemoryStore(tmp_path_factory.mktemp("memory"), key=request.param) as store:
        for start in range(0, N, 500):
            store.add(
                record(i, encoding(found[i]), emotion=EMOTIONS[i % 3], transcript=f"number {i}")
                for i in range(start, start + 500)
            )
        yield store, found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteMemoryStore]:
    with SqliteMemoryStore(tmp_path) as opened:
        yield opened


def ids(hits: tuple[MemoryHit, ...]) -> list[str]:
    assert [hit.rank for hit in hits] == [*range(len(hits))]
    return [hit.record_id for hit in hits]


def brute_force(found: FloatArray, asked: FloatArray, rows: Rows) -> list[str]:
    wide, goal = found[rows].astype(np.float64), asked.astype(np.float64)
    cosines = (wide @ goal) / np.linalg.norm(wide, axis=1) / np.linalg.norm(goal)
    return [f"record-{rows[i]}" for i in np.argsort(-cosines)[:10]]


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        (MemoryFilter(), np.arange(N)),
        (MemoryFilter(call_id="call-7"), np.arange(70, 80)),  # few: exact at once
        (MemoryFilter(emotion="joy"), np.arange(2, N, 3)),  # few enough
        (MemoryFilter(t_seen_from_ms=1_000_100), np.arange(100, N)),  # many: bounds first
    ],
    ids=["all", "call", "third", "most"],
)
def test_the_nearest_are_found_exactly(
    filled: tuple[SqliteMemoryStore, FloatArray],
    where: MemoryFilter,
    rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(vectors_module, "FIRST_CANDIDATES", 16)  # so that rounds follow
    store, found = filled
    for asked in vectors(10, seed=5):
        assert ids(store.search(vectors=[query(asked)], where=where)) == brute_force(
            found, asked, rows
        )


def test_a_record_has_one_score_whichever_way_it_was_found(
    filled: tuple[SqliteMemoryStore, FloatArray],
) -> None:
    store, found = filled
    (everywhere, *_) = store.search(vectors=[query(found[42])])
    (filtered, *_) = store.search(vectors=[query(found[42])], where=MemoryFilter(call_id="call-4"))
    assert everywhere == filtered
    assert everywhere.route == "audio"
    assert everywhere.score == pytest.approx(1.0)


def test_a_filter_far_from_the_query_is_searched_to_its_end(store: SqliteMemoryStore) -> None:
    near, far = vectors(1)[0], -vectors(1)[0]
    count = vectors_module.MAX_EXACT_ROWS + 10
    store.add(record(i, encoding(near), emotion="joy") for i in range(600))
    store.add(record(i, encoding(far), emotion="anger") for i in range(600, 600 + count))
    hits = store.search(vectors=[query(near)], where=MemoryFilter(emotion="anger"), limit=3)
    assert [hit.score for hit in hits] == [pytest.approx(-1.0)] * 3


def test_more_hits_than_there_are_gives_all(filled: tuple[SqliteMemoryStore, FloatArray]) -> None:
    store, found = filled
    assert len(set(ids(store.search(vectors=[query(found[0])], limit=2 * N)))) == N


def test_a_record_with_many_windows_is_one_hit_by_its_best(store: SqliteMemoryStore) -> None:
    found = vectors(2_000)
    store.add([record(0, *(encoding(vector) for vector in found[:1_900]))])
    store.add(record(i, encoding(found[1_900 + i])) for i in range(1, 50))
    hits = store.search(vectors=[query(found[5])], limit=20)
    assert ids(hits)[0] == "record-0"
    assert hits[0].score == pytest.approx(1.0)
    assert len(set(ids(hits))) == 20


def test_of_equals_the_last_stored_comes_first(store: SqliteMemoryStore) -> None:
    store.add(record(i, encoding([1.0, 1.0]), transcript="same", t_seen_ms=5) for i in range(5))
    last_first = [f"record-{i}" for i in (4, 3, 2, 1, 0)]
    assert ids(store.search(vectors=[query(np.ones(2, np.float32))])) == last_first
    assert ids(store.search(text="same")) == last_first
    assert ids(store.search()) == last_first


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "encrypted"])
def test_results_are_the_same_after_reopening(tmp_path: Path, key: bytes | None) -> None:
    found = vectors(1_500)
    queries = vectors(5, seed=9)

    def everything(store: SqliteMemoryStore) -> list[tuple[MemoryHit, ...]]:
        by_vector = [store.search(vectors=[query(q)]) for q in queries]
        by_text = [store.search(text=text) for text in ("number 7", "号码 3")]
        both = [store.search(text="号码", vectors=[query(q)]) for q in queries]
        return [*by_vector, *by_text, *both, store.search()]

    with SqliteMemoryStore(tmp_path, key=key) as store:
        store.add(record(i, encoding(found[i]), transcript=f"号码 number {i}") for i in range(700))
        everything(store)
        store.add(
            record(i, encoding(found[i]), transcript=f"号码 number {i}") for i in range(600, 1_500)
        )
        store.erase(MemoryFilter(call_id="call-3"))
        before = everything(store)
    with SqliteMemoryStore(tmp_path, key=key) as store:
        assert everything(store) == before


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "encrypted"])
def test_a_reader_sees_at_once_what_the_writer_did(tmp_path: Path, key: bytes | None) -> None:
    found = vectors(3)
    with (
        SqliteMemoryStore(tmp_path, key=key) as writer,
        SqliteMemoryStore(tmp_path, key=key, is_read_only=True) as reader,
    ):

        def seen(number: int, word: str) -> tuple[float, int]:
            (hit, *_) = reader.search(vectors=[query(found[number])]) or (None,)
            return (0.0 if hit is None else hit.score), len(reader.search(text=word))

        assert seen(0, "first") == (0.0, 0)
        writer.add([record(0, encoding(found[0]), transcript="first")])
        assert seen(0, "first") == pytest.approx((1.0, 1))
        writer.add([record(1, encoding(found[1]), transcript="second")])
        assert seen(1, "second") == pytest.approx((1.0, 1))
        writer.add([record(0, encoding(found[2]), transcript="third")])
        assert seen(2, "third") == pytest.approx((1.0, 1))
        assert reader.search(vectors=[query(found[0])])[0].score < 0.9999
        assert not reader.search(text="first")
        writer.erase(MemoryFilter(), everything=True)
        assert seen(0, "second") == (0.0, 0)
        writer.add([record(5, encoding(found[1]), transcript="second")])
        assert seen(1, "second") == pytest.approx((1.0, 1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("退款", ["zh"]),
        ("我的卡", ["mixed", "zh"]),
        ("卡", ["mixed", "zh"]),
        ("refunded", ["en", "mixed"]),
        ("REFUND 退款", ["zh", "en", "mixed"]),
        ("café", ["fr"]),
        ("cafe", ["fr"]),
        ("款退", []),
        ("absent", []),
        ("?", []),
    ],
)
def test_words_are_found_in_both_languages(
    store: SqliteMemoryStore, text: str, expected: list[str]
) -> None:
    store.add(
        [
            record(record_id="zh", transcript="我的卡被拒了，我要退款"),
            record(record_id="en", transcript="I want a refund for this order, please"),
            record(record_id="mixed", transcript="那个 refund 还没有到我的卡上，我等了很久很久了"),
            record(record_id="fr", transcript="un café, merci"),
            record(record_id="none"),
        ]
    )
    hits = store.search(text=text)
    assert sorted(ids(hits)) == sorted(expected)
    assert all(hit.route == "transcript" and hit.score > 0.0 for hit in hits)


def test_a_rare_word_weighs_more_than_a_common_one(store: SqliteMemoryStore) -> None:
    store.add(record(i, transcript="the order the order") for i in range(50))
    store.add([record(50, transcript="the long story of an unusual invoice and of its order")])
    assert ids(store.search(text="order invoice", limit=2))[0] == "record-50"


def test_common_words_count_where_rare_ones_find_too_little(store: SqliteMemoryStore) -> None:
    common = 2 * MAX_MATCHED_ROWS
    store.add(record(i, transcript="hello order") for i in range(common))
    store.add(
        [record(common, transcript="hello invoice"), record(common + 1, transcript="other invoice")]
    )
    both = ids(store.search(text="hello invoice", limit=2))
    assert both == [f"record-{common}", f"record-{common + 1}"]
    elsewhere = store.search(text="hello invoice", where=MemoryFilter(call_id="call-3"), limit=20)
    assert len(elsewhere) == 10


def test_a_word_of_every_record_alone_is_still_answered(store: SqliteMemoryStore) -> None:
    store.add(record(i, transcript="hello") for i in range(5_000))
    assert len(store.search(text="hello", limit=7)) == 7


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60) | st.sampled_from(['"', "a AND", "NEAR(a b)", "said : x", "^a*", "-"]))
def test_no_text_is_taken_for_syntax(
    filled: tuple[SqliteMemoryStore, FloatArray], text: str
) -> None:
    store, _ = filled
    assert len(store.search(text=text)) <= 10


def test_hybrid_hits_say_by_which_route_they_were_found(store: SqliteMemoryStore) -> None:
    found = vectors(4)
    store.add(
        [
            record(0, encoding(found[0]), transcript="refund"),
            record(1, encoding(found[1])),
            record(2, transcript="refund of an order long gone"),
            record(3, encoding([1.0, 0.0], "shared"), transcript="nothing"),
        ]
    )
    hits = store.search(
        text="refund",
        vectors=[query(found[0]), query(np.array([1.0, 0.0], np.float32), "shared", "image")],
    )
    routes = {hit.record_id: hit.route for hit in hits}
    assert hits[0].record_id == "record-0"
    assert routes == {
        "record-0": "hybrid",
        "record-1": "audio",
        "record-2": "transcript",
        "record-3": "image",
    }


def test_a_space_nothing_is_in_has_no_hits(store: SqliteMemoryStore) -> None:
    assert store.search(vectors=[query(vectors(1)[0])]) == ()


@pytest.mark.parametrize(
    ("asked", "reason"),
    [(np.ones(3, np.float32), "the query has 3"), (np.zeros(24, np.float32), "zero vector")],
)
def test_a_query_that_means_nothing_is_refused(
    store: SqliteMemoryStore, asked: FloatArray, reason: str
) -> None:
    store.add([record(0, encoding(vectors(1)[0]))])
    with pytest.raises(MemoryRefusedError, match=reason):
        store.search(vectors=[query(asked)])


def test_a_search_for_no_hits_is_refused(store: SqliteMemoryStore) -> None:
    with pytest.raises(MemoryRefusedError, match="at least one hit"):
        store.search(limit=0)


def test_threads_may_share_a_store(store: SqliteMemoryStore) -> None:
    found = vectors(400)
    failures: list[BaseException] = []

    def write(part: int) -> None:
        try:
            for i in range(part, 400, 4):
                store.add([record(i, encoding(found[i]), transcript=f"number {i}")])
                assert ids(store.search(vectors=[query(found[i])], limit=1)) == [f"record-{i}"]
                assert store.search(text=f"{i}")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert store.count() == 400
    assert store.stats().spaces[0].space == SPACE
