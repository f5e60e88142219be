"""Telnyx's Ed25519 over timestamp, bar and body."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from subtone.ingest.streams.telnyx_signature import TOLERANCE_MS, is_signed_by_telnyx

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
STAMP, NOW_MS = "1705312200", 1_705_312_200_000
BODY = b'{"data":{}}'
SIGNATURE = base64.b64encode(KEY.sign(b"1705312200|" + BODY)).decode()


def test_signed() -> None:
    assert is_signed_by_telnyx(PUBLIC, STAMP, BODY, SIGNATURE, NOW_MS)


@pytest.mark.parametrize("late_ms", [-TOLERANCE_MS, TOLERANCE_MS])
def test_five_minutes_are_allowed_and_no_more(late_ms: int) -> None:
    assert is_signed_by_telnyx(PUBLIC, STAMP, BODY, SIGNATURE, NOW_MS + late_ms)
    beyond = late_ms + (1 if late_ms > 0 else -1)
    assert not is_signed_by_telnyx(PUBLIC, STAMP, BODY, SIGNATURE, NOW_MS + beyond)


@pytest.mark.parametrize(
    ("stamp", "body", "signature"),
    [
        ("1705312201", BODY, SIGNATURE),
        (STAMP, BODY + b" ", SIGNATURE),
        (STAMP, BODY, SIGNATURE[:-4]),
        (STAMP, BODY, "!"),
        ("", BODY, SIGNATURE),
        ("9" * 5000, BODY, SIGNATURE),
    ],
)
def test_not_signed(stamp: str, body: bytes, signature: str) -> None:
    assert not is_signed_by_telnyx(PUBLIC, stamp, body, signature, NOW_MS)


def test_our_own_key_may_be_at_fault() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        is_signed_by_telnyx("AAAA", STAMP, BODY, SIGNATURE, NOW_MS)


@given(st.text(max_size=100), st.binary(max_size=20), st.text(max_size=14))
def test_any_text_is_a_refusal(signature: str, body: bytes, stamp: str) -> None:
    assert not is_signed_by_telnyx(PUBLIC, stamp, body, signature, NOW_MS)
    assert not is_signed_by_telnyx(PUBLIC, STAMP, body, signature, NOW_MS)
