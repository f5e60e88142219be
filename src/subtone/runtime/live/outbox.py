"""Deliveries of the running server: what is due goes out, beside the media and never in its way."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from time import time_ns
from typing import TYPE_CHECKING

from prometheus_client import Counter

from subtone.runtime.journal import JournalError
from subtone.runtime.journal.alert_store import SqliteAlertStore
from subtone.runtime.live.alert_settings import AlertSettings
from subtone.runtime.live.metrics import Metrics, Reading
from subtone.surfaces.alerts.delivery import Delivery, DeliveryStatus, Outcome, replay
from subtone.surfaces.alerts.sender import Sender, SenderPolicy, deliver_due
from subtone.surfaces.alerts.sinks import Request, Sink

if TYPE_CHECKING:  # needs an extra of its own
    from subtone.runtime.live.tracing import Tracing

RETRY_S = 1.0
IDLE_S = 30.0  # looked at least this often

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Clock:
    read: Callable[[], int]

    def now_ms(self) -> int:
        return self.read()


class Outbox:
    """Attempts deliveries one batch after the other until it is stopped."""

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
        self._has_due = asyncio.Event()
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
        """Something may be due."""
        self._has_due.set()

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
        while not self._is_stopping:
            self._has_due.clear()
            wait_s = RETRY_S
            try:
                wait_s = await asyncio.to_thread(self._deliver_due)
            except* JournalError as failed:
                log.warning("the outbox waits for the journal: %s", failed.exceptions[0])
            await happens(self._has_due, wait_s)

    def _deliver_due(self) -> float:
        """On a thread, with a loop of its own: neither the store nor TLS stops the media.

        Returns the seconds until there may be more to do.
        """
        due_ms = self._store.next_due_ms()
        if due_ms is None:
            return IDLE_S
        wait_ms = due_ms - self._now_ms()
        if wait_ms > 0:
            return min(wait_ms / 1000.0, IDLE_S)
        asyncio.run(self._attempt_due())
        return 0.0

    async def _attempt_due(self) -> None:
        delivery = self._settings.delivery
        policy = delivery.sender_policy()
        async with CountingSender(policy, self._trust, self._attempts, self._tracing) as sender:
            await deliver_due(
                self._store, self._settings.sinks, sender, _Clock(self._now_ms), delivery
            )


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
