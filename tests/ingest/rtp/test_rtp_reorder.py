"""Bounded reordering by extended sequence number."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from subtone.ingest.rtp.packet import RtpPacket
from subtone.ingest.rtp.reorder import MAX_HOLD_MS, Ordered, ReorderBuffer
from subtone.ingest.rtp.source import Arrival

TICKS = 160  # 20 ms


def arrival(number: int, t_seen_ms: int = 0) -> Arrival:
    timestamp = (2**32 - 500 + number * TICKS) % 2**32  # wraps on the way
    return Arrival(RtpPacket(0, False, number % 65_536, timestamp, 1, b"x"), t_seen_ms)


def numbers(ordered: list[Ordered]) -> list[tuple[int, int]]:
    return [(o.arrival.packet.sequence_number, o.lost_count) for o in ordered]


def push(buffer: ReorderBuffer, *sent: int) -> list[tuple[int, int]]:
    return [pair for n in sent for pair in numbers(buffer.push(n, arrival(n), 8000))]


def started() -> ReorderBuffer:
    buffer = ReorderBuffer()
    push(buffer, *range(7))  # the last one is 120 ms after the first
    return buffer


def test_the_start_waits_for_what_was_sent_before_the_first_to_arrive() -> None:
    buffer = ReorderBuffer()
    assert push(buffer, 3, 2, 5, 4, 6, 7) == []
    assert push(buffer, 8) == [(n, 0) for n in range(2, 9)]


def test_a_packet_in_its_turn_waits_for_nothing() -> None:
    buffer = started()
    assert push(buffer, 7, 8) == [(7, 0), (8, 0)]


def test_a_gap_is_waited_for_and_filled() -> None:
    buffer = started()
    assert push(buffer, 8, 9, 10) == []
    assert push(buffer, 7) == [(7, 0), (8, 0), (9, 0), (10, 0)]


def test_a_gap_is_given_up_when_120_ms_of_media_stand_behind_it() -> None:
    buffer = started()
    assert push(buffer, 9, 10, 11, 12, 13, 14) == []
    assert push(buffer, 15)[0] == (9, 2)
    assert push(buffer, 7, 8) == []  # too late
    assert buffer.discarded_count == 2


def test_a_gap_is_given_up_when_time_passes() -> None:
    buffer = started()
    buffer.push(9, arrival(9, 1000), 8000)
    assert buffer.expire(1000 + MAX_HOLD_MS - 1) == []
    assert numbers(buffer.expire(1000 + MAX_HOLD_MS)) == [(9, 2)]


def test_duplicates_are_dropped_held_or_given() -> None:
    buffer = started()
    assert push(buffer, 8, 8, 3) == []
    assert push(buffer, 7) == [(7, 0), (8, 0)]
    assert buffer.discarded_count == 2


def test_a_sender_without_a_clock_is_bounded_too() -> None:
    buffer = ReorderBuffer()
    given_out = 0
    for number in range(1, 1000, 2):
        still = Arrival(RtpPacket(0, False, number, 5, 1, b"x"), 0)
        given_out += len(buffer.push(number, still, 8000))
    assert given_out >= 500 - 32


@given(
    st.lists(st.integers(0, 5), min_size=60, max_size=60),
    st.sets(st.integers(0, 59), max_size=30),
    st.sets(st.integers(0, 59), max_size=20),
)
def test_any_order_within_the_window_comes_out_in_sequence(
    delays: list[int], doubled: set[int], lost: set[int]
) -> None:
    buffer = ReorderBuffer()
    kept = [n for n in range(60) if n not in lost]
    sent = sorted(kept, key=lambda n: (n + delays[n], n))
    order = [n for s in sent for n in ([s, s] if s in doubled else [s])]
    out = push(buffer, *order) + numbers(buffer.flush())
    assert [n for n, _ in out] == kept
    assert [lost_count for _, lost_count in out[1:]] == [
        b - a - 1 for a, b in itertools.pairwise(kept)
    ]
