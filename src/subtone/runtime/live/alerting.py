"""Alerts of the running server: recorded decisions in, alerts kept, deliveries on their way.

The engine follows the feed of recorded outputs, so its place in the world is one cursor. What
it says is committed together with its memory and that cursor; only then is anything sent.
After a crash it goes on behind the cursor and says nothing twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec
from prometheus_client import Counter

from subtone.contracts.outputs import Decision
from subtone.runtime.journal import JournalError, OutputRow
from subtone.runtime.journal.alert_store import KeptMemory, SqliteAlertStore
from subtone.runtime.journal.reader import call_digest
from subtone.runtime.live.alert_settings import AlertSettings
from subtone.runtime.live.hub import Hub
from subtone.runtime.live.metrics import Metrics, Reading
from subtone.runtime.live.outbox import Outbox, happens
from subtone.runtime.live.stream_feed import OutputFeed
from subtone.surfaces.alerts.alert import Alert, AlertChange, Routing, redacted
from subtone.surfaces.alerts.delivery import plan
from subtone.surfaces.alerts.engine import (
    KEPT_ALERTS,
    Acknowledged,
    AlertInput,
    AlertMemory,
    CallOver,
    Dismissed,
    Observed,
    TimePassed,
    step,
)
from subtone.surfaces.alerts.rules import CallLabels
from subtone.surfaces.redaction import redact

if TYPE_CHECKING:  # needs an extra of its own
    from subtone.runtime.live.tracing import Tracing

TICK_S = 1.0
RETRY_S = 1.0
KEEP_MS = 5_000  # a crash makes the engine look again at no more than this
OVER_MS = 2_000  # a call that no longer runs may still have outputs on their way
LABELS = ("team", "supervisor")

log = logging.getLogger(__name__)
_decision = msgspec.json.Decoder(Decision).decode


class _Kept(msgspec.Struct, frozen=True):
    """What the store keeps beside the alerts themselves."""

    engine: AlertMemory  # without its alerts: those are in the store
    labels: dict[str, CallLabels]


_kept = msgspec.json.Decoder(_Kept).decode


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where the engine stands, replaced as a whole once its commit is durable."""

    engine: AlertMemory
    cursor: int


