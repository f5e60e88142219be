"""Requests under way and the answers to them, gathered until the shell takes them."""

from __future__ import annotations

import contextlib
from typing import Final

from subtone.ingest.siprec.actions import Output, Send, ServerSettings
from subtone.ingest.siprec.dialog import RecordingEvent, session_interval
from subtone.ingest.siprec.replies import (
    ACCEPTED_TYPES,
    ALLOWED,
    SUPPORTED,
    Peer,
    reply_target,
    response_to,
)
from subtone.ingest.siprec.sip import (
    Identity,
    Request,
    Response,
    SipError,
    identity_of,
    parameters_of,
)
from subtone.ingest.siprec.transactions import (
    Step,
    Timer,
    Transaction,
    acknowledged,
    complete,
    expired,
    proceed,
    request_sent,
    transaction_key,
)

_TRANSACTIONS_PER_RECORDING: Final = 64
Fields = tuple[tuple[str, str], ...]
ALLOW: Final[Fields] = (("allow", ", ".join(ALLOWED)),)


class Exchange:
    """A request with what places it."""

    __slots__ = ("identity", "key", "now_ms", "peer", "request")

    def __init__(self, request: Request, identity: Identity, peer: Peer, now_ms: int) -> None:
        self.request = request
        self.identity = identity
        self.peer = peer
        self.now_ms = now_ms
        self.key = transaction_key(request, identity)

    @property
    def call(self) -> tuple[str, str]:
        """Call-ID and the client's tag."""
        return (self.identity.call_id, self.identity.from_tag)

    @property
    def target(self) -> Peer:
        """Where the answer goes."""
        return reply_target(self.identity, self.peer)


