"""What every task of audio memory is: a name, what it needs, and a call on the encoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

from subtone.perception.encoding import EncodedAudio

Finding = TypeVar("Finding", covariant=True)


@dataclass(frozen=True)
class Needs:
    """What a task reads, and what must be there before it can be asked.

    layers: hidden layers by index, () for none or where its file says which; decoder: runs
    the decoder; samples: reads the waveform; speaker_baseline: is called with the caller's
    ``SpeakerCentre`` too; voiceprints: only where an operator allowed them.
    """

    layers: tuple[int, ...] = ()
    decoder: bool = False
    samples: bool = False
    speaker_baseline: bool = False
    voiceprints: bool = False


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
