"""Getting an alert to its sinks at least once, without a socket and without a clock.

A delivery is one revision for one sink. Its id is its idempotency key, the same on every
attempt and after every crash, so a receiver that heard it twice can tell.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from subtone.contracts.base import Contract, Count, Name, SeenMs
from subtone.surfaces.alerts.alert import Alert, Redact, Routing, alert_id, redacted
from subtone.surfaces.alerts.sinks import Sink, SinkKind

MAX_ERROR_CHARS = 200


class DeliveryStatus(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"  # given up; may be replayed


class Delivery(Contract, frozen=True, kw_only=True):
    """One revision of one alert for one sink; holds no secret and no address."""

    delivery_id: Name
    sink: Name
    alert: Alert  # redacted already
    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts: Count = 0
    due_ms: SeenMs
    last_error: str | None = None


class RetryPolicy(Contract, frozen=True, kw_only=True):
    """Exponential backoff: ``base_ms`` doubling up to ``cap_ms``, half of it jitter."""

    max_attempts: Count = 10
    base_ms: Count = 1_000
    cap_ms: Count = 300_000


class OutcomeKind(StrEnum):
    """What an attempt came to."""

    DELIVERED = "delivered"
    RETRY = "retry"
    REFUSED = "refused"  # trying again cannot help


@dataclass(frozen=True, slots=True)
class Outcome:
    """One attempt's result; ``error`` is one line without anything of the answer's text."""

    kind: OutcomeKind
    error: str | None = None
    retry_after_ms: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: HTTP status, ``Retry-After`` in seconds, and the body's beginning."""

    status: int
    retry_after_s: int = 0
    body: bytes = b""


_TEMPORARY = frozenset({408, 425, 429})
_CODE_FIELDS = {
    SinkKind.FEISHU: ("code", "StatusCode"),
    SinkKind.DINGTALK: ("errcode",),
    SinkKind.WECOM: ("errcode",),
}
"""Chats that answer 200 and say in the body whether they took it: 0 in one of these fields."""


def judge(kind: SinkKind, answer: Answer) -> Outcome:
    """What an answer means: 2xx is delivered, 408, 425, 429 and 5xx may pass, others will not."""
    if 200 <= answer.status < 300:
        return _judge_body(kind, answer.body)
    error = f"answered {answer.status}"
    if answer.status in _TEMPORARY or answer.status >= 500:
        return Outcome(OutcomeKind.RETRY, error, answer.retry_after_s * 1_000)
    if 300 <= answer.status < 400:
        error += ", a redirect, which is never followed; give the sink its final address"
    return Outcome(OutcomeKind.REFUSED, error)


def _judge_body(kind: SinkKind, body: bytes) -> Outcome:
    fields = _CODE_FIELDS.get(kind)
    if fields is None:
        return Outcome(OutcomeKind.DELIVERED)
    try:
        said = msgspec.json.decode(body, type=dict[str, object])
    except (msgspec.DecodeError, ValueError):
        return Outcome(OutcomeKind.RETRY, f"answered no JSON, as {kind.value} would")
    code = next((said[name] for name in fields if name in said), None)
    if code == 0 and not isinstance(code, bool):
        return Outcome(OutcomeKind.DELIVERED)
    number = code if isinstance(code, int) else "none"
    return Outcome(OutcomeKind.RETRY, f"{kind.value} refused it with code {number}")


def plan(
    alerts: Iterable[Alert], sinks: Iterable[Sink], redact: Redact, t_ms: int
) -> tuple[Delivery, ...]:
    """The deliveries that a step's alerts ask for: of those to send, one per sink for it.

    Args:
        alerts: what one step returned.
        sinks: every sink there is.
        redact: the product's redaction boundary, applied to every free text.
        t_ms: wall time in milliseconds; the deliveries are due at once.

    """
    known = tuple(sinks)
    return tuple(
        Delivery(
            delivery_id=alert_id(alert.alert_id, str(alert.revision), sink.name),
            sink=sink.name,
            alert=redacted(alert, redact),
            due_ms=t_ms,
        )
        for alert in alerts
        if alert.routing is Routing.SEND
        for sink in known
        if sink.wants(alert)
    )


def settle(delivery: Delivery, outcome: Outcome, t_ms: int, policy: RetryPolicy) -> Delivery:
    """The delivery after one attempt: delivered, pending until its next one, or dead."""
    attempts = delivery.attempts + 1
    replace = msgspec.structs.replace
    if outcome.kind is OutcomeKind.DELIVERED:
        return replace(
            delivery, status=DeliveryStatus.DELIVERED, attempts=attempts, last_error=None
        )
    error = (outcome.error or "")[:MAX_ERROR_CHARS]
    if outcome.kind is OutcomeKind.REFUSED or attempts >= policy.max_attempts:
        return replace(delivery, status=DeliveryStatus.DEAD, attempts=attempts, last_error=error)
    wait_ms = max(backoff_ms(delivery.delivery_id, attempts, policy), outcome.retry_after_ms)
    return replace(delivery, attempts=attempts, due_ms=t_ms + wait_ms, last_error=error)


def replay(delivery: Delivery, t_ms: int) -> Delivery:
    """The same delivery once more, under its old id, due now."""
    return msgspec.structs.replace(
        delivery, status=DeliveryStatus.PENDING, attempts=0, due_ms=t_ms, last_error=None
    )


def backoff_ms(delivery_id: str, attempts: int, policy: RetryPolicy) -> int:
    """Wait after the given number of failed attempts, in [half, all] of the doubled base.

    The jitter spreads many deliveries apart and is a hash of the id, so a replay waits as long.
    """
    full_ms: int = min(policy.cap_ms, policy.base_ms * 2 ** min(attempts - 1, 32))
    digest = hashlib.sha256(f"{delivery_id}.{attempts}".encode()).digest()
    unit = int.from_bytes(digest[:8], "big") / 2**64
    return round(full_ms * (0.5 + 0.5 * unit))
