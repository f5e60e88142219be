"""All running calls: collected on the event loop, journalled together, fed on worker threads.

Five times a second everything that came in is made durable in one group commit and only then
fed. Each call lives on one worker, so its events keep their order while a heavy call delays
nobody on the event loop. When the workers fall behind, *new* calls are refused; calls that
are running are served.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, Protocol

from subtone.contracts.calibration import Calibration
from subtone.contracts.inbound import AudioChunk, CallEnded, InboundEvent
from subtone.contracts.outputs import Decision, Outputs
from subtone.ingest.wire import StreamEvent
from subtone.kernel import pipeline
from subtone.kernel.pipeline import CallState, PeerError
from subtone.runtime.live.call import LiveCall
from subtone.runtime.live.ledger import CallLedger
from subtone.runtime.live.resuming import Resumed, to_snapshot

BATCH_S = 0.2
TICK_MS = 1_000
MAX_UNWRITTEN_BYTES = 64 * 1024 * 1024  # of audio held while the journal refuses it

log = logging.getLogger(__name__)


class Overloaded(Exception):  # noqa: N818 - it is an answer, not a fault
    """No room for another call now; running calls are not affected."""


class DurableLog(Protocol):
    """What the hub asks of the journal."""

    def submit(self, events: Sequence[InboundEvent]) -> Future[int]:
        """Make events durable in order; the future gives the last one's sequence number."""
        ...


class Recorder(Protocol):
    """Who keeps and hands out what the kernel says; called on the event loop, in order."""

    def say(self, call_id: str, said: Sequence[tuple[int, Outputs]]) -> None:
        """Record outputs, each with the number of its event within the call, from 1."""
        ...

    def snapshot(self, call_id: str, seq: int, snapshot: bytes) -> None:
        """Keep where the call stood after event seq."""
        ...

    def settle(self, call_id: str, seq: int) -> None:
        """Event seq was the call's last; nothing follows from it any more."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HubLimits:
    """How much is taken on, and how long silence may last."""

    max_calls: int = 500
    max_backlog_s: float = 2.0  # workers further behind than this refuse new calls
    linger_ms: int = 30_000  # after the last stream left, for it to come back
    stuck_ms: int = 300_000  # a voice call without any event for so long is ended
    chat_idle_ms: int = 1_800_000  # and a chat
    snapshot_ms: int = 30_000  # between two snapshots of a call
    workers: int = 2


@dataclass
class RunningCall:
    """One call between two batches; its state belongs to its worker alone."""

    live: LiveCall
    state: CallState
    ledger: CallLedger  # of what was fed, like the state
    worker: ThreadPoolExecutor
    latest: Decision | None = None
    snapshot_ms: int = 0
    ticked_ms: int = 0
    waiting: list[asyncio.Future[None]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Fed:
    """What one batch of one call led to."""

    said: tuple[tuple[int, Outputs], ...]
    refused_count: int
    snapshot: bytes | None
    last_seq: int
    is_ended: bool


class Job(NamedTuple):
    """One call's share of a batch."""

    running: RunningCall
    events: list[InboundEvent]
    seq: int  # of the journal, before the first event


Done = tuple[RunningCall, Fed | Exception]
FeedBatch = Callable[[RunningCall, Sequence[InboundEvent], int, int], Fed]


@dataclass
class HubCounts:
    """What happened so far; read by the metrics."""

    begun: int = 0
    refused: int = 0
    events: int = 0
    batches: int = 0
    peer_errors: int = 0
    failed_writes: int = 0
    dropped_chunks: int = 0
    faults: int = 0


