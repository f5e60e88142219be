"""Texts in: one message, a batch, and a socket for chat widgets."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, WebSocket, post, websocket
from litestar.exceptions import HTTPException
from litestar.params import JSONBody

from subtone.runtime.config import Scope
from subtone.runtime.journal import JournalError
from subtone.runtime.live.auth import requires
from subtone.runtime.live.bodies import require_shallow
from subtone.runtime.live.hub import Overloaded
from subtone.runtime.live.messages import (
    BatchPost,
    BatchTaken,
    CallId,
    IdempotencyKey,
    MessagePost,
    MessageTaken,
    take_messages,
)
from subtone.runtime.live.parts import LiveParts, Parts
from subtone.runtime.live.problems import PROBLEMS
from subtone.runtime.live.rates import RateLimiter
from subtone.runtime.live.sockets import Frames, GoneError, TryLater, kept

TAGS = ["ingest"]
decode_post = msgspec.json.Decoder(MessagePost).decode


@post(
    "/v1/calls/{call_id:str}/messages",
    guards=[requires(Scope.INGEST)],
    status_code=202,
    tags=TAGS,
    summary="Add one message to a call, beginning it if need be",
    responses=PROBLEMS,
)
async def post_message(
    request: Request[Any, Any, Any],
    parts: Parts,
    call_id: CallId,
    data: JSONBody[MessagePost],
    idempotency_key: IdempotencyKey = None,
) -> MessageTaken:
    """Answered once the message is in the journal."""
    body = await request.body()
    (taken,) = await take_messages(parts, call_id, [data], idempotency_key, body)
    return taken


@post(
    "/v1/calls/{call_id:str}/messages/batch",
    guards=[requires(Scope.INGEST)],
    status_code=202,
    tags=TAGS,
    summary="Add up to 500 messages, all or none",
    responses=PROBLEMS,
)
async def post_batch(
    request: Request[Any, Any, Any],
    parts: Parts,
    call_id: CallId,
    data: JSONBody[BatchPost],
    idempotency_key: IdempotencyKey = None,
) -> BatchTaken:
    """Answered once all of them are in the journal."""
    body = await request.body()
    taken = await take_messages(parts, call_id, data.messages, idempotency_key, body)
    return BatchTaken(messages=taken)


@websocket("/v1/calls/{call_id:str}/chat", guards=[requires(Scope.INGEST)])
async def chat_socket(socket: WebSocket[Any, Any, Any], parts: Parts, call_id: CallId) -> None:
    """Each text frame is a message like those posted; each is answered when it is durable."""
    await parts.require_startable(call_id)
    await socket.accept()
    async with kept(socket, "chat", parts):
        frames = Frames(socket, parts.limits.max_message_bytes, parts.limits.chat_idle_s)
        limiter: RateLimiter = socket.app.state.limiter
        while True:
            await socket.send_data(await _answer(parts, call_id, await frames.next(), limiter))


async def _answer(parts: LiveParts, call_id: str, frame: str | bytes, limiter: RateLimiter) -> str:
    try:
        limiter.take(f"chat {call_id}")
        require_shallow(frame)
        message = decode_post(frame)
        (taken,) = await take_messages(parts, call_id, [message], None, b"")
    except msgspec.MsgspecError as error:
        return _refusal(400, str(error))
    except Overloaded as error:
        raise TryLater(str(error)) from error
    except JournalError:
        return _refusal(503, "not accepted: the server cannot write its journal; send it again")
    except HTTPException as error:
        if error.status_code == 409 and parts.running(call_id) is None:
            raise GoneError(str(error.detail)) from error
        return _refusal(error.status_code, str(error.detail))
    return msgspec.json.encode({"status": 202, **msgspec.structs.asdict(taken)}).decode()


def _refusal(status: int, detail: str) -> str:
    return msgspec.json.encode({"status": status, "detail": detail}).decode()
