"""Perception beside running calls: the customer's utterances become words, findings, memories.

The event loop only collects sound; cutting, encoding and understanding run on a few threads.
What they find comes back as events, journalled like everything else, or not at all: a call
waits for nothing here, and beyond a bound the oldest sound is dropped and counted.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from subtone.contracts.inbound import (
    AudioChunk,
    CallEnded,
    ConsentChanged,
    InboundEvent,
    Paused,
    Resumed,
    Track,
)
from subtone.runtime.listening.utterances import Findings, Sound, Utterances
from subtone.runtime.live.hub import RunningCall
from subtone.runtime.live.metrics import Metrics, Reading

MIN_JOB_MS: Final = 500  # of sound; less is not worth a thread's while
WATCH_S: Final = 0.5
QUIET_MS: Final = 1_500  # no sound for so long: what waits is an utterance

log = logging.getLogger(__name__)

Deliver = Callable[[str, Findings], None]


@dataclass
class _Heard:
    """One call's sound on its way; the utterances belong to the job under way."""

    utterances: Utterances
    track: Track | None  # the customer's
    is_allowed: bool
    is_paused: bool
    waiting: deque[Sound | None] = field(default_factory=deque)  # None: a gap
    waiting_ms: int = 0
    last_seen_ms: int = 0
    is_busy: bool = False
    is_over: bool = False
    has_open: bool = False  # sound went in since the last utterance was closed


class Perceiving:
    """Owner of every call's perception.

    Args:
        utterances: makes what understands one call; called on the event loop.
        deliver: takes findings, on the event loop.
        now_ms: the receiver's clock.
        metrics: where the figures go.
        threads: workers; each takes one call's sound at a time.
        max_waiting_ms: of one call; older sound is dropped beyond it.

    """

    def __init__(
        self,
        utterances: Callable[[str], Utterances],
        deliver: Deliver,
        now_ms: Callable[[], int],
        metrics: Metrics,
        *,
        threads: int = 1,
        max_waiting_ms: int = 60_000,
    ) -> None:
        self._utterances = utterances
        self._deliver = deliver
        self._now_ms = now_ms
        self._max_waiting_ms = max_waiting_ms
        self._calls: dict[str, _Heard] = {}
        self._watching: asyncio.Task[None] | None = None
        self._workers = ThreadPoolExecutor(threads, thread_name_prefix="perception")
        self.dropped_ms = self.failed_count = 0
        metrics.watch(
            [
                Reading(
                    "subtone_perception_dropped_ms",
                    "Sound that perception had no time for.",
                    True,
                    lambda: self.dropped_ms,
                ),
                Reading(
                    "subtone_perception_failures",
                    "Utterances that perception failed on.",
                    True,
                    lambda: self.failed_count,
                ),
            ]
        )

    def start(self) -> None:
        """Begin watching for callers who fell silent; call inside a running event loop."""
        self._watching = asyncio.create_task(self._watch(), name="perceiving")

    async def stop(self) -> None:
        """Finish what is under way; what waits is dropped."""
        if self._watching is not None:
            self._watching.cancel()
        self._calls.clear()
        await asyncio.to_thread(self._workers.shutdown)
        await asyncio.sleep(0)  # hand-backs run on the loop after their jobs

    def hear(self, running: RunningCall, events: Sequence[InboundEvent]) -> None:
        """Take a call's events once they are journalled; on the event loop."""
        call_id = running.live.call_id
        call = self._calls.get(call_id)
        if call is None:
            call = self._calls[call_id] = _Heard(
                self._utterances(call_id),
                running.live.customer_track,
                running.live.is_voice_allowed,
                running.live.is_paused and not any(isinstance(e, Paused) for e in events),
            )
        call.track = running.live.customer_track
        for event in events:
            self._note(call, event)
        self._kick(call_id, call)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            self._close_quiet()

    def _close_quiet(self) -> None:
        """Close the utterances of callers whose line fell silent."""
        now_ms = self._now_ms()
        for call_id, call in list(self._calls.items()):
            if call.has_open and now_ms - call.last_seen_ms > QUIET_MS:
                call.waiting.append(None)
                self._kick(call_id, call)

    def _note(self, call: _Heard, event: InboundEvent) -> None:
        match event:
            case AudioChunk():
                if call.track is not None and event.track_id == call.track.track_id:
                    self._collect(call, Sound(event, call.track.sample_rate_hz))
            case ConsentChanged():
                call.is_allowed = event.is_voice_emotion_allowed
                self._forget(call, is_caller_too=True)
            case Paused() | Resumed():
                call.is_paused = isinstance(event, Paused)
                self._forget(call)
            case CallEnded():
                call.is_over = True
                call.waiting.append(None)
            case _:
                pass

    def _collect(self, call: _Heard, sound: Sound) -> None:
        call.last_seen_ms = self._now_ms()
        if not call.is_allowed or call.is_paused:
            return
        if sound.chunk.is_concealed:
            call.waiting.append(None)
            return
        call.waiting.append(sound)
        call.waiting_ms += sound.duration_ms
        call.has_open = True
        while call.waiting_ms > self._max_waiting_ms:
            dropped = call.waiting.popleft()
            if dropped is not None:
                call.waiting_ms -= dropped.duration_ms
                self.dropped_ms += dropped.duration_ms

    def _forget(self, call: _Heard, *, is_caller_too: bool = False) -> None:
        """Of a pause, and before an objection, nothing that waits is used."""
        call.waiting.clear()
        call.waiting_ms = 0
        call.has_open = False
        call.utterances.forget(is_caller_too=is_caller_too)

    def _kick(self, call_id: str, call: _Heard) -> None:
        """Give a worker what waits, unless one is at this call already."""
        has_gap = bool(call.waiting) and None in (call.waiting[0], call.waiting[-1])
        if call.is_busy or (call.waiting_ms < MIN_JOB_MS and not has_gap):
            return
        if not call.waiting:
            return
        taken, call.waiting, call.waiting_ms = list(call.waiting), deque(), 0
        if taken[-1] is None:
            call.has_open = False
        call.is_busy = True
        job = self._workers.submit(call.utterances.understand, taken)
        loop = asyncio.get_running_loop()
        job.add_done_callback(lambda done: loop.call_soon_threadsafe(self._done, call_id, done))

    def _done(self, call_id: str, job: Future[Findings]) -> None:
        call = self._calls.get(call_id)
        failure = job.exception()
        if failure is not None:  # ours or a model's: the call goes on without this utterance
            log.error("perception failed on call %s", call_id, exc_info=failure)
            self.failed_count += 1
        elif call is not None and call.is_allowed and not call.is_paused:
            self._deliver(call_id, job.result())
        if call is None:
            return
        call.is_busy = False
        self._kick(call_id, call)
        if call.is_over and not call.is_busy:
            del self._calls[call_id]
