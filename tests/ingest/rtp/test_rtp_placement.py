"""Placing by timestamp, and what two clocks tell about each other."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.ingest.rtp.clock import StreamClock
from subtone.ingest.rtp.placement import Placed, Placement


class Sender:
    """20 ms packets of an 8 kHz clock, each arriving at its time."""

    def __init__(self, timestamp: int = 1000) -> None:
        self.placement = Placement()
        self.timestamp = timestamp
        self.t_seen_ms = 0

    def send(
        self, *, skip_ticks: int = 0, wait_ms: int = 0, ticks: int = 160, lost_count: int = 0
    ) -> Placed:
        self.timestamp = (self.timestamp + skip_ticks) % 2**32
        self.t_seen_ms += wait_ms
        placed = self.placement.place(
            self.timestamp, ticks, 8000, lost_count=lost_count, t_seen_ms=self.t_seen_ms
        )
        self.timestamp = (self.timestamp + ticks) % 2**32
        self.t_seen_ms += ticks // 8
        return placed


def test_continuous_audio_is_continuous_over_the_wrap_of_the_timestamp() -> None:
    sender = Sender(2**32 - 400)
    placed = [sender.send() for _ in range(10)]
    assert [p.t_stream_ms for p in placed] == [20 * n for n in range(10)]
    assert not any(p.gap_ticks or p.is_lost or p.is_jump for p in placed)


def test_a_pause_of_the_sender_is_not_a_loss() -> None:
    sender = Sender()
    sender.send()
    assert sender.send(skip_ticks=1200, wait_ms=150) == Placed(170, 20, 1200)


def test_missing_packets_are_a_loss() -> None:
    sender = Sender()
    sender.send()
    placed = sender.send(skip_ticks=320, wait_ms=40, lost_count=2)
    assert placed == Placed(60, 20, 320, is_lost=True)


def test_missing_packets_that_held_no_audio_are_no_gap() -> None:
    sender = Sender()
    sender.send()
    assert sender.send(lost_count=3).gap_ticks == 0


@pytest.mark.parametrize("ticks", [-655, -160_000, 8 * 3_600_000, 2**31])
def test_a_jump_of_the_timestamp_moves_nothing(ticks: int) -> None:
    sender = Sender()
    sender.send()
    assert sender.send(skip_ticks=ticks) == Placed(20, 20, 0, is_lost=True, is_jump=True)
    assert sender.send() == Placed(40, 40, 0)


def test_after_a_jump_the_receivers_clock_says_how_long_it_was_still() -> None:
    sender = Sender()
    sender.send()
    placed = sender.send(skip_ticks=-5000, wait_ms=3000)
    assert placed == Placed(3040, 20, 3020 * 8, is_lost=True, is_jump=True)


def test_gaps_cannot_outrun_the_receivers_clock() -> None:
    sender = Sender()
    for _ in range(50):  # an hour of claimed silence in a second
        sender.send(skip_ticks=8 * 1500)
    assert sender.placement.end_ms <= 2 * 1000 + 2000


def test_another_clock_rate_goes_on_where_the_old_one_stopped() -> None:
    sender = Sender()
    sender.send()
    placed = sender.placement.place(5, 960, 48_000, lost_count=0, t_seen_ms=20)
    assert (placed.t_stream_ms, placed.is_jump, sender.placement.end_ms) == (20, True, 40)


def test_timestamps_are_told_in_stream_time() -> None:
    sender = Sender(2**32 - 80)
    assert sender.placement.timestamp_ms(5) is None
    sender.send()
    assert sender.placement.timestamp_ms(sender.timestamp + 800) == 120
    assert sender.placement.timestamp_ms(2**32 - 80) == 0


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2**32 - 1),
            st.integers(0, 2000),
            st.sampled_from([8000, 16_000, 48_000]),
            st.integers(0, 3),
            st.integers(-50, 500),
        ),
        max_size=40,
    )
)
def test_time_never_runs_backwards(
    packets: list[tuple[int, int, int, int, int]],
) -> None:
    placement, end_ms, t_seen_ms = Placement(), 0, 0
    for timestamp, ticks, rate, lost, wait_ms in packets:
        t_seen_ms += wait_ms
        placed = placement.place(timestamp, ticks, rate, lost_count=lost, t_seen_ms=t_seen_ms)
        assert end_ms == placed.gap_start_ms <= placed.t_stream_ms <= placement.end_ms
        end_ms = placement.end_ms


@pytest.mark.parametrize("ppm", [-100, 0, 100])
def test_skew_is_found_under_jitter(ppm: int) -> None:
    clock, jitter = StreamClock(), random.Random(1)
    for t_ms in range(0, 600_000, 20):
        clock.observe(t_ms, 5000 + int(t_ms * (1 + ppm / 1e6) + jitter.expovariate(1 / 15)))
    assert clock.skew_ppm == pytest.approx(ppm, abs=8)
    assert clock.offset_ms == pytest.approx(5000 + 590 * ppm / 1000, abs=3)


def test_skew_is_unknown_until_a_minute_was_heard() -> None:
    clock = StreamClock()
    for t_ms in range(0, 59_000, 20):
        clock.observe(t_ms, t_ms)
    assert clock.skew_ppm is None
    assert clock.offset_ms == 0


def test_sender_reports_are_believed_before_arrivals() -> None:
    clock = StreamClock()
    for t_ms in range(0, 100_000, 5000):
        clock.observe(t_ms, t_ms)
        clock.observe_report(t_ms, 3.9e12 + t_ms * 1.00005)
    assert clock.skew_ppm == pytest.approx(50, abs=0.5)
    assert clock.ntp_zero_ms == pytest.approx(3.9e12 + 95_000 * 5e-5, abs=0.01)


def test_an_impossible_skew_is_not_told() -> None:
    clock = StreamClock()
    for t_ms in range(0, 100_000, 5000):
        clock.observe(t_ms, t_ms * 2)
    assert clock.skew_ppm is None


def test_a_clock_that_began_anew_is_measured_anew() -> None:
    clock = StreamClock()
    clock.observe(0, 10)
    clock.observe_report(0, 7.0)
    clock.restart()
    assert (clock.offset_ms, clock.ntp_zero_ms, clock.skew_ppm) == (None, None, None)


@pytest.mark.parametrize("ppm", [-200, -50, 0, 50, 200])
def test_two_legs_stay_side_by_side_on_the_receivers_clock(ppm: int) -> None:
    clock, jitter, last_ms = StreamClock(), random.Random(2), 0
    for t_ms in range(0, 1_800_000, 20):
        arrives_ms = int(t_ms * (1 + ppm / 1e6) + jitter.expovariate(1 / 15))
        clock.observe(t_ms, 5000 + arrives_ms)
        corrected_ms = clock.corrected_ms(t_ms)
        assert corrected_ms >= last_ms
        last_ms = corrected_ms
    assert corrected_ms == pytest.approx(t_ms * (1 + ppm / 1e6), abs=40)


def test_a_queue_that_fills_does_not_move_time() -> None:
    clock = StreamClock()
    for t_ms in range(0, 120_000, 20):
        clock.observe(t_ms, int(t_ms * 1.0008))
        assert clock.corrected_ms(t_ms) == t_ms
