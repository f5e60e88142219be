"""What every task of audio memory is: a name, what it needs, and a call on the encoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

from subtone.perception.encoding import EncodedAudio

Finding = TypeVar("Finding", covariant=True)


@dataclass(frozen=True)
class Needs:
    """What a task reads: hidden layers by index, and whether it runs the decoder."""

    layers: tuple[int, ...] = ()
    decoder: bool = False


class Task(Protocol[Finding]):
    """Reads one answer from a shared encoding; never encodes."""

    @property
    def name(self) -> str:
        """What it is asked for by."""
        ...

    @property
    def needs(self) -> Needs:
        """What it reads of the encoding."""
        ...

    def __call__(self, encoded: EncodedAudio) -> Finding:
        """The finding about one recording."""
        ...
