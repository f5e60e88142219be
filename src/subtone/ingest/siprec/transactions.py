"""Server transactions as values (RFC 3261 §17.2, RFC 6026): what to repeat, until when.

A step takes a transaction and gives the next one, what to send and which timers to set. The
shell runs the timers; one that comes late or for a transaction that is gone does nothing. The
one request this side ever sends, BYE, is repeated the same way (§17.1.2).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from subtone.ingest.siprec.sip import Identity, Request

T1_MS: Final = 500
T2_MS: Final = 4_000
T4_MS: Final = 5_000
_LIFETIME_MS: Final = 64 * T1_MS


class TimerName(StrEnum):
    """The RFC's letter for each wait."""

    REPEAT = "G"  # also E, and the 2xx repeated by §13.3.1.4
    GIVE_UP = "H"  # also F, L
    FORGET = "I"  # also J
    SESSION = "SE"  # session expiry (RFC 4028); the server's own


@dataclass(frozen=True, slots=True)
class Timer:
    """Hand this back at ``due_ms``, not before."""

    key: str
    name: TimerName
    due_ms: int


class Phase(StrEnum):
    """Where a transaction is."""

    PROCEEDING = "proceeding"
    REPEATING = "repeating"  # a final answer (or our BYE) is repeated until acknowledged
    REMEMBERED = "remembered"  # answered from memory until it is forgotten


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One exchange; ``message`` is what a repetition sends, byte for byte."""

    key: str
    is_invite: bool
    is_reliable: bool
    phase: Phase = Phase.PROCEEDING
    is_accepted: bool = False  # a 2xx: repeated on every transport, its ACK has its own branch
    message: bytes = b""
    interval_ms: int = T1_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one step led to; no transaction means it is over."""

    transaction: Transaction | None
    message: bytes | None = None
    timers: tuple[Timer, ...] = ()
    is_lost: bool = False  # nobody acknowledged


def transaction_key(request: Request, identity: Identity) -> str:
    """The key of §17.2.3; ACK and CANCEL have the key of their INVITE.

    A branch without the magic cookie is RFC 2543's, told apart by the fields that a
    repetition keeps.
    """
    method = "INVITE" if request.method in ("ACK", "CANCEL") else request.method
    if identity.branch.startswith("z9hG4bK"):
        return "\n".join((method, identity.branch, identity.sent_by))
    place = (identity.call_id, identity.from_tag, str(identity.cseq), identity.vias[0])
    return "\n".join((method, *place))


def proceed(transaction: Transaction, provisional: bytes) -> Step:
    """A provisional answer."""
    return Step(transaction=replace(transaction, message=provisional), message=provisional)


def complete(transaction: Transaction, final: bytes, status: int, now_ms: int) -> Step:
    """The final answer: repeated until the ACK for an INVITE, else remembered."""
    is_accepted = status < 300
    done = replace(transaction, message=final, is_accepted=is_accepted)
    if not transaction.is_invite:
        return _remembered(done, now_ms, _LIFETIME_MS, final)
    return _repeating(done, now_ms)


def request_sent(key: str, message: bytes, *, is_reliable: bool, now_ms: int) -> Step:
    """A request of ours that is repeated until a final response."""
    sent = Transaction(key=key, is_invite=False, is_reliable=is_reliable, message=message)
    return _repeating(sent, now_ms)


def acknowledged(transaction: Transaction, now_ms: int) -> Step:
    """The ACK came."""
    if transaction.phase is not Phase.REPEATING:
        return Step(transaction=transaction)
    wait_ms = _LIFETIME_MS if transaction.is_accepted else T4_MS
    return _remembered(transaction, now_ms, wait_ms, None)


def expired(transaction: Transaction, timer: Timer) -> Step:
    """A timer came back."""
    if timer.name is TimerName.REPEAT and transaction.phase is Phase.REPEATING:
        interval_ms = min(2 * transaction.interval_ms, T2_MS)
        again = replace(transaction, interval_ms=interval_ms)
        timers = (Timer(transaction.key, TimerName.REPEAT, timer.due_ms + interval_ms),)
        return Step(transaction=again, message=transaction.message, timers=timers)
    if timer.name is TimerName.GIVE_UP and transaction.phase is Phase.REPEATING:
        return Step(transaction=None, is_lost=True)
    if timer.name is TimerName.FORGET and transaction.phase is Phase.REMEMBERED:
        return Step(transaction=None)
    return Step(transaction=transaction)


def _repeating(transaction: Transaction, now_ms: int) -> Step:
    key = transaction.key
    timers: tuple[Timer, ...] = (Timer(key, TimerName.GIVE_UP, now_ms + _LIFETIME_MS),)
    if transaction.is_accepted or not transaction.is_reliable:
        timers = (Timer(key, TimerName.REPEAT, now_ms + T1_MS), *timers)
    return Step(
        transaction=replace(transaction, phase=Phase.REPEATING),
        message=transaction.message,
        timers=timers,
    )


def _remembered(transaction: Transaction, now_ms: int, wait_ms: int, message: bytes | None) -> Step:
    if transaction.is_reliable:
        return Step(transaction=None, message=message)  # nothing is repeated there
    return Step(
        transaction=replace(transaction, phase=Phase.REMEMBERED),
        message=message,
        timers=(Timer(transaction.key, TimerName.FORGET, now_ms + wait_ms),),
    )
