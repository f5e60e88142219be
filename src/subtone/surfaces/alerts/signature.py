"""Signed webhooks: the receiver can tell that a body is ours and was sent just now."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

SIGNATURE_TOLERANCE_S = 300


def sign(body: bytes, t_s: int, secrets: Iterable[str]) -> str:
    """Signature header value: ``t=<seconds>,v1=<hex>``, one ``v1`` for each secret.

    Each is HMAC-SHA256 over ``<seconds>.<body>``. Two secrets let a receiver change its own.
    """
    signed = f"{t_s}.".encode() + body
    marks = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={t_s}", *(f"v1={mark}" for mark in marks)])


def is_signed(
    body: bytes, header: str, secret: str, now_s: int, tolerance_s: int = SIGNATURE_TOLERANCE_S
) -> bool:
    """Whether a receiver may believe a body: signed with its secret, and just now."""
    fields = [part.partition("=")[::2] for part in header.split(",")]
    stamps = [value for name, value in fields if name == "t"]
    is_stamp = len(stamps) == 1 and len(stamps[0]) <= 12 and stamps[0].isascii()
    if not is_stamp or not stamps[0].isdigit() or abs(now_s - int(stamps[0])) > tolerance_s:
        return False
    wanted = sign(body, int(stamps[0]), [secret]).partition("v1=")[2].encode()
    marks = [value.encode() for name, value in fields if name == "v1"]
    return any(hmac.compare_digest(wanted, mark) for mark in marks)
