"""Digest authentication of recording clients (RFC 7616, RFC 8760), without server memory.

A nonce carries its time and a keyed hash over it and the Call-ID: it cannot be made by others,
grows stale, and opens no other call, so nothing has to be remembered against replays.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from subtone.ingest.siprec.sip import Request, parameters_of

NONCE_LIFETIME_MS: Final = 300_000
_NONCE = re.compile(r"([0-9a-f]{1,12})-([0-9a-f]{64})")
_COUNT = re.compile(r"[0-9a-fA-F]{8}")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _md5(text: str) -> str:
    encoded = text.encode("utf-8", "surrogateescape")
    return hashlib.md5(encoded, usedforsecurity=False).hexdigest()  # what older clients speak


# The strongest first: clients take the first they know (RFC 8760 §2.3).
_ALGORITHMS: Final[dict[str, Callable[[str], str]]] = {"SHA-256": _sha256, "MD5": _md5}


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestSettings:
    """Who may record here: passwords by user name, never shown in a repr."""

    realm: str
    passwords: Mapping[str, str] = field(repr=False)


class Verdict(StrEnum):
    """What the credentials are worth."""

    GENUINE = "genuine"
    ABSENT = "absent"  # none, or none that proves anything: challenge
    STALE = "stale"  # right, but on an old nonce: challenge without blame


def challenges(
    settings: DigestSettings, call_id: str, secret: bytes, now_ms: int, *, is_stale: bool
) -> tuple[str, ...]:
    """The values of the WWW-Authenticate fields, one an algorithm."""
    nonce = _nonce(call_id, secret, now_ms)
    stale = ", stale=true" if is_stale else ""
    return tuple(
        f'Digest realm="{settings.realm}", nonce="{nonce}", algorithm={name}, qop="auth"{stale}'
        for name in _ALGORITHMS
    )


def verify(
    request: Request, settings: DigestSettings, call_id: str, secret: bytes, now_ms: int
) -> Verdict:
    """Judge the Authorization fields of a request; the comparison takes constant time."""
    verdicts = {
        _verdict(value, request, settings, call_id, secret, now_ms)
        for value in request.headers.all("authorization")[:4]
    }
    return next((v for v in (Verdict.GENUINE, Verdict.STALE) if v in verdicts), Verdict.ABSENT)


def _verdict(
    value: str,
    request: Request,
    settings: DigestSettings,
    call_id: str,
    secret: bytes,
    now_ms: int,
) -> Verdict:
    scheme, _, rest = value.partition(" ")
    _, given = parameters_of("," + rest, ",")
    hashed = _ALGORITHMS.get(given.get("algorithm", "MD5").upper())
    is_ours = (
        scheme.lower() == "digest"
        and hashed is not None
        and given.get("realm") == settings.realm
        and given.get("uri") == request.uri
        and given.get("qop") == "auth"
        and _COUNT.fullmatch(given.get("nc", "")) is not None
    )
    if not is_ours or hashed is None:
        return Verdict.ABSENT
    user, nonce = given.get("username", ""), given.get("nonce", "")
    password = settings.passwords.get(user)
    secret_part = hashed(f"{user}:{settings.realm}:{password or ''}")
    action_part = hashed(f"{request.method}:{request.uri}")
    expected = hashed(
        f"{secret_part}:{nonce}:{given['nc']}:{given.get('cnonce', '')}:auth:{action_part}"
    )
    answered = given.get("response", "").lower().encode("utf-8", "surrogateescape")
    is_right = hmac.compare_digest(expected.encode(), answered)
    if not is_right or password is None:
        return Verdict.ABSENT
    return Verdict.GENUINE if _is_fresh(nonce, call_id, secret, now_ms) else Verdict.STALE


def _nonce(call_id: str, secret: bytes, now_ms: int) -> str:
    stamp = f"{now_ms // 1000:x}"
    text = f"nonce {stamp} {call_id}".encode("utf-8", "surrogateescape")
    return f"{stamp}-{hmac.digest(secret, text, hashlib.sha256).hex()}"


def _is_fresh(nonce: str, call_id: str, secret: bytes, now_ms: int) -> bool:
    found = _NONCE.fullmatch(nonce)
    if found is None:
        return False
    stamp_ms = int(found[1], 16) * 1000
    genuine = _nonce(call_id, secret, stamp_ms)
    is_ours = hmac.compare_digest(genuine.encode(), nonce.encode())
    return is_ours and stamp_ms <= now_ms < stamp_ms + NONCE_LIFETIME_MS
