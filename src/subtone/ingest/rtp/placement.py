"""Where audio belongs on the stream's clock: by RTP timestamp, never by arrival.

A timestamp ahead of the audio so far is a pause of the sender when no packet is missing
(comfort noise, DTX, digits) and a loss when one is. It is believed only as far as the
receiver's clock allows; beyond that, and backwards, the sender changed its clock. The
marker bit is set too carelessly in practice to decide anything.
"""

from __future__ import annotations

from dataclasses import dataclass

_CYCLE = 1 << 32
_MAX_LEAD_MS = 2000  # how far gaps may run ahead of the receiver's clock, altogether
_MAX_JITTER_MS = 250  # without a usable timestamp, arrivals closer than this were consecutive


@dataclass(frozen=True, slots=True)
class Placed:
    """Where one packet's audio begins, and the gap before it."""

    t_stream_ms: int
    gap_start_ms: int
    gap_ticks: int  # in the packet's clock rate; 0 where audio is continuous
    is_lost: bool = False  # what filled the gap never arrived, or is unknown
    is_jump: bool = False  # the sender's timestamps began anew


class Placement:
    """The clock of one stream: 0 is the first sample placed; gaps never exceed elapsed time."""

    def __init__(self) -> None:
        self._anchor_ms = 0
        self._ticks = 0  # since the anchor
        self._rate_hz = 8000
        self._expected: int | None = None  # timestamp that would be continuous
        self._t_seen_ms: int | None = None
        self._lead_ms = float(_MAX_LEAD_MS)  # what gaps may still take

    @property
    def end_ms(self) -> int:
        """Media time of the end of all audio so far."""
        return self._anchor_ms + self._ticks * 1000 // self._rate_hz

    def rebase(self) -> None:
        """Another source follows: its timestamps have nothing to do with the earlier ones."""
        self._expected = None

    def timestamp_ms(self, timestamp: int) -> int | None:
        """Stream time of a timestamp near the current one; None before any and after a rebase."""
        if self._expected is None:
            return None
        return self.end_ms + _signed(timestamp - self._expected) * 1000 // self._rate_hz

    def place(
        self,
        timestamp: int,
        duration_ticks: int,
        clock_rate_hz: int,
        *,
        lost_count: int,
        t_seen_ms: int,
    ) -> Placed:
        """Place ``duration_ticks`` of audio whose packet came in its turn.

        Args:
            timestamp: of the first sample, 32 bit.
            duration_ticks: length in units of the clock rate; 0 for comfort noise.
            clock_rate_hz: of the payload type.
            lost_count: sequence numbers missing right before.
            t_seen_ms: when it arrived; earlier than the last one's where reordered.

        """
        if clock_rate_hz != self._rate_hz:
            self._move_anchor(clock_rate_hz)
        last_seen_ms = t_seen_ms if self._t_seen_ms is None else self._t_seen_ms
        elapsed_ms = max(0, t_seen_ms - last_seen_ms)
        is_first, self._t_seen_ms = self._t_seen_ms is None, last_seen_ms + elapsed_ms
        allowed_ms = self._lead_ms + elapsed_ms
        gap = 0 if self._expected is None else _signed(timestamp - self._expected)
        is_jump = not is_first and (
            self._expected is None or not 0 <= gap * 1000 <= allowed_ms * clock_rate_hz
        )
        if is_jump:
            gap_ms = elapsed_ms if elapsed_ms > _MAX_JITTER_MS else 0
            gap = gap_ms * clock_rate_hz // 1000
        gap_start_ms = self.end_ms
        self._ticks += gap
        placed = Placed(self.end_ms, gap_start_ms, gap, is_jump or lost_count > 0, is_jump)
        self._ticks += duration_ticks
        self._expected = (timestamp + duration_ticks) % _CYCLE
        self._lead_ms = min(max(allowed_ms - gap * 1000 / clock_rate_hz, 0.0), _MAX_LEAD_MS)
        return placed

    def _move_anchor(self, clock_rate_hz: int) -> None:
        self._anchor_ms, self._ticks = self.end_ms, 0
        self._rate_hz = clock_rate_hz
        self._expected = None


def _signed(difference: int) -> int:
    """The shortest way around the 32-bit circle."""
    return (difference + _CYCLE // 2) % _CYCLE - _CYCLE // 2
