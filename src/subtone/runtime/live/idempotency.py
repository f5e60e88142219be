"""Requests that may come twice: the same key with the same body is one request."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from litestar.exceptions import ClientException

MAX_KEYS = 20_000  # the oldest is forgotten; its message ids still are not taken twice
ID_DIGITS = 24


class IdempotencyKeys:
    """Which body came with which key, per call."""

    def __init__(self) -> None:
        self._bodies: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    def note(self, call_id: str, key: str, body: bytes) -> None:
        """Remember the body. Raises ClientException (409) when the key came with another."""
        digest = hashlib.sha256(body).digest()
        if self._bodies.setdefault((call_id, key), digest) != digest:
            raise ClientException(
                "this Idempotency-Key came with another body before: use a new key",
                status_code=409,
            )
        if len(self._bodies) > MAX_KEYS:
            self._bodies.popitem(last=False)


def message_id(key: str, index: int) -> str:
    """The id of an unnamed message, so that even after a restart it is taken only once."""
    return f"key-{hashlib.sha256(key.encode()).hexdigest()[:ID_DIGITS]}-{index}"
