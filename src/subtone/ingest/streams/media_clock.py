"""Where a chunk lies on its stream's clock, and in which order chunks are taken.

Timestamps of media sockets are taken from a wall clock: they jitter by milliseconds around
the sample clock and are wrong now and then. Samples never jitter. So samples carry the clock
and a timestamp moves it only forward, where it says that audio is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

SKEW_TOLERANCE_MS = 40  # nearer than this a timestamp and the sample clock mean the same
MAX_JUMP_MS = 1_800_000  # a timestamp this far off is an error of the peer, not a gap
MAX_CHUNK_JUMP = 100_000  # 2000 s of 20 ms chunks: the counter's version of the same
MAX_CALL_MS = 7 * 24 * 3_600_000  # a first timestamp beyond this is the time of day


class JumpError(ValueError):
    """A chunk's place is absurd; the chunk must be refused, the stream may go on."""


class Placement(NamedTuple):
    """Where a chunk begins and how much audio is missing just before it, in ms."""

    t_stream_ms: int
    gap_ms: int


@dataclass(slots=True)
class TrackClock:
    """The sample clock of one track, which timestamps may move forward.

    origin_ms is None until the first chunk. sample_count counts since origin_ms.
    """

    origin_ms: int | None = None
    sample_count: int = 0
    sample_rate_hz: int = 8_000

    @property
    def through_ms(self) -> int:
        """Media time up to which this track was heard."""
        return (self.origin_ms or 0) + self.sample_count * 1000 // self.sample_rate_hz

    def place(
        self, timestamp_ms: int | None, missing_count: int, sample_count: int, stream_ms: int
    ) -> Placement:
        """Put the next ``sample_count`` samples on the clock.

        Args:
            timestamp_ms: what the peer says, on the stream's clock; None where it says nothing.
            missing_count: chunks the peer's own counter skipped just before this one.
            sample_count: samples in this chunk, at least 1.
            stream_ms: how far any track of the stream was heard, where a first chunk belongs;
                no other chunk needs it.

        Raises:
            JumpError: the timestamp is MAX_JUMP_MS or more away; the clock has not moved.

        """
        is_first = self.origin_ms is None
        expected_ms = stream_ms if is_first else self.through_ms
        chunk_ms = sample_count * 1000 // self.sample_rate_hz
        if timestamp_ms is None:  # lost chunks were like this one
            timestamp_ms = expected_ms + missing_count * chunk_ms * (not is_first)
        gap_ms = timestamp_ms - expected_ms
        if abs(gap_ms) >= MAX_JUMP_MS:
            raise JumpError
        # A counter shared by both tracks skips without any time being lost.
        is_gap = gap_ms > SKEW_TOLERANCE_MS or (missing_count > 0 and 0 < chunk_ms <= 2 * gap_ms)
        if is_first or is_gap:
            timestamp_ms = max(0, timestamp_ms)
            self.origin_ms, self.sample_count = timestamp_ms, sample_count
            # What came before the first chunk is not a gap: the track begins there.
            return Placement(timestamp_ms, 0 if is_first else gap_ms)
        self.sample_count += sample_count
        return Placement(expected_ms, 0)


class Chunk(NamedTuple):
    """One media message, with its counter and the timestamp as the peer gave it."""

    number: int | None
    timestamp_ms: int | None
    payload: bytes


class Ordered(NamedTuple):
    """A chunk whose turn it is, and how many the counter skipped just before it."""

    chunk: Chunk
    missing_count: int


@dataclass(slots=True)
class ChunkOrder:
    """Chunks of one track in the order of their counter, each once.

    depth: how many later chunks wait for a missing one before it is given up; 0 where the
    peer sends in order, so that nothing ever waits.
    """

    depth: int
    last: int | None = None
    held: dict[int, Chunk] = field(default_factory=dict)

    def push(self, chunk: Chunk) -> list[Ordered] | None:
        """Take one chunk; None where it was had before or comes too late.

        Raises:
            JumpError: the counter jumped by MAX_CHUNK_JUMP or more; nothing was taken.

        """
        number = chunk.number
        if number is None:
            return [Ordered(chunk, 0)]
        if self.last is None and self.depth:
            self.last = min(number, 1) - 1  # they count from 0 or 1; their first may come second
        if self.last is not None and (number <= self.last or number in self.held):
            return None
        if self.last is not None and number - self.last >= MAX_CHUNK_JUMP:
            raise JumpError
        if not self.held and (self.last is None or number == self.last + 1):
            self.last = number  # in order, as nearly all are
            return [Ordered(chunk, 0)]
        self.held[number] = chunk
        return self._release(self.depth)

    def flush(self) -> list[Ordered]:
        """Give up all missing chunks: the stream is over."""
        return self._release(0)

    def _release(self, depth: int) -> list[Ordered]:
        released: list[Ordered] = []
        while self.held:
            number = min(self.held)
            missing_count = 0 if self.last is None else number - self.last - 1
            if missing_count and len(self.held) <= depth:
                break
            released.append(Ordered(self.held.pop(number), missing_count))
            self.last = number
        return released
