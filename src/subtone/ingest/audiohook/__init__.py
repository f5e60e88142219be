"""Genesys AudioHook v2: the server's side of a session and the upgrade's signature."""

from subtone.ingest.audiohook.codec import AudioHookCodec, ServerRequest
from subtone.ingest.audiohook.messages import MAX_MESSAGE_BYTES, AudioHookError
from subtone.ingest.audiohook.signature import (
    AuthenticatedUpgrade,
    SeenNonces,
    SignatureError,
    SignatureFault,
    UpgradeRequest,
    sign_upgrade,
    verify_upgrade,
)

__all__ = [
    "MAX_MESSAGE_BYTES",
    "AudioHookCodec",
    "AudioHookError",
    "AuthenticatedUpgrade",
    "SeenNonces",
    "ServerRequest",
    "SignatureError",
    "SignatureFault",
    "UpgradeRequest",
    "sign_upgrade",
    "verify_upgrade",
]
