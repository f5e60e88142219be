"""What the kernel and the middle floors ask of the outside: protocols, no implementations."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from subtone.contracts.inbound import InboundEvent
from subtone.contracts.memory import (
    Encoding,
    ErasureReceipt,
    HeadSpec,
    MemoryFilter,
    MemoryHit,
    MemoryRecord,
    MemoryStats,
    VectorQuery,
    Voiceprint,
)
from subtone.contracts.outputs import Outputs
from subtone.contracts.session_state import PolicyRecommendation, StateTransition

EVERYTHING = MemoryFilter()
Encoded = TypeVar("Encoded", covariant=True)


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


class AudioEncoder(Protocol[Encoded]):
    """Turns samples into what tasks and heads read, one pass for all layers."""

    @property
    def space(self) -> str:
        """Stem of the spaces of its vectors: which may be compared."""
        ...

    def encode(self, samples: Any, sample_rate_hz: int, t_start_ms: int = 0) -> Encoded:
        """Encode one mono recording, an array [n] of float32 in [-1, 1]."""
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
    """Keeps records and finds them again; what is replaced or erased is gone from every search."""

    def add(self, records: Iterable[MemoryRecord]) -> int:
        """Store all of the records durably, or none; the same record id replaces."""
        ...

    def get(self, record_ids: Iterable[str]) -> Sequence[MemoryRecord]:
        """The records that are there, in the order asked for, vectors as float32 values."""
        ...

    def has(self, record_id: str) -> bool:
        """Whether the record is there."""
        ...

    def known_sources(self, sources: Iterable[str]) -> frozenset[str]:
        """Which of the sources have records: whoever adds a source in one batch can resume."""
        ...

    def search(
        self,
        *,
        text: str | None = None,
        vectors: Sequence[VectorQuery] = (),
        where: MemoryFilter = EVERYTHING,
        limit: int = 10,
    ) -> Sequence[MemoryHit]:
        """Best records first: by words, by vectors, by several fused, or by the filter alone."""
        ...

    def count(self, where: MemoryFilter = EVERYTHING) -> int:
        """How many records the filter allows."""
        ...

    def erase(
        self, where: MemoryFilter, *, everything: bool = False, held_calls: Collection[str] = ()
    ) -> ErasureReceipt:
        """Remove what the filter allows, from the disk too; records of held calls stay."""
        ...

    def stats(self) -> MemoryStats:
        """How much is stored."""
        ...


class VoiceprintStore(Protocol):
    """Keeps what voices sound like; only where an operator switched it on."""

    def enrol(
        self,
        speaker_id: str,
        vectors: Sequence[Sequence[float]],
        space: str,
        *,
        is_enrolled: bool = True,
    ) -> None:
        """Store one voice durably; the same speaker and space replaces."""
        ...

    def voiceprints(self, space: str) -> Sequence[Voiceprint]:
        """Every voice of one space."""
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
