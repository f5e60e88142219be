"""Alerts and their outbox in the journal's database, written by the journal's one writer.

What the engine remembers goes into the same commit as what it said: after any crash the two
agree, and what was not committed is decided again from the recorded outputs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from subtone.runtime.journal.database import Database
from subtone.runtime.journal.journal import SqliteJournal
from subtone.surfaces.alerts.alert import Alert, Routing
from subtone.surfaces.alerts.delivery import Delivery, DeliveryStatus


class Standing(StrEnum):
    """Whether an alert still matters."""

    OPEN = "open"  # its call stands as it was told
    HELD = "held"  # it stands and nobody was told yet
    CLOSED = "closed"

    @classmethod
    def of(cls, alert: Alert) -> Standing:
        """Where this revision stands."""
        if not alert.is_open:
            return cls.CLOSED
        return cls.HELD if alert.routing is Routing.HOLD else cls.OPEN


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert of a list; pass the last cursor of a page to get the next."""

    cursor: int
    alert: Alert


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One delivery of a list; pass the last cursor of a page to get the next."""

    cursor: int
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class KeptMemory:
    """Where the engine stood: the last output it has seen, and its memory as bytes."""

    cursor: int
    body: bytes


_alert = msgspec.json.Decoder(Alert).decode
_delivery = msgspec.json.Decoder(Delivery).decode
_encode = msgspec.json.encode


class SqliteAlertStore:
    """See ``AlertStore``. Writes raise JournalError, JournalFullError on a full disk."""

    def __init__(self, journal: SqliteJournal) -> None:
        self._journal = journal

    def commit(self, alerts: Sequence[Alert], deliveries: Sequence[Delivery]) -> None:
        """See ``AlertStore``."""
        self.keep(alerts, deliveries, None).result()

    def keep(
        self,
        alerts: Sequence[Alert],
        deliveries: Sequence[Delivery],
        memory: KeptMemory | None,
    ) -> Future[None]:
        """As ``commit``, together with where the engine stood after it."""

        def task(database: Database) -> None:
            for alert in alerts:
                database.execute(
                    "INSERT INTO alerts (alert_id, call_id, revision, standing, body) "
                    "VALUES (?, ?, ?, ?, ?) ON CONFLICT (alert_id) DO UPDATE SET "
                    "call_id = excluded.call_id, revision = excluded.revision, "
                    "standing = excluded.standing, body = excluded.body "
                    "WHERE excluded.revision >= revision",
                    (
                        alert.alert_id,
                        alert.call_id,
                        alert.revision,
                        Standing.of(alert).value,
                        _encode(alert),
                    ),
                )
            for delivery in deliveries:
                database.execute(
                    "INSERT INTO deliveries "
                    "(delivery_id, alert_id, call_id, sink, revision, status, due_ms, body) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                    (
                        delivery.delivery_id,
                        delivery.alert.alert_id,
                        delivery.alert.call_id,
                        delivery.sink,
                        delivery.alert.revision,
                        *_state_of(delivery),
                    ),
                )
            if memory is not None:
                database.execute(
                    "INSERT INTO alert_memory (only, cursor, body) VALUES (0, ?, ?) "
                    "ON CONFLICT DO UPDATE SET cursor = excluded.cursor, body = excluded.body",
                    (memory.cursor, memory.body),
                )

        return self._journal.run(task)

    def memory(self) -> KeptMemory | None:
        """Where the engine stood at the last commit that said so."""
        rows = self._rows("SELECT cursor, body FROM alert_memory")
        return KeptMemory(*rows[0]) if rows else None

    def alert(self, alert_id: str) -> Alert | None:
        """See ``AlertStore``."""
        rows = self._rows("SELECT body FROM alerts WHERE alert_id = ?", alert_id)
        return _alert(rows[0][0]) if rows else None

    def alerts(
        self, standing: Standing | None = None, before: int | None = None, limit: int = 50
    ) -> tuple[AlertRow, ...]:
        """Alerts, newest first; before is the cursor of the last one already seen."""
        rows = self._rows(
            "SELECT position, body FROM alerts WHERE (?1 IS NULL OR standing = ?1) "
            "AND (?2 IS NULL OR position < ?2) ORDER BY position DESC LIMIT ?3",
            None if standing is None else standing.value,
            before,
            limit,
        )
        return tuple(AlertRow(position, _alert(body)) for position, body in rows)

    def open_alerts(self) -> Sequence[Alert]:
        """See ``AlertStore``."""
        rows = self._rows("SELECT body FROM alerts WHERE standing <> 'closed' ORDER BY position")
        return [_alert(body) for (body,) in rows]

    def remembered(self, closed_limit: int) -> Sequence[Alert]:
        """What stands, and the newest of what does not, oldest first."""
        rows = self._rows(
            "SELECT body FROM alerts WHERE standing <> 'closed' OR position IN "
            "(SELECT position FROM alerts WHERE standing = 'closed' "
            "ORDER BY position DESC LIMIT ?) ORDER BY position",
            closed_limit,
        )
        return [_alert(body) for (body,) in rows]

    def due(self, t_ms: int, limit: int, *, without: Collection[str] = ()) -> Sequence[Delivery]:
        """See ``AlertStore``."""
        rows = self._rows(
            f"SELECT body FROM ({_HEADS}) WHERE due_ms <= ? ORDER BY due_ms, position LIMIT ?",  # noqa: S608
            _names(without),
            t_ms,
            limit,
        )
        return [_delivery(body) for (body,) in rows]

    def next_due_ms(self, *, without: Collection[str] = ()) -> int | None:
        """See ``AlertStore``."""
        found: int | None
        found = self._rows(f"SELECT min(due_ms) FROM ({_HEADS})", _names(without))[0][0]  # noqa: S608
        return found

    def save(self, delivery: Delivery) -> None:
        """See ``AlertStore``. One that was erased meanwhile stays erased."""

        def task(database: Database) -> None:
            database.execute(
                "UPDATE deliveries SET status = ?, due_ms = ?, body = ? WHERE delivery_id = ?",
                (*_state_of(delivery), delivery.delivery_id),
            )

        self._journal.run(task).result()

    def delivery(self, delivery_id: str) -> Delivery | None:
        """See ``AlertStore``."""
        rows = self._rows("SELECT body FROM deliveries WHERE delivery_id = ?", delivery_id)
        return _delivery(rows[0][0]) if rows else None

    def deliveries(self, status: DeliveryStatus) -> Sequence[Delivery]:
        """See ``AlertStore``."""
        rows = self._rows(
            "SELECT body FROM deliveries WHERE status = ? ORDER BY position", status.value
        )
        return [_delivery(body) for (body,) in rows]

    def delivery_page(
        self, status: DeliveryStatus, before: int | None = None, limit: int = 50
    ) -> tuple[DeliveryRow, ...]:
        """Deliveries of one status, newest first."""
        rows = self._rows(
            "SELECT position, body FROM deliveries WHERE status = ?1 "
            "AND (?2 IS NULL OR position < ?2) ORDER BY position DESC LIMIT ?3",
            status.value,
            before,
            limit,
        )
        return tuple(DeliveryRow(position, _delivery(body)) for position, body in rows)

    def delivery_count(self, status: DeliveryStatus) -> int:
        """How many deliveries have this status."""
        rows = self._rows("SELECT count(*) FROM deliveries WHERE status = ?", status.value)
        return int(rows[0][0])

    def _rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._journal.reader.rows(sql, values)


_HEADS = (
    "SELECT * FROM deliveries AS d WHERE status = 'pending' "
    "AND sink NOT IN (SELECT value FROM json_each(?)) AND NOT EXISTS ("
    "SELECT 1 FROM deliveries AS e WHERE e.status = 'pending' AND e.alert_id = d.alert_id "
    "AND e.sink = d.sink AND e.revision < d.revision)"
)
"""The lowest pending revision of each alert and sink, but for the sinks of a JSON list."""


def _names(sinks: Collection[str]) -> str:
    return msgspec.json.encode(sorted(sinks)).decode()


def _state_of(delivery: Delivery) -> tuple[str, int, bytes]:
    return delivery.status.value, delivery.due_ms, _encode(delivery)
