"""What a person or a platform does to a running call."""

from __future__ import annotations

import asyncio

import msgspec
from litestar import delete, post, put
from litestar.exceptions import NotFoundException
from litestar.params import JSONBody

from subtone.contracts.base import Name
from subtone.runtime.config import Scope
from subtone.runtime.journal import CallRunsError, UnknownCallError
from subtone.runtime.live.auth import requires
from subtone.runtime.live.messages import CallId
from subtone.runtime.live.parts import ConflictError, LiveParts, Parts
from subtone.runtime.live.problems import PROBLEMS

TAGS = ["operate"]
GUARDS = [requires(Scope.OPERATE)]
ADMIN = [requires(Scope.ADMIN)]


class InterventionPost(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Someone stepped in."""

    kind: Name = "supervisor"


class ConsentPost(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether the customer's voice may be scored from now on."""

    is_voice_emotion_allowed: bool


class EndPost(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the call is over."""

    reason: Name = "ended_by_operator"


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """It is in the journal."""

    call_id: str
    t_ms: int  # on the call's clock


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """How a call stands to legal hold now."""

    call_id: str
    is_held: bool


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """What an erasure removed."""

    call_sha256s: tuple[str, ...]
    event_count: int
    output_count: int
    audio_bytes: int


@post(
    "/v1/calls/{call_id:str}/interventions",
    guards=GUARDS,
    status_code=202,
    tags=TAGS,
    summary="A supervisor or agent stepped in",
    responses=PROBLEMS,
)
async def intervene(parts: Parts, call_id: CallId, data: JSONBody[InterventionPost]) -> Done:
    """The session machine may then leave an escalated state."""
    running = await parts.require_running(call_id)
    running.live.intervene(data.kind, parts.now_ms())
    return await _done(parts, call_id)


@post(
    "/v1/calls/{call_id:str}/consent",
    guards=GUARDS,
    status_code=202,
    tags=TAGS,
    summary="The customer allowed or refused voice analysis",
    responses=PROBLEMS,
)
async def change_consent(parts: Parts, call_id: CallId, data: JSONBody[ConsentPost]) -> Done:
    """Without consent the call goes on with text and timing."""
    running = await parts.require_running(call_id)
    running.live.consent(data.is_voice_emotion_allowed, parts.now_ms())
    return await _done(parts, call_id)


@post(
    "/v1/calls/{call_id:str}/pause",
    guards=GUARDS,
    status_code=202,
    tags=TAGS,
    summary="Stop analysis now (cards, privacy)",
    responses=PROBLEMS,
)
async def pause(parts: Parts, call_id: CallId) -> Done:
    """What comes until /resume leaves a gap."""
    running = await parts.require_running(call_id)
    running.live.pause(True, parts.now_ms())
    return await _done(parts, call_id)


@post(
    "/v1/calls/{call_id:str}/resume",
    guards=GUARDS,
    status_code=202,
    tags=TAGS,
    summary="Go on after a pause",
    responses=PROBLEMS,
)
async def resume(parts: Parts, call_id: CallId) -> Done:
    """The gap stays a gap."""
    running = await parts.require_running(call_id)
    running.live.pause(False, parts.now_ms())
    return await _done(parts, call_id)


@post(
    "/v1/calls/{call_id:str}/end",
    guards=GUARDS,
    status_code=202,
    tags=TAGS,
    summary="The call is over",
    responses=PROBLEMS,
)
async def end(parts: Parts, call_id: CallId, data: JSONBody[EndPost]) -> Done:
    """Every open moment is decided."""
    running = await parts.require_running(call_id)
    running.live.end(data.reason, parts.now_ms())
    return await _done(parts, call_id)


@put(
    "/v1/calls/{call_id:str}/hold",
    guards=ADMIN,
    status_code=200,
    tags=["admin"],
    summary="Put a call under legal hold",
    responses=PROBLEMS,
)
async def hold(parts: Parts, call_id: CallId) -> Held:
    """Running or over, it is not erased until the hold is lifted. Saying it twice is once."""
    return await _held(parts, call_id, is_held=True)


@delete(
    "/v1/calls/{call_id:str}/hold",
    guards=ADMIN,
    status_code=200,
    tags=["admin"],
    summary="Lift the legal hold of a call",
    responses=PROBLEMS,
)
async def lift_hold(parts: Parts, call_id: CallId) -> Held:
    """Retention and erasure reach the call again. Saying it twice is once."""
    return await _held(parts, call_id, is_held=False)


@delete(
    "/v1/calls/{call_id:str}",
    guards=ADMIN,
    status_code=200,
    tags=["admin"],
    summary="Erase a call that is over, and give a receipt",
    responses=PROBLEMS,
)
async def erase(parts: Parts, call_id: CallId) -> Erased:
    """Its audio, events and outputs go; a call under legal hold stays."""
    try:
        receipt = await asyncio.to_thread(parts.erase, call_id)
    except UnknownCallError as error:
        raise NotFoundException(f"there is no call {call_id!r}") from error
    except CallRunsError as error:
        raise ConflictError(str(error)) from error
    parts.feed.forget(call_id)
    await parts.alerting.forget(receipt.call_sha256s)
    if receipt.held_count:
        raise ConflictError(f"call {call_id!r} is under legal hold")
    return Erased(
        call_sha256s=receipt.call_sha256s,
        event_count=receipt.event_count,
        output_count=receipt.output_count,
        audio_bytes=receipt.audio_bytes,
    )


async def _held(parts: LiveParts, call_id: str, *, is_held: bool) -> Held:
    try:
        await asyncio.to_thread(parts.hold, call_id, is_held)
    except UnknownCallError as error:
        raise NotFoundException(f"there is no call {call_id!r}") from error
    return Held(call_id=call_id, is_held=is_held)


async def _done(parts: LiveParts, call_id: str) -> Done:
    t_ms = parts.hub.calls[call_id].live.now_ms(parts.now_ms())
    await parts.hub.durable(call_id)
    return Done(call_id=call_id, t_ms=t_ms)
