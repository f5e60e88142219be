"""What is known about calls, running and past."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from litestar import Request, get
from litestar.exceptions import NotFoundException
from litestar.params import FromQuery, QueryParameter

from subtone.contracts.base import MAX_CALL_MS
from subtone.contracts.outputs import Decision
from subtone.contracts.session_state import (
    PolicyRecommendation,
    SessionSnapshot,
    StateBasis,
    StateTransition,
)
from subtone.contracts.vocabulary import SessionState
from subtone.contracts.voice_intelligence import AmdResult
from subtone.runtime.config import Scope
from subtone.runtime.journal import CallRow, OutputRow
from subtone.runtime.live.auth import requires, view_of
from subtone.runtime.live.messages import CallId
from subtone.runtime.live.parts import LiveParts, Parts
from subtone.runtime.live.problems import PROBLEMS

TAGS = ["read"]
GUARDS = [requires(Scope.READ)]
PAGE = 100
AnyRequest = Request[Any, Any, Any]
MAX_CURSOR = 2**53 - 1  # what every JSON reader keeps exact
Limit = Annotated[int, QueryParameter(ge=1, le=200, description="rows of one page")]
Cursor = Annotated[
    int,
    QueryParameter(
        ge=0, le=MAX_CURSOR, description="the `next` of the page before; 0 for the first"
    ),
]


class CallInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One call; the times are Unix milliseconds."""

    call_id: str
    first_seen_ms: int
    last_seen_ms: int
    event_count: int
    is_running: bool
    is_held: bool
    state: SessionState | None  # of a running call with a decided moment


class CallPage(msgspec.Struct, frozen=True, kw_only=True):
    """Calls, newest first."""

    calls: tuple[CallInfo, ...]
    next: int | None  # pass as `before`; null on the last page


class CallDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One call and where it stands."""

    call: CallInfo
    snapshot: SessionSnapshot | None
    recommendation: PolicyRecommendation | None
    amd: AmdResult | None


class TimelineItem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing the kernel said; item is a contract named by kind."""

    cursor: int
    kind: str  # turn, decision, transition, amended, amd, notice or ended
    item: Any


class TimelinePage(msgspec.Struct, frozen=True, kw_only=True):
    """What was said, in order."""

    items: tuple[TimelineItem, ...]
    next: int | None  # pass as `after`; null where there is nothing more yet


class TransitionPage(msgspec.Struct, frozen=True, kw_only=True):
    """Every change of state so far, in order."""

    transitions: tuple[StateTransition, ...]


class _When(msgspec.Struct, frozen=True):
    t_event_ms: int


class _Moment(msgspec.Struct, frozen=True):
    moment: _When


_moment = msgspec.json.Decoder(_Moment).decode
_decision = msgspec.json.Decoder(Decision).decode
_transition = msgspec.json.Decoder(StateTransition).decode
_amd = msgspec.json.Decoder(AmdResult).decode
_advice = msgspec.json.Decoder(PolicyRecommendation).decode


@get("/v1/calls", guards=GUARDS, tags=TAGS, summary="Calls, newest first", responses=PROBLEMS)
async def list_calls(
    parts: Parts,
    before: Cursor = 0,
    limit: Limit = 50,
    is_ended: FromQuery[bool | None] = None,
) -> CallPage:
    """Running and past calls."""
    rows = await asyncio.to_thread(parts.reader.calls, before or None, limit, is_ended=is_ended)
    last = rows[-1].cursor if len(rows) == limit else None
    return CallPage(calls=tuple(_info(parts, row) for row in rows), next=last)


