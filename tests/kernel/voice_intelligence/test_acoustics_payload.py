from __future__ import annotations

import zlib

import numpy as np
import pytest

from subtone.contracts.vocabulary import AudioEncoding
from subtone.kernel.voice_intelligence.acoustics import decode_payload

# Values of ITU-T G.711 scaled to 16 bits; the checksum covers all 256 as int16.
MULAW = {0x00: -32124, 0x01: -31100, 0x0F: -16764, 0x7E: -8, 0x7F: 0, 0x80: 32124, 0xFF: 0}
ALAW = {0x00: -5504, 0x0F: -6784, 0x2A: -32256, 0x55: -8, 0x80: 5504, 0xAA: 32256, 0xD5: 8}


def as_int16(encoding: AudioEncoding, payload: bytes) -> np.ndarray:
    scaled = decode_payload(encoding, payload) * np.float32(32768.0)
    assert (scaled == np.rint(scaled)).all()
    return scaled.astype("<i2")


@pytest.mark.parametrize(
    ("encoding", "golden", "checksum"),
    [(AudioEncoding.MULAW, MULAW, 210008735), (AudioEncoding.ALAW, ALAW, 2641774167)],
)
def test_companding_is_exact(
    encoding: AudioEncoding, golden: dict[int, int], checksum: int
) -> None:
    table = as_int16(encoding, bytes(range(256)))
    assert {code: int(table[code]) for code in golden} == golden
    assert zlib.crc32(table.tobytes()) == checksum


def test_pcm_is_little_endian_and_full_scale_is_one() -> None:
    samples = decode_payload(AudioEncoding.PCM_S16LE, b"\x00\x80\xff\x7f\x00\x00\x00\x40")
    assert samples.dtype == np.float32
    assert samples.tolist() == [-1.0, 32767 / 32768, 0.0, 0.5]


def test_half_a_sample_is_the_senders_fault() -> None:
    with pytest.raises(ValueError, match=r"odd length \(3 bytes\)"):
        decode_payload(AudioEncoding.PCM_S16LE, b"\x00\x01\x02")


@pytest.mark.parametrize("encoding", list(AudioEncoding))
def test_nothing_decodes_to_nothing(encoding: AudioEncoding) -> None:
    assert decode_payload(encoding, b"").shape == (0,)
