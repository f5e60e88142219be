"""Deliveries of the running server: what is due goes out, beside the media and never in its way."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from time import time_ns
from typing import TYPE_CHECKING

from prometheus_client import Counter

from subtone.runtime.journal import JournalError
from subtone.runtime.journal.alert_store import SqliteAlertStore
from subtone.runtime.live.alert_settings import AlertSettings
from subtone.runtime.live.metrics import Metrics, Reading
from subtone.surfaces.alerts.delivery import Delivery, DeliveryStatus, Outcome, replay
from subtone.surfaces.alerts.sender import Sender, SenderPolicy, deliver
from subtone.surfaces.alerts.sinks import Request, Sink

if TYPE_CHECKING:  # needs an extra of its own
    from subtone.runtime.live.tracing import Tracing

RETRY_S = 1.0
IDLE_S = 30.0  # looked at least this often
MOST_TAKEN = 32  # deliveries begun at a time

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Clock:
    read: Callable[[], int]

    def now_ms(self) -> int:
        return self.read()


class Outbox:
    """Attempts deliveries until it is stopped, each receiver's in their own time.

    On a thread with a loop of its own, so that neither the store nor TLS stops the media. A
    receiver is given more only when it is through with what it was given; one that answers
    slowly, or not at all, delays nobody else.
    """

    def __init__(
        self,
        store: SqliteAlertStore,
        settings: AlertSettings,
        metrics: Metrics,
        now_ms: Callable[[], int],
        tracing: Tracing | None = None,
    ) -> None:
        self._store = store
        self._tracing = tracing
        self._settings = settings
        self._now_ms = now_ms
        self._trust = ssl.create_default_context()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._has_news = asyncio.Event()  # of the thread's loop
        self._is_stopping = False
        self._attempts = Counter(
            "subtone_delivery_attempts",
            "Attempts to deliver an alert, by outcome.",
            ["outcome"],
            registry=metrics.registry,
        )

        def counted(status: DeliveryStatus) -> Callable[[], float]:
            return lambda: store.delivery_count(status)

        metrics.watch(
            Reading(
                f"subtone_deliveries_{status.value}",
                f"Deliveries that are {status.value}.",
                False,
                counted(status),
            )
            for status in (DeliveryStatus.PENDING, DeliveryStatus.DEAD)
        )

    def wake(self) -> None:
        """Something may be due; from any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # its loop is over, and so is the outbox
                self._loop.call_soon_threadsafe(self._has_news.set)

    def stop(self) -> None:
        """Let run end; attempts under way end first, within their limit."""
        self._is_stopping = True
        self.wake()

    async def replay(self, delivery: Delivery) -> Delivery:
        """Send a delivery that is over once more, under its old idempotency key."""
        again = replay(delivery, self._now_ms())
        await asyncio.to_thread(self._store.save, again)
        self.wake()
        return again

    async def run(self) -> None:
        """Attempt what is due until told to stop."""
        with ThreadPoolExecutor(1, "outbox") as thread:
            try:
                await asyncio.get_running_loop().run_in_executor(
                    thread, lambda: asyncio.run(self._work())
                )
            finally:
                self.stop()  # when cancelled: leaving the block waits for the thread

    async def _work(self) -> None:
        self._loop = asyncio.get_running_loop()
        under_way: dict[str, asyncio.Task[None]] = {}  # by sink
        policy = self._settings.delivery.sender_policy()
        async with CountingSender(policy, self._trust, self._attempts, self._tracing) as sender:
            while not self._is_stopping:
                self._has_news.clear()
                for sink in [sink for sink, task in under_way.items() if task.done()]:
                    under_way.pop(sink).result()  # a fault of ours ends the outbox, and is said
                try:
                    wait_s = self._begin(under_way, sender)
                except JournalError as failed:
                    wait_s = _journal_failed(failed)
                await happens(self._has_news, wait_s)
            await asyncio.gather(*under_way.values())

    def _begin(self, under_way: dict[str, asyncio.Task[None]], sender: Sender) -> float:
        """Give receivers that have nothing under way what is due.

        Returns the seconds until there may be more to do.
        """
        due: dict[str, list[Delivery]] = defaultdict(list)
        for delivery in self._store.due(self._now_ms(), MOST_TAKEN, without=under_way):
            due[delivery.sink].append(delivery)
        for sink, deliveries in due.items():
            under_way[sink] = asyncio.create_task(self._attempt(deliveries, sender))
        next_ms = self._store.next_due_ms(without=under_way)
        if next_ms is None:
            return IDLE_S
        return min(max(next_ms - self._now_ms(), 0) / 1000.0, IDLE_S)

    async def _attempt(self, deliveries: Sequence[Delivery], sender: Sender) -> None:
        settings = self._settings
        try:
            await deliver(
                deliveries,
                self._store,
                settings.sinks,
                sender,
                _Clock(self._now_ms),
                settings.delivery,
            )
        except* JournalError as failed:
            # not settled, so still due: without a wait it would go out again at once
            await asyncio.sleep(_journal_failed(failed.exceptions[0]))
        finally:
            self._has_news.set()


def _journal_failed(failed: BaseException) -> float:
    """Say so; the seconds until it is worth another look."""
    log.warning("the outbox waits for the journal: %s", failed)
    return RETRY_S


class CountingSender(Sender):
    """A sender whose outcomes are counted."""

    def __init__(
        self,
        policy: SenderPolicy,
        trust: ssl.SSLContext,
        attempts: Counter,
        tracing: Tracing | None,
    ) -> None:
        super().__init__(policy, trust)
        self._attempts = attempts
        self._tracing = tracing

    async def attempt(self, sink: Sink, request: Request) -> Outcome:
        """See ``Sender.attempt``."""
        began_ns = time_ns()
        outcome = await super().attempt(sink, request)
        if self._tracing is not None:
            self._tracing.delivered(began_ns, len(request.body), outcome.kind)
        self._attempts.labels(outcome.kind.value).inc()
        return outcome


async def happens(event: asyncio.Event, within_s: float) -> bool:
    """Wait for an event, but no longer; whether it came."""
    try:
        await asyncio.wait_for(event.wait(), within_s)
    except TimeoutError:
        return False
    return True