class Hub:
    """Owner of every running call."""

    def __init__(
        self,
        log: DurableLog,
        now_ms: Callable[[], int],
        recorder: Recorder,
        *,
        limits: HubLimits | None = None,
        calibration: Calibration | None = None,
        is_agent_voice_scored: bool = False,
        is_text_expected: bool = False,
        observe_ms: Callable[[int], None] = lambda _latency_ms: None,
        watched: Callable[[FeedBatch], FeedBatch] | None = None,
        hear: Callable[[RunningCall, Sequence[InboundEvent]], None] | None = None,
    ) -> None:
        """Build an idle hub.

        Args:
            log: where events become durable.
            now_ms: the receiver's clock, Unix milliseconds, never going back.
            recorder: takes what the kernel says.
            limits: how much is taken on.
            calibration: parameters of every decision.
            is_agent_voice_scored: only for a stated lawful purpose.
            is_text_expected: words of voice calls come from another source, so moments wait
                for them by the watermark.
            observe_ms: told for each worker's batch how long it took from collection to output.
            watched: wraps the kernel's work on one batch for whoever watches it.
            hear: told of each call's events once they are journalled; on the event loop.

        """
        self.limits = limits or HubLimits()
        self.calls: dict[str, RunningCall] = {}
        self.counts = HubCounts()
        self._log = log
        self._now_ms = now_ms
        self._recorder = recorder
        self._is_text_expected = is_text_expected
        self._observe_ms = observe_ms
        self._feed: FeedBatch = _feed if watched is None else watched(_feed)
        self._hear = hear
        self._unwritten: list[tuple[RunningCall, list[InboundEvent]]] = []
        self.is_writable = True
        self._calibration = calibration
        self._is_agent_voice_scored = is_agent_voice_scored
        self._workers = [
            ThreadPoolExecutor(1, thread_name_prefix=f"kernel-{i}")
            for i in range(self.limits.workers)
        ]
        self._submitted: dict[Future[list[Done]], int] = {}  # jobs under way, and since when
        self._pump: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin pumping; call inside a running event loop."""
        self._pump = asyncio.create_task(self._run(), name="hub-pump")

    async def stop(self) -> None:
        """Feed what is there, then stop; running calls stay in the journal for a restart."""
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
        await self.pump()
        await self.settle()
        for worker in self._workers:
            await asyncio.to_thread(worker.shutdown)

    def call(
        self, call_id: str, *, is_amd_enabled: bool = False, has_text: bool = False
    ) -> RunningCall:
        """The running call of this id, begun if need be. Raises Overloaded for a new one."""
        running = self.calls.get(call_id)
        if running is not None:
            return running
        if not self.is_admitting:
            self.counts.refused += 1
            raise Overloaded(f"{len(self.calls)} calls are running; try again later")
        self.counts.begun += 1
        live = LiveCall(
            call_id,
            self._now_ms(),
            is_agent_voice_scored=self._is_agent_voice_scored,
            is_amd_enabled=is_amd_enabled,
            has_text=has_text or self._is_text_expected,
        )
        return self._adopt(live, pipeline.start(self._calibration), CallLedger())

    def restore(self, resumed: Resumed, last_seq: int) -> None:
        """Take a call up again as it stood; what it says is recorded again, which changes nothing.

        Args:
            resumed: the call after its last journalled event.
            last_seq: that event's sequence number.

        """
        call_id = resumed.call_id
        self._recorder.say(call_id, resumed.said)
        if resumed.state.is_ended:
            self._recorder.settle(call_id, last_seq)
        else:
            running = self._adopt(LiveCall.restored(resumed.ledger), resumed.state, resumed.ledger)
            running.latest = resumed.latest
            running.live.last_seen_ms = self._now_ms()  # peers may return: they were cut off by us

    def receive(self, call_id: str, stream_id: str, events: Sequence[StreamEvent]) -> None:
        """Collect stream events for the next batch."""
        running = self.calls.get(call_id)
        if running is None:
            return
        for event in events:
            running.live.receive(stream_id, event, self._now_ms())

    async def durable(self, call_id: str) -> None:
        """Wait until everything received for the call so far is in the journal."""
        running = self.calls.get(call_id)
        if running is None:
            return
        waiter = asyncio.get_running_loop().create_future()
        running.waiting.append(waiter)
        await waiter

    async def settle(self) -> None:
        """Wait until everything handed to the workers was published."""
        jobs = [asyncio.wrap_future(job) for job in self._submitted]
        await asyncio.gather(*jobs, return_exceptions=True)
        await asyncio.sleep(0)  # hand-backs run on the loop after their jobs

    @property
    def is_admitting(self) -> bool:
        """Whether a new call would be taken."""
        return len(self.calls) < self.limits.max_calls and self.is_writable and not self.is_behind

    @property
    def lag_ms(self) -> int:
        """Age of the oldest batch the workers have not finished."""
        now_ms = self._now_ms()
        return now_ms - min(self._submitted.values(), default=now_ms)

    @property
    def is_behind(self) -> bool:
        """Whether the workers lag so far that no new call should come in."""
        return self.lag_ms > self.limits.max_backlog_s * 1000.0

    def _adopt(self, live: LiveCall, state: CallState, ledger: CallLedger) -> RunningCall:
        worker = self._workers[hash(live.call_id) % len(self._workers)]
        self.calls[live.call_id] = running = RunningCall(live, state, ledger, worker)
        return running

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(BATCH_S)
            await self.pump()

    async def pump(self) -> None:
        """Journal everything collected, in one commit, then hand it to the workers."""
        now_ms = self._now_ms()
        batch, self._unwritten = self._unwritten, []
        waiters: list[asyncio.Future[None]] = []
        for running in list(self.calls.values()):
            events = self._collected(running, now_ms)
            waiters += running.waiting
            running.waiting = []
            if events:
                batch.append((running, events))
        every = [event for _, events in batch for event in events]
        last_seq = 0
        if every:
            try:
                last_seq = await asyncio.wrap_future(self._log.submit(every))
            except Exception as error:  # whatever it is, nothing was written
                self._refused(batch, waiters, error)
                return
            self.is_writable = True
            self.counts.batches += 1
            self.counts.events += len(every)
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._hand_out(batch, last_seq - len(every), now_ms)

    def _collected(self, running: RunningCall, now_ms: int) -> list[InboundEvent]:
        """One call's share of a batch; a call that cannot be collected is lost alone."""
        try:
            self._watch(running, now_ms)
            return running.live.take()
        except Exception as error:  # ours: this call is lost to us, no other is
            log.exception("call %s cannot be collected", running.live.call_id)
            self.counts.faults += 1
            for waiter in running.waiting:  # what they sent is in no journal
                if not waiter.done():
                    waiter.set_exception(error)
            self._release(running)
            return []

    def _hand_out(
        self, batch: Sequence[tuple[RunningCall, list[InboundEvent]]], seq: int, now_ms: int
    ) -> None:
        """Give what is in the journal to the workers, and to who listens in."""
        jobs: dict[ThreadPoolExecutor, list[Job]] = {}
        for running, events in batch:
            jobs.setdefault(running.worker, []).append(Job(running, events, seq))
            if self._hear is not None:
                self._hear(running, events)
            seq += len(events)
        loop = asyncio.get_running_loop()
        for worker, mine in jobs.items():
            # one wake of the worker and one of the loop, however many calls
            future = worker.submit(_feed_all, self._feed, mine, self.limits.snapshot_ms)
            self._submitted[future] = now_ms
            future.add_done_callback(partial(_hand_back, loop, self._fed_all))

    def _refused(
        self,
        batch: list[tuple[RunningCall, list[InboundEvent]]],
        waiters: Sequence[asyncio.Future[None]],
        error: Exception,
    ) -> None:
        """The journal took none of it: who waits is told, the rest is tried again."""
        log.error("the journal refused %d calls' events: %s", len(batch), error)
        self.is_writable = False
        self.counts.failed_writes += 1
        for waiter in waiters:
            if not waiter.done():
                waiter.set_exception(error)
        held_bytes = sum(_audio_bytes(events) for _, events in batch)
        if held_bytes > MAX_UNWRITTEN_BYTES:
            for _, events in batch:
                kept = [e for e in events if not isinstance(e, AudioChunk)]
                self.counts.dropped_chunks += len(events) - len(kept)
                events[:] = kept
        self._unwritten = batch

    def _watch(self, running: RunningCall, now_ms: int) -> None:
        """Let time pass for one call: ticks, and the end of one that nobody feeds any more."""
        live = running.live
        quiet_ms = now_ms - live.last_seen_ms
        patience_ms = self.limits.stuck_ms if live.has_streamed else self.limits.chat_idle_ms
        is_stuck = quiet_ms > patience_ms and not (live.is_streaming and live.is_paused)
        if not live.is_over and (
            is_stuck
            or (live.has_streamed and not live.is_streaming and quiet_ms > self.limits.linger_ms)
        ):
            live.end("silent" if is_stuck else "streams_gone", now_ms)
        elif now_ms - running.ticked_ms >= TICK_MS:
            running.ticked_ms = now_ms
            live.tick(now_ms)

    def _fed_all(self, done: Future[list[Done]]) -> None:
        """Back on the event loop with what one worker did."""
        self._observe_ms(self._now_ms() - self._submitted.pop(done))
        for running, fed in done.result():
            self._fed(running, fed)

    def _fed(self, running: RunningCall, fed: Fed | Exception) -> None:
        """Hand out what the kernel said."""
        call_id = running.live.call_id
        if isinstance(fed, Exception):  # ours, not the peer's: this call is lost to us, no other is
            log.error("the kernel failed on call %s", call_id, exc_info=fed)
            self.counts.faults += 1
            self._release(running)
            return
        self.counts.peer_errors += fed.refused_count
        self._recorder.say(call_id, fed.said)
        for _, outputs in fed.said:
            if outputs.decisions:
                running.latest = outputs.decisions[-1]
        if fed.is_ended:
            self._recorder.settle(call_id, fed.last_seq)
            self._release(running)
        elif fed.snapshot is not None:
            self._recorder.snapshot(call_id, fed.last_seq, fed.snapshot)

    def _release(self, running: RunningCall) -> None:
        """A call is over; whoever still waits for it waits for nothing."""
        self.calls.pop(running.live.call_id, None)
        for waiter in running.waiting:
            if not waiter.done():
                waiter.set_result(None)


