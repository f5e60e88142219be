"""All running calls: collected on the event loop, journalled together, fed on worker threads.

Five times a second everything that came in is made durable in one group commit and only then
fed. Each call lives on one worker, so its events keep their order while a heavy call delays
nobody on the event loop. When the workers fall behind, *new* calls are refused; calls that
are running are served.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from subtone.contracts.calibration import Calibration
from subtone.contracts.inbound import InboundEvent
from subtone.contracts.outputs import Outputs
from subtone.ingest.wire import StreamEvent
from subtone.kernel import pipeline
from subtone.kernel.pipeline import CallState, PeerError
from subtone.runtime.live.call import LiveCall

BATCH_S = 0.2
TICK_MS = 1_000


class Overloaded(Exception):  # noqa: N818 - it is an answer, not a fault
    """No room for another call now; running calls are not affected."""


class DurableLog(Protocol):
    """What the hub asks of the journal."""

    def append(self, events: Sequence[InboundEvent]) -> Future[int]:
        """Make events durable in order; the future resolves after they are."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HubLimits:
    """How much is taken on, and how long silence may last."""

    max_calls: int = 500
    max_backlog_s: float = 2.0  # workers further behind than this refuse new calls
    linger_ms: int = 30_000  # after the last stream left, for it to come back
    stuck_ms: int = 300_000  # a voice call without any event for so long is ended
    chat_idle_ms: int = 1_800_000  # and a chat
    workers: int = 2


@dataclass
class RunningCall:
    """One call between two batches; its state belongs to its worker alone."""

    live: LiveCall
    state: CallState
    worker: ThreadPoolExecutor
    ticked_ms: int = 0
    waiting: list[asyncio.Future[None]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Fed:
    """What one batch of one call led to."""

    outputs: tuple[Outputs, ...]
    refused_count: int
    is_ended: bool


class Hub:
    """Owner of every running call."""

    def __init__(
        self,
        log: DurableLog,
        now_ms: Callable[[], int],
        publish: Callable[[str, Outputs], None],
        *,
        limits: HubLimits | None = None,
        calibration: Calibration | None = None,
        is_agent_voice_scored: bool = False,
    ) -> None:
        self.limits = limits or HubLimits()
        self.calls: dict[str, RunningCall] = {}
        self.refused_count = 0
        self.peer_error_count = 0
        self._log = log
        self._now_ms = now_ms
        self._publish = publish
        self._calibration = calibration
        self._is_agent_voice_scored = is_agent_voice_scored
        self._workers = [
            ThreadPoolExecutor(1, thread_name_prefix=f"kernel-{i}")
            for i in range(self.limits.workers)
        ]
        self._submitted: dict[Future[Fed], int] = {}  # jobs under way, and since when
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

    def call(self, call_id: str, *, is_amd_enabled: bool = False) -> RunningCall:
        """The running call of this id, begun if need be. Raises Overloaded for a new one."""
        running = self.calls.get(call_id)
        if running is not None:
            return running
        if len(self.calls) >= self.limits.max_calls or self.is_behind:
            self.refused_count += 1
            raise Overloaded(f"{len(self.calls)} calls are running; try again later")
        live = LiveCall(
            call_id,
            self._now_ms(),
            is_agent_voice_scored=self._is_agent_voice_scored,
            is_amd_enabled=is_amd_enabled,
        )
        return self._adopt(live, pipeline.start(self._calibration))

    def restore(self, events: Sequence[InboundEvent]) -> None:
        """Take a call up again from its journalled events; outputs are not published twice."""
        state = pipeline.start(self._calibration)
        for event in events:
            state, _ = pipeline.feed(state, event)
        if not state.is_ended:
            self._adopt(
                LiveCall.restored(events, is_agent_voice_scored=self._is_agent_voice_scored), state
            )

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
    def is_behind(self) -> bool:
        """Whether the workers lag so far that no new call should come in."""
        oldest_ms = min(self._submitted.values(), default=self._now_ms())
        return self._now_ms() - oldest_ms > self.limits.max_backlog_s * 1000.0

    def _adopt(self, live: LiveCall, state: CallState) -> RunningCall:
        worker = self._workers[hash(live.call_id) % len(self._workers)]
        self.calls[live.call_id] = running = RunningCall(live, state, worker)
        return running

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(BATCH_S)
            await self.pump()

    async def pump(self) -> None:
        """Journal everything collected, in one commit, then hand it to the workers."""
        now_ms = self._now_ms()
        batch: list[tuple[RunningCall, list[InboundEvent]]] = []
        waiters: list[asyncio.Future[None]] = []
        for running in list(self.calls.values()):
            self._watch(running, now_ms)
            events = running.live.take()
            waiters += running.waiting
            running.waiting = []
            if events:
                batch.append((running, events))
        if batch:
            every = [event for _, events in batch for event in events]
            await asyncio.wrap_future(self._log.append(every))
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        loop = asyncio.get_running_loop()
        for running, events in batch:
            job = running.worker.submit(_feed, running, events)
            self._submitted[job] = now_ms
            job.add_done_callback(partial(_hand_back, loop, self._fed, running))

    def _watch(self, running: RunningCall, now_ms: int) -> None:
        """Let time pass for one call: ticks, and the end of one that nobody feeds any more."""
        live = running.live
        quiet_ms = now_ms - live.last_seen_ms
        patience_ms = self.limits.stuck_ms if live.has_streamed else self.limits.chat_idle_ms
        if not live.is_over and (
            quiet_ms > patience_ms
            or (live.has_streamed and not live.is_streaming and quiet_ms > self.limits.linger_ms)
        ):
            live.end("silent" if quiet_ms > patience_ms else "streams_gone", now_ms)
        elif now_ms - running.ticked_ms >= TICK_MS:
            running.ticked_ms = now_ms
            live.tick(now_ms)

    def _fed(self, running: RunningCall, job: Future[Fed]) -> None:
        """Back on the event loop: hand out what the kernel said."""
        self._submitted.pop(job, None)
        fed = job.result()
        self.peer_error_count += fed.refused_count
        for outputs in fed.outputs:
            self._publish(running.live.call_id, outputs)
        if running.live.is_over and fed.is_ended:
            self.calls.pop(running.live.call_id, None)


def _hand_back(
    loop: asyncio.AbstractEventLoop,
    receiver: Callable[[RunningCall, Future[Fed]], None],
    running: RunningCall,
    job: Future[Fed],
) -> None:
    """From the worker's thread back to the loop's."""
    loop.call_soon_threadsafe(receiver, running, job)


def _feed(running: RunningCall, events: Sequence[InboundEvent]) -> Fed:
    """On the call's own worker: the kernel, and nothing else."""
    outputs, refused = [], 0
    for event in events:
        try:
            running.state, said = pipeline.feed(running.state, event)
        except PeerError:
            refused += 1  # the state is as it was; the call goes on
        else:
            outputs.append(said)
    return Fed(tuple(outputs), refused, running.state.is_ended)
