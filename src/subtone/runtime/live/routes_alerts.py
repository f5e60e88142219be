"""Alerts: what stands, what people said of them, how often they were right, and their delivery."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import Request, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromQuery, JSONBody, PathParameter
from msgspec import Meta

from subtone.contracts.base import Name
from subtone.runtime.config import Scope
from subtone.runtime.journal.alert_store import Standing
from subtone.runtime.live.auth import requires
from subtone.runtime.live.parts import ConflictError, LiveParts, Parts, UnprocessableError
from subtone.runtime.live.problems import PROBLEMS
from subtone.runtime.live.routes_read import Cursor, Limit
from subtone.surfaces.alerts.alert import Alert, Verdict
from subtone.surfaces.alerts.delivery import Delivery, DeliveryStatus
from subtone.surfaces.alerts.engine import Dismissed
from subtone.surfaces.alerts.feedback import Precision, precision, precision_by_rule

TAGS = ["alerts"]
READ = [requires(Scope.READ)]
OPERATE = [requires(Scope.OPERATE)]
Id = Annotated[
    str, PathParameter(pattern=r"^[0-9a-f]{32}(?!\n)$", description="32 hexadecimal characters")
]
AnyRequest = Request[Any, Any, Any]


class AlertPage(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts, newest first."""

    alerts: tuple[Alert, ...]
    next: int | None  # pass as `before`; null on the last page


class DeliveryPage(msgspec.Struct, frozen=True, kw_only=True):
    """Deliveries, newest first."""

    deliveries: tuple[Delivery, ...]
    next: int | None  # pass as `before`; null on the last page


class AcknowledgePost(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who took the alert."""

    by: Name | None = None  # the token's name when left out


class DismissPost(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the alert was put away; a useful one is acknowledged instead."""

    reason: Annotated[Verdict, Meta(extra_json_schema={"not": {"const": Verdict.USEFUL.value}})]
    by: Name | None = None  # the token's name when left out


class PrecisionReport(msgspec.Struct, frozen=True, kw_only=True):
    """Over what stands and the newest 1000 that are over."""

    all: Precision
    by_rule: dict[str, Precision]


@get("/v1/alerts", guards=READ, tags=TAGS, summary="Alerts, newest first", responses=PROBLEMS)
async def list_alerts(
    parts: Parts,
    standing: FromQuery[Standing | None] = None,
    before: Cursor = 0,
    limit: Limit = 50,
) -> AlertPage:
    """Open ones were told and stand, held ones stand and wait, closed ones are over."""
    rows = await asyncio.to_thread(parts.alerting.store.alerts, standing, before or None, limit)
    return AlertPage(
        alerts=tuple(row.alert for row in rows),
        next=rows[-1].cursor if len(rows) == limit else None,
    )


@get(
    "/v1/alerts/precision",
    guards=READ,
    tags=TAGS,
    summary="How often the alerts were right, by what people said",
    responses=PROBLEMS,
)
async def get_precision(parts: Parts) -> PrecisionReport:
    """With the 95 % Wilson interval; people judge what they notice, so see sent_count too."""
    alerts = parts.alerting.alerts
    return PrecisionReport(all=precision(alerts), by_rule=precision_by_rule(alerts))


@get(
    "/v1/alerts/{alert_id:str}",
    guards=READ,
    tags=TAGS,
    summary="The last revision of one alert",
    responses=PROBLEMS,
)
async def get_alert(parts: Parts, alert_id: Id) -> Alert:
    """Redacted, as everything that leaves."""
    found = await asyncio.to_thread(parts.alerting.store.alert, alert_id)
    if found is None:
        raise NotFoundException(f"there is no alert {alert_id}")
    return found


@post(
    "/v1/alerts/{alert_id:str}/acknowledge",
    guards=OPERATE,
    status_code=200,
    tags=TAGS,
    summary="A person took the alert: it was useful",
    responses=PROBLEMS,
)
async def acknowledge(
    request: AnyRequest, parts: Parts, alert_id: Id, data: JSONBody[AcknowledgePost]
) -> Alert:
    """Saying it twice changes nothing."""
    by = data.by or _token_name(request, parts)
    return await _judged(parts, alert_id, await parts.alerting.acknowledge(alert_id, by))


@post(
    "/v1/alerts/{alert_id:str}/dismiss",
    guards=OPERATE,
    status_code=200,
    tags=TAGS,
    summary="A person put the alert away and said why",
    responses=PROBLEMS,
)
async def dismiss(
    request: AnyRequest, parts: Parts, alert_id: Id, data: JSONBody[DismissPost]
) -> Alert:
    """Its episode stays silent from now on."""
    if data.reason is Verdict.USEFUL:
        raise UnprocessableError(
            "a useful alert is acknowledged, not dismissed; give another reason"
        )
    by = data.by or _token_name(request, parts)
    given = Dismissed(alert_id=alert_id, by=by, reason=data.reason)
    return await _judged(parts, alert_id, await parts.alerting.dismiss(given))


@get(
    "/v1/deliveries",
    guards=READ,
    tags=TAGS,
    summary="Deliveries of one status, newest first",
    responses=PROBLEMS,
)
async def list_deliveries(
    parts: Parts,
    status: FromQuery[DeliveryStatus] = DeliveryStatus.DEAD,
    before: Cursor = 0,
    limit: Limit = 50,
) -> DeliveryPage:
    """Dead ones were refused or failed too often."""
    rows = await asyncio.to_thread(
        parts.alerting.store.delivery_page, status, before or None, limit
    )
    return DeliveryPage(
        deliveries=tuple(row.delivery for row in rows),
        next=rows[-1].cursor if len(rows) == limit else None,
    )


@post(
    "/v1/deliveries/{delivery_id:str}/replay",
    guards=OPERATE,
    status_code=202,
    tags=TAGS,
    summary="Send a delivery that is over once more",
    responses=PROBLEMS,
)
async def replay_delivery(parts: Parts, delivery_id: Id) -> Delivery:
    """Under its old idempotency key."""
    found = await asyncio.to_thread(parts.alerting.store.delivery, delivery_id)
    if found is None:
        raise NotFoundException(f"there is no delivery {delivery_id}")
    if found.status is DeliveryStatus.PENDING:
        raise ConflictError(f"delivery {delivery_id} is on its way already")
    return await parts.alerting.outbox.replay(found)


def _token_name(request: AnyRequest, parts: LiveParts) -> str:
    return parts.tokens.authorise(request, Scope.OPERATE).name


async def _judged(parts: LiveParts, alert_id: str, alert: Alert | None) -> Alert:
    if alert is not None:
        return alert
    if await asyncio.to_thread(parts.alerting.store.alert, alert_id) is None:
        raise NotFoundException(f"there is no alert {alert_id}")
    raise ConflictError(f"alert {alert_id} is over for too long to be judged")