class Outbox:
    """Transactions and everything that waits to leave.

    Args:
        settings: the operator's.

    """

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._transactions: dict[str, tuple[Transaction, Peer]] = {}
        self._sends: list[Send] = []
        self.events: list[RecordingEvent] = []
        self.timers: list[Timer] = []

    @property
    def is_crowded(self) -> bool:
        """No more is to be remembered."""
        return (
            len(self._transactions) >= _TRANSACTIONS_PER_RECORDING * self._settings.max_recordings
        )

    @property
    def retry_after(self) -> Fields:
        """The field that goes with a refusal for lack of room."""
        return (("retry-after", str(self._settings.retry_after_s)),)

    @property
    def place(self) -> str:
        """Where clients reach this server, ``host:port``."""
        host = self._settings.host
        return f"[{host}]:{self._settings.port}" if ":" in host else f"{host}:{self._settings.port}"

    def abilities(self, peer: Peer) -> Fields:
        """What a 2xx says of this server."""
        transport = "" if peer.transport == "udp" else f";transport={peer.transport}"
        return (
            ("contact", f"<sip:{self.place}{transport}>;+sip.srs"),
            *ALLOW,
            ("accept", ACCEPTED_TYPES),
            ("supported", ", ".join(SUPPORTED)),
        )

    def session_fields(self, exchange: Exchange) -> Fields:
        """``abilities`` and the session timer that was granted."""
        fields = self.abilities(exchange.peer)
        interval = session_interval(exchange.request)
        if interval is None:
            return fields
        expires = ("session-expires", f"{interval.seconds};refresher=uac")
        return (*fields, ("require", "timer"), expires)

    def repeat(self, key: str) -> bool:
        """Answer a repeated request from memory; False for a new one."""
        known = self._transactions.get(key)
        if known is not None and known[0].message:
            self._sends.append(Send(known[0].message, known[1]))
        return known is not None

    def transaction(self, key: str) -> Transaction | None:
        """The transaction of that key."""
        known = self._transactions.get(key)
        return None if known is None else known[0]

    def reply(
        self, exchange: Exchange, status: int, *, reason: str = "", extra: Fields = ()
    ) -> None:
        """Answer and forget."""
        data = self._response(exchange, status, reason=reason, extra=extra)
        self._sends.append(Send(data, exchange.target))

    def finish(
        self,
        exchange: Exchange,
        status: int,
        *,
        reason: str = "",
        extra: Fields = (),
        body: bytes = b"",
    ) -> None:
        """Answer and remember, so that a repetition gets the same bytes."""
        final = self._response(exchange, status, reason=reason, extra=extra, body=body)
        known = self.transaction(exchange.key) or self._begun(exchange)
        self.apply(exchange.key, complete(known, final, status, exchange.now_ms), exchange.target)

    def begin(self, exchange: Exchange) -> None:
        """Remember a request whose answer takes a while, silently."""
        self._transactions[exchange.key] = (self._begun(exchange), exchange.target)

    def trying(self, exchange: Exchange) -> None:
        """Say that the answer takes a while."""
        step = proceed(self._begun(exchange), self._response(exchange, 100))
        self.apply(exchange.key, step, exchange.target)

    def acknowledge(self, key: str, now_ms: int) -> None:
        """The ACK for the INVITE of that key came."""
        known = self._transactions.get(key)
        if known is not None:
            self.apply(key, acknowledged(known[0], now_ms), known[1])

    def request(self, request: Request, peer: Peer, now_ms: int) -> None:
        """Send a request of this side and repeat it until it is answered."""
        data, key = bytes(request), _own_key(request)
        step = request_sent(key, data, is_reliable=peer.is_reliable, now_ms=now_ms)
        self.apply(key, step, peer)

    def answered(self, response: Response) -> None:
        """A response came to a request of this side."""
        if response.status >= 200:
            self._transactions.pop(_own_key(response), None)

    def malformed(self, error: SipError, peer: Peer) -> None:
        """Refuse what could not be read.

        Raises:
            SipError: it does not say enough to be answered; the same error.

        """
        request, identity = error.request, None
        if request is None:
            raise error
        with contextlib.suppress(SipError):
            identity = identity_of(request)
        status, secret = error.status, self._settings.secret
        response = response_to(request, identity, peer, status, secret=secret, reason=error.cause)
        if response is None:
            raise error
        if request.method != "ACK":
            target = peer if identity is None else reply_target(identity, peer)
            self._sends.append(Send(bytes(response), target))

    def apply(self, key: str, step: Step, peer: Peer) -> None:
        """Do what a transaction's step says."""
        if step.message is not None:
            self._sends.append(Send(step.message, peer))
        self.timers += step.timers
        if step.transaction is None:
            self._transactions.pop(key, None)
        else:
            self._transactions[key] = (step.transaction, peer)

    def expire(self, timer: Timer) -> bool:
        """Run a transaction's timer; True when a recording's answer was never acknowledged."""
        known = self._transactions.get(timer.key)
        if known is None:
            return False
        step = expired(known[0], timer)
        self.apply(timer.key, step, known[1])
        return step.is_lost and known[0].is_accepted

    def flush(self) -> Output:
        """Everything gathered since the last flush, in order."""
        output = Output(tuple(self._sends), tuple(self.events), tuple(self.timers))
        self._sends, self.events, self.timers = [], [], []
        return output

    def _begun(self, exchange: Exchange) -> Transaction:
        return Transaction(
            key=exchange.key,
            is_invite=exchange.request.method == "INVITE",
            is_reliable=exchange.peer.is_reliable,
        )

    def _response(
        self,
        exchange: Exchange,
        status: int,
        *,
        reason: str = "",
        extra: Fields = (),
        body: bytes = b"",
    ) -> bytes:
        response = response_to(
            exchange.request,
            exchange.identity,
            exchange.peer,
            status,
            secret=self._settings.secret,
            reason=reason,
            extra=(*extra, ("content-type", "application/sdp")) if body else extra,
            body=body,
        )
        return bytes(response) if response is not None else b""


def _own_key(message: Request | Response) -> str:
    """The key of a request of this side: its branch, which nobody else can make."""
    return "own\n" + parameters_of(message.headers.first("via") or "")[1].get("branch", "")
