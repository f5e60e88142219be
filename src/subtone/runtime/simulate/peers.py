"""How a simulated peer reaches a server."""

from __future__ import annotations

import ssl
from ipaddress import ip_address
from urllib.parse import urlsplit, urlunsplit

import httpx

TIMEOUT_S = 10.0


def is_proxied(url: str) -> bool:
    """Whether the environment's proxy is asked: never on the way to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


def http_client(url: str, headers: dict[str, str] | None) -> httpx.AsyncClient:
    """A client for the server of this URL."""
    return httpx.AsyncClient(
        headers=headers,
        timeout=TIMEOUT_S,
        trust_env=is_proxied(url),
        verify=ssl.create_default_context(),  # the system's authorities, or SSL_CERT_FILE
    )


def base_url(url: str) -> str:
    """The HTTP address of the server whose socket or page this is, without a path."""
    parts = urlsplit(url)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    return urlunsplit((scheme, parts.netloc, "", "", ""))
