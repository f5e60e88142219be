"""What the heads of a running server would have found in a composed call, and when.

The customer's track goes the live way (``Utterances``): cut where the caller pauses, encoded
once, judged against the caller's own first utterances. A finding arrives as long after its
utterance was complete as a busy machine takes for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from subtone.contracts.inbound import HeadResult, InboundEvent
from subtone.runtime.audio_memory import AudioMemorySystem
from subtone.runtime.listening import listener
from subtone.runtime.listening.contrasts import contrast_heads

LATENCY_MS = 500
MAX_UTTERANCE_MS = 15_000


def ears(listener: Listener | None) -> str:
    """What a run heard with, in words."""
    return "acoustics alone" if listener is None else "acoustics, arousal and valence heads"


class Listener:
    """An encoder with the shipped contrast heads, for any number of calls."""

    def __init__(self, encoder: Path) -> None:
        system = AudioMemorySystem(encoder, encoder_options={"threads": 1})
        self._ears = listener.Listener(system, contrast_heads(system), MAX_UTTERANCE_MS)

    def heard(self, events: Iterable[InboundEvent]) -> Iterator[InboundEvent]:
        """One call's events with the findings among them, in the order they are had."""
        waiting: list[HeadResult] = []
        for event, found in self._ears.listen(events):
            while waiting and waiting[0].t_seen_ms <= event.t_seen_ms:
                yield waiting.pop(0)
            yield event
            waiting += [
                msgspec.structs.replace(result, t_seen_ms=result.t_seen_ms + LATENCY_MS)
                for result in found
            ]
