"""Where alerts and their deliveries are kept: the port, and a store in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from subtone.surfaces.alerts.alert import Alert
from subtone.surfaces.alerts.delivery import Delivery, DeliveryStatus


class AlertStore(Protocol):
    """The list of alerts and the outbox; every call is durable when it returns."""

    def commit(self, alerts: Sequence[Alert], deliveries: Sequence[Delivery]) -> None:
        """Keep a step's alerts and add its deliveries, all or nothing.

        A lower revision never replaces a higher one, and a delivery that is known already
        stays as it is: a step that is run again after a crash changes nothing.
        """
        ...

    def alert(self, alert_id: str) -> Alert | None:
        """The last revision of one alert."""
        ...

    def open_alerts(self) -> Sequence[Alert]:
        """Last revisions of what stands, sent or held, oldest first."""
        ...

    def due(self, t_ms: int, limit: int, *, without: Collection[str] = ()) -> Sequence[Delivery]:
        """Pending deliveries whose time has come, earliest first.

        Of one alert and sink only the lowest pending revision: what is told keeps its order.
        without: sinks that are left out.
        """
        ...

    def next_due_ms(self, *, without: Collection[str] = ()) -> int | None:
        """When ``due`` will next have something; None when nothing is pending."""
        ...

    def save(self, delivery: Delivery) -> None:
        """Replace one delivery."""
        ...

    def delivery(self, delivery_id: str) -> Delivery | None:
        """One delivery."""
        ...

    def deliveries(self, status: DeliveryStatus) -> Sequence[Delivery]:
        """All deliveries of one status, in the order they were added."""
        ...


class InMemoryAlertStore:
    """Keeps everything until the process ends; durable only against a failed send."""

    def __init__(self) -> None:
        self._alerts: dict[str, Alert] = {}
        self._deliveries: dict[str, Delivery] = {}

    def commit(self, alerts: Sequence[Alert], deliveries: Sequence[Delivery]) -> None:
        """See ``AlertStore``."""
        for alert in alerts:
            known = self._alerts.get(alert.alert_id)
            if known is None or known.revision <= alert.revision:
                self._alerts[alert.alert_id] = alert
        for delivery in deliveries:
            self._deliveries.setdefault(delivery.delivery_id, delivery)

    def alert(self, alert_id: str) -> Alert | None:
        """See ``AlertStore``."""
        return self._alerts.get(alert_id)

    def open_alerts(self) -> Sequence[Alert]:
        """See ``AlertStore``."""
        return [alert for alert in self._alerts.values() if alert.is_open]

    def due(self, t_ms: int, limit: int, *, without: Collection[str] = ()) -> Sequence[Delivery]:
        """See ``AlertStore``."""
        ready = [d for d in self._heads(without) if d.due_ms <= t_ms]
        return sorted(ready, key=lambda d: d.due_ms)[:limit]

    def next_due_ms(self, *, without: Collection[str] = ()) -> int | None:
        """See ``AlertStore``."""
        return min((d.due_ms for d in self._heads(without)), default=None)

    def save(self, delivery: Delivery) -> None:
        """See ``AlertStore``."""
        self._deliveries[delivery.delivery_id] = delivery

    def delivery(self, delivery_id: str) -> Delivery | None:
        """See ``AlertStore``."""
        return self._deliveries.get(delivery_id)

    def deliveries(self, status: DeliveryStatus) -> Sequence[Delivery]:
        """See ``AlertStore``."""
        return [d for d in self._deliveries.values() if d.status is status]

    def _heads(self, without: Collection[str]) -> Sequence[Delivery]:
        """The lowest pending revision of each alert and sink."""
        heads: dict[tuple[str, str], Delivery] = {}
        for delivery in self.deliveries(DeliveryStatus.PENDING):
            if delivery.sink in without:
                continue
            key = delivery.alert.alert_id, delivery.sink
            head = heads.get(key)
            if head is None or delivery.alert.revision < head.alert.revision:
                heads[key] = delivery
        return list(heads.values())
