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
)
from subtone.kernel import pipeline
from subtone.runtime.live.hub import Hub, HubLimits, Overloaded
from support_voice import RATE_HZ, Pcm, silence, speech, turns


@dataclass
class FakeLog:
    """A journal in memory; may be told to hold its commits back."""

    events: list[InboundEvent] = field(default_factory=list)
    held: list[Future[int]] = field(default_factory=list)
    is_holding: bool = False

    def append(self, events: Sequence[InboundEvent]) -> Future[int]:
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
class Bench:
    """A hub on a clock that only the test moves."""

    limits: HubLimits = field(default_factory=HubLimits)
    log: FakeLog = field(default_factory=FakeLog)
    t_ms: int = 1_000_000
    said: list[tuple[str, Outputs]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.hub = Hub(
            self.log, lambda: self.t_ms, lambda c, o: self.said.append((c, o)), limits=self.limits
        )

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
        bench.hub.restore(bench.log.of("c"))
        assert bench.said == []
        bench.send("c", opened("c", "s2"), stream="s2")
        bench.hub.receive("c", "s2", [said("It's fine.", 100)])
        await bench.pass_ms(6_000)

    new = run(after)
    times = [d.moment.t_event_ms for d in new.decisions("c")]
    last = old.decisions("c")[-1]
    assert times[0] == last.moment.t_event_ms + 5_000
    assert new.decisions("c")[0].snapshot.moment_index == last.snapshot.moment_index + 1
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
    assert bench.hub.refused_count == 1
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
    assert bench.hub.peer_error_count == 1
    assert any(o.turns for _, o in bench.said)
