"""Puts packets back into sequence, waiting a bounded time for what is missing."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from subtone.ingest.rtp.source import Arrival

MAX_HOLD_MS = 120
_MAX_HELD = 32  # whatever their timestamps say
_CYCLE = 1 << 32  # of timestamps


@dataclass(frozen=True, slots=True)
class Ordered:
    """A packet in its turn; ``lost_count`` packets before it never came."""

    arrival: Arrival
    lost_count: int


class ReorderBuffer:
    """One source's packets by extended sequence number (no playout: placing is by timestamp).

    A gap is waited for until ``MAX_HOLD_MS`` of media or of time stand behind it. The start
    is a gap too, since the first packet to arrive need not be the first that was sent.
    """

    def __init__(self) -> None:
        self.discarded_count = 0  # duplicates, and those that came after they were given up
        self._next: int | None = None
        self._held: list[tuple[int, Arrival]] = []  # heap by extended sequence number
        self._hold_ticks = 0
        self._numbers: set[int] = set()

    def push(self, extended: int, arrival: Arrival, clock_rate_hz: int) -> list[Ordered]:
        """Take one packet; give those whose turn has come."""
        if extended in self._numbers or (self._next is not None and extended < self._next):
            self.discarded_count += 1
            return []
        self._hold_ticks = MAX_HOLD_MS * clock_rate_hz // 1000
        heapq.heappush(self._held, (extended, arrival))
        self._numbers.add(extended)
        return self.expire(arrival.t_seen_ms)

    def expire(self, t_seen_ms: int) -> list[Ordered]:
        """Give up what has been waited for long enough."""
        ordered: list[Ordered] = []
        while self._held and (self._held[0][0] == self._next or self._is_overdue(t_seen_ms)):
            ordered.append(self._pop())
        return ordered

    def flush(self) -> list[Ordered]:
        """Give everything; what comes next starts anew."""
        ordered = [self._pop() for _ in range(len(self._held))]
        self._next = None
        return ordered

    def _pop(self) -> Ordered:
        extended, arrival = heapq.heappop(self._held)
        self._numbers.discard(extended)
        lost_count = 0 if self._next is None else extended - self._next
        self._next = extended + 1
        return Ordered(arrival, lost_count)

    def _is_overdue(self, t_seen_ms: int) -> bool:
        if len(self._held) >= _MAX_HELD:
            return True
        first = self._held[0][1].packet.timestamp
        return any(
            t_seen_ms - arrival.t_seen_ms >= MAX_HOLD_MS
            or self._hold_ticks <= (arrival.packet.timestamp - first) % _CYCLE < _CYCLE // 2
            for _, arrival in self._held
        )
