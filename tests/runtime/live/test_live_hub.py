"""Durable before fed, order kept per call, new calls refused when behind, restarts exact."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from subtone.contracts.inbound import InboundEvent
from subtone.contracts.outputs import Decision, Outputs
from subtone.contracts.vocabulary import AudioEncoding, Role
from subtone.ingest.wire import (
    StreamClosed,
    StreamEvent,
    StreamMedia,
    StreamOpened,
    StreamText,
    StreamTrack,
    WireError,
)
from subtone.kernel import pipeline
from subtone.kernel.pipeline import CallState
from subtone.runtime.journal import JournalFullError
from subtone.runtime.live.hub import Hub, HubLimits, Overloaded
from subtone.runtime.live.resuming import resume
from support_voice import RATE_HZ, Pcm, silence, speech, turns


@dataclass
class FakeLog:
    """A journal in memory; may be told to hold its commits back."""

    events: list[InboundEvent] = field(default_factory=list)
    held: list[Future[int]] = field(default_factory=list)
    is_holding: bool = False
    is_failing: bool = False

    def submit(self, events: Sequence[InboundEvent]) -> Future[int]:
        if self.is_failing:
            raise JournalFullError("the disk is full")
        self.events += events
        done: Future[int] = Future()
        if self.is_holding:
            self.held.append(done)
        else:
            done.set_result(len(self.events))
        return done

    def of(self, call_id: str) -> list[InboundEvent]:
        return [e for e in self.events if e.call_id == call_id]


@dataclass
class FakeRecorder:
    """Everything said, snapshot and settled, in memory."""

    said: list[tuple[str, int, Outputs]] = field(default_factory=list)
    snapshots: list[tuple[str, int, bytes]] = field(default_factory=list)
    settled: list[tuple[str, int]] = field(default_factory=list)

    def say(self, call_id: str, said: Sequence[tuple[int, Outputs]]) -> None:
        self.said += [(call_id, number, outputs) for number, outputs in said]

    def snapshot(self, call_id: str, seq: int, snapshot: bytes) -> None:
        self.snapshots.append((call_id, seq, snapshot))

    def settle(self, call_id: str, seq: int) -> None:
        self.settled.append((call_id, seq))


@dataclass
class Bench:
    """A hub on a clock that only the test moves."""

    limits: HubLimits = field(default_factory=HubLimits)
    log: FakeLog = field(default_factory=FakeLog)
    t_ms: int = 1_000_000
    recorder: FakeRecorder = field(default_factory=FakeRecorder)

    def __post_init__(self) -> None:
        self.hub = Hub(self.log, lambda: self.t_ms, self.recorder, limits=self.limits)

    @property
    def said(self) -> list[tuple[str, Outputs]]:
        return [(call_id, outputs) for call_id, _, outputs in self.recorder.said]

    def decisions(self, call_id: str) -> list[Decision]:
        return [d for c, o in self.said if c == call_id for d in o.decisions]

    def send(self, call_id: str, *events: StreamEvent, stream: str = "s") -> None:
        self.hub.call(call_id)
        self.hub.receive(call_id, stream, events)

    async def pass_ms(self, ms: int) -> None:
        """Let time go by in batches, and the workers come to rest."""
        for _ in range(max(1, ms // 200)):
            self.t_ms += min(ms, 200)
            await self.hub.pump()
        await self.hub.settle()

    async def talk(self, call_id: str, samples: Pcm, at_ms: int = 0) -> None:
        """Stream 20 ms packets in real order, batch by batch."""
        step = RATE_HZ // 50
        for i in range(0, len(samples), step):
            media = StreamMedia(
                track_id="customer",
                t_stream_ms=at_ms + i * 1000 // RATE_HZ,
                encoding=AudioEncoding.PCM_S16LE,
                sample_rate_hz=RATE_HZ,
                payload=samples[i : i + step].tobytes(),
            )
            self.send(call_id, media)
            self.t_ms += 20
            if i // step % 10 == 9:
                await self.hub.pump()
        await self.pass_ms(200)


def run(
    test: Callable[[Bench], Coroutine[Any, Any, None]], limits: HubLimits | None = None
) -> Bench:
    bench = Bench(limits=limits or HubLimits())

    async def bounded() -> None:
        await asyncio.wait_for(test(bench), 60)
        await bench.hub.stop()

    asyncio.run(bounded())
    return bench


def opened(call_id: str = "c", stream: str = "s") -> StreamOpened:
    track = StreamTrack(track_id="customer", role=Role.CUSTOMER, sample_rate_hz=RATE_HZ)
    return StreamOpened(provider="test", stream_id=stream, call_id=call_id, tracks=(track,))


def said(text: str, t_ms: int = 0) -> StreamText:
    return StreamText(
        text_id=f"t{t_ms}", role=Role.CUSTOMER, t_stream_ms=t_ms, t_end_ms=None, text=text
    )


def test_a_live_call_says_what_its_journal_replays() -> None:
    async def test(bench: Bench) -> None:
        bench.send("c", opened())
        await bench.talk("c", turns((1.0, speech(3.0)), (1.0, speech(4.0)), (1.0, silence(6.0))))

    bench = run(test)
    live = bench.decisions("c")
    assert [d.moment.t_event_ms for d in live[:2]] == [5_000, 10_000]
    assert live[1].moment.features is not None
    state = pipeline.start()
    replayed: list[Decision] = []
    for event in bench.log.of("c"):
        state, out = pipeline.feed(state, event)
        replayed += out.decisions
    assert msgspec.json.encode(live) == msgspec.json.encode(replayed[: len(live)])


def test_nothing_is_fed_before_it_is_durable() -> None:
    async def test(bench: Bench) -> None:
        bench.log.is_holding = True
        bench.send("c", said("hello"))
        pumping = asyncio.create_task(bench.hub.pump())
        waiting = asyncio.create_task(bench.hub.durable("c"))
        await asyncio.sleep(0.02)
        assert bench.said == []
        assert not waiting.done()
        bench.log.held.pop().set_result(1)
        await pumping
        bench.log.is_holding = False
        await bench.hub.pump()
        await asyncio.wait_for(waiting, 5)
        await bench.pass_ms(200)
        assert any(o.turns for _, o in bench.said)

    run(test)


def test_a_restart_takes_the_call_up_where_it_was() -> None:
    first = turns((1.0, speech(3.0)), (1.0, speech(3.0)), (1.0, silence(3.0)))

    async def before(bench: Bench) -> None:
        bench.send("c", opened())
        await bench.talk("c", first)

    old = run(before)

    async def after(bench: Bench) -> None:
        bench.t_ms = old.t_ms + 2_000  # it took two seconds to come back
        bench.log.events = list(old.log.events)
        bench.hub.restore(resume("c", None, bench.log.of("c")), len(bench.log.events))
        assert bench.recorder.said == old.recorder.said  # again, under the same numbers
        bench.send("c", opened("c", "s2"), stream="s2")
        bench.hub.receive("c", "s2", [said("It's fine.", 100)])
        await bench.pass_ms(6_000)

    new = run(after)
    before_it, after_it = old.decisions("c"), new.decisions("c")[len(old.decisions("c")) :]
    assert after_it[0].moment.t_event_ms == before_it[-1].moment.t_event_ms + 5_000
    assert after_it[0].snapshot.moment_index == before_it[-1].snapshot.moment_index + 1
    started = [e for e in new.log.of("c") if type(e).__name__ == "CallStarted"]
    assert len(started) == 1


def test_new_calls_are_refused_when_full_and_running_ones_are_served() -> None:
    async def test(bench: Bench) -> None:
        bench.send("a", said("hello"))
        with pytest.raises(Overloaded, match="1 calls are running"):
            bench.hub.call("b")
        bench.send("a", said("still here", 500))
        await bench.pass_ms(200)

    bench = run(test, HubLimits(max_calls=1))
    assert bench.hub.counts.refused == 1
    assert len([t for _, o in bench.said for t in o.turns]) == 2


def test_a_stream_that_stays_away_ends_the_call_after_the_linger() -> None:
    async def test(bench: Bench) -> None:
        bench.send("c", opened())
        bench.send("c", StreamClosed(reason="stop"))
        await bench.pass_ms(2_800)
        assert "c" in bench.hub.calls
        await bench.pass_ms(600)
        assert "c" not in bench.hub.calls

    bench = run(test, HubLimits(linger_ms=3_000))
    assert getattr(bench.log.of("c")[-1], "reason", None) == "streams_gone"


def test_a_silent_stream_is_ended_by_the_watchdog_and_a_chat_is_waited_for() -> None:
    async def test(bench: Bench) -> None:
        bench.send("voice", opened("voice"))
        bench.send("chat", said("hello"))
        await bench.pass_ms(3_000)
        assert set(bench.hub.calls) == {"chat"}

    run(test, HubLimits(stuck_ms=2_000))


def test_a_call_on_hold_is_no_silent_one_while_its_stream_is_open() -> None:
    async def test(bench: Bench) -> None:
        bench.send("c", opened())
        bench.hub.calls["c"].live.pause(True, bench.t_ms)
        await bench.pass_ms(5_000)
        assert "c" in bench.hub.calls
        bench.hub.calls["c"].live.pause(False, bench.t_ms)
        await bench.pass_ms(600)
        assert "c" not in bench.hub.calls

    bench = run(test, HubLimits(stuck_ms=2_000))
    assert getattr(bench.log.of("c")[-1], "reason", None) == "silent"


def test_after_a_long_outage_peers_have_the_whole_linger_to_return() -> None:
    async def before(bench: Bench) -> None:
        bench.send("c", opened())
        await bench.pass_ms(200)

    old = run(before)

    async def after(bench: Bench) -> None:
        bench.log.events = list(old.log.events)
        bench.t_ms += 600_000
        bench.hub.restore(resume("c", None, bench.log.of("c")), len(bench.log.events))
        await bench.pass_ms(2_800)
        assert "c" in bench.hub.calls
        await bench.pass_ms(600)
        assert "c" not in bench.hub.calls

    run(after, HubLimits(linger_ms=3_000))


def test_an_event_the_kernel_refuses_is_counted_and_the_call_goes_on() -> None:
    async def test(bench: Bench) -> None:
        bench.send("c", opened())
        odd = StreamMedia(
            track_id="customer",
            t_stream_ms=0,
            encoding=AudioEncoding.PCM_S16LE,
            sample_rate_hz=RATE_HZ,
            payload=b"\x00\x01\x02",
        )
        bench.send("c", odd)
        await bench.pass_ms(200)
        bench.send("c", said("hello", 400))
        await bench.pass_ms(200)

    bench = run(test)
    assert bench.hub.counts.peer_errors == 1
    assert any(o.turns for _, o in bench.said)


def test_a_snapshot_and_what_followed_are_the_call_as_it_was() -> None:
    speaking = turns((1.0, speech(3.0)), (1.0, speech(3.0)), (1.0, silence(3.0)))

    async def test(bench: Bench) -> None:
        bench.send("c", opened())
        bench.hub.receive("c", "s", [said("It's fine.", 100)])
        await bench.talk("c", speaking)

    old = run(test, HubLimits(snapshot_ms=4_000))
    call_id, seq, snapshot = old.recorder.snapshots[1]
    events = old.log.of(call_id)
    from_start, from_there = resume("c", None, events), resume("c", snapshot, events[seq:])
    assert len(from_there.said) < len(from_start.said)
    assert from_start.said[-len(from_there.said) :] == from_there.said
    assert from_start.ledger == from_there.ledger
    assert "t100" in from_there.ledger.said


def test_a_journal_that_refuses_loses_nothing_and_takes_no_new_call() -> None:
    async def test(bench: Bench) -> None:
        bench.log.is_failing = True
        bench.send("c", said("hello"))
        waiting = asyncio.ensure_future(bench.hub.durable("c"))
        await asyncio.sleep(0)
        await bench.pass_ms(200)
        with pytest.raises(JournalFullError):
            await waiting
        with pytest.raises(Overloaded):
            bench.hub.call("d")
        assert bench.said == []
        bench.log.is_failing = False
        await bench.pass_ms(400)
        bench.hub.call("d")

    bench = run(test)
    assert [o.turns[0].turn.text for c, o in bench.said if o.turns] == ["hello"]


def test_what_ended_is_settled_at_its_last_event() -> None:
    async def test(bench: Bench) -> None:
        bench.send("c", said("hello"))
        await bench.pass_ms(200)
        bench.hub.calls["c"].live.end("hangup", bench.t_ms)
        await bench.pass_ms(200)

    bench = run(test)
    assert bench.recorder.settled == [("c", len(bench.log.events))]

    async def after(again: Bench) -> None:
        again.hub.restore(resume("c", None, bench.log.events), 3)
        assert again.hub.calls == {}

    assert run(after).recorder.settled == [("c", 3)]


def test_a_fault_of_ours_ends_one_call_only(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = pipeline.feed

    def faulty(state: CallState, event: InboundEvent) -> tuple[CallState, Outputs]:
        if event.call_id == "bad":
            raise RuntimeError("ours")
        return feed(state, event)

    monkeypatch.setattr(pipeline, "feed", faulty)

    async def test(bench: Bench) -> None:
        bench.send("bad", said("hello"))
        bench.send("good", said("hello"))
        waiting = asyncio.ensure_future(bench.hub.durable("bad"))
        await bench.pass_ms(400)
        await waiting
        assert set(bench.hub.calls) == {"good"}

    bench = run(test)
    assert bench.hub.counts.faults == 1
    assert [c for c, o in bench.said if o.turns] == ["good"]


def test_a_call_that_cannot_be_collected_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(bench: Bench) -> None:
        bench.send("bad", opened())
        bench.send("good", opened())
        await bench.pass_ms(200)

        def broken() -> list[object]:
            raise ValueError("a contract was broken")

        monkeypatch.setattr(bench.hub.calls["bad"].live, "take", broken)
        bench.send("good", said("hello"))
        taken = asyncio.ensure_future(bench.hub.durable("bad"))
        await asyncio.sleep(0)
        await bench.pass_ms(400)
        with pytest.raises(ValueError, match="contract"):  # not told that it was taken
            await taken
        assert bench.hub.counts.faults == 1
        assert set(bench.hub.calls) == {"good"}
        assert any(outputs.turns for call_id, outputs in bench.said if call_id == "good")

    run(test)


@pytest.mark.parametrize("call_id", ["", "x" * 201])
def test_what_cannot_be_a_call_id_begins_no_call(call_id: str) -> None:
    async def test(bench: Bench) -> None:
        with pytest.raises(WireError, match="1 to 200"):
            bench.hub.call(call_id)
        assert bench.hub.calls == {}

    run(test)
