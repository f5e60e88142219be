"""Media sockets and the webhooks that come with them: signed by the peer, or with a token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

from litestar import Request, WebSocket, post, websocket
from litestar.connection import ASGIConnection
from litestar.exceptions import ClientException, NotAuthorizedException
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import PathParameter

from subtone.ingest.audiohook import (
    AudioHookCodec,
    SignatureError,
    UpgradeRequest,
    verify_upgrade,
)
from subtone.ingest.streams import SUBPROTOCOLS, open_codec
from subtone.ingest.streams.twilio_signature import is_signed_by_twilio, upgrade_url
from subtone.ingest.streams.twilio_webhooks import Callback, parse_callback, parse_event_streams
from subtone.ingest.wire import StreamClosed, StreamEvent, StreamText, WireError
from subtone.runtime.config import Scope
from subtone.runtime.live.ledger import Said
from subtone.runtime.live.messages import SOURCE
from subtone.runtime.live.parts import LiveParts, Parts
from subtone.runtime.live.problems import PROBLEMS
from subtone.runtime.live.sockets import play

SIGNATURE = "x-twilio-signature"
SETTINGS = "x-twilio-webhooks-signature-settings"
IDEMPOTENCY_TOKEN = "i-twilio-idempotency-token"  # noqa: S105 - the header's name
# these say that a part of the call's sources stopped, not the call
PARTIAL_ENDS = frozenset({"transcription-stopped", "stream-stopped"})
Kind = Annotated[
    Literal["transcription", "amd", "conversations", "status"],
    PathParameter(description="for whoever configures it: a callback says itself what it is"),
]


@dataclass
class WebhookOperation(Operation):
    """The body in words of the API's description: what is in it is Twilio's to say."""

    def __post_init__(self) -> None:
        fields = Schema(
            type=OpenAPIType.OBJECT, additional_properties=Schema(type=OpenAPIType.STRING)
        )
        events = Schema(type=OpenAPIType.ARRAY, items=Schema(type=OpenAPIType.OBJECT))
        self.request_body = RequestBody(
            required=True,
            content={
                "application/x-www-form-urlencoded": OpenAPIMediaType(schema=fields),
                "application/json": OpenAPIMediaType(schema=events),
            },
        )


@websocket("/v1/streams")
async def media_socket(socket: WebSocket[Any, Any, Any], parts: Parts) -> None:
    """A media stream of Twilio or any dialect, told apart by its first messages."""
    _admit(socket, parts, upgrade_url(public_url(socket, parts)))
    offered = socket.headers.get("sec-websocket-protocol", "").split(",")
    agreed = next((name for o in offered if (name := o.strip()) in SUBPROTOCOLS), None)
    await socket.accept(subprotocols=agreed)
    await play(socket, open_codec(agreed), "streams", parts)


@websocket("/v1/audiohook")
async def audiohook_socket(socket: WebSocket[Any, Any, Any], parts: Parts) -> None:
    """Genesys AudioHook v2; signed with a configured key, or with a token where none is."""
    organization = socket.headers.get("audiohook-organization-id", "")
    session = socket.headers.get("audiohook-session-id", "")
    if parts.secrets.audiohook:
        upgrade = UpgradeRequest(
            target=_target(socket),
            authority=socket.headers.get("host", ""),
            headers=[
                (k.decode("latin-1"), v.decode("latin-1")) for k, v in socket.scope["headers"]
            ],
        )
        try:
            client, parts.nonces = verify_upgrade(
                upgrade, parts.secrets.audiohook, parts.now_ms() // 1000, parts.nonces
            )
        except SignatureError as error:
            parts.metrics.peer_errors.labels("audiohook_signature").inc()
            raise NotAuthorizedException("the upgrade is not authenticated") from error
        organization, session = client.organization_id, client.session_id
    else:
        parts.tokens.authorise(socket, Scope.INGEST)
    try:
        codec = AudioHookCodec(organization_id=organization, session_id=session)
    except WireError as error:
        raise ClientException(str(error)) from error
    await socket.accept()
    await play(socket, codec, "audiohook", parts)


@post(
    "/v1/webhooks/twilio/{kind:str}",
    status_code=204,
    tags=["ingest"],
    summary="Webhooks of Twilio: transcription, answering machine detection, chats, status",
    security=[{"token": []}, {"twilio": []}],
    operation_class=WebhookOperation,
    responses=PROBLEMS,
)
async def twilio_webhook(request: Request[Any, Any, Any], parts: Parts, kind: Kind) -> None:
    """Signed by Twilio (X-Twilio-Signature), or with a token. Answered once it is durable."""
    del kind
    body = await request.body()
    is_form = "json" not in request.headers.get("content-type", "")
    url = public_url(request, parts)
    if is_form:
        try:
            text = body.decode()
            pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=200, errors="strict")
        except ValueError as error:
            raise WireError("the form is not UTF-8 or has more than 200 fields") from error
        _admit(request, parts, url, form=pairs)
        token = request.headers.get(IDEMPOTENCY_TOKEN, "")
        callbacks: tuple[Callback, ...] = (parse_callback(dict(pairs), idempotency_token=token),)
    else:
        _admit(request, parts, url, body=body)
        callbacks = parse_event_streams(body)
    for callback in callbacks:
        await _take(parts, callback)


def public_url(connection: ASGIConnection[Any, Any, Any, Any], parts: LiveParts) -> str:
    """The URL as the peer knows it, query included."""
    base = (
        parts.public_url or f"{connection.scope['scheme']}://{connection.headers.get('host', '')}"
    )
    return base.rstrip("/") + _target(connection)


def _admit(
    connection: ASGIConnection[Any, Any, Any, Any],
    parts: LiveParts,
    url: str,
    *,
    form: list[tuple[str, str]] | None = None,
    body: bytes | None = None,
) -> None:
    """Let a peer in that signed, or shows a token. Raises NotAuthorizedException."""
    signature = connection.headers.get(SIGNATURE)
    if signature is None:
        if parts.secrets.is_twilio_signature_required or not parts.secrets.twilio:
            parts.tokens.authorise(connection, Scope.INGEST)
        return
    settings = connection.headers.get(SETTINGS)
    # every account is tried, whichever fits
    checks = [
        is_signed_by_twilio(secrets, url, signature, form=form or (), body=body, settings=settings)
        for secrets in parts.secrets.twilio
    ]
    if not any(checks):
        parts.metrics.peer_errors.labels("twilio_signature").inc()
        raise NotAuthorizedException("the X-Twilio-Signature is not ours: check the auth token")


async def _take(parts: LiveParts, callback: Callback) -> None:
    """Bring a webhook's events, on Unix time, to the clock of the call."""
    if not callback.events:
        return
    is_text = any(isinstance(event, StreamText) for event in callback.events)
    if parts.running(callback.call_id) is None:
        if not is_text:
            return  # nothing to say about a call that is not there
        await parts.require_startable(callback.call_id)
    live = parts.hub.call(callback.call_id).live
    for event in callback.events:
        if isinstance(event, StreamClosed):
            if event.reason not in PARTIAL_ENDS:
                live.end(event.reason, parts.now_ms())
        else:
            live.receive(SOURCE, _placed(event, live.now_ms, live.said), parts.now_ms())
    await parts.hub.durable(callback.call_id)


def _placed(event: StreamEvent, now_ms: Callable[[int], int], said: dict[str, Said]) -> StreamEvent:
    """A text on the call's clock; an edit of a known one is a text of its own at its time."""
    if not isinstance(event, StreamText):
        return event
    known = said.get(event.text_id)
    t_ms = now_ms(event.t_stream_ms)
    text_id = event.text_id
    if known is not None and known.digest != Said.of(0, event.role, event.text).digest:
        t_ms, text_id = known.t_ms, f"{event.text_id}:{event.t_stream_ms}"
    t_end_ms = None if event.t_end_ms is None else max(t_ms, now_ms(event.t_end_ms))
    return replace(event, text_id=text_id, t_stream_ms=t_ms, t_end_ms=t_end_ms)


def _target(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    raw: bytes = connection.scope.get("raw_path") or connection.scope["path"].encode()
    query = connection.scope["query_string"]
    path = raw.split(b"?", 1)[0]
    return (path + (b"?" + query if query else b"")).decode("latin-1")
