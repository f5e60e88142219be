"""Whether Twilio signed a request: X-Twilio-Signature over the URL and the form.

Source: Twilio's page on webhook security, and the behaviour of its own Python library 9.13.0:
``base64(HMAC(secret, URL + each parameter's name and value, by name))``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit, urlunsplit

DEFAULT_PORTS = {"https": 443, "http": 80}  # those Twilio itself adds to a URL

_SETTING = re.compile(r"\s*(\w+)\s*=\s*([^,]*?)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class TwilioSecrets:
    """What an account signs with; never shown."""

    auth_token: str = field(repr=False)
    shared_keys: Mapping[str, str] = field(default_factory=dict, repr=False)  # by key id


def upgrade_url(url: str) -> str:
    """The URL Twilio signed for a WebSocket upgrade: as in ``<Stream url>``, always wss.

    A server behind a proxy sees http, https or ws.
    """
    scheme, separator, rest = url.partition("://")
    return f"wss://{rest}" if separator and scheme in ("http", "https", "ws") else url


def sign(secret: str, url: str, form: Iterable[tuple[str, str]] = (), digest: str = "sha1") -> str:
    """The signature of one request: of each parameter name its distinct values, in order."""
    signed = url + "".join(name + value for name, value in sorted(set(form)))
    code = hmac.new(secret.encode(), signed.encode("utf-8", "surrogatepass"), digest)
    return base64.b64encode(code.digest()).decode("ascii")


def is_signed_by_twilio(
    secrets: TwilioSecrets,
    url: str,
    signature: str,
    *,
    form: Iterable[tuple[str, str]] = (),
    body: bytes | None = None,
    settings: str | None = None,
) -> bool:
    """Whether the request came from Twilio, in time that does not depend on the signature.

    Args:
        secrets: the account's.
        url: as Twilio was told it, query included; see upgrade_url for WebSockets.
        signature: the X-Twilio-Signature header; "" where it is missing.
        form: the decoded parameters of a form body, blanks kept; () for GET and upgrades.
        body: the raw bytes of any other body. Twilio names their hash in the query as
            bodySHA256; a body without it is nobody's.
        settings: the X-Twilio-Webhooks-Signature-Settings header, ``key=...,algorithm=...``.
            Where it is there, only what it names counts.

    """
    chosen = _secret(secrets, settings)
    if chosen is None:
        return False
    secret, digest = chosen
    parameters = () if body is not None else tuple(form)
    expected = [sign(secret, candidate, parameters, digest) for candidate in _spellings(url)]
    given = signature.encode("utf-8", "surrogatepass")
    is_url_signed = any(hmac.compare_digest(one.encode(), given) for one in expected)
    return is_url_signed and (body is None or _is_body_of(url, body))


def _secret(secrets: TwilioSecrets, settings: str | None) -> tuple[str, str] | None:
    if settings is None:
        return (secrets.auth_token, "sha1") if secrets.auth_token else None
    matches = [_SETTING.fullmatch(part) for part in settings.split(",")]
    named = {match[1]: match[2] for match in matches if match}
    shared = secrets.shared_keys.get(named.get("key", ""))
    return (shared, "sha256") if shared and named.get("algorithm") == "HMAC_SHA256" else None


def _spellings(url: str) -> list[str]:
    """The URL as given and without its port, or with the default port Twilio would add."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # no URL, no port
        return [url]
    if port is not None:
        netloc = parts.netloc.rpartition(":")[0]
    elif parts.scheme in DEFAULT_PORTS:
        netloc = f"{parts.netloc}:{DEFAULT_PORTS[parts.scheme]}"
    else:
        return [url]
    return [url, urlunsplit(parts._replace(netloc=netloc))]


def _is_body_of(url: str, body: bytes) -> bool:
    named = parse_qs(urlsplit(url).query).get("bodySHA256", [""])
    told = named[0].lower().encode("utf-8", "surrogatepass")
    return len(named) == 1 and hmac.compare_digest(hashlib.sha256(body).hexdigest().encode(), told)
