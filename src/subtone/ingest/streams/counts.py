"""What a codec refused without ending the stream: counted always, told once per kind."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from subtone.ingest.wire import SignalKind, StreamSignal, WireError

MAX_EARLY_MESSAGES = 1_000  # 10 s of two tracks before the peer says what they are


class Refusal(StrEnum):
    """Why a message was put aside."""

    BEFORE_START = "before_start"
    AFTER_STOP = "after_stop"
    SECOND_START = "second_start"
    FOREIGN_STREAM = "foreign_stream"
    FOREIGN_TRACK = "foreign_track"
    DUPLICATE_CHUNK = "duplicate_chunk"
    TIMESTAMP_JUMP = "timestamp_jump"
    UNDECODABLE = "undecodable_payload"
    UNKNOWN_DIGIT = "unknown_digit"
    UNKNOWN_EVENT = "unknown_event"


@dataclass(slots=True)
class Refusals:
    """Counts by kind, for metrics."""

    counts: Counter[Refusal] = field(default_factory=Counter)

    def add(self, refusal: Refusal, t_stream_ms: int) -> tuple[StreamSignal, ...]:
        """Count one; the first of its kind is also an event, so that the call's record has it.

        Raises:
            WireError: the peer keeps sending without ever having started a stream.

        """
        self.counts[refusal] += 1
        if self.counts[Refusal.BEFORE_START] > MAX_EARLY_MESSAGES:
            raise WireError("the peer sent media without saying what it is; send start first")
        if self.counts[refusal] > 1:
            return ()
        return (
            StreamSignal(kind=SignalKind.PEER_ERROR, t_stream_ms=t_stream_ms, detail=refusal.value),
        )
