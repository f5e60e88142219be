"""Whether Telnyx signed a webhook: Ed25519 over the timestamp, a bar and the body.

Source: Telnyx's page on webhook signing (telnyx-signature-ed25519, telnyx-timestamp).
"""

from __future__ import annotations

import base64
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TOLERANCE_MS = 300_000  # an older webhook is a replay


def is_signed_by_telnyx(
    public_key: str, timestamp: str, body: bytes, signature: str, t_seen_ms: int
) -> bool:
    """Whether the webhook came from Telnyx within the last five minutes.

    Args:
        public_key: of the account, base64 of 32 bytes, as the portal shows it.
        timestamp: the telnyx-timestamp header, Unix seconds.
        body: the raw bytes.
        signature: the telnyx-signature-ed25519 header, base64 of 64 bytes.
        t_seen_ms: Unix ms, when we had it.

    Raises:
        ValueError: our own public key is malformed.

    """
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
    if not re.fullmatch("[0-9]{1,12}", timestamp):
        return False
    if abs(t_seen_ms - int(timestamp) * 1000) > TOLERANCE_MS:
        return False
    try:
        code = base64.b64decode(signature, validate=True)
        key.verify(code, timestamp.encode("ascii") + b"|" + body)
    except (ValueError, InvalidSignature):
        return False
    return True
