"""Who may do what: scoped bearer tokens, kept as digests, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from subtone.runtime.config import Scope
from subtone.runtime.live.rates import RateLimiter
from subtone.surfaces.redacted_outputs import redacted_output

QUERY_NAME: Final = "access_token"  # EventSource and browser sockets cannot send a header
QUERY_PATHS: Final = frozenset({"/v1/stream"})  # where, beside sockets, it is looked at
ANY_CONNECTION = ASGIConnection[Any, Any, Any, Any]
View = Callable[[bytes], bytes]  # one output as JSON, as it may be seen


@dataclass(frozen=True, slots=True)
class Token:
    """One token as it is kept: its name for logs and limits, never its secret."""

    name: str
    sha256: bytes
    scopes: frozenset[Scope]

    @classmethod
    def of(cls, name: str, secret: str, scopes: Iterable[Scope]) -> Token:
        """The token whose secret is this."""
        return cls(name, hashlib.sha256(secret.encode()).digest(), frozenset(scopes))

    def allows(self, scope: Scope) -> bool:
        """Whether the token covers the scope."""
        return scope in self.scopes


@dataclass(frozen=True, slots=True)
class Tokens:
    """All tokens of a server."""

    tokens: tuple[Token, ...]
    is_admin_remote: bool = False  # admin routes answer elsewhere than on loopback

    def find(self, secret: str) -> Token | None:
        """The token of this secret; every token is looked at, whichever fits."""
        digest = hashlib.sha256(secret.encode()).digest()
        found = None
        for token in self.tokens:
            if hmac.compare_digest(token.sha256, digest):
                found = token
        return found

    def authorise(self, connection: ANY_CONNECTION, scope: Scope) -> Token:
        """The connection's token, if it covers the scope.

        Raises NotAuthorizedException (401) without a known token, PermissionDeniedException
        (403) when it does not reach so far, or for an admin route from elsewhere than loopback.
        """
        secret = _presented(connection)
        token = self.find(secret) if secret else None
        if token is None:
            raise NotAuthorizedException(
                "send a known token as `Authorization: Bearer ...`",
                headers={"WWW-Authenticate": 'Bearer realm="subtone"'},
            )
        if not token.allows(scope):
            raise PermissionDeniedException(f"this token lacks the scope {scope.value!r}")
        if scope is Scope.ADMIN and not (self.is_admin_remote or is_loopback(connection)):
            raise PermissionDeniedException("admin routes answer on loopback only")
        return token


def requires(scope: Scope) -> Callable[[ANY_CONNECTION, BaseRouteHandler], None]:
    """A guard that lets only connections of this scope pass, each token at its own rate.

    The application's state holds ``tokens`` and ``limiter``.
    """

    def guard(connection: ANY_CONNECTION, _handler: BaseRouteHandler) -> None:
        tokens: Tokens = connection.app.state.tokens
        limiter: RateLimiter = connection.app.state.limiter
        limiter.take(f"token {tokens.authorise(connection, scope).name}")

    return guard


def view_of(connection: ANY_CONNECTION) -> View:
    """How this connection's token may see what was said: as it was, or redacted."""
    tokens: Tokens = connection.app.state.tokens
    token = tokens.find(_presented(connection) or "")
    return _as_it_was if token is not None and token.allows(Scope.WORDS) else redacted_output


def _as_it_was(body: bytes) -> bytes:
    return body


def is_loopback(connection: ANY_CONNECTION) -> bool:
    """Whether the peer is on this machine; a peer without an address is not."""
    try:
        return connection.client is not None and ip_address(connection.client.host).is_loopback
    except ValueError:
        return False


def _presented(connection: ANY_CONNECTION) -> str | None:
    kind, _, secret = connection.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and secret:
        return secret.strip()
    if connection.scope["type"] == ScopeType.HTTP and connection.scope["path"] not in QUERY_PATHS:
        return None
    given: str | None = connection.query_params.get(QUERY_NAME)
    return given
