"""Bytes to samples: 16-bit PCM and the two companding laws of ITU-T G.711."""

from __future__ import annotations

import numpy as np

from subtone.contracts.vocabulary import AudioEncoding
from subtone.kernel.voice_intelligence.acoustics.arrays import F32

FULL_SCALE = 32768.0


def _mulaw_table() -> F32:
    code = ~np.arange(256) & 0xFF  # G.711 sends every bit of mu-law inverted
    magnitude = ((((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
    return (np.where(code & 0x80, -magnitude, magnitude) / FULL_SCALE).astype(np.float32)


def _alaw_table() -> F32:
    code = np.arange(256) ^ 0x55  # G.711 sends every other bit of A-law inverted
    segment = (code & 0x70) >> 4
    step = ((code & 0x0F) << 4) + 8
    magnitude = np.where(segment == 0, step, (step + 0x100) << np.maximum(segment - 1, 0))
    return (np.where(code & 0x80, magnitude, -magnitude) / FULL_SCALE).astype(np.float32)


_TABLES = {AudioEncoding.MULAW: _mulaw_table(), AudioEncoding.ALAW: _alaw_table()}


def decode_payload(encoding: AudioEncoding, payload: bytes) -> F32:
    """Return the samples of a payload, float32 [n], full scale 1.0.

    Raises ValueError when a 16-bit payload has an odd number of bytes.
    """
    if encoding is AudioEncoding.PCM_S16LE:
        if len(payload) % 2:
            raise ValueError(
                f"16-bit PCM payload has an odd length ({len(payload)} bytes): "
                "the sender cut a sample in half; send whole samples"
            )
        return np.frombuffer(payload, dtype="<i2").astype(np.float32) / np.float32(FULL_SCALE)
    return _TABLES[encoding][np.frombuffer(payload, dtype=np.uint8)]
