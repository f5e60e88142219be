"""Transaction timers, pinned to RFC 3261's table 4."""

from __future__ import annotations

import pytest

from subtone.ingest.siprec.sip import Request, identity_of, parse_message
from subtone.ingest.siprec.transactions import (
    Phase,
    Step,
    Timer,
    TimerName,
    Transaction,
    acknowledged,
    complete,
    expired,
    proceed,
    request_sent,
    transaction_key,
)
from support_siprec import request


def begun(*, is_invite: bool = True, is_reliable: bool = False) -> Transaction:
    return Transaction(key="k", is_invite=is_invite, is_reliable=is_reliable)


def repetitions(step: Step, until_ms: int) -> tuple[list[int], Step]:
    """When the message goes out again, and the last step."""
    timers, sent, now = list(step.timers), [], step
    while timers and now.transaction is not None:
        timer = min(timers, key=lambda one: one.due_ms)
        timers.remove(timer)
        if timer.due_ms > until_ms:
            break
        now = expired(now.transaction, timer)
        timers += now.timers
        if now.message is not None:
            sent.append(timer.due_ms)
    return sent, now


@pytest.mark.parametrize(("status", "is_reliable"), [(486, False), (200, False), (200, True)])
def test_a_final_answer_is_repeated_with_growing_gaps_then_given_up(
    status: int,
    is_reliable: bool,
) -> None:
    step = complete(begun(is_reliable=is_reliable), b"final", status, 0)
    assert step.message == b"final"
    sent, last = repetitions(step, 10**9)
    assert sent == [500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]
    assert last.transaction is None
    assert last.is_lost


def test_a_refusal_on_a_connection_is_not_repeated() -> None:
    sent, last = repetitions(complete(begun(is_reliable=True), b"no", 486, 0), 10**9)
    assert sent == []
    assert last.is_lost


@pytest.mark.parametrize(
    ("status", "is_reliable", "due_ms"),
    [(486, False, 5_100), (200, False, 32_100), (486, True, None), (200, True, None)],
)
def test_the_ack_stops_it(
    status: int,
    is_reliable: bool,
    due_ms: int | None,
) -> None:
    done = complete(begun(is_reliable=is_reliable), b"final", status, 0).transaction
    assert done is not None
    step = acknowledged(done, 100)
    if due_ms is None:
        assert step.transaction is None
        return
    assert step.timers == (Timer("k", TimerName.FORGET, due_ms),)
    assert step.transaction is not None
    late = expired(step.transaction, Timer("k", TimerName.REPEAT, 500))
    assert late.message is None
    assert expired(step.transaction, Timer("k", TimerName.GIVE_UP, 32_000)).is_lost is False
    assert expired(step.transaction, step.timers[0]).transaction is None
    assert acknowledged(step.transaction, 200) == Step(transaction=step.transaction)


def test_other_answers_are_remembered_for_timer_j() -> None:
    step = complete(begun(is_invite=False), b"ok", 200, 0)
    assert step.timers == (Timer("k", TimerName.FORGET, 32_000),)
    assert step.transaction is not None
    assert (step.transaction.message, step.transaction.phase) == (b"ok", Phase.REMEMBERED)
    assert complete(begun(is_invite=False, is_reliable=True), b"ok", 200, 0).transaction is None


def test_a_provisional_is_what_a_repetition_gets() -> None:
    step = proceed(begun(), b"trying")
    assert step.transaction is not None
    assert (step.message, step.transaction.message) == (b"trying", b"trying")
    assert step.timers == ()


def test_a_bye_is_repeated_until_answered() -> None:
    step = request_sent("k", b"BYE", is_reliable=False, now_ms=0)
    assert repetitions(step, 4_000)[0] == [500, 1500, 3500]
    assert repetitions(request_sent("k", b"BYE", is_reliable=True, now_ms=0), 10**9)[0] == []


def key(datagram: bytes) -> str:
    message = parse_message(datagram)
    assert isinstance(message, Request)
    return transaction_key(message, identity_of(message))


def test_keys() -> None:
    invite = request(branch="z9hG4bKx")
    assert key(request("ACK", branch="z9hG4bKx")) == key(invite)
    assert key(request("CANCEL", branch="z9hG4bKx")) == key(invite)
    assert key(request("BYE", branch="z9hG4bKx")) != key(invite)
    assert key(request(branch="z9hG4bKy")) != key(invite)
    old = request(branch="1")  # RFC 2543
    assert key(request("ACK", branch="1")) == key(old)
    assert key(request(branch="1", cseq=2)) != key(old)
    assert key(request(branch="1", call_id="other")) != key(old)
