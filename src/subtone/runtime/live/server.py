"""``subtone serve``: one process, one journal, one port."""

from __future__ import annotations

import asyncio
import base64
import gc
import hashlib
import logging
import os
import secrets
import signal
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from subtone.contracts.calibration import Calibration
from subtone.contracts.memory import MemoryFilter
from subtone.ingest.streams.twilio_signature import TwilioSecrets
from subtone.runtime.analysis import Direction
from subtone.runtime.calibrations import read_calibration
from subtone.runtime.config import ConfigError, RuntimeConfig, Scope, Secret
from subtone.runtime.journal import JournalError, PurgeReceipt, SqliteJournal, WriterLimits
from subtone.runtime.journal.alert_store import SqliteAlertStore
from subtone.runtime.live.alert_settings import read_alert_settings
from subtone.runtime.live.alerting import Alerting
from subtone.runtime.live.app import create_app
from subtone.runtime.live.auth import Token, Tokens
from subtone.runtime.live.hub import Hub, HubLimits
from subtone.runtime.live.metrics import Metrics
from subtone.runtime.live.parts import HttpLimits, LiveParts, PeerSecrets
from subtone.runtime.live.remembering import (
    Perception,
    forget_old,
    is_transcribing,
    perceiving_of,
    running_perception,
)
from subtone.runtime.live.resuming import Resumed, resume
from subtone.runtime.live.socket_protocol import BatchingProtocol
from subtone.runtime.live.stream_feed import OutputFeed
from subtone.runtime.live.telephony import running_telephony
from subtone.runtime.live.tls import server_context

if TYPE_CHECKING:  # needs an extra of its own
    from subtone.runtime.live.tracing import Tracing

SHUTDOWN_S = 5
TOKEN_BYTES = 24
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
LAST_SEQ = "SELECT max(seq) FROM events JOIN calls USING (key) WHERE call_id = ?"
DAY_MS = 86_400_000
RETENTION_EVERY_S = 3_600.0
# With Python's own thresholds the collector walks the state of every call several times a second,
# and every call waits for it. Nearly all of that state dies by reference count.
GC_THRESHOLDS = (200_000, 50, 100)

log = logging.getLogger(__name__)


def serve(config: RuntimeConfig, say: Callable[[str], None]) -> None:
    """Run until SIGTERM or SIGINT, then stop accepting, write what is there, and return.

    Args:
        config: everything an operator decides.
        say: prints a line for the operator.

    Raises:
        ConfigError: the address cannot be listened on, or is open to others without tokens.
        JournalError: the journal cannot be opened.

    """
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises what it caught once more when it is done; the wish is fulfilled by then
        signal.signal(number, lambda *_: None)
    logging.basicConfig(level=config.log.level.upper(), format=LOG_FORMAT)
    gc.freeze()  # what was imported stays
    gc.set_threshold(*GC_THRESHOLDS)
    with listen(config) as listening, asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(config, listening, say))


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Loops of uvloop where there is one."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


async def _serve(
    config: RuntimeConfig, listening: socket.socket, say: Callable[[str], None]
) -> None:
    tokens, generated = make_tokens(config)
    async with running_parts(config, tokens) as parts:
        server = LiveServer(config, parts)
        server.on_ready = lambda: _greet(config, parts, listening, generated, say)
        await server.serve([listening])


