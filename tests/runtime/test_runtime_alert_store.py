"""The durable alert store obeys the laws of the one in memory, and survives a kill."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subtone.runtime.journal import AudioPolicy, SqliteJournal, WriterLimits
from subtone.runtime.journal.alert_store import KeptMemory, SqliteAlertStore, Standing
from subtone.surfaces.alerts.alert import Alert, HoldReason, Routing
from subtone.surfaces.alerts.delivery import (
    Delivery,
    DeliveryStatus,
    Outcome,
    OutcomeKind,
    RetryPolicy,
    replay,
    settle,
)
from subtone.surfaces.alerts.store import AlertStore, InMemoryAlertStore
from support_alerts import NOON_MS, Desk, S, decision, replace, rule
from support_journal import end_of, events_of

DELIVERED = Outcome(OutcomeKind.DELIVERED)
REFUSED = Outcome(OutcomeKind.REFUSED, "answered 410")
FAILED = Outcome(OutcomeKind.RETRY, "answered 503")
POLICY = RetryPolicy(max_attempts=3)


def alert_of(name: str, revision: int = 0, **changes: object) -> Alert:
    (made,) = Desk(rule()).see(decision(5_000, S.ESCALATION_RISK))
    changed: Alert = replace(made, alert_id=name, revision=revision, **changes)
    return changed


def delivery_of(alert: Alert, sink: str = "desk", due_ms: int = NOON_MS) -> Delivery:
    name = f"{alert.alert_id}.{alert.revision}.{sink}"
    return Delivery(delivery_id=name, sink=sink, alert=alert, due_ms=due_ms)


@contextmanager
def opened(folder: Path) -> Iterator[tuple[SqliteJournal, SqliteAlertStore]]:
    limits = WriterLimits(linger_s=0.0)
    with closing(SqliteJournal(folder, AudioPolicy.KEEP, limits=limits)) as journal:
        yield journal, SqliteAlertStore(journal)


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AlertStore]:
    if request.param == "memory":
        yield InMemoryAlertStore()
        return
    with opened(tmp_path) as (_, found):
        yield found


def ids(found: object) -> list[str]:
    assert isinstance(found, list | tuple)
    return [d.delivery_id for d in found]


def test_a_step_run_again_changes_nothing(store: AlertStore) -> None:
    first = alert_of("a")
    delivery = delivery_of(first)
    store.commit([first], [delivery])
    store.save(settle(delivery, DELIVERED, NOON_MS, POLICY))
    store.commit([first], [delivery])
    assert store.alert("a") == first
    assert store.due(NOON_MS, 10) == []
    found = store.delivery(delivery.delivery_id)
    assert found is not None
    assert found.status is DeliveryStatus.DELIVERED


def test_a_lower_revision_never_replaces_a_higher_one(store: AlertStore) -> None:
    later = alert_of("a", 2, is_open=False)
    store.commit([later], [])
    store.commit([alert_of("a", 1)], [])
    assert store.alert("a") == later
    assert store.open_alerts() == []
    assert store.alert("b") is None


def test_what_stands_is_listed_oldest_first(store: AlertStore) -> None:
    held = alert_of("b", routing=Routing.HOLD, hold_reason=HoldReason.BUDGET)
    store.commit([alert_of("c"), held], [])
    store.commit([alert_of("a", is_open=False), alert_of("d")], [])
    store.commit([alert_of("c", 1)], [])
    assert [a.alert_id for a in store.open_alerts()] == ["c", "b", "d"]


def test_of_one_alert_and_sink_only_the_lowest_pending_revision_is_due(store: AlertStore) -> None:
    alerts = [alert_of("a", revision) for revision in range(3)]
    early, middle, late = (delivery_of(a, due_ms=NOON_MS - a.revision) for a in alerts)
    other = delivery_of(alerts[2], "chat", NOON_MS - 5)
    store.commit(alerts, [late, middle, other, early])
    assert ids(store.due(NOON_MS, 10)) == ids([other, early])
    assert store.next_due_ms() == NOON_MS - 5
    store.save(settle(early, FAILED, NOON_MS, POLICY))
    assert ids(store.due(NOON_MS, 10)) == ids([other])  # the later ones wait for the first
    store.save(settle(early, REFUSED, NOON_MS, POLICY))
    assert ids(store.due(NOON_MS, 10)) == ids([other, middle])
    assert ids(store.due(NOON_MS, 1)) == ids([other])
    assert ids(store.deliveries(DeliveryStatus.DEAD)) == ids([early])
    store.save(replay(settle(early, REFUSED, NOON_MS, POLICY), NOON_MS + 1))
    assert ids(store.due(NOON_MS, 10)) == ids([other])
    assert ids(store.due(NOON_MS + 1, 10)) == ids([other, early])
    assert ids(store.deliveries(DeliveryStatus.PENDING)) == ids([late, middle, other, early])


def test_nothing_is_due_of_nothing(store: AlertStore) -> None:
    assert store.next_due_ms() is None
    assert store.due(NOON_MS, 10) == []
    assert store.delivery("a") is None


Action = tuple[str, int, int, int]
ACTIONS: st.SearchStrategy[list[Action]] = st.lists(
    st.tuples(
        st.sampled_from(["commit", "deliver", "fail", "refuse", "replay"]),
        st.integers(0, 2),
        st.integers(0, 3),
        st.integers(0, 3),
    ),
    max_size=12,
)


def do(store: AlertStore, action: Action) -> None:
    what, which, revision, after_ms = action
    alert = alert_of(f"a{which}", revision, is_open=bool(after_ms))
    delivery = delivery_of(alert, f"s{after_ms % 2}", NOON_MS + after_ms)
    if what == "commit":
        store.commit([alert], [delivery])
        return
    known = store.delivery(delivery.delivery_id)
    if known is None:
        return
    outcomes = {"deliver": DELIVERED, "fail": FAILED, "refuse": REFUSED}
    t_ms = NOON_MS + after_ms
    store.save(
        settle(known, outcomes[what], t_ms, POLICY) if what in outcomes else replay(known, t_ms)
    )


@settings(max_examples=30, deadline=None)
@given(ACTIONS)
def test_both_stores_are_one_to_whoever_asks(actions: list[Action]) -> None:
    memory = InMemoryAlertStore()
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as (_, store):
        for action in actions:
            do(memory, action)
            do(store, action)
        by_id: Callable[[Delivery], str] = lambda d: d.delivery_id  # noqa: E731
        for t_ms in (NOON_MS, NOON_MS + 2, NOON_MS + 10_000_000):
            assert sorted(store.due(t_ms, 99), key=by_id) == sorted(memory.due(t_ms, 99), key=by_id)
            dues = [d.due_ms for d in store.due(t_ms, 99)]
            assert dues == sorted(dues)
        for without in ((), ("s0",), ("s1", "gone"), ("s0", "s1")):
            left = store.due(NOON_MS + 10_000_000, 99, without=without)
            assert sorted(left, key=by_id) == sorted(
                memory.due(NOON_MS + 10_000_000, 99, without=without), key=by_id
            )
            assert not {d.sink for d in left} & set(without)
            assert store.next_due_ms(without=without) == memory.next_due_ms(without=without)
        assert list(store.open_alerts()) == list(memory.open_alerts())
        for status in DeliveryStatus:
            assert list(store.deliveries(status)) == list(memory.deliveries(status))
            assert store.delivery_count(status) == len(memory.deliveries(status))
        assert [store.alert(f"a{i}") for i in range(3)] == [memory.alert(f"a{i}") for i in range(3)]


def test_pages_by_standing(tmp_path: Path) -> None:
    with opened(tmp_path) as (_, store):
        for number in range(5):
            store.commit([alert_of(f"o{number}")], [])
        held = alert_of("h", routing=Routing.HOLD, hold_reason=HoldReason.BUDGET)
        store.commit([held, alert_of("x", is_open=False)], [])
        first = store.alerts(Standing.OPEN, limit=3)
        rest = store.alerts(Standing.OPEN, first[-1].cursor, 3)
        assert [r.alert.alert_id for r in (*first, *rest)] == ["o4", "o3", "o2", "o1", "o0"]
        assert [r.alert.alert_id for r in store.alerts(Standing.HELD)] == ["h"]
        assert [r.alert.alert_id for r in store.alerts(Standing.CLOSED)] == ["x"]
        assert len(store.alerts()) == 7
        assert [a.alert_id for a in store.remembered(0)] == [*(f"o{i}" for i in range(5)), "h"]
        assert [a.alert_id for a in store.remembered(1)][-1] == "x"


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    alert = alert_of("a", evidence=())
    with opened(tmp_path) as (_, store):
        assert store.memory() is None
        store.keep([alert], [delivery_of(alert)], KeptMemory(7, b"x")).result()
    with opened(tmp_path) as (_, store):
        assert store.alert("a") == alert
        assert store.due(NOON_MS, 1) == [delivery_of(alert)]
        assert store.memory() == KeptMemory(7, b"x")


def test_erasing_a_call_erases_its_alerts(tmp_path: Path) -> None:
    with opened(tmp_path) as (journal, store):
        for call_id in ("gone", "kept"):
            journal.append([*events_of(call_id, 1, 2), end_of(call_id)])
            alert = alert_of(call_id, call_id=call_id)
            store.commit([alert], [delivery_of(alert)])
        gone = delivery_of(alert_of("gone", call_id="gone"))
        journal.purge_call("gone", 10_000)
        store.save(settle(gone, FAILED, NOON_MS, POLICY))  # an attempt that was under way
        assert store.alert("gone") is None
        assert store.delivery(gone.delivery_id) is None
        assert store.alert("kept") is not None
        assert len(store.deliveries(DeliveryStatus.PENDING)) == 1


CHILD = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from subtone.runtime.journal.alert_store import KeptMemory
from test_runtime_alert_store import alert_of, delivery_of, opened
with opened(Path(sys.argv[1])) as (_, store):
    number = 0
    while True:
        number += 1
        alert = alert_of(f"a{number}")
        store.keep([alert], [delivery_of(alert)], KeptMemory(number, b"")).result()
        print(number, flush=True)
"""


def test_what_was_committed_survives_a_kill_whole(tmp_path: Path) -> None:
    here = Path(__file__).parent
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path), str(here), str(here.parent)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    with child, child.stdout as said:
        for line in said:
            if int(line) >= 20:
                child.send_signal(signal.SIGKILL)
                break
        last = max([int(line) for line in said], default=20)
    with opened(tmp_path) as (_, store):
        kept = store.memory()
        assert kept is not None
        assert last <= kept.cursor <= last + 1
        assert len(store.open_alerts()) == kept.cursor
        assert len(store.deliveries(DeliveryStatus.PENDING)) == kept.cursor
