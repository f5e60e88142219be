"""What goes into a memory comes out of it, or is refused whole; plain and encrypted alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from subtone.contracts.memory import MemoryFilter
from subtone.contracts.ports import MemoryStore, VoiceprintStore
from subtone.contracts.vocabulary import Role
from subtone.memory.errors import MemoryRefusedError, MemoryStoreError
from subtone.memory.store import SqliteMemoryStore
from support_memory import KEY, SPACE, encoding, query, record, vectors


@pytest.fixture(params=[None, KEY], ids=["plain", "encrypted"])
def store(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SqliteMemoryStore]:
    with SqliteMemoryStore(
        tmp_path, key=request.param, is_voiceprint_allowed=True, now_ms=lambda: 5_000_000
    ) as opened:
        yield opened


def test_it_is_what_the_ports_ask_for(store: SqliteMemoryStore) -> None:
    memory: MemoryStore = store
    voices: VoiceprintStore = store
    assert memory.count() == 0
    assert not voices.voiceprints(SPACE)


def test_a_record_comes_back_as_it_was(store: SqliteMemoryStore) -> None:
    given = record(
        1,
        encoding([0.5, -0.25]),
        encoding([1.0, 2.0]),
        encoding([4.0], "image"),
        transcript="没事，算了 fine",
        speaker_id="speaker-1",
        emotion="anger",
        language="zh",
    )
    assert store.add([given]) == 1
    assert store.get(["absent", given.record_id]) == (given,)


def test_vectors_are_kept_as_float32(store: SqliteMemoryStore) -> None:
    store.add([record(0, encoding([0.1]))])
    (found,) = store.get(["record-0"])
    assert found.encodings[0].vector == (float(np.float32(0.1)),)


def test_the_same_id_replaces(store: SqliteMemoryStore) -> None:
    first, second = vectors(2)
    store.add([record(0, encoding(first), transcript="refund", emotion="anger")])
    store.search(vectors=[query(first)])
    store.add([record(0, encoding(second), transcript="delivery", emotion="joy")])
    assert store.count() == 1
    assert not store.search(text="refund")
    assert not store.search(where=MemoryFilter(emotion="anger"))
    assert [hit.record_id for hit in store.search(text="delivery")] == ["record-0"]
    (hit,) = store.search(vectors=[query(second)])
    assert hit.score == pytest.approx(1.0)


def test_of_one_id_twice_in_a_batch_the_last_stays(store: SqliteMemoryStore) -> None:
    assert store.add([record(0, transcript="first"), record(0, transcript="second")]) == 1
    assert store.get(["record-0"])[0].transcript == "second"


def test_nothing_added_is_nothing_stored(store: SqliteMemoryStore) -> None:
    assert store.add([]) == 0


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (record(2, has_consent=False), "no consent"),
        (record(2, encoding([1.0, 2.0])), "holds vectors of 24 numbers, not 2"),
        (record(2, encoding([1e39] * 24)), "not finite in float32"),
        (record(2, transcript="\ud800"), "not Unicode"),
    ],
    ids=["consent", "width", "finite", "unicode"],
)
def test_a_batch_with_a_bad_record_is_refused_whole(
    store: SqliteMemoryStore, bad: object, reason: str
) -> None:
    assert isinstance(bad, type(record()))
    old = record(0, encoding(vectors(1)[0]), transcript="old")
    store.add([old])
    batch = [
        msgspec.structs.replace(old, transcript="new"),
        record(1, encoding([1.0], "another space"), transcript="new"),
        bad,
    ]
    with pytest.raises(MemoryRefusedError, match=reason):
        store.add(batch)
    assert store.get(["record-0", "record-1", "record-2"])[0].transcript == "old"
    assert store.count() == 1
    assert not store.search(text="new")
    assert [space.space for space in store.stats().spaces] == [SPACE]


def test_a_space_has_the_width_of_its_first_vector_even_within_a_batch(
    store: SqliteMemoryStore,
) -> None:
    with pytest.raises(MemoryRefusedError, match="holds vectors of 1 numbers, not 2"):
        store.add([record(0, encoding([1.0]), encoding([1.0, 2.0]))])
    assert not store.stats().spaces


def test_a_bulk_import_can_ask_what_is_there(store: SqliteMemoryStore) -> None:
    store.add([record(0, source="a.wav"), record(1, source="b.wav")])
    assert store.has("record-0")
    assert not store.has("record-2")
    assert store.known_sources(["a.wav", "c.wav"]) == {"a.wav"}


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        (MemoryFilter(), {0, 1, 2, 3}),
        (MemoryFilter(call_id="call-a"), {0, 1}),
        (MemoryFilter(speaker_id="anna"), {0, 2}),
        (MemoryFilter(emotion="anger"), {1, 2}),
        (MemoryFilter(language="zh"), {3}),
        (MemoryFilter(role=Role.AGENT), {1}),
        (MemoryFilter(source="b.wav"), {2, 3}),
        (MemoryFilter(t_seen_from_ms=20), {2, 3}),
        (MemoryFilter(t_seen_from_ms=10, t_seen_until_ms=30), {1, 2}),
        (MemoryFilter(emotion="anger", source="b.wav", t_seen_from_ms=0), {2}),
        (MemoryFilter(speaker_id="anna", emotion="anger", call_id="call-a"), set()),
        (MemoryFilter(emotion="call-a"), set()),
    ],
)
def test_filters_allow_exactly_what_they_say(
    store: SqliteMemoryStore, where: MemoryFilter, numbers: set[int]
) -> None:
    found = vectors(4)
    words = "same words"
    store.add(
        [
            record(
                0, encoding(found[0]), call_id="call-a", source="a.wav", speaker_id="anna",
                t_seen_ms=0, transcript=words,
            ),
            record(
                1, encoding(found[1]), call_id="call-a", source="a.wav", emotion="anger",
                role=Role.AGENT, t_seen_ms=10, transcript=words,
            ),
            record(
                2, encoding(found[2]), call_id="call-b", source="b.wav", speaker_id="anna",
                emotion="anger", t_seen_ms=20, transcript=words,
            ),
            record(
                3, encoding(found[3]), call_id="call-b", source="b.wav", language="zh",
                t_seen_ms=30, transcript=words,
            ),
        ]
    )  # fmt: skip
    ids = {f"record-{number}" for number in numbers}
    newest_first = sorted(ids, reverse=True)
    assert store.count(where) == len(ids)
    assert [hit.record_id for hit in store.search(where=where)] == newest_first
    assert {hit.record_id for hit in store.search(text="words", where=where)} == ids
    assert {hit.record_id for hit in store.search(vectors=[query(found[0])], where=where)} == ids


def test_voiceprints_come_back_and_are_replaced(store: SqliteMemoryStore) -> None:
    store.enrol("anna", [[1.0, 2.0], [3.0, 4.0]], "speaker")
    store.enrol("cluster-7", [[5.0, 6.0]], "speaker", is_enrolled=False)
    store.enrol("anna", [[7.0, 8.0]], "speaker")
    found = {voice.speaker_id: voice for voice in store.voiceprints("speaker")}
    assert found["anna"].vectors == ((7.0, 8.0),)
    assert found["anna"].is_enrolled
    assert not found["cluster-7"].is_enrolled
    assert store.stats().voiceprints == 2
    assert store.voiceprints("another") == ()


@pytest.mark.parametrize("given", [[], [[]], [[float("nan")]], [[1.0], [1.0, 2.0]], [[1e300]]])
def test_bad_voiceprints_are_refused(store: SqliteMemoryStore, given: list[list[float]]) -> None:
    with pytest.raises(MemoryRefusedError):
        store.enrol("anna", given, "speaker")
    assert store.stats().voiceprints == 0


def test_voiceprints_are_off_by_default(tmp_path: Path) -> None:
    with SqliteMemoryStore(tmp_path) as opened:
        with pytest.raises(MemoryRefusedError, match="switched off"):
            opened.enrol("anna", [[1.0]], "speaker")
        with pytest.raises(MemoryRefusedError, match="switched off"):
            opened.voiceprints("speaker")


def test_stats_count_what_is_there(store: SqliteMemoryStore) -> None:
    found = vectors(3)
    store.add([record(i, encoding(v), encoding([1.0], "text")) for i, v in enumerate(found)])
    store.search(vectors=[query(found[0])])
    stats = store.stats()
    assert stats.records == 3
    assert [(s.space, s.width, s.vectors) for s in stats.spaces] == [(SPACE, 24, 3), ("text", 1, 3)]
    assert stats.index_bytes == 3 * (24 + 24)
    assert stats.disk_bytes > 0
    store.search(text="words")
    assert (store.stats().index_bytes > stats.index_bytes) == store.is_encrypted


def test_a_reader_may_not_write(store: SqliteMemoryStore, tmp_path: Path) -> None:
    key = KEY if store.is_encrypted else None
    with SqliteMemoryStore(tmp_path, key=key, is_read_only=True) as reader:
        with pytest.raises(MemoryStoreError, match="reading only"):
            reader.add([record()])
        with pytest.raises(MemoryStoreError, match="reading only"):
            reader.erase(MemoryFilter(call_id="call-0"))
