"""Texts posted by chats and transcribers: placed on the call's clock, each taken once."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Annotated

import msgspec
from litestar.openapi.spec import Example
from litestar.params import HeaderParameter, PathParameter
from msgspec import Meta

from subtone.contracts.base import Name, TimeMs
from subtone.contracts.inbound import MAX_TEXT_CHARS
from subtone.contracts.vocabulary import Language, Role
from subtone.ingest.wire import StreamText
from subtone.runtime.live.idempotency import message_id as id_from_key
from subtone.runtime.live.ledger import Said
from subtone.runtime.live.parts import ConflictError, LiveParts, UnprocessableError

SOURCE = "texts"  # the stream id of everything posted; it lies on the call's own clock

CallId = Annotated[
    str,
    PathParameter(
        pattern=r"^[!-.0-~]{1,200}(?!\n)$",  # in Python a bare $ also fits before a last newline
        description="the call's name: 1 to 200 printable ASCII characters without a slash",
        examples=[Example(value="CA5f1d6b7c8e9f")],
    ),
]
IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        required=False,
        min_length=1,
        max_length=200,
        description="the same key with the same body is one request",
        examples=[Example(value="order-4711-reply-1")],
    ),
]


class MessagePost(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One chat message, or with end_ms one stretch of recognised speech."""

    role: Role
    text: Annotated[
        str,
        Meta(min_length=1, max_length=MAX_TEXT_CHARS, examples=["It's fine. I will call again."]),
    ]
    message_id: Name | None = None  # made here when left out
    t_ms: TimeMs | None = None  # on the call's clock; now when left out
    end_ms: TimeMs | None = None
    language: Language | None = None
    replaces: Name | None = None  # an edit: id of the message it corrects


class BatchPost(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Several messages of one call, taken together or not at all."""

    messages: Annotated[tuple[MessagePost, ...], Meta(min_length=1, max_length=500)]


class MessageTaken(msgspec.Struct, frozen=True, kw_only=True):
    """One message that is in the journal."""

    message_id: str
    t_ms: int  # on the call's clock


class BatchTaken(msgspec.Struct, frozen=True, kw_only=True):
    """Messages that are in the journal."""

    messages: tuple[MessageTaken, ...]


async def take_messages(
    parts: LiveParts, call_id: str, posts: Sequence[MessagePost], key: str | None, body: bytes
) -> tuple[MessageTaken, ...]:
    """Take messages, all or none, and return once they are durable.

    Raises ConflictError for an id or key that came with something else, or a call that is
    over; UnprocessableError for a time that cannot be; Overloaded for a new call too many;
    JournalError when they did not become durable.
    """
    if key is not None:
        parts.keys.note(call_id, key, body)
    await parts.require_startable(call_id)
    running = parts.running(call_id)
    said = dict(running.live.said) if running is not None else {}
    now_ms = running.live.now_ms(parts.now_ms()) if running is not None else 0
    taken, fresh = [], []
    for index, post in enumerate(posts):
        message_id = post.message_id or (id_from_key(key, index) if key else uuid.uuid4().hex)
        known = said.get(message_id)
        if known is None:
            t_ms = _placed(post, message_id, said, now_ms, parts.limits.max_ahead_ms)
            known = said[message_id] = Said.of(t_ms, post.role, post.text)
            fresh.append(_text(post, message_id, t_ms))
        elif known.digest != Said.of(0, post.role, post.text).digest:
            raise ConflictError(
                f"message {message_id!r} came with other words before: send an edit under an id "
                "of its own, with replaces"
            )
        taken.append(MessageTaken(message_id=message_id, t_ms=known.t_ms))
    parts.hub.call(call_id)
    parts.hub.receive(call_id, SOURCE, fresh)
    await parts.hub.durable(call_id)
    return tuple(taken)


def _placed(
    post: MessagePost, message_id: str, said: dict[str, Said], now_ms: int, max_ahead_ms: int
) -> int:
    """Where the message lies on the call's clock."""
    if post.replaces is not None:
        original = said.get(post.replaces)
        if original is None:
            raise UnprocessableError(f"message {message_id!r} replaces one that is not known")
        return original.t_ms
    t_ms = now_ms if post.t_ms is None else post.t_ms
    if max(t_ms, post.end_ms or 0) > now_ms + max_ahead_ms:
        raise UnprocessableError(
            f"message {message_id!r} lies too far ahead: t_ms counts from the call's begin, "
            f"{now_ms} ms ago"
        )
    if post.end_ms is not None and post.end_ms < t_ms:
        raise UnprocessableError(f"message {message_id!r} ends before it begins")
    return t_ms


def _text(post: MessagePost, message_id: str, t_ms: int) -> StreamText:
    is_speech = post.end_ms is not None and post.replaces is None
    return StreamText(
        text_id=message_id,
        role=post.role,
        t_stream_ms=t_ms,
        t_end_ms=post.end_ms if is_speech else None,
        text=post.text,
        language=post.language,
    )
