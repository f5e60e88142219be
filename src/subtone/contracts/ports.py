"""What the kernel and the middle floors ask of the outside: protocols, no implementations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from subtone.contracts.inbound import InboundEvent
from subtone.contracts.memory import Encoding, HeadSpec, MemoryHit, MemoryRecord
from subtone.contracts.outputs import Outputs
from subtone.contracts.session_state import PolicyRecommendation, StateTransition


class Clock(Protocol):
    """Wall time, outside the kernel only."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch."""
        ...


class Journal(Protocol):
    """Durable, ordered record of every inbound event of every call."""

    def append(self, events: Sequence[InboundEvent]) -> int:
        """Make the events durable; return the sequence number of the last one."""
        ...

    def replay(self, call_id: str) -> Iterator[InboundEvent]:
        """All events of one call, in the order they were appended."""
        ...


class AudioEncoder(Protocol):
    """Turns samples into encodings, one pass for all layers."""

    def encode(self, samples: Sequence[float], sample_rate_hz: int) -> Sequence[Encoding]:
        """One encoding per layer; samples are mono in [-1, 1]."""
        ...


class Head(Protocol):
    """Reads one task's answer from an encoding."""

    @property
    def spec(self) -> HeadSpec:
        """What this head needs and gives."""
        ...

    def score(self, encoding: Encoding) -> Sequence[float]:
        """One value per label of the spec."""
        ...


class MemoryStore(Protocol):
    """Keeps records and finds them again."""

    def add(self, records: Iterable[MemoryRecord]) -> None:
        """Store the records durably; the same record id replaces."""
        ...

    def search(self, query: Encoding, limit: int) -> Sequence[MemoryHit]:
        """Nearest records in the query's space, best first."""
        ...


class AlertSink(Protocol):
    """Delivers one alert to a person or a system."""

    def deliver(self, transition: StateTransition, advice: PolicyRecommendation) -> None:
        """Deliver once; raise when it certainly failed."""
        ...


class OutputSink(Protocol):
    """A surface that reads what the kernel said."""

    def accept(self, outputs: Outputs) -> None:
        """Take one batch of outputs, in order."""
        ...
