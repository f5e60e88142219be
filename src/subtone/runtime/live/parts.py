"""What the routes and sockets of one server share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from litestar.di import NamedDependency
from litestar.exceptions import ClientException, NotFoundException
from litestar.params import SkipValidation

from subtone.ingest.audiohook import SeenNonces
from subtone.ingest.streams.twilio_signature import TwilioSecrets
from subtone.runtime.journal import CallRow, OutputRow, PurgeReceipt
from subtone.runtime.live.alerting import Alerting
from subtone.runtime.live.auth import Tokens
from subtone.runtime.live.hub import Hub, RunningCall
from subtone.runtime.live.idempotency import IdempotencyKeys
from subtone.runtime.live.metrics import Metrics
from subtone.runtime.live.remembering import Perception
from subtone.runtime.live.stream_feed import OutputFeed, OutputReader
from subtone.runtime.live.telephony import Telephony

if TYPE_CHECKING:  # needs an extra of its own
    from subtone.runtime.live.tracing import Tracing


class ConflictError(ClientException):
    """The request is well formed and contradicts what is there."""

    status_code = 409


class UnprocessableError(ClientException):
    """The request is well formed and its values cannot be."""

    status_code = 422


class CallReader(OutputReader, Protocol):
    """The read side of the journal; called on threads."""

    def calls(
        self, before: int | None = None, limit: int = 50, *, is_ended: bool | None = None
    ) -> Sequence[CallRow]:
        """Calls, newest first."""
        ...

    def call(self, call_id: str) -> CallRow | None:
        """One call."""
        ...

    def held(self) -> Sequence[str]:
        """Calls under legal hold."""
        ...

    def outputs_of(
        self, call_id: str, kind: str, after: int = -1, limit: int = 100
    ) -> Sequence[OutputRow]:
        """One call's outputs of one kind, in order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """What one peer may ask for over HTTP and WebSocket."""

    max_body_bytes: int = 1_048_576
    max_decompressed_bytes: int = 4_194_304
    max_message_bytes: int = 1_048_576
    max_requests_per_s: float = 50.0
    socket_idle_s: float = 60.0
    chat_idle_s: float = 1_800.0
    send_timeout_s: float = 10.0
    max_ahead_ms: int = 3_600_000  # how far a text may lie before the call's clock


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerSecrets:
    """What peers sign with; never shown."""

    twilio: tuple[TwilioSecrets, ...] = field(default=(), repr=False)
    is_twilio_signature_required: bool = True
    audiohook: dict[str, bytes] = field(default_factory=dict, repr=False)  # by API key


@dataclass(kw_only=True)
class LiveParts:
    """Everything one server is made of."""

    hub: Hub
    feed: OutputFeed
    reader: CallReader
    alerting: Alerting
    tokens: Tokens
    now_ms: Callable[[], int]
    metrics: Metrics
    erase: Callable[[str], PurgeReceipt]  # one call out of the journal; on a thread
    hold: Callable[[str, bool], None]  # set or lift a call's legal hold; on a thread
    limits: HttpLimits = field(default_factory=HttpLimits)
    secrets: PeerSecrets = field(default_factory=PeerSecrets)
    public_url: str | None = None  # how peers reach the server; signatures cover it
    is_amd_enabled: bool = False
    telephony: Telephony | None = None
    tracing: Tracing | None = None
    perception: Perception = field(default_factory=Perception)
    keys: IdempotencyKeys = field(default_factory=IdempotencyKeys)
    nonces: SeenNonces = field(default_factory=SeenNonces)

    def running(self, call_id: str) -> RunningCall | None:
        """The call, while something may still be added to it."""
        running = self.hub.calls.get(call_id)
        return None if running is None or running.live.is_over else running

    async def require_running(self, call_id: str) -> RunningCall:
        """The running call. Raises NotFoundException, or ConflictError for one that is over."""
        running = self.running(call_id)
        if running is None:
            await self.require_startable(call_id)
            raise NotFoundException(f"there is no call {call_id!r}")
        return running

    async def require_startable(self, call_id: str) -> None:
        """Raises ConflictError where a call of this name is over."""
        if self.running(call_id) is not None:
            return
        is_known = call_id in self.hub.calls
        if is_known or await asyncio.to_thread(self.reader.call, call_id) is not None:
            raise ConflictError(f"call {call_id!r} is over: begin another under a new id")


Parts = NamedDependency[SkipValidation[LiveParts]]
