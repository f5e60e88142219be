"""Who opens the WebSocket: AudioHook's HTTP message signature over the upgrade request.

``Signature-Input: sig1=("@request-target" "@authority" ...);keyid="...";nonce="...";
alg="hmac-sha256";created=1641013200;expires=1641013230`` names what is signed, and
``Signature: sig1=:base64:`` holds HMAC-SHA256 over one line per component and the parameters.

Sources: draft-ietf-httpbis-message-signatures-11 §2–3 (``@request-target`` is the path and
query, without the method), RFC 8941 for the syntax, and Genesys' session walkthrough, whose
published example is a test here. A client without a secret sends only ``X-API-KEY``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from subtone.ingest.wire import WireError

REQUIRED_COMPONENTS = (
    "@request-target",
    "@authority",
    "audiohook-organization-id",
    "audiohook-session-id",
    "audiohook-correlation-id",
    "x-api-key",
)
MAX_SKEW_S = 3  # between the client's clock and ours
MAX_AGE_S = 30  # what clients ask for by ``expires``
MIN_NONCE_CHARS = 22  # 128 bits in base64
MAX_HEADER_CHARS = 4_096
MAX_SEEN_NONCES = 20_000

_ALGORITHM = "hmac-sha256"
_UNKNOWN_KEY_SECRET = b"no such key"  # an unknown key costs the same work as a wrong signature


class SignatureFault(StrEnum):
    """Why an upgrade was refused; for counters, never for the client."""

    UNSIGNED = "unsigned"
    MALFORMED = "malformed"
    NOT_COVERED = "not_covered"  # a required component is not signed
    EXPIRED = "expired"
    FUTURE = "future"
    MISMATCH = "mismatch"  # wrong key, wrong signature or altered request
    REPLAYED = "replayed"
    BUSY = "busy"  # too many nonces to remember: refused, not forgotten


class SignatureError(WireError):
    """The upgrade is not authenticated; answer 401 without saying why."""

    def __init__(self, fault: SignatureFault, cause: str) -> None:
        super().__init__(cause)
        self.fault = fault


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeRequest:
    """What was signed.

    Args:
        target: path and query as on the request line.
        authority: the host the client addressed (with a port if not 443); behind a proxy
            the ``Host`` that Genesys sent.
        headers: all header fields, names in any case.

    """

    target: str
    authority: str
    headers: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatedUpgrade:
    """Who the client is, as its signed headers say."""

    api_key: str
    organization_id: str
    session_id: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class SeenNonces:
    """Nonces of the signatures that could still be accepted, with the second that ends."""

    until_s: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def admit(self, nonce: str, until_s: int, now_s: int) -> SeenNonces:
        """The memory with ``nonce`` in it. Raises SignatureError if it was there, or is full."""
        live = {known: end for known, end in self.until_s.items() if end >= now_s}
        if nonce in live:
            raise SignatureError(SignatureFault.REPLAYED, "the signature was used before")
        if len(live) >= MAX_SEEN_NONCES:
            raise SignatureError(SignatureFault.BUSY, "too many upgrades in half a minute")
        return SeenNonces(MappingProxyType({**live, nonce: until_s}))


@dataclass(frozen=True, slots=True, kw_only=True)
class _SignatureInput:
    label: str
    components: tuple[str, ...]
    keyid: str
    nonce: str
    created: int
    expires: int | None
    text: str  # as it is signed


def verify_upgrade(
    request: UpgradeRequest, secrets: Mapping[str, bytes], now_s: int, seen: SeenNonces
) -> tuple[AuthenticatedUpgrade, SeenNonces]:
    """Authenticate one upgrade.

    Args:
        request: the request as it arrived.
        secrets: client secret (decoded from base64) by API key; empty where the key alone
            suffices.
        now_s: seconds since 1970, UTC.
        seen: nonces used before.

    Raises:
        SignatureError: with the fault for counters; its text holds no header's value.

    """
    headers = _combined(request.headers)
    api_key = _required(headers, "x-api-key")
    secret = _secret_of(secrets, api_key)
    if "signature" in headers or "signature-input" in headers or secret != b"":
        seen = _verify_signature(request, headers, api_key, secret, now_s, seen)
    client = AuthenticatedUpgrade(
        api_key=api_key,
        organization_id=_required(headers, "audiohook-organization-id"),
        session_id=_required(headers, "audiohook-session-id"),
        correlation_id=_required(headers, "audiohook-correlation-id"),
    )
    return client, seen


def sign_upgrade(
    request: UpgradeRequest, secret: bytes, *, nonce: str, created_s: int, expires_s: int
) -> tuple[tuple[str, str], tuple[str, str]]:
    """The two header fields a client adds; ``request`` must already hold the others.

    Raises:
        SignatureError: a component to sign is missing in the request.

    """
    headers = _combined(request.headers)
    names = " ".join(f'"{name}"' for name in REQUIRED_COMPONENTS)
    text = (
        f'({names});keyid="{_required(headers, "x-api-key")}";nonce="{nonce}"'
        f';alg="{_ALGORITHM}";created={created_s};expires={expires_s}'
    )
    digest = _hmac(secret, _signature_base(request, headers, REQUIRED_COMPONENTS, text))
    encoded = base64.b64encode(digest).decode("ascii")
    return ("Signature-Input", f"sig1={text}"), ("Signature", f"sig1=:{encoded}:")


def _verify_signature(
    request: UpgradeRequest,
    headers: Mapping[str, str],
    api_key: str,
    secret: bytes | None,
    now_s: int,
    seen: SeenNonces,
) -> SeenNonces:
    if "signature" not in headers and "signature-input" not in headers:
        raise SignatureError(SignatureFault.UNSIGNED, "the request is not signed")
    signed = _parse_input(_required(headers, "signature-input"))
    signature = _parse_signature(_required(headers, "signature"), signed.label)
    if missing := set(REQUIRED_COMPONENTS) - set(signed.components):
        raise SignatureError(
            SignatureFault.NOT_COVERED, f"not signed: {', '.join(sorted(missing))}"
        )
    valid_until_s = signed.created + MAX_AGE_S
    if signed.expires is not None:
        valid_until_s = min(valid_until_s, signed.expires)
    if now_s > valid_until_s + MAX_SKEW_S:
        raise SignatureError(SignatureFault.EXPIRED, "the signature has expired")
    if signed.created > now_s + MAX_SKEW_S:
        raise SignatureError(SignatureFault.FUTURE, "the signature is from the future")
    base = _signature_base(request, headers, signed.components, signed.text)
    expected = _hmac(_UNKNOWN_KEY_SECRET if secret is None else secret, base)
    is_right = hmac.compare_digest(signature, expected)
    # An empty secret is no secret: whoever signs with it has proved nothing.
    if not is_right or not secret or not _is_same(signed.keyid, api_key):
        raise SignatureError(SignatureFault.MISMATCH, "the key or the signature is wrong")
    return seen.admit(signed.nonce, valid_until_s + MAX_SKEW_S, now_s)


def _signature_base(
    request: UpgradeRequest, headers: Mapping[str, str], components: Iterable[str], text: str
) -> bytes:
    """The bytes under the signature: one line per component, then the parameters."""
    derived = {
        "@request-target": request.target,
        "@authority": request.authority.lower().removesuffix(":443"),
    }
    lines = []
    for name in components:
        value = derived.get(name) if name.startswith("@") else headers.get(name)
        if value is None:
            raise SignatureError(SignatureFault.MALFORMED, "a signed component is not there")
        if not _is_plain(value):
            raise SignatureError(SignatureFault.MALFORMED, "a signed value is not plain ASCII")
        lines.append(f'"{name}": {value}')
    lines.append(f'"@signature-params": {text}')
    return "\n".join(lines).encode("ascii")


# --- keys -------------------------------------------------------------------------------------


def _secret_of(secrets: Mapping[str, bytes], api_key: str) -> bytes | None:
    """The secret, looking at every key whichever it is: a lookup would tell by its time."""
    found = None
    for known, secret in secrets.items():
        if _is_same(known, api_key):
            found = secret
    return found


def _is_same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _hmac(secret: bytes, data: bytes) -> bytes:
    return hmac.digest(secret, data, hashlib.sha256)


# --- header fields ----------------------------------------------------------------------------


def _combined(headers: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """Fields by lower-case name; repeated ones are joined, so a doubled key matches nothing."""
    values = defaultdict[str, list[str]](list)
    for name, value in headers:
        values[name.lower()].append(value.strip(" \t"))
    return {name: ", ".join(found) for name, found in values.items()}


def _required(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name)
    if not value or len(value) > MAX_HEADER_CHARS or not _is_plain(value):
        cause = f"{name} is missing, empty, too long or not plain ASCII"
        raise SignatureError(SignatureFault.MALFORMED, cause)
    return value


def _is_plain(value: str) -> bool:
    return value.isascii() and value.isprintable()


_STRING = r'"(?:[ !#-\[\]-~]|\\["\\])*"'
_KEY = r"[a-z*][a-z0-9_.*-]*"
_INPUT = re.compile(
    rf"(?P<label>{_KEY})=\( *(?P<components>{_STRING}(?: +{_STRING})*) *\)"
    rf"(?P<parameters>(?:; *{_KEY}=(?:{_STRING}|[0-9]{{1,15}}))+)"
)
_PARAMETER = re.compile(rf"; *({_KEY})=(?:({_STRING})|([0-9]+))")
_SIGNATURE = re.compile(rf"(?P<label>{_KEY})=:(?P<value>[A-Za-z0-9+/]*={{0,2}}):")


def _parse_input(value: str) -> _SignatureInput:
    match = _INPUT.fullmatch(value)
    if match is None:
        raise SignatureError(SignatureFault.MALFORMED, "Signature-Input is not one signature")
    quoted = re.findall(_STRING, match["components"])
    components = tuple(_unquoted(item) for item in quoted)
    if len(set(components)) < len(components):
        raise SignatureError(SignatureFault.MALFORMED, "a component is signed twice")
    parameters = _PARAMETER.findall(match["parameters"])
    strings = {key: _unquoted(text) for key, text, _ in parameters if text}
    numbers = {key: int(digits) for key, _, digits in parameters if digits}
    is_known = strings.keys() <= {"keyid", "nonce", "alg"} and numbers.keys() <= {
        "created",
        "expires",
    }
    if not is_known or len(strings) + len(numbers) < len(parameters):
        raise SignatureError(SignatureFault.MALFORMED, "unknown or doubled signature parameter")
    if strings.get("alg", _ALGORITHM) != _ALGORITHM:
        raise SignatureError(SignatureFault.MALFORMED, f"the algorithm must be {_ALGORITHM}")
    if not {"keyid", "nonce"} <= strings.keys() or "created" not in numbers:
        raise SignatureError(SignatureFault.MALFORMED, "keyid, nonce or created is missing")
    if len(strings["nonce"]) < MIN_NONCE_CHARS:
        raise SignatureError(SignatureFault.MALFORMED, "the nonce is too short")
    # What is signed is the canonical form, whatever blanks came with it.
    tail = "".join(f";{key}={text or digits}" for key, text, digits in parameters)
    return _SignatureInput(
        label=match["label"],
        components=components,
        keyid=strings["keyid"],
        nonce=strings["nonce"],
        created=numbers["created"],
        expires=numbers.get("expires"),
        text=f"({' '.join(quoted)}){tail}",
    )


def _parse_signature(value: str, label: str) -> bytes:
    match = _SIGNATURE.fullmatch(value)
    if match is None or match["label"] != label:
        raise SignatureError(SignatureFault.MALFORMED, "Signature is not the one announced")
    try:
        return base64.b64decode(match["value"], validate=True)
    except binascii.Error as error:
        raise SignatureError(SignatureFault.MALFORMED, "Signature is not base64") from error


def _unquoted(item: str) -> str:
    return re.sub(r"\\(.)", r"\1", item[1:-1])
