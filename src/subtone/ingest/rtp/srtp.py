"""SRTP keyed by SDP (RFC 3711, RFC 4568), through libsrtp: authentic and fresh, or refused."""

from __future__ import annotations

import base64
import binascii
from enum import StrEnum
from typing import TYPE_CHECKING

from subtone.ingest.rtp.packet import RtpError

if TYPE_CHECKING:
    import pylibsrtp

_KEY_BYTES = 30  # 128-bit master key and 112-bit salt


class SrtpSuite(StrEnum):
    """The crypto suites of RFC 4568 §6.2 that we take."""

    AES_CM_128_HMAC_SHA1_80 = "AES_CM_128_HMAC_SHA1_80"
    AES_CM_128_HMAC_SHA1_32 = "AES_CM_128_HMAC_SHA1_32"


class SrtpKeyError(ValueError):
    """An ``a=crypto`` we cannot use; the line never holds the key."""


class SrtpRefusedError(RtpError):
    """Not authentic, or not fresh: a stranger's packet, a replay, or the wrong key."""


class SrtpReceiver:
    """Decrypts what one peer sends under one key."""

    def __init__(self, suite: str, key_params: str) -> None:
        """Take the suite and the key-params of an ``a=crypto`` line.

        Args:
            suite: a name of SrtpSuite.
            key_params: ``inline:BASE64[|lifetime]``; a lifetime is accepted, an MKI is not.

        Raises:
            SrtpKeyError: suite or key cannot be used, or pylibsrtp is not installed.

        """
        key = _parse_key(key_params)
        try:
            import pylibsrtp
        except ImportError as error:
            raise SrtpKeyError("SRTP needs pylibsrtp: run pip install 'subtone[live]'") from error
        profiles = {
            SrtpSuite.AES_CM_128_HMAC_SHA1_80: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
            SrtpSuite.AES_CM_128_HMAC_SHA1_32: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
        }
        if suite not in profiles:
            raise SrtpKeyError(f"SRTP suite is none of {', '.join(SrtpSuite)}; offer one of them")
        self._identity = (suite, key)
        self._error: type[Exception] = pylibsrtp.Error
        self._session: pylibsrtp.Session = pylibsrtp.Session(
            pylibsrtp.Policy(
                key=key,
                ssrc_type=pylibsrtp.Policy.SSRC_ANY_INBOUND,
                srtp_profile=profiles[SrtpSuite(suite)],
            )
        )

    def is_same_key(self, other: SrtpReceiver) -> bool:
        """Whether the other decrypts the same; the older one knows the rollover count."""
        return self._identity == other._identity

    def open_rtp(self, datagram: bytes) -> bytes:
        """Decrypt RTP. Raises SrtpRefusedError for a bad tag, a replay, or what is no SRTP."""
        try:
            opened: bytes = self._session.unprotect(datagram)
        except (self._error, ValueError) as error:
            raise SrtpRefusedError(f"SRTP packet refused: {error}") from error
        return opened

    def open_rtcp(self, datagram: bytes) -> bytes:
        """Decrypt RTCP. Raises SrtpRefusedError for a bad tag, a replay, or what is no SRTCP."""
        try:
            opened: bytes = self._session.unprotect_rtcp(datagram)
        except (self._error, ValueError) as error:
            raise SrtpRefusedError(f"SRTCP packet refused: {error}") from error
        return opened


def _parse_key(key_params: str) -> bytes:
    method, _, info = key_params.partition(":")
    encoded, *rest = info.split("|")
    if method.lower() != "inline":
        raise SrtpKeyError("SRTP key method is not inline; offer a=crypto with inline:")
    if len(rest) > 1 or any(":" in part for part in rest):
        raise SrtpKeyError("SRTP with a master key identifier is not supported; offer a key alone")
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise SrtpKeyError("SRTP key is not base64") from None
    if len(key) != _KEY_BYTES:
        raise SrtpKeyError(f"SRTP key has {len(key)} bytes, not {_KEY_BYTES}")
    return key
