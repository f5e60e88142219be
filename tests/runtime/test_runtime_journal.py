"""What was acknowledged is there, in order, whole; what is wrong is named."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subtone.contracts import ports
from subtone.contracts.inbound import InboundEvent
from subtone.runtime.journal import (
    AudioDroppedError,
    AudioPolicy,
    JournalCorruptError,
    JournalError,
    JournalFullError,
    JournalLockedError,
    JournalReader,
    Output,
    ReplayDifferenceError,
    SqliteJournal,
    WriterLimits,
)
from subtone.runtime.journal.database import MIGRATIONS
from support_journal import end_of, event_at, events_of

AT_ONCE = WriterLimits(linger_s=0.0)


def opened(
    folder: Path, audio: AudioPolicy = AudioPolicy.KEEP, bytes_: int = 4_000
) -> SqliteJournal:
    return SqliteJournal(folder, audio, limits=AT_ONCE, segment_bytes=bytes_)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    found = opened(tmp_path)
    yield found
    found.close()


def damage(folder: Path, sql: str) -> None:
    database = apsw.Connection(str(folder / "journal.sqlite3"))
    database.execute(sql)
    database.close()


def test_it_is_the_port(journal: SqliteJournal) -> None:
    port: ports.Journal = journal
    assert port.append(events_of("a", 1, 3)) == 3
    assert port.append(events_of("b", 1, 2)) == 5
    assert list(port.replay("a")) == events_of("a", 1, 3)


def test_a_call_of_many_pages_replays_as_it_was(journal: SqliteJournal) -> None:
    """1100 events: beyond a page of reading, a statement of writing and a segment."""
    journal.append(events_of("a", 1, 700))
    journal.append(events_of("a", 701, 1_100))
    assert list(journal.replay("a")) == events_of("a", 1, 1_100)


def test_a_page_that_is_just_full_is_no_damage(journal: SqliteJournal) -> None:
    journal.append(events_of("a", 1, 512))
    assert len(list(journal.replay("a"))) == 512


def test_an_unknown_call_has_no_events(journal: SqliteJournal) -> None:
    assert list(journal.replay("nobody")) == []
    assert journal.resume("nobody").snapshot is None
    assert journal.reader.call("nobody") is None


def test_it_is_there_after_a_clean_stop(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.append(events_of("a", 1, 30))
    first.close()
    again = opened(tmp_path)
    assert again.torn_bytes == 0
    assert again.append(events_of("a", 31, 40)) == 40
    assert list(again.replay("a")) == events_of("a", 1, 40)
    assert list(again.reader.damages()) == []
    again.close()


@settings(max_examples=20)  # each opens a journal, on a real disk
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 5)), max_size=30))
def test_any_interleaving_keeps_each_calls_order(
    tmp_path_factory: pytest.TempPathFactory, plan: list[tuple[str, int]]
) -> None:
    journal = opened(tmp_path_factory.mktemp("journal"))
    sent = dict.fromkeys("abc", 0)
    futures = []
    for call_id, n in plan:
        futures.append(journal.submit(events_of(call_id, sent[call_id] + 1, sent[call_id] + n)))
        sent[call_id] += n
    numbers = [future.result() for future in futures]
    assert numbers == sorted(numbers)
    assert (numbers or [0])[-1] == sum(sent.values())
    for call_id, n in sent.items():
        assert list(journal.replay(call_id)) == events_of(call_id, 1, n)
    journal.close()


def test_many_threads_append_at_once(journal: SqliteJournal) -> None:
    def send(call_id: str) -> None:
        for number in range(1, 41):
            journal.append([event_at(call_id, number)])

    threads = [threading.Thread(target=send, args=(f"call {i}",)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(8):
        assert list(journal.replay(f"call {i}")) == events_of(f"call {i}", 1, 40)


def test_acknowledged_only_once_on_disk(
    journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append(events_of("a", 1, 2))
    may_sync, is_syncing = threading.Event(), threading.Event()

    def held_back(_file: int) -> None:
        is_syncing.set()
        assert may_sync.wait(10)

    monkeypatch.setattr(os, "fsync", held_back)
    waiting = journal.submit([event_at("a", 4)])
    assert is_syncing.wait(10)
    assert not waiting.done()
    assert list(journal.replay("a")) == events_of("a", 1, 2)
    may_sync.set()
    assert waiting.result(10) == 3


def test_synchronous_is_full(journal: SqliteJournal) -> None:
    assert journal._database.pragma("synchronous") == 2
    assert journal._database.pragma("journal_mode") == "wal"


def test_a_second_writer_is_refused_and_a_reader_is_not(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    with pytest.raises(JournalLockedError, match="another process writes"):
        opened(tmp_path)
    journal.append(events_of("a", 1, 3))
    reader = JournalReader(tmp_path)
    assert list(reader.replay("a")) == events_of("a", 1, 3)
    reader.close()
    journal.close()
    opened(tmp_path).close()


def test_closed_is_closed(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    waiting = journal.submit(events_of("a", 1, 3))
    journal.close()
    assert waiting.result() == 3
    with pytest.raises(JournalError, match="closed"):
        journal.append(events_of("a", 4, 4))
    with pytest.raises(JournalError, match="closed"):
        list(journal.replay("a"))


def test_too_much_waiting_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = SqliteJournal(
        tmp_path, AudioPolicy.KEEP, limits=WriterLimits(linger_s=0.0, max_waiting_bytes=2_000)
    )
    may_sync, is_syncing = threading.Event(), threading.Event()

    def held_back(_file: int) -> None:
        is_syncing.set()
        assert may_sync.wait(10)

    monkeypatch.setattr(os, "fsync", held_back)
    first = journal.submit([event_at("a", 2)])
    assert is_syncing.wait(10)
    second = journal.submit(events_of("a", 3, 8))
    with pytest.raises(JournalFullError, match="wait for the disk"):
        journal.submit(events_of("a", 9, 20))
    may_sync.set()
    assert (first.result(10), second.result(10)) == (1, 7)
    journal.close()


# --- what is not kept ---------------------------------------------------------------------


def test_dropped_audio_leaves_a_call_that_resumes(tmp_path: Path) -> None:
    journal = opened(tmp_path, AudioPolicy.DROP, bytes_=1_000)
    for number in range(1, 40):
        seq = journal.append([event_at("a", number)])
        if number == 30:
            journal.snapshot("a", seq, b"state after 30").result()
    found = journal.resume("a")
    assert found.snapshot == b"state after 30"
    assert list(found.events) == events_of("a", 31, 39)
    with pytest.raises(AudioDroppedError, match="resume the call instead"):
        list(journal.replay("a"))
    on_disk = b"".join(path.read_bytes() for path in (tmp_path / "audio").glob("*.seg"))
    assert bytes([38]) * 300 in on_disk
    assert bytes([5]) * 500 not in on_disk  # long covered: its segment is gone
    journal.close()


def test_kept_audio_survives_a_snapshot(journal: SqliteJournal) -> None:
    seq = journal.append(events_of("a", 1, 20))
    journal.snapshot("a", seq, b"state").result()
    assert list(journal.replay("a")) == events_of("a", 1, 20)
    assert list(journal.resume("a").events) == []


def test_an_older_snapshot_replaces_no_newer_one(journal: SqliteJournal) -> None:
    seq = journal.append(events_of("a", 1, 20))
    journal.snapshot("a", seq, b"new").result()
    journal.snapshot("a", seq - 5, b"old").result()
    assert journal.resume("a").snapshot == b"new"


def test_a_snapshot_of_what_is_not_there_is_refused(journal: SqliteJournal) -> None:
    seq = journal.append(events_of("a", 1, 3))
    for call_id, at in (("a", seq + 1), ("b", seq)):
        with pytest.raises(JournalError, match="journal it first"):
            journal.snapshot(call_id, at, b"").result()


def test_a_settled_call_is_not_resumed(journal: SqliteJournal) -> None:
    seq = journal.append([*events_of("a", 1, 5), end_of("a")])
    journal.append(events_of("b", 1, 5))
    assert journal.reader.unsettled() == ("a", "b")
    with pytest.raises(JournalError, match="feed it first"):
        journal.settle("a", seq - 1).result()
    journal.settle("a", seq).result()
    assert journal.reader.unsettled() == ("b",)
    row = journal.reader.call("a")
    assert row is not None
    assert (row.is_ended, row.is_settled, row.event_count) == (True, True, 6)


# --- what was said ------------------------------------------------------------------------


def test_outputs_are_kept_once(journal: SqliteJournal) -> None:
    journal.append(events_of("a", 1, 3))
    said = [Output("decision", i, b'{"index":%d}' % i) for i in range(4)]
    first = journal.record("a", said[:3]).result()
    second = journal.record("a", said).result()  # the first three again, after a restart
    rows = journal.reader.outputs_of("a", "decision")
    assert (rows[2].cursor, rows[3].cursor) == (first, second)
    assert [(row.item, row.body) for row in rows] == [(o.item, o.body) for o in said]
    with pytest.raises(ReplayDifferenceError, match="decision 2 of call 'a' differs"):
        journal.record("a", [Output("decision", 9, b"x"), Output("decision", 2, b"other")]).result()
    assert len(journal.reader.outputs_of("a", "decision")) == 4  # all or nothing
    with pytest.raises(JournalError, match="there is no call"):
        journal.record("b", said).result()


def test_one_broken_task_breaks_no_other(journal: SqliteJournal) -> None:
    good = journal.submit(events_of("a", 1, 3))
    bad = journal.snapshot("a", 99, b"")
    after = journal.record("a", [Output("turn", 0, b"{}")])
    assert (good.result(), after.result()) == (3, 1)
    assert isinstance(bad.exception(), JournalError)


def test_a_cursor_misses_and_repeats_nothing(journal: SqliteJournal) -> None:
    for call_id in "ab":
        journal.append(events_of(call_id, 1, 1))
    for i in range(10):
        journal.record("ab"[i % 2], [Output("decision", i, b"%d" % i)]).result()
    seen, cursor = [], 0
    while page := journal.reader.outputs_after(cursor, 3):
        seen += [row.body for row in page]
        cursor = page[-1].cursor
    assert seen == [b"%d" % i for i in range(10)]
    only = journal.reader.outputs_after(0, call_id="b")
    assert [row.item for row in only] == [1, 3, 5, 7, 9]


def test_calls_are_paged_newest_first(journal: SqliteJournal) -> None:
    for i in range(7):
        journal.append([event_at(f"c{i}", 1)])
    journal.append([end_of("c2")])
    names, cursor = [], None
    while page := journal.reader.calls(cursor, 3):
        names += [row.call_id for row in page]
        cursor = page[-1].cursor
    assert names == [f"c{i}" for i in reversed(range(7))]
    assert [row.call_id for row in journal.reader.calls(is_ended=True)] == ["c2"]
    with pytest.raises(ValueError, match="limit must be 1 to 1000"):
        journal.reader.calls(limit=0)


# --- damage -------------------------------------------------------------------------------


def filled(folder: Path) -> list[InboundEvent]:
    journal = opened(folder)
    journal.append(events_of("a", 1, 20))
    journal.close()
    return events_of("a", 1, 20)


def test_a_torn_tail_is_cut_and_told(tmp_path: Path) -> None:
    events = filled(tmp_path)
    newest = max((tmp_path / "audio").glob("*.seg"))
    size = newest.stat().st_size
    with newest.open("ab") as file:
        file.write(b"\x00\x01half a frame")
    (tmp_path / "audio" / "000000000099.seg").write_bytes(b"never referred to")
    journal = opened(tmp_path)
    assert journal.torn_bytes == 14 + 17
    assert newest.stat().st_size == size
    assert list(journal.replay("a")) == events
    journal.close()


def test_what_the_database_refused_leaves_no_audio(
    journal: SqliteJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append(events_of("a", 1, 3))
    sizes = {path: path.stat().st_size for path in (tmp_path / "audio").iterdir()}

    def refuse(*_: object) -> None:
        raise apsw.FullError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(journal._writer, "_insert", refuse)
        with pytest.raises(JournalFullError, match="nothing of this was accepted"):
            journal.append(events_of("a", 4, 9))
    assert {path: path.stat().st_size for path in (tmp_path / "audio").iterdir()} == sizes
    assert journal.append(events_of("a", 4, 9)) == 9
    assert list(journal.replay("a")) == events_of("a", 1, 9)


def test_lost_audio_is_named(tmp_path: Path) -> None:
    filled(tmp_path)
    newest = max((tmp_path / "audio").glob("*.seg"))
    newest.write_bytes(newest.read_bytes()[:-1])
    with pytest.raises(JournalCorruptError, match=f"{newest.name}.*acknowledged bytes"):
        opened(tmp_path)


def test_a_flipped_bit_of_audio_is_named(tmp_path: Path) -> None:
    filled(tmp_path)
    oldest = min((tmp_path / "audio").glob("*.seg"))
    content = bytearray(oldest.read_bytes())
    content[50] ^= 1
    oldest.write_bytes(content)
    journal = opened(tmp_path)
    with pytest.raises(JournalCorruptError, match=f"{oldest.name} is damaged at byte 0"):
        list(journal.replay("a"))
    assert len(list(journal.reader.damages())) == 1
    journal.close()


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE events SET body = zeroblob(9) WHERE seq = 7", "event 7 of call 'a' is damaged"),
        ("DELETE FROM events WHERE seq = 7", "event 7 of call 'a' is missing"),
        ("DELETE FROM events WHERE seq = 20", "ends at event 19 of 20"),
        ("DELETE FROM events", "ends at event 0 of 20"),
    ],
)
def test_a_damaged_row_is_named(tmp_path: Path, sql: str, said: str) -> None:
    filled(tmp_path)
    damage(tmp_path, sql)
    reader = JournalReader(tmp_path)
    with pytest.raises(JournalCorruptError, match=said):
        list(reader.replay("a"))
    assert any(said in damage for damage in reader.damages())
    reader.close()


def test_a_damaged_snapshot_is_named(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.snapshot("a", journal.append(events_of("a", 1, 3)), b"state").result()
    journal.close()
    damage(tmp_path, "UPDATE snapshots SET state = zeroblob(5)")
    reader = JournalReader(tmp_path)
    with pytest.raises(JournalCorruptError, match="snapshot of call 'a'"):
        reader.resume("a")
    reader.close()


def test_what_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite3").write_bytes(b"this is not a journal" * 99)
    with pytest.raises(JournalCorruptError, match="is damaged"):
        opened(tmp_path)


def test_a_journal_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    filled(tmp_path)
    damage(tmp_path, "PRAGMA user_version = 99")
    with pytest.raises(JournalError, match="newer subtone"):
        opened(tmp_path)


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match=r"check journal\.path"):
        opened(tmp_path / "file")


def test_migrations_only_grow() -> None:
    """A migration that was released never changes: write another."""
    assert [hashlib.sha256(sql.encode()).hexdigest()[:16] for sql in MIGRATIONS] == [
        "a90f027e494cde96",
        "dd46bb3a6fbc4e1c",
    ]
