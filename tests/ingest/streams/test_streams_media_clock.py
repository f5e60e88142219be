"""The sample clock and the order of chunks, whatever the peer says."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.ingest.streams.media_clock import (
    MAX_CHUNK_JUMP,
    MAX_JUMP_MS,
    SKEW_TOLERANCE_MS,
    Chunk,
    ChunkOrder,
    JumpError,
    Placement,
    TrackClock,
)

RATES = st.sampled_from([8000, 11025, 16000, 24000, 48000])


@given(
    first=st.integers(0, 10_000),
    jitters=st.lists(st.integers(-SKEW_TOLERANCE_MS, SKEW_TOLERANCE_MS), max_size=60),
)
def test_jitter_within_tolerance_leaves_the_sample_clock(first: int, jitters: list[int]) -> None:
    clock = TrackClock()
    clock.place(first, 0, 160, 0)
    for at, jitter in enumerate(jitters, 1):
        expected = first + 20 * at
        assert clock.place(expected + jitter, 0, 160, 0) == Placement(expected, 0)


@given(
    rate=RATES,
    steps=st.lists(
        st.tuples(
            st.one_of(st.none(), st.integers(-10_000, 5_000_000)),
            st.integers(0, 50),
            st.integers(1, 5_000),
        ),
        max_size=40,
    ),
)
def test_time_never_runs_back_and_gaps_account_for_all_of_it(
    rate: int, steps: list[tuple[int | None, int, int]]
) -> None:
    clock = TrackClock(sample_rate_hz=rate)
    through_ms, is_open = 0, False
    for timestamp, missing, count in steps:
        try:
            placed = clock.place(timestamp, missing, count, 0)
        except JumpError:
            assert clock.through_ms == through_ms  # nothing moved
            continue
        assert placed.gap_ms >= 0
        assert placed.t_stream_ms >= 0
        if is_open:
            assert placed.t_stream_ms - placed.gap_ms == through_ms
        assert clock.through_ms >= placed.t_stream_ms + count * 1000 // rate - 1
        through_ms, is_open = clock.through_ms, True


@pytest.mark.parametrize("offset_ms", [-MAX_JUMP_MS, MAX_JUMP_MS])
def test_the_jump_limit_is_exact(offset_ms: int) -> None:
    clock = TrackClock()
    clock.place(10**7, 0, 160, 10**7)
    with pytest.raises(JumpError):
        clock.place(10**7 + 20 + offset_ms, 0, 160, 0)
    inside = offset_ms - (1 if offset_ms > 0 else -1)
    clock.place(10**7 + 20 + inside, 0, 160, 0)


def test_just_beyond_tolerance_is_a_gap() -> None:
    clock = TrackClock()
    clock.place(0, 0, 160, 0)
    assert clock.place(20 + SKEW_TOLERANCE_MS + 1, 0, 160, 0) == Placement(61, 41)


def test_rounding_does_not_add_up() -> None:
    clock = TrackClock(sample_rate_hz=11_025)
    for _ in range(11_025):
        clock.place(None, 0, 100, 0)
    assert clock.through_ms == 100_000


@given(st.lists(st.integers(0, 60), max_size=80), st.integers(0, 10))
def test_chunks_come_once_and_in_order(numbers: list[int], depth: int) -> None:
    order = ChunkOrder(depth)
    released = []
    for number in numbers:
        released += order.push(Chunk(number, None, b"")) or []
        assert len(order.held) <= depth
    released += order.flush()
    given_out = [r.chunk.number for r in released]
    assert given_out == sorted({n for n in given_out if n is not None})
    assert set(given_out) <= set(numbers)
    for before, after in pairwise(released):
        assert before.chunk.number is not None
        assert after.chunk.number == before.chunk.number + after.missing_count + 1


def test_an_absurd_chunk_number_is_not_taken() -> None:
    order = ChunkOrder(0)
    order.push(Chunk(7, None, b""))
    with pytest.raises(JumpError):
        order.push(Chunk(7 + MAX_CHUNK_JUMP, None, b""))
    assert order.push(Chunk(7 + MAX_CHUNK_JUMP - 1, None, b""))


def test_chunks_without_numbers_pass() -> None:
    order = ChunkOrder(10)
    chunk = Chunk(None, None, b"x")
    assert [[r.chunk for r in order.push(chunk) or []] for _ in range(2)] == [[chunk], [chunk]]