class LiveServer(uvicorn.Server):
    """Uvicorn, telling when it listens and letting followers go before it waits for them."""

    def __init__(self, config: RuntimeConfig, parts: LiveParts) -> None:
        super().__init__(
            uvicorn.Config(
                create_app(parts),
                ws=BatchingProtocol,
                ws_max_size=config.limits.max_message_bytes,
                ws_per_message_deflate=False,  # nothing to gain on audio, and no bombs
                access_log=False,  # addresses may hold a token
                log_config=None,
                log_level="warning",  # below, it logs addresses of sockets whole
                server_header=False,
                proxy_headers=False,
                lifespan="off",
                timeout_keep_alive=10,
                timeout_graceful_shutdown=SHUTDOWN_S,
                h11_max_incomplete_event_size=65_536,
            )
        )
        self.config.load()
        self.config.ssl = _tls(config)
        logging.getLogger("uvicorn.error").addFilter(_is_worth_saying)
        self._parts = parts
        self.on_ready: Callable[[], None] = lambda: None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        self.on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Streams that never end by themselves end first."""
        self._parts.feed.close()
        await super().shutdown(sockets)


@asynccontextmanager
async def running_parts(config: RuntimeConfig, tokens: Tokens) -> AsyncIterator[LiveParts]:
    """Models and journal open, calls taken up again, hub pumping; all written when it ends."""
    now_ms = clock()
    async with (
        running_perception(config, now_ms) as perception,
        _running_calls(config, tokens, perception, now_ms) as parts,
    ):
        yield parts


@asynccontextmanager
async def _running_calls(
    config: RuntimeConfig, tokens: Tokens, perception: Perception, now_ms: Callable[[], int]
) -> AsyncIterator[LiveParts]:
    metrics = Metrics()
    calibration = _calibration(config)
    alert_settings = read_alert_settings(config.alerts)
    tracing = _tracing(config)
    journal = SqliteJournal(
        Path(config.journal.path),
        config.journal.audio,
        limits=WriterLimits(linger_s=config.journal.linger_ms / 1000.0),
    )
    try:
        feed = OutputFeed(journal, journal.reader, metrics)
        perceiving = perceiving_of(config, perception, lambda: hub.calls, now_ms, metrics)
        hub = Hub(
            journal if tracing is None else tracing.log(journal),
            now_ms,
            feed,
            limits=_hub_limits(config),
            calibration=calibration,
            is_agent_voice_scored=config.calls.is_agent_voice_scored,
            is_text_expected=config.calls.is_text_expected or is_transcribing(config),
            observe_ms=metrics.observe_batch_ms,
            watched=None if tracing is None else tracing.feed,
            hear=None if perceiving is None else perceiving.hear,
        )
        alerts = SqliteAlertStore(journal)
        alerting = Alerting(alert_settings, alerts, feed, hub, metrics, now_ms, tracing)
        await feed.start()
        await _restore(hub, journal, calibration)
        hub.start()
        if perceiving is not None:
            perceiving.start()
        await alerting.start()
        retaining = asyncio.create_task(
            _retain(journal, alerting, now_ms, config.journal.retention_days), name="retention"
        )
        forgetting = asyncio.create_task(
            forget_old(perception.store, config.memory.retention_days, journal.reader.held),
            name="forgetting",
        )
        async with running_telephony(config, hub, now_ms) as telephony:
            yield LiveParts(
                hub=hub,
                feed=feed,
                reader=journal.reader,
                alerting=alerting,
                tokens=tokens,
                now_ms=now_ms,
                metrics=metrics,
                erase=lambda call_id: _erase(journal, perception, call_id, now_ms()),
                hold=lambda call_id, is_held: journal.hold(call_id, is_held=is_held),
                limits=HttpLimits(
                    max_body_bytes=config.limits.max_message_bytes,
                    max_decompressed_bytes=config.limits.max_decompressed_bytes,
                    max_message_bytes=config.limits.max_message_bytes,
                    max_requests_per_s=config.limits.max_peer_requests_per_s,
                ),
                secrets=_secrets(config),
                public_url=config.http.public_url,
                is_amd_enabled=config.calls.direction is Direction.OUTBOUND,
                telephony=telephony,
                tracing=tracing,
                perception=perception,
            )
        retaining.cancel()
        forgetting.cancel()
        if perceiving is not None:
            await perceiving.stop()
        await hub.stop()
        await feed.stop()
        await alerting.stop()
    finally:
        await asyncio.to_thread(journal.close)
        if tracing is not None:
            await asyncio.to_thread(tracing.close)


def _tls(config: RuntimeConfig) -> ssl.SSLContext | None:
    certificate, key = config.http.tls_certificate, config.http.tls_key
    if certificate is None or key is None:
        return None
    return server_context("http", certificate, key)


def _is_worth_saying(record: logging.LogRecord) -> bool:
    """Uvicorn calls it an error that a socket was refused with an HTTP status."""
    return "without completing handshake" not in record.getMessage()


def clock() -> Callable[[], int]:
    """Unix milliseconds that never go back while the process lives."""
    began_s = time.time() - time.monotonic()
    return lambda: int((began_s + time.monotonic()) * 1000.0)


def _erase(
    journal: SqliteJournal, perception: Perception, call_id: str, now_ms: int
) -> PurgeReceipt:
    """One call out of the journal, and what was remembered of it; raises as ``purge_call``."""
    receipt = journal.purge_call(call_id, now_ms)
    if perception.store is not None and not receipt.held_count:
        perception.store.erase(MemoryFilter(call_id=call_id))
    return receipt


async def _restore(hub: Hub, journal: SqliteJournal, calibration: Calibration | None) -> None:
    """Take every call up again that a stop or a crash left, each for itself."""

    def stood(call_id: str) -> tuple[Resumed, int]:
        kept = journal.resume(call_id)
        ((last_seq,),) = journal.reader.rows(LAST_SEQ, (call_id,))
        return resume(call_id, kept.snapshot, kept.events, calibration), last_seq

    for call_id in journal.reader.unsettled():
        try:
            hub.restore(*await asyncio.to_thread(stood, call_id))
        except JournalError:
            log.exception("call %s cannot be taken up again", call_id)


async def _retain(
    journal: SqliteJournal, alerting: Alerting, now_ms: Callable[[], int], days: int
) -> None:
    """Erase calls that are older than the retention, and those whose erasure was cut short."""
    while True:
        try:
            before_ms = now_ms() - days * DAY_MS
            receipt = await asyncio.to_thread(journal.purge_before, before_ms, now_ms())
        except JournalError:
            log.exception("calls older than %d days could not be erased", days)
        else:
            await alerting.forget(receipt.call_sha256s)
            log.info("%d calls older than %d days erased", len(receipt.call_sha256s), days)
        await asyncio.sleep(RETENTION_EVERY_S)


def listen(config: RuntimeConfig) -> socket.socket:
    """The server's listening socket. Raises ConfigError."""
    host, port = config.http.host, config.http.port
    if not config.http.tokens and not _is_loopback(host):
        raise ConfigError(f"http.host {host!r} is open to others: give http.tokens first")
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=512
        )
    except OSError as error:
        raise ConfigError(
            f"http.host {host!r}, http.port {port} cannot be listened on ({error.strerror})"
        ) from error


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def make_tokens(config: RuntimeConfig) -> tuple[Tokens, str | None]:
    """The configured tokens, or a new one for every scope and its secret."""
    if config.http.tokens:
        known = []
        for token in config.http.tokens:
            digest = bytes.fromhex(token.sha256 or "")
            if token.secret is not None:
                digest = hashlib.sha256(token.secret.reveal().encode()).digest()
            known.append(Token(token.name, digest, frozenset(token.scopes)))
        return Tokens(tuple(known), config.http.is_admin_remote), None
    secret = secrets.token_urlsafe(TOKEN_BYTES)
    return Tokens((Token.of("generated", secret, Scope),), config.http.is_admin_remote), secret


