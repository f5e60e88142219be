"""Declared sizes of plain sample containers, header by header."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.ingest.files.containers import DeclaredData, declared_data


def riff(data_size: int, before: bytes = b"") -> bytes:
    form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16_000, 2, 16)
    return b"RIFF\0\0\0\0WAVE" + form + before + b"data" + struct.pack("<I", data_size)


def test_wave_sizes_are_found_behind_other_chunks() -> None:
    assert declared_data(riff(1600)) == DeclaredData(44, 1600)
    odd = b"LIST" + struct.pack("<I", 3) + b"abc\0"  # padded to an even size
    assert declared_data(riff(7, odd)) == DeclaredData(56, 7)


@pytest.mark.parametrize("mark", [0x7FFFF000, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_piped_recording_declares_nothing(mark: int) -> None:
    assert declared_data(riff(mark)) is None


def test_big_endian_and_64_bit_headers() -> None:
    assert declared_data(b".snd" + struct.pack(">II", 24, 600)) == DeclaredData(24, 600)
    assert declared_data(b".snd" + struct.pack(">II", 24, 0xFFFFFFFF)) is None
    aiff = b"FORM\0\0\0\0AIFF" + b"SSND" + struct.pack(">I", 808)
    assert declared_data(aiff) == DeclaredData(20, 808)
    sizes = b"ds64" + struct.pack("<IQQQI", 28, 0, 5_000_000_000, 0, 0)
    rf64 = b"RF64\xff\xff\xff\xffWAVE" + sizes + b"data\xff\xff\xff\xff"
    assert declared_data(rf64) == DeclaredData(56, 5_000_000_000)


@pytest.mark.parametrize("head", [b"", b"RIFF", b"fLaC" + bytes(60), b"OggS" + bytes(60)])
def test_other_formats_declare_nothing(head: bytes) -> None:
    assert declared_data(head) is None


W64_RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")


@given(
    head=st.sampled_from(
        [
            b"RIFF\0\0\0\0WAVE",
            b"RIFX\0\0\0\0WAVE",
            b"RF64\0\0\0\0WAVE",
            b"FORM\0\0\0\0AIFC",
            b".snd",
            W64_RIFF + bytes(24),
        ]
    ),
    tail=st.binary(max_size=300),
)
def test_any_header_is_answered(head: bytes, tail: bytes) -> None:
    found = declared_data(head + tail)
    assert found is None or min(found) >= 0