class Alerting:
    """The alerts of one server. All methods belong to its event loop."""

    def __init__(
        self,
        settings: AlertSettings,
        store: SqliteAlertStore,
        feed: OutputFeed,
        hub: Hub,
        metrics: Metrics,
        now_ms: Callable[[], int],
        tracing: Tracing | None = None,
    ) -> None:
        """Build it idle.

        Args:
            settings: rules, sinks and how deliveries are tried.
            store: where alerts and deliveries are kept.
            feed: where recorded decisions come from; must be started first.
            hub: knows which calls run.
            metrics: figures are added here.
            now_ms: wall clock, Unix milliseconds, never going back.
            tracing: told of every attempt to deliver.

        """
        self.store = store
        self.outbox = Outbox(store, settings, metrics, now_ms, tracing)
        self._settings = settings
        self._feed = feed
        self._hub = hub
        self._now_ms = now_ms
        self._desk = _Desk(AlertMemory(), 0)
        self._kept_ms = 0
        self._running_ms: dict[str, int] = {}  # when each call followed was last seen running
        self._turn = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._labels: dict[str, CallLabels] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._changes = Counter(
            "subtone_alerts", "Changes of alerts.", ["change", "routing"], registry=metrics.registry
        )
        metrics.watch(
            [Reading("subtone_alerts_open", "Alerts that stand.", False, self._open_count)]
        )

    @property
    def alerts(self) -> Sequence[Alert]:
        """The alerts the engine remembers: what stands, and the newest of what is over."""
        return tuple(self._desk.engine.alerts.values())

    async def start(self) -> None:
        """Go on where the last commit stood; call when every running call is in the hub."""
        self._desk, self._labels, orphans = await asyncio.to_thread(self._stood)
        await self._keep(orphans, self._desk, self._now_ms())
        work = {"alerts": self._observe, "alert-clock": self._pass_time, "outbox": self.outbox.run}
        self._tasks = [asyncio.create_task(run(), name=name) for name, run in work.items()]
        for task in self._tasks:
            task.add_done_callback(_report)

    async def stop(self) -> None:
        """Keep where the engine stands; attempts under way end first, within their limit.

        Call once the feed is closed.
        """
        self._stopping.set()
        self.outbox.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await self._step([TimePassed()], is_kept=True)
        except JournalError:
            log.exception("the alerts' place is not kept; a restart looks at the outputs again")

    def label(self, call_id: str, attributes: Sequence[tuple[str, str]]) -> None:
        """Note what a peer says of a call: ``team`` and ``supervisor``, which choose who is told.

        The tenant is not a peer's to choose.
        """
        said = {name: value for name, value in attributes if name in LABELS}
        if said:
            try:
                self._labels[call_id] = msgspec.convert({"call_id": call_id, **said}, CallLabels)
            except msgspec.ValidationError:
                log.warning("call %s has a team or supervisor that is no name", call_id)
            self._kept_ms = 0  # kept with the next step

    async def acknowledge(self, alert_id: str, by: str) -> Alert | None:
        """A person took the alert; None where the engine does not remember it.

        Raises JournalError when it did not become durable: then it was not said.
        """
        return await self._judge(alert_id, Acknowledged(alert_id=alert_id, by=by))

    async def dismiss(self, given: Dismissed) -> Alert | None:
        """A person put the alert away; see ``acknowledge``."""
        return await self._judge(given.alert_id, given)

    async def forget(self, call_sha256s: Sequence[str]) -> None:
        """Nothing that was said on erased calls, given as in their receipt, stays in memory."""
        gone = frozenset(call_sha256s)
        async with self._turn:
            engine = self._desk.engine
            alerts = {
                # one that stands for other calls too stands on without words
                name: msgspec.structs.replace(alert, evidence=(), reasons=()) if is_gone else alert
                for name, alert in engine.alerts.items()
                if not (is_gone := call_digest(alert.call_id) in gone) or alert.is_open
            }
            self._desk = replace(self._desk, engine=replace(engine, alerts=alerts))

    # --- the engine ---

    async def _judge(self, alert_id: str, given: AlertInput) -> Alert | None:
        if alert_id not in self._desk.engine.alerts:
            return None
        # a client that goes away must not part the commit from the memory
        await asyncio.shield(asyncio.create_task(self._step([given])))
        judged = self._desk.engine.alerts.get(alert_id)
        return None if judged is None else redacted(judged, redact)

    async def _observe(self) -> None:
        """Take recorded decisions, in the order of their cursors."""
        async for page in self._feed.follow(self._desk.cursor):
            given = [seen for row in page.rows if (seen := self._seen(row)) is not None]
            while not await self._has_stepped(given, page.cursor):
                if self._stopping.is_set():
                    return
                await asyncio.sleep(RETRY_S)

    async def _pass_time(self) -> None:
        """Let quiet hours end, slots become free, and calls be over."""
        while not await happens(self._stopping, TICK_S):
            over = [CallOver(call_id=call_id) for call_id in self._over()]
            if await self._has_stepped([*over, TimePassed()]):
                for one in over:
                    self._labels.pop(one.call_id, None)

    async def _has_stepped(self, given: Sequence[AlertInput], cursor: int | None = None) -> bool:
        """Step; False where the journal did not take it, so that nothing happened."""
        try:
            await self._step(given, cursor)
        except JournalError as error:
            log.warning("alerts wait for the journal: %s", error)
            return False
        return True

    async def _step(
        self, given: Sequence[AlertInput], cursor: int | None = None, *, is_kept: bool = False
    ) -> None:
        """Let the engine take what happened, and keep what it says before anything else does."""
        async with self._turn:
            now_ms, engine = self._now_ms(), self._desk.engine
            changed: list[Alert] = []
            for one in given:
                engine, alerts = step(engine, one, now_ms, self._settings.rules)
                changed += alerts
            after = _Desk(engine, self._desk.cursor if cursor is None else cursor)
            if changed or is_kept or now_ms - self._kept_ms >= KEEP_MS:
                await self._keep(changed, after, now_ms)
            self._desk = after
        for alert in changed:
            self._changes.labels(alert.change.value, alert.routing.value).inc()

    async def _keep(self, changed: Sequence[Alert], desk: _Desk, now_ms: int) -> None:
        deliveries = plan(changed, self._settings.sinks.values(), redact, now_ms)
        kept = _Kept(replace(desk.engine, alerts={}), self._labels)
        await asyncio.wrap_future(
            self.store.keep(
                [redacted(alert, redact) for alert in changed],
                deliveries,
                KeptMemory(desk.cursor, msgspec.json.encode(kept)),
            )
        )
        self._kept_ms = now_ms
        if deliveries:
            self.outbox.wake()

    def _seen(self, row: OutputRow) -> Observed | None:
        if row.kind != "decision":
            return None
        try:
            decision = _decision(row.body)
        except (msgspec.DecodeError, ValueError) as error:
            log.warning("output %d is no decision this version can read: %s", row.cursor, error)
            return None
        labels = self._labels.get(row.call_id) or CallLabels(call_id=row.call_id)
        return Observed(labels=labels, decision=decision)

    def _over(self) -> Sequence[str]:
        """Calls the engine follows that have stopped running, with all they said taken."""
        now_ms, running = self._now_ms(), self._hub.calls
        self._running_ms = {
            call_id: now_ms if call_id in running else self._running_ms.get(call_id, now_ms)
            for call_id in {*self._desk.engine.tracks, *self._labels}
        }
        if not self._hub.is_writable or self._desk.cursor < self._feed.newest:
            return ()
        return sorted(c for c, t_ms in self._running_ms.items() if now_ms - t_ms >= OVER_MS)

    def _stood(self) -> tuple[_Desk, dict[str, CallLabels], Sequence[Alert]]:
        """What the last commit left, and alerts that nothing stands for any more, now closed.

        A server that never had alerts begins with what is said from now on.
        """
        kept = self.store.memory()
        if kept is None:
            return _Desk(AlertMemory(), self._feed.newest), {}, ()
        try:
            found = _kept(kept.body)
        except (msgspec.DecodeError, ValueError) as error:
            log.warning(
                "what the alert engine remembered cannot be read, it begins anew: %s", error
            )
            found = _Kept(AlertMemory(), {})
        alerts = {alert.alert_id: alert for alert in self.store.remembered(KEPT_ALERTS)}
        episodes = {k: e for k, e in found.engine.episodes.items() if e.alert_id in alerts}
        standing = {episode.alert_id for episode in episodes.values()}
        orphans = [
            msgspec.structs.replace(
                alert,
                revision=alert.revision + 1,
                change=AlertChange.CALL_ENDED,
                routing=Routing.LIST,
                hold_reason=None,
                is_open=False,
                t_changed_ms=self._now_ms(),
            )
            for alert in alerts.values()
            if alert.is_open and alert.alert_id not in standing
        ]
        alerts |= {alert.alert_id: alert for alert in orphans}
        engine = replace(found.engine, alerts=alerts, episodes=episodes)
        return _Desk(engine, kept.cursor), found.labels, orphans

    def _open_count(self) -> int:
        return sum(alert.is_open for alert in self._desk.engine.alerts.values())


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (failure := task.exception()) is not None:
        log.error("the alerts' task %s ended", task.get_name(), exc_info=failure)