def _greet(
    config: RuntimeConfig,
    parts: LiveParts,
    listening: socket.socket,
    generated: str | None,
    say: Callable[[str], None],
) -> None:
    host, port = listening.getsockname()[:2]
    scheme = "https" if config.http.tls_certificate else "http"
    say(f"subtone listens on {scheme}://{f'[{host}]' if ':' in host else host}:{port}")
    for bind in parts.telephony.binds if parts.telephony is not None else ():
        say(f"recordings (SIPREC) are taken on {bind}")
    if generated is not None:
        say(f"token for every scope, valid until this process ends: {generated}")


def _secrets(config: RuntimeConfig) -> PeerSecrets:
    return PeerSecrets(
        twilio=tuple(TwilioSecrets(s.reveal()) for s in config.twilio.auth_tokens),
        is_twilio_signature_required=config.twilio.is_signature_required,
        audiohook={
            key.api_key.reveal(): _audiohook_secret(key.client_secret)
            for key in config.audiohook.keys
        },
    )


def _audiohook_secret(secret: Secret | None) -> bytes:
    """The client secret, which Genesys gives in base64; empty where the key alone suffices."""
    if secret is None:
        return b""
    try:
        return base64.b64decode(secret.reveal(), validate=True)
    except ValueError as error:
        raise ConfigError("audiohook.keys: client_secret must be base64") from error


def _hub_limits(config: RuntimeConfig) -> HubLimits:
    workers = config.limits.worker_threads or os.cpu_count() or 1
    return HubLimits(
        max_calls=config.limits.max_calls,
        max_backlog_s=config.limits.max_backlog_s,
        chat_idle_ms=round(config.calls.chat_idle_s * 1000.0),
        linger_ms=round(config.calls.reconnect_s * 1000.0),
        stuck_ms=round(config.calls.idle_s * 1000.0),
        snapshot_ms=round(config.journal.snapshot_s * 1000.0),
        workers=workers,
    )


def _tracing(config: RuntimeConfig) -> Tracing | None:
    endpoint = config.log.otlp_endpoint
    if endpoint is None:
        return None
    try:
        from subtone.runtime.live.tracing import open_tracing
    except ImportError as error:
        raise ConfigError(
            f"log.otlp_endpoint: {error.name} is missing: install subtone[otel]"
        ) from error
    return open_tracing(endpoint)


def _calibration(config: RuntimeConfig) -> Calibration | None:
    path = config.calls.calibration
    return None if path is None else read_calibration(Path(path))
