"""Deliveries: retried with spread, given up in the end, replayed under the same key."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.surfaces.alerts.alert import Alert, Routing
from subtone.surfaces.alerts.delivery import (
    Answer,
    Delivery,
    DeliveryStatus,
    Outcome,
    OutcomeKind,
    RetryPolicy,
    backoff_ms,
    judge,
    plan,
    replay,
    settle,
)
from subtone.surfaces.alerts.rules import AlertRule, AlertSeverity
from subtone.surfaces.alerts.signature import is_signed, sign
from subtone.surfaces.alerts.sinks import Sink, SinkKind
from subtone.surfaces.alerts.store import InMemoryAlertStore
from support_alerts import NOON_MS, Desk, S, decision, replace

HOOK = Sink(name="hook", kind=SinkKind.WEBHOOK, url="https://desk.example/alerts")
RETRY = Outcome(OutcomeKind.RETRY, "answered 503")
POLICY = RetryPolicy(max_attempts=4, base_ms=1_000, cap_ms=60_000)


def raised() -> Alert:
    rule = AlertRule(name="risk", severity=AlertSeverity.WARNING, states=(S.ESCALATION_RISK,))
    (alert,) = Desk(rule).see(decision(5_000, S.ESCALATION_RISK))
    return alert


def planned(alert: Alert | None = None) -> Delivery:
    (delivery,) = plan([alert or raised()], [HOOK], str, NOON_MS)
    return delivery


# --- planning --------------------------------------------------------------------------------


def test_only_what_is_to_be_sent_is_planned_redacted_for_each_sink_that_wants_it() -> None:
    alert = raised()
    held = replace(alert, routing=Routing.HOLD)
    picky = replace(HOOK, name="pager", min_severity=AlertSeverity.CRITICAL)
    other = replace(HOOK, name="other", supervisors=("li",))
    found = plan([alert, held], [HOOK, picky, other], lambda _: "gone", NOON_MS)
    assert [d.sink for d in found] == ["hook"]
    assert found[0].alert.advice.en == "gone"
    assert (found[0].status, found[0].due_ms) == (DeliveryStatus.PENDING, NOON_MS)


def test_the_key_names_alert_revision_and_sink_and_nothing_else() -> None:
    alert = raised()
    keys = {
        planned(alert).delivery_id,
        planned(replace(alert, t_changed_ms=7, advice=alert.path)).delivery_id,
    }
    assert len(keys) == 1
    assert planned(replace(alert, revision=1)).delivery_id not in keys
    (elsewhere,) = plan([alert], [replace(HOOK, name="b")], str, NOON_MS)
    assert elsewhere.delivery_id not in keys


def test_a_delivery_holds_no_secret_and_survives_being_written_down() -> None:
    sink = replace(HOOK, url="https://desk.example/T0KEN", secrets=("hush",))
    (delivery,) = plan([raised()], [sink], str, NOON_MS)
    written = msgspec.json.encode(delivery)
    assert b"hush" not in written
    assert b"T0KEN" not in written
    assert msgspec.json.decode(written, type=Delivery) == delivery
    assert "T0KEN" not in repr(sink)
    assert "hush" not in repr(sink)


# --- retries ---------------------------------------------------------------------------------


def test_retries_back_off_and_die_and_come_back_under_the_same_key() -> None:
    delivery, waits = planned(), []
    for _ in range(3):
        delivery = settle(delivery, RETRY, NOON_MS, POLICY)
        waits.append(delivery.due_ms - NOON_MS)
    assert delivery.status is DeliveryStatus.PENDING
    for wait, full in zip(waits, (1_000, 2_000, 4_000), strict=True):
        assert full / 2 <= wait <= full
    dead = settle(delivery, RETRY, NOON_MS, POLICY)
    assert (dead.status, dead.attempts, dead.last_error) == (
        DeliveryStatus.DEAD,
        4,
        "answered 503",
    )
    again = replay(dead, NOON_MS + 1)
    assert (again.delivery_id, again.status, again.attempts) == (
        delivery.delivery_id,
        DeliveryStatus.PENDING,
        0,
    )
    done = settle(again, Outcome(OutcomeKind.DELIVERED), NOON_MS, POLICY)
    assert (done.status, done.last_error) == (DeliveryStatus.DELIVERED, None)


def test_a_refusal_dies_at_once_and_retry_after_is_obeyed() -> None:
    dead = settle(planned(), Outcome(OutcomeKind.REFUSED, "answered 404"), NOON_MS, POLICY)
    assert (dead.status, dead.attempts) == (DeliveryStatus.DEAD, 1)
    later = settle(planned(), Outcome(OutcomeKind.RETRY, "", 90_000), NOON_MS, POLICY)
    assert later.due_ms == NOON_MS + 90_000


@given(st.text(max_size=40), st.integers(1, 100))
def test_backoff_is_bounded_and_deterministic(delivery_id: str, attempts: int) -> None:
    wait_ms = backoff_ms(delivery_id, attempts, POLICY)
    full = min(60_000, 1_000 * 2 ** (attempts - 1))
    assert full // 2 <= wait_ms <= full
    assert wait_ms == backoff_ms(delivery_id, attempts, POLICY)


def test_jitter_spreads_and_is_pinned() -> None:
    waits = [backoff_ms(f"d{n}", 5, POLICY) for n in range(50)]
    assert len(set(waits)) > 45
    assert waits[0] == 8_158


# --- answers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "status", "body", "outcome"),
    [
        ("webhook", 200, b"", "delivered"),
        ("webhook", 204, b"{", "delivered"),
        ("slack", 200, b"ok", "delivered"),
        ("webhook", 301, b"", "refused"),
        ("webhook", 400, b"", "refused"),
        ("webhook", 404, b"", "refused"),
        ("webhook", 408, b"", "retry"),
        ("webhook", 425, b"", "retry"),
        ("webhook", 429, b"", "retry"),
        ("webhook", 500, b"", "retry"),
        ("webhook", 599, b"", "retry"),
        ("feishu", 200, b'{"code":0,"msg":"success"}', "delivered"),
        ("feishu", 200, b'{"StatusCode":0,"StatusMessage":"success"}', "delivered"),
        ("feishu", 200, b'{"code":19021,"msg":"sign match fail"}', "retry"),
        ("dingtalk", 200, b'{"errcode":0,"errmsg":"ok"}', "delivered"),
        ("dingtalk", 200, b'{"errcode":310000,"errmsg":"sign not match"}', "retry"),
        ("wecom", 200, b'{"errcode":false}', "retry"),
        ("wecom", 200, b"<html>", "retry"),
        ("wecom", 200, b"[]", "retry"),
        ("wecom", 200, b"\xff", "retry"),
        ("wecom", 200, b"{}", "retry"),
    ],
)
def test_what_an_answer_means(kind: str, status: int, body: bytes, outcome: str) -> None:
    assert judge(SinkKind(kind), Answer(status, 0, body)).kind == outcome


@given(st.sampled_from(SinkKind), st.integers(0, 999), st.binary(max_size=200))
def test_no_answer_breaks_it_and_none_of_it_is_repeated(
    kind: SinkKind, status: int, body: bytes
) -> None:
    found = judge(kind, Answer(status, 0, b'{"errcode":"PRIVATE","x":' + body))
    assert "PRIVATE" not in (found.error or "")
    judge(kind, Answer(status, 0, body))


# --- the signature ---------------------------------------------------------------------------

BODY = b'{"a":1}'
GOLDEN = "38877139021993b830af32feea6e18a8da83eb2f6e49ee50bd9e4cf4ca4d3789"


def test_the_signature_is_pinned() -> None:
    """As openssl makes it: printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac whsec_test."""
    assert sign(BODY, 1_700_000_000, ["whsec_test"]) == f"t=1700000000,v1={GOLDEN}"


def test_a_receiver_believes_only_what_is_fresh_and_untouched() -> None:
    header = sign(BODY, 1_700_000_000, ["old", "new"])
    assert header.count("v1=") == 2
    for secret in ("old", "new"):
        assert is_signed(BODY, header, secret, 1_700_000_300)
        assert not is_signed(BODY + b" ", header, secret, 1_700_000_000)
        assert not is_signed(BODY, header, secret, 1_700_000_301)
        assert not is_signed(BODY, header, secret, 1_699_999_699)
    assert not is_signed(BODY, header, "other", 1_700_000_000)
    moved = header.replace("t=1700000000", "t=1700000001")
    assert not is_signed(BODY, moved, "old", 1_700_000_000)


@given(st.text(max_size=80))
def test_no_header_breaks_the_check(header: str) -> None:
    assert not is_signed(BODY, header, "s", 1_700_000_000)
    assert not is_signed(BODY, f"t=1700000000,v1={header}", "s", 1_700_000_000)
    assert not is_signed(BODY, f"t={header},v1={GOLDEN}", "whsec_test", 1)


# --- the store -------------------------------------------------------------------------------


def test_committing_a_step_twice_changes_nothing() -> None:
    store, alert = InMemoryAlertStore(), raised()
    store.commit([alert], [planned(alert)])
    store.save(settle(planned(alert), Outcome(OutcomeKind.DELIVERED), NOON_MS, POLICY))
    store.commit([replace(alert, revision=2, is_open=False)], [])
    store.commit([alert], [planned(alert)])
    assert store.due(NOON_MS, 10) == []
    assert [d.delivery_id for d in store.deliveries(DeliveryStatus.DELIVERED)] == [
        planned(alert).delivery_id
    ]
    kept = store.alert(alert.alert_id)
    assert kept is not None
    assert kept.revision == 2
    assert store.open_alerts() == []


def test_a_later_revision_waits_for_the_earlier_one() -> None:
    store, first = InMemoryAlertStore(), planned()
    second = planned(replace(raised(), revision=1))
    store.commit([], [second, first])
    failed = settle(first, RETRY, NOON_MS, POLICY)
    store.save(failed)
    assert store.due(NOON_MS, 10) == []
    assert store.next_due_ms() == failed.due_ms
    store.save(settle(first, Outcome(OutcomeKind.REFUSED), NOON_MS, POLICY))
    assert store.due(NOON_MS, 10) == [second]