@get(
    "/v1/calls/{call_id:str}",
    guards=GUARDS,
    tags=TAGS,
    summary="Where one call stands",
    responses=PROBLEMS,
)
async def get_call(request: AnyRequest, parts: Parts, call_id: CallId) -> CallDetail:
    """The newest snapshot, what to do, and who answered."""
    view = view_of(request)
    row = await _row(parts, call_id)
    running = parts.hub.calls.get(call_id)
    decision = running.latest if running is not None else None
    if decision is None:
        last = [found async for found in _outputs(parts, call_id, "decision")][-1:]
        decision = _decision(last[0].body) if last else None
    amds = [_amd(view(found.body)) async for found in _outputs(parts, call_id, "amd")]
    return CallDetail(
        call=_info(parts, row),
        snapshot=decision.snapshot if decision is not None else None,
        recommendation=_advice(view(msgspec.json.encode(decision.recommendation)))
        if decision is not None
        else None,
        amd=amds[-1] if amds else None,
    )


@get(
    "/v1/calls/{call_id:str}/timeline",
    guards=GUARDS,
    tags=TAGS,
    summary="Everything that was said about a call",
    responses=PROBLEMS,
)
async def get_timeline(
    request: AnyRequest, parts: Parts, call_id: CallId, after: Cursor = 0, limit: Limit = PAGE
) -> TimelinePage:
    """Turns, decisions, transitions, amendments, notices, in the order they were made."""
    await _row(parts, call_id)
    view = view_of(request)

    def page() -> TimelinePage:
        rows = parts.reader.outputs_after(after, limit, call_id=call_id)
        items = tuple(
            TimelineItem(cursor=r.cursor, kind=r.kind, item=msgspec.Raw(view(r.body))) for r in rows
        )
        return TimelinePage(items=items, next=rows[-1].cursor if len(rows) == limit else None)

    return await asyncio.to_thread(page)


@get(
    "/v1/calls/{call_id:str}/transitions",
    guards=GUARDS,
    tags=TAGS,
    summary="Every change of state, with its basis",
    responses=PROBLEMS,
)
async def get_transitions(request: AnyRequest, parts: Parts, call_id: CallId) -> TransitionPage:
    """In order of event time."""
    view = view_of(request)
    await _row(parts, call_id)
    found = [_transition(view(r.body)) async for r in _outputs(parts, call_id, "transition")]
    return TransitionPage(transitions=tuple(found))


@get(
    "/v1/calls/{call_id:str}/basis",
    guards=GUARDS,
    tags=TAGS,
    summary="Why the call stood where it stood",
    responses=PROBLEMS,
)
async def get_basis(
    request: AnyRequest,
    parts: Parts,
    call_id: CallId,
    at_ms: Annotated[
        int, QueryParameter(ge=0, le=MAX_CALL_MS, description="call time; the newest without")
    ] = MAX_CALL_MS,
) -> StateBasis:
    """The basis of the last moment decided at or before at_ms."""
    await _row(parts, call_id)
    chosen: OutputRow | None = None
    async for row in _outputs(parts, call_id, "decision"):
        if _moment(row.body).moment.t_event_ms > at_ms:
            break
        chosen = row
    if chosen is None:
        raise NotFoundException(f"no moment of call {call_id!r} was decided by then")
    return _decision(view_of(request)(chosen.body)).basis


async def _outputs(parts: LiveParts, call_id: str, kind: str) -> AsyncIterator[OutputRow]:
    """All outputs of one kind, in order."""
    after = -1
    while rows := await asyncio.to_thread(parts.reader.outputs_of, call_id, kind, after, PAGE):
        for row in rows:
            yield row
        after = rows[-1].item


async def _row(parts: LiveParts, call_id: str) -> CallRow:
    row = await asyncio.to_thread(parts.reader.call, call_id)
    if row is None:
        raise NotFoundException(f"there is no call {call_id!r}")
    return row


def _info(parts: LiveParts, row: CallRow) -> CallInfo:
    running = parts.hub.calls.get(row.call_id)
    latest = running.latest if running is not None else None
    return CallInfo(
        call_id=row.call_id,
        first_seen_ms=row.first_seen_ms,
        last_seen_ms=row.last_seen_ms,
        event_count=row.event_count,
        is_running=running is not None,
        is_held=row.is_held,
        state=latest.snapshot.state if latest is not None else None,
    )
