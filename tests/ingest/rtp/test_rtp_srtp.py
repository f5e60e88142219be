"""SRTP by SDES: what libsrtp protects is opened once, and nothing else ever is."""

from __future__ import annotations

import base64
import builtins
from typing import Any

import pylibsrtp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.ingest.rtp.srtp import (
    SrtpKeyError,
    SrtpReceiver,
    SrtpRefusedError,
    SrtpSuite,
)
from support_rtp import rtp_packet

KEY = b"123456789012345678901234567890"
INLINE = "inline:" + base64.b64encode(KEY).decode()
PROFILES = {
    SrtpSuite.AES_CM_128_HMAC_SHA1_80: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    SrtpSuite.AES_CM_128_HMAC_SHA1_32: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
}


def sender(suite: SrtpSuite = SrtpSuite.AES_CM_128_HMAC_SHA1_80, key: bytes = KEY) -> Any:
    return pylibsrtp.Session(
        pylibsrtp.Policy(
            key=key,
            ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND,
            srtp_profile=PROFILES[suite],
        )
    )


@pytest.mark.parametrize(
    ("suite", "tag_bytes"),
    [(SrtpSuite.AES_CM_128_HMAC_SHA1_80, 10), (SrtpSuite.AES_CM_128_HMAC_SHA1_32, 4)],
)
def test_what_was_protected_is_opened_once(suite: SrtpSuite, tag_bytes: int) -> None:
    receiver, session = SrtpReceiver(suite, INLINE), sender(suite)
    packet = rtp_packet(1, 160, b"voice")
    protected = session.protect(packet)
    assert len(protected) == len(packet) + tag_bytes
    assert receiver.open_rtp(protected) == packet
    with pytest.raises(SrtpRefusedError, match="replay"):
        receiver.open_rtp(protected)
    report = bytes.fromhex("80c90001 00001234")
    assert receiver.open_rtcp(session.protect_rtcp(report)) == report


def test_a_bad_tag_another_key_and_clear_packets_are_refused() -> None:
    receiver = SrtpReceiver(SrtpSuite.AES_CM_128_HMAC_SHA1_80, INLINE)
    protected = sender().protect(rtp_packet(1, 160, b"voice"))
    bad_tag = protected[:-1] + bytes([protected[-1] ^ 1])
    stranger = sender(key=KEY[::-1]).protect(rtp_packet(1, 160, b"voice"))
    for datagram in (bad_tag, stranger, rtp_packet(2, 320, b"v" * 160), bytes(3000)):
        with pytest.raises(SrtpRefusedError):
            receiver.open_rtp(datagram)
    assert receiver.open_rtp(protected) == rtp_packet(1, 160, b"voice")  # it harmed nothing


@given(st.binary(max_size=200))
def test_only_refusals_escape(datagram: bytes) -> None:
    receiver = SrtpReceiver(SrtpSuite.AES_CM_128_HMAC_SHA1_32, INLINE)
    for opened in (receiver.open_rtp, receiver.open_rtcp):
        with pytest.raises(SrtpRefusedError):
            opened(datagram)


@pytest.mark.parametrize(
    ("suite", "key_params", "refusal"),
    [
        ("AES_256_CM_HMAC_SHA1_80", INLINE, "suite is none of AES_CM_128_HMAC_SHA1_80"),
        ("AES_CM_128_HMAC_SHA1_80", "uri:" + INLINE, "not inline"),
        ("AES_CM_128_HMAC_SHA1_80", "inline:????", "not base64"),
        ("AES_CM_128_HMAC_SHA1_80", "inline:ключ", "not base64"),
        ("AES_CM_128_HMAC_SHA1_80", "inline:MTIz", "has 3 bytes, not 30"),
        ("AES_CM_128_HMAC_SHA1_80", INLINE + "|2^20|1:4", "master key identifier"),
        ("AES_CM_128_HMAC_SHA1_80", INLINE + "|1:4", "master key identifier"),
    ],
)
def test_a_key_that_cannot_be_used_is_named_and_never_shown(
    suite: str, key_params: str, refusal: str
) -> None:
    with pytest.raises(SrtpKeyError, match=refusal) as raised:
        SrtpReceiver(suite, key_params)
    assert "MTIz" not in str(raised.value)


def test_a_lifetime_is_accepted() -> None:
    SrtpReceiver("AES_CM_128_HMAC_SHA1_80", INLINE + "|2^31")


def test_without_pylibsrtp_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "pylibsrtp":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SrtpKeyError, match=r"pip install 'subtone\[live\]'"):
        SrtpReceiver("AES_CM_128_HMAC_SHA1_80", INLINE)
