"""TLS of the server's sockets, and what is wrong with its files in one line."""

from __future__ import annotations

import ssl
from pathlib import Path

from subtone.runtime.config import ConfigError


def server_context(
    section: str, certificate: str, key: str, client_ca: str | None = None
) -> ssl.SSLContext:
    """TLS 1.2 or newer with this certificate.

    Args:
        section: of the configuration, for messages.
        certificate: PEM file, the server's own first, then those between it and the root.
        key: PEM file of its key, not encrypted.
        client_ca: PEM file; clients must show a certificate of it.

    Raises:
        ConfigError: names the setting and what is wrong with its file.

    """
    named = {"tls_certificate": certificate, "tls_key": key, "tls_client_ca": client_ca}
    for name, path in named.items():
        _require_readable(f"{section}.{name}", path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=lambda: "")  # or a terminal is asked
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(
                f"{section}.tls_key: {key} is not the key of {certificate}: give the pair"
            ) from error
        raise ConfigError(
            f"{section}.tls_certificate, {section}.tls_key: {certificate} and {key} must be PEM, a "
            "certificate and its key without a passphrase"
        ) from error
    if client_ca is not None:
        try:
            context.load_verify_locations(client_ca)
        except ssl.SSLError as error:
            raise ConfigError(
                f"{section}.tls_client_ca: {client_ca} holds no certificate in PEM"
            ) from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _require_readable(setting: str, path: str | None) -> None:
    """The ssl module does not say which file it could not read."""
    if path is None:
        return
    try:
        with Path(path).open("rb"):
            return
    except OSError as error:
        raise ConfigError(f"{setting}: {path} cannot be read ({error.strerror})") from error
