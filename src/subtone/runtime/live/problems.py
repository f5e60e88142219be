"""Errors as RFC 9457 problem details that say whose fault it is."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any, Literal

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec

from subtone.ingest.wire import WireError
from subtone.runtime.journal import JournalError, JournalFullError
from subtone.runtime.live.hub import Overloaded

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = "5"

log = logging.getLogger(__name__)


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One refusal; ``fault`` is who has to do something about it."""

    title: str
    status: int
    detail: str
    fault: Literal["client", "server"]
    errors: tuple[str, ...] = ()
    type: str = "about:blank"


def answer_http(_request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    """A refusal that was meant."""
    errors: tuple[str, ...] = ()
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        errors = tuple(_told(item) for item in error.extra)
    return _answer(error.status_code, str(error.detail), errors, dict(error.headers or {}))


def answer_overload(_request: Request[Any, Any, Any], error: Overloaded) -> Response[Problem]:
    """No room for another call now."""
    return _answer(503, str(error), headers={"Retry-After": RETRY_AFTER_S})


def answer_journal(_request: Request[Any, Any, Any], error: JournalError) -> Response[Problem]:
    """The journal did not take it, so nothing was accepted."""
    log.error("the journal refused: %s", error)
    status = 507 if isinstance(error, JournalFullError) else 503
    return _answer(
        status, "nothing of this was accepted: the server cannot write its journal", (), {}
    )


def answer_wire(_request: Request[Any, Any, Any], error: WireError) -> Response[Problem]:
    """The peer broke its protocol."""
    return _answer(400, str(error))


def answer_fault(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """Ours; the log has the rest, without the request's words."""
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _answer(500, "the server failed on this request; its log has the cause")


# what any route may answer beside its own, for the API's description
PROBLEMS = {
    status: ResponseSpec(Problem, generate_examples=False, media_type=MEDIA_TYPE, description=why)
    for status, why in {
        400: "the request is malformed",
        401: "no known token or signature",
        403: "the token lacks the scope, or an admin route was asked from elsewhere",
        404: "there is nothing of this name",
        405: "the path has no such method",
        408: "the body did not come in time",
        409: "the request contradicts what is there",
        413: "the body is too large",
        415: "the body is no JSON, or its coding is unknown",
        422: "a value cannot be",
        429: "too many requests; see Retry-After",
        500: "the server failed",
        503: "no new call is taken now; see Retry-After",
        507: "the journal's disk is full",
    }.items()
}

HANDLERS: dict[int | type[Exception], Any] = {
    HTTPException: answer_http,
    Overloaded: answer_overload,
    JournalError: answer_journal,
    WireError: answer_wire,
    Exception: answer_fault,
}


def _answer(
    status: int,
    detail: str,
    errors: tuple[str, ...] = (),
    headers: dict[str, str] | None = None,
) -> Response[Problem]:
    problem = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        fault="server" if status >= 500 else "client",
        errors=errors,
    )
    return Response(problem, status_code=status, media_type=MEDIA_TYPE, headers=headers)


def _told(item: object) -> str:
    if not isinstance(item, dict):
        return str(item)
    place = ".".join(str(item[key]) for key in ("source", "key") if item.get(key))
    return f"{place}: {item.get('message', '')}" if place else str(item.get("message", ""))