def _hand_back(
    loop: asyncio.AbstractEventLoop,
    receiver: Callable[[Future[list[Done]]], None],
    done: Future[list[Done]],
) -> None:
    """From the worker's thread back to the loop's."""
    loop.call_soon_threadsafe(receiver, done)


def _feed_all(feed: FeedBatch, jobs: Sequence[Job], snapshot_ms: int) -> list[Done]:
    """On a worker: one batch of each of its calls, none of which can fail another."""
    done: list[Done] = []
    for running, events, seq in jobs:
        try:
            done.append((running, feed(running, events, seq, snapshot_ms)))
        except Exception as failure:
            done.append((running, failure))
    return done


def _feed(running: RunningCall, events: Sequence[InboundEvent], seq: int, snapshot_ms: int) -> Fed:
    """On the call's own worker: the kernel, and nothing else; seq is that before the first."""
    said, refused = [], 0
    for event in events:
        running.ledger.add(event)
        try:
            running.state, outputs = pipeline.feed(running.state, event)
        except PeerError:
            refused += 1  # the state is as it was; the call goes on
        else:
            said.append((running.ledger.event_count, outputs))
    t_ms, snapshot = events[-1].t_seen_ms, None
    is_ended = isinstance(events[-1], CallEnded)
    if t_ms - (running.snapshot_ms or running.ledger.started_ms) >= snapshot_ms and not is_ended:
        running.snapshot_ms, snapshot = t_ms, to_snapshot(running.ledger, running.state)
    return Fed(tuple(said), refused, snapshot, seq + len(events), is_ended)


def _audio_bytes(events: Iterable[InboundEvent]) -> int:
    return sum(len(event.payload) for event in events if isinstance(event, AudioChunk))
