"""Request bodies within limits: bytes as they arrive and unpacked, time, depth of JSON."""

from __future__ import annotations

import asyncio
import re
import zlib
from typing import Any

import msgspec
from litestar import Request
from litestar.datastructures import Headers
from litestar.enums import ScopeType
from litestar.exceptions import ClientException, HTTPException, ValidationException
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPRequestEvent, HTTPScope, Receive, Scope, Send

MAX_JSON_DEPTH = 16
BODY_TIMEOUT_S = 10.0
JSON = "application/json"
GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_NOT_BRACKET = re.compile(rb"[^\[\]{}]+")


class BodyLimits(ASGIMiddleware):
    """Hands on whole, unpacked bodies; answers 408, 413 or 415 itself."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, max_bytes: int, max_decompressed_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._max_decompressed_bytes = max_decompressed_bytes

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Read the body within its limits, then call the application with it."""
        _require_one_framing(scope)
        if scope["type"] != ScopeType.HTTP or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await next_app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                body = await self._read(scope, receive)
        except TimeoutError as error:
            raise HTTPException("the body did not come in time", status_code=408) from error
        body = self._unpacked(scope, body)
        if "json" in Headers.from_scope(scope).get("content-type", "json"):
            require_shallow(body)
        await next_app(scope, _replay(body, receive), send)

    async def _read(self, scope: HTTPScope, receive: Receive) -> bytes:
        told = Headers.from_scope(scope).get("content-length", "0")
        if told.isdecimal() and len(told) < 20 and int(told) > self._max_bytes:
            raise _too_large(self._max_bytes)
        chunks: list[bytes] = []
        n_bytes, has_more = 0, True
        while has_more:
            event = await receive()
            if event["type"] != "http.request":
                raise ClientException("the body ended before its end")
            chunks.append(event["body"])
            n_bytes += len(event["body"])
            has_more = event.get("more_body", False)
            if n_bytes > self._max_bytes:
                raise _too_large(self._max_bytes)
        return b"".join(chunks)

    def _unpacked(self, scope: HTTPScope, body: bytes) -> bytes:
        coding = Headers.from_scope(scope).get("content-encoding", "identity").strip().lower()
        if coding == "identity":
            return body
        if coding not in ("gzip", "deflate"):
            raise HTTPException("send the body plain, or as gzip or deflate", status_code=415)
        unpacker = zlib.decompressobj(GZIP_OR_ZLIB)
        try:
            unpacked = unpacker.decompress(body, self._max_decompressed_bytes + 1)
        except zlib.error as error:
            raise ClientException(f"the body is no {coding}") from error
        if len(unpacked) > self._max_decompressed_bytes:
            raise _too_large(self._max_decompressed_bytes)
        if not unpacker.eof or unpacker.unused_data:
            raise ClientException(f"the {coding} body is cut short or goes on behind its end")
        return unpacked


def _number(text: str) -> float:
    """A whole number is one however it is written: 5.0 is 5, as JSON Schema has it."""
    value = float(text)
    return int(value) if value.is_integer() else value


_decode = msgspec.json.Decoder(float_hook=_number).decode


class StrictRequest(Request[Any, Any, Any]):
    """Takes a JSON body as it is typed: no text for a number, no number for a truth."""

    async def json(self) -> Any:
        """The body as the route's ``data``. Raises ValidationException (400).

        Raises HTTPException (415) for a body that says it is something else than JSON.
        """
        told_type = self.headers.get("content-type", JSON).partition(";")[0].strip().lower()
        if told_type != JSON and not told_type.endswith("+json"):
            raise HTTPException(f"send the body as {JSON}", status_code=415)
        handler = self.scope["route_handler"]
        kind = handler.parsed_fn_signature.parameters["data"].annotation
        try:
            return msgspec.convert(_decode(await self.body()), kind)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            told = {"source": "body", "key": "data", "message": str(error)}
            raise ValidationException("the body is not what is expected", extra=[told]) from error


def require_shallow(body: bytes | str) -> None:
    """Refuse JSON nested deeper than any of ours. Raises ClientException (400)."""
    data = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    brackets = _NOT_BRACKET.sub(b"", _STRING.sub(b"", data))
    for _ in range(MAX_JSON_DEPTH):  # each round takes away the innermost level
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    if brackets:
        raise ClientException(f"JSON cut short or nested deeper than {MAX_JSON_DEPTH} levels")


def _require_one_framing(scope: Scope) -> None:
    """Whoever is between us and the peer may have cut the request elsewhere (RFC 9112 §6.1)."""
    if {"content-length", "transfer-encoding"} <= Headers.from_scope(scope).keys():
        raise ClientException(
            "send Content-Length or Transfer-Encoding, not both", headers={"Connection": "close"}
        )


def _too_large(max_bytes: int) -> HTTPException:
    return HTTPException(f"the body is larger than {max_bytes} bytes", status_code=413)


def _replay(body: bytes, receive: Receive) -> Receive:
    is_given = False

    async def replay() -> Any:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return HTTPRequestEvent(type="http.request", body=body, more_body=False)

    return replay
