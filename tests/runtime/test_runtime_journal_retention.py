"""Erased is erased, on the disk too; what is held stays; a receipt is left."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from subtone.contracts.inbound import ChatMessage, InboundEvent
from subtone.contracts.vocabulary import Role
from subtone.runtime.journal import AudioPolicy, JournalError, Output, ReceiptRow, SqliteJournal
from subtone.runtime.journal import retention as module
from support_journal import end_of, event_at, events_of

NOW_MS = 77_000
SECRET = "my card number is four two four two"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    found = SqliteJournal(tmp_path, AudioPolicy.KEEP, segment_bytes=4_000)
    yield found
    found.close()


def said(call_id: str) -> InboundEvent:
    return ChatMessage(
        call_id=call_id,
        t_event_ms=5_000,
        t_seen_ms=5_000,
        message_id="secret",
        role=Role.CUSTOMER,
        text=SECRET,
    )


def fill(journal: SqliteJournal, call_id: str, t_seen_ms: int) -> list[InboundEvent]:
    events = [*events_of(call_id, 1, 20), said(call_id), end_of(call_id, t_seen_ms)]
    journal.append(events)
    journal.record(call_id, [Output("turn", 0, SECRET.encode())]).result()
    return events


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*.*") if path.is_file())


def test_what_is_old_goes_and_what_is_young_stays(journal: SqliteJournal) -> None:
    fill(journal, "old", 10_000)
    young = fill(journal, "young", 20_000)
    receipt = journal.purge_before(20_000, NOW_MS)
    digest = hashlib.sha256(b"old").hexdigest()
    audio_bytes = sum(n % 7 * 100 for n in range(2, 21) if n % 3)
    assert receipt.call_sha256s == (digest,)
    assert (receipt.event_count, receipt.output_count, receipt.audio_bytes) == (22, 1, audio_bytes)
    assert receipt.is_space_returned
    (row,) = journal.reader.receipts("old")
    assert row == ReceiptRow(NOW_MS, 22, 1, audio_bytes)
    assert journal.reader.receipts("young") == ()
    assert journal.reader.call("old") is None
    assert list(journal.replay("old")) == []
    assert list(journal.replay("young")) == young
    assert [row.call_id for row in journal.reader.outputs_after()] == ["young"]


def test_nothing_of_an_erased_call_is_on_the_disk(journal: SqliteJournal, tmp_path: Path) -> None:
    journal.append([event_at("b", 2)])  # in the first segment, which therefore stays
    fill(journal, "caller-0170", 10_000)
    first, last = bytes([5]) * 500, bytes([20]) * 600
    gone = (SECRET.encode(), first, last, b"caller-0170")
    assert all(part in on_disk(tmp_path) for part in gone)
    journal.purge_call("caller-0170", NOW_MS)
    left = on_disk(tmp_path)
    assert not any(part in left for part in gone)
    assert list(journal.replay("b")) == [event_at("b", 2)]
    assert list(journal.reader.damages()) == []
    assert len(list((tmp_path / "audio").iterdir())) == 1


def test_a_held_call_is_never_erased(journal: SqliteJournal) -> None:
    events = fill(journal, "a", 10_000)
    journal.hold("a", is_held=True)
    assert journal.purge_before(99_000, NOW_MS).held_count == 1
    assert journal.purge_call("a", NOW_MS).held_count == 1
    assert list(journal.replay("a")) == events
    journal.hold("a", is_held=False)
    assert journal.purge_before(99_000, NOW_MS).event_count == 22
    with pytest.raises(JournalError, match="no call 'a' to hold"):
        journal.hold("a", is_held=True)


def test_a_running_or_unknown_call_is_not_erased(journal: SqliteJournal) -> None:
    journal.append(events_of("a", 1, 3))
    with pytest.raises(JournalError, match="still runs"):
        journal.purge_call("a", NOW_MS)
    with pytest.raises(JournalError, match="there is no call 'b'"):
        journal.purge_call("b", NOW_MS)


def test_a_name_can_be_used_again_and_no_number_is(journal: SqliteJournal) -> None:
    fill(journal, "a", 10_000)
    cursor = journal.reader.outputs_after()[-1].cursor
    journal.purge_call("a", NOW_MS)
    assert journal.append(events_of("a", 1, 2)) == 24
    assert journal.record("a", [Output("turn", 0, b"{}")]).result() > cursor
    assert list(journal.replay("a")) == events_of("a", 1, 2)


def test_an_erasure_cut_short_is_finished_by_the_next(
    journal: SqliteJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(journal, "a", 10_000)
    monkeypatch.setattr(module, "SLICE_EVENTS", 5)
    real, slices = module._delete_slice, []

    def stop_at_the_third(database: object, key: int) -> int:
        slices.append(key)
        if len(slices) == 3:
            raise JournalError("the power went out")
        return real(database, key)

    monkeypatch.setattr(module, "_delete_slice", stop_at_the_third)
    with pytest.raises(JournalError, match="power"):
        journal.purge_call("a", NOW_MS)
    assert journal.reader.calls() == ()
    assert journal.reader.unsettled() == ()
    receipt = journal.purge_before(0, NOW_MS + 1)
    assert receipt.call_sha256s == (hashlib.sha256(b"a").hexdigest(),)
    assert receipt.event_count == 12
    assert SECRET.encode() not in on_disk(tmp_path)


def test_nothing_to_erase_is_an_empty_receipt(journal: SqliteJournal) -> None:
    fill(journal, "a", 10_000)
    receipt = journal.purge_before(10_000, NOW_MS)
    assert (receipt.call_sha256s, receipt.event_count, receipt.audio_bytes) == ((), 0, 0)


def test_space_comes_back(journal: SqliteJournal, tmp_path: Path) -> None:
    for i in range(5):
        journal.append([*events_of(f"c{i}", 1, 400), end_of(f"c{i}")])
    journal.purge_before(1, NOW_MS)
    before = (tmp_path / "journal.sqlite3").stat().st_size
    journal.purge_before(99_000, NOW_MS)
    assert (tmp_path / "journal.sqlite3").stat().st_size < max(before, 200_000) / 2
    assert len(list((tmp_path / "audio").iterdir())) <= 1
