"""The HTTP and WebSocket application of one server."""

from __future__ import annotations

import msgspec
from litestar import Litestar, Response, get
from litestar.datastructures import MutableScopeHeaders, State
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.openapi.datastructures import ResponseSpec
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, Message, Receive, Scope, Send

import subtone
from subtone.runtime.config import Scope as TokenScope
from subtone.runtime.live import routes_memories
from subtone.runtime.live.auth import requires
from subtone.runtime.live.bodies import BodyLimits, StrictRequest
from subtone.runtime.live.metrics import CONTENT_TYPE, Reading
from subtone.runtime.live.openapi import OPENAPI, StructSchemas
from subtone.runtime.live.parts import LiveParts, Parts
from subtone.runtime.live.problems import HANDLERS, PROBLEMS
from subtone.runtime.live.rates import RateLimiter
from subtone.runtime.live.routes_alerts import (
    acknowledge,
    dismiss,
    get_alert,
    get_precision,
    list_alerts,
    list_deliveries,
    replay_delivery,
)
from subtone.runtime.live.routes_ingest import chat_socket, post_batch, post_message
from subtone.runtime.live.routes_media import audiohook_socket, media_socket, twilio_webhook
from subtone.runtime.live.routes_operate import (
    change_consent,
    end,
    erase,
    hold,
    intervene,
    lift_hold,
    pause,
    resume,
)
from subtone.runtime.live.routes_read import (
    get_basis,
    get_call,
    get_timeline,
    get_transitions,
    list_calls,
)
from subtone.runtime.live.routes_rtp import close_rtp, open_rtp
from subtone.runtime.live.routes_stream import follow_events, follow_socket
from subtone.runtime.live.sockets import Denial, note_refusal

SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
]

OPEN: list[dict[str, list[str]]] = [{}]  # asks for no token


class Health(msgspec.Struct, frozen=True):
    """The process answers."""

    status: str
    version: str


class Readiness(msgspec.Struct, frozen=True):
    """Whether new calls are taken, and if not, why."""

    is_ready: bool
    is_journal_writable: bool
    is_behind: bool
    running_calls: int


@get(
    "/health",
    tags=["server"],
    summary="Whether the process answers",
    security=OPEN,
    responses=PROBLEMS,
)
async def health() -> Health:
    """Always ok when there is an answer."""
    return Health("ok", subtone.__version__)


@get(
    "/ready",
    tags=["server"],
    summary="Whether new calls are taken",
    security=OPEN,
    responses={
        **PROBLEMS,
        503: ResponseSpec(Readiness, generate_examples=False, description="not now"),
    },
)
async def ready(parts: Parts) -> Response[Readiness]:
    """503 while new calls are refused; running ones are served."""
    hub = parts.hub
    is_ready = hub.is_admitting and not parts.feed.is_closing
    found = Readiness(is_ready, hub.is_writable, hub.is_behind, len(hub.calls))
    return Response(found, status_code=200 if is_ready else 503)


@get(
    "/metrics",
    guards=[requires(TokenScope.READ)],
    media_type=CONTENT_TYPE,
    tags=["server"],
    summary="Figures for Prometheus",
    responses=PROBLEMS,
)
async def metrics(parts: Parts) -> bytes:
    """Prometheus' text format."""
    return parts.metrics.render()


class AddressRates(ASGIMiddleware):
    """Each address at its own rate, before anything of the request is read."""

    scopes = (ScopeType.HTTP, ScopeType.WEBSOCKET)

    def __init__(self, limiter: RateLimiter) -> None:
        self._limiter = limiter

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Count the request, then let it pass."""
        client = scope.get("client")
        self._limiter.take(f"address {client[0] if client else 'unknown'}")
        await next_app(scope, receive, send)


def create_app(parts: LiveParts) -> Litestar:
    """The application over these parts, which must be started already or by the caller."""
    limits = parts.limits
    limiter = RateLimiter(parts.now_ms, limits.max_requests_per_s)
    _watch_hub(parts)
    return Litestar(
        [
            health,
            ready,
            metrics,
            post_message,
            post_batch,
            chat_socket,
            media_socket,
            audiohook_socket,
            twilio_webhook,
            open_rtp,
            close_rtp,
            intervene,
            change_consent,
            pause,
            resume,
            end,
            hold,
            lift_hold,
            erase,
            list_calls,
            get_call,
            get_timeline,
            get_transitions,
            get_basis,
            follow_events,
            follow_socket,
            list_alerts,
            get_precision,
            get_alert,
            acknowledge,
            dismiss,
            list_deliveries,
            replay_delivery,
            routes_memories.process,
            routes_memories.find,
            routes_memories.find_alike,
            routes_memories.forget,
        ],
        state=State({"tokens": parts.tokens, "limiter": limiter}),
        dependencies={"parts": Provide(lambda: parts, sync_to_thread=False)},
        middleware=[
            Denial(),
            AddressRates(limiter),
            BodyLimits(limits.max_body_bytes, limits.max_decompressed_bytes),
        ],
        exception_handlers=HANDLERS,
        request_class=StrictRequest,
        request_max_body_size=limits.max_decompressed_bytes,
        before_send=[_secure, _allow],
        after_exception=[note_refusal],
        openapi_config=OPENAPI,
        plugins=[StructSchemas()],
        logging_config=None,
    )


async def _secure(message: Message, _scope: Scope) -> None:
    """Every answer, errors and streams too, goes out with the headers."""
    if message["type"] == "http.response.start":
        message["headers"] = [*message["headers"], *SECURITY_HEADERS]


async def _allow(message: Message, scope: Scope) -> None:
    """Allow names all methods of a path: Litestar's one route's in OPTIONS, sockets in a 405."""
    if message["type"] != "http.response.start":
        return
    headers = MutableScopeHeaders.from_message(message)
    if told := headers.get("allow"):
        methods = set(told.split(", ")) - {"websocket"}
        for route in scope["litestar_app"].routes:
            if isinstance(route, HTTPRoute) and route.path_format == scope.get("path_template"):
                methods |= route.methods
        headers["allow"] = ", ".join(sorted(methods))


def _watch_hub(parts: LiveParts) -> None:
    hub, counts = parts.hub, parts.hub.counts
    parts.metrics.watch(
        (
            Reading("subtone_calls_running", "Running calls.", False, lambda: len(hub.calls)),
            Reading("subtone_calls_begun", "Calls begun.", True, lambda: counts.begun),
            Reading("subtone_calls_refused", "New calls refused.", True, lambda: counts.refused),
            Reading("subtone_events", "Events journalled.", True, lambda: counts.events),
            Reading("subtone_batches", "Batches journalled.", True, lambda: counts.batches),
            Reading(
                "subtone_refused_events",
                "Events the kernel refused: the peer's fault.",
                True,
                lambda: counts.peer_errors,
            ),
            Reading(
                "subtone_failed_writes",
                "Batches the journal refused; tried again.",
                True,
                lambda: counts.failed_writes,
            ),
            Reading(
                "subtone_dropped_chunks",
                "Audio given up while the journal refused it.",
                True,
                lambda: counts.dropped_chunks,
            ),
            Reading(
                "subtone_faults", "Calls lost to a fault of ours.", True, lambda: counts.faults
            ),
            Reading(
                "subtone_worker_lag_seconds",
                "Age of the oldest batch not yet fed.",
                False,
                lambda: hub.lag_ms / 1000.0,
            ),
        )
    )
