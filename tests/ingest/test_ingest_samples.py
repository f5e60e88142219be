"""Blocks, 16-bit conversion and the waveform envelope."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.ingest.files.envelope import MAX_POINTS, Envelope
from subtone.ingest.files.samples import pcm_s16le, regroup


def test_samples_beyond_full_scale_are_clipped_not_wrapped() -> None:
    samples = np.array([0.0, 1.0, 1.5, -1.0, -2.0, 0.5, 1 / 32_768], np.float32)
    expected = [0, 32_767, 32_767, -32_768, -32_768, 16_384, 1]
    assert np.frombuffer(pcm_s16le(samples), "<i2").tolist() == expected


def test_every_16_bit_value_survives() -> None:
    values = np.arange(-32_768, 32_768, dtype=np.int16)
    assert (
        pcm_s16le(values.astype(np.float32) / np.float32(32_768)) == values.astype("<i2").tobytes()
    )


@given(sizes=st.lists(st.integers(0, 40), max_size=20), frame_count=st.integers(1, 50))
def test_regrouping_keeps_every_sample(sizes: list[int], frame_count: int) -> None:
    total = sum(sizes)
    sound = np.arange(2 * total, dtype=np.float32).reshape(total, 2)
    cuts = np.cumsum([0, *sizes])
    pieces = (sound[a:b] for a, b in pairwise(cuts))
    blocks = list(regroup(iter(pieces), frame_count))
    assert all(len(block) == frame_count for block in blocks[:-1])
    assert all(0 < len(block) <= frame_count for block in blocks)
    joined = np.concatenate([np.zeros((0, 2), np.float32), *blocks])
    assert np.array_equal(joined, sound)


def envelope_of(sound: np.ndarray, rate_hz: int, chunk: int) -> Envelope:
    envelope = Envelope(rate_hz)
    for start in range(0, len(sound), chunk):
        envelope.add(sound[start : start + chunk].astype("<i2").tobytes())
    return envelope


def test_a_short_track_has_one_peak_per_10_ms() -> None:
    sound = np.zeros(250, np.int16)
    sound[100], sound[249] = -32_768, 16_384
    envelope = envelope_of(sound, 8000, 33)
    assert (envelope.hop_ms, envelope.peaks) == (10, (0.0, 1.0, 0.0, 0.5))


@pytest.mark.parametrize(
    ("seconds", "hop_ms", "points"),
    [(0, 10, 0), (20, 10, 2000), (20.001, 20, 1001), (100, 80, 1250), (600, 320, 1875)],
)
def test_the_hop_follows_the_duration(seconds: float, hop_ms: int, points: int) -> None:
    envelope = envelope_of(np.zeros(round(seconds * 8000), np.int16), 8000, 8000)
    assert (envelope.hop_ms, len(envelope.peaks)) == (hop_ms, points)
    assert points <= MAX_POINTS


@given(chunk=st.integers(1, 200_000), rate_hz=st.sampled_from([8000, 16_000]))
def test_chunks_change_no_peak(chunk: int, rate_hz: int) -> None:
    sound = np.random.default_rng(5).integers(-3000, 3000, 400_000).astype(np.int16)
    chunk = max(chunk, 500)
    envelope = envelope_of(sound, rate_hz, chunk)
    hop = envelope.hop_ms * rate_hz // 1000
    peaks = [np.abs(sound[at : at + hop]).max() / 32_768 for at in range(0, len(sound), hop)]
    assert envelope.peaks == tuple(peaks)
