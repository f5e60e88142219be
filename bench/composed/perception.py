"""What the heads of a running server would have found in a composed call, and when.

The customer's track goes the live way (``Utterances``): cut where the caller pauses, encoded
once, judged against the caller's own first utterances. A finding arrives as long after its
utterance was complete as a busy machine takes for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.composed.events import TRACK_IDS
from bench.telephone import LINE_RATE_HZ
from subtone.contracts.inbound import AudioChunk, HeadResult, InboundEvent
from subtone.contracts.vocabulary import Role
from subtone.perception.heads.contrast import ContrastHead
from subtone.perception.heads.files import read_head
from subtone.perception.heads.shipped import shipped_path
from subtone.runtime.audio_memory import AudioMemorySystem
from subtone.runtime.live.utterances import Sound, Utterances

LATENCY_MS = 500
MAX_UTTERANCE_MS = 15_000
HEADS = ("whisper-base-arousal", "whisper-base-valence")


def ears(listener: Listener | None) -> str:
    """What a run heard with, in words."""
    return "acoustics alone" if listener is None else "acoustics, arousal and valence heads"


class Listener:
    """An encoder with the shipped contrast heads, for any number of calls."""

    def __init__(self, encoder: Path) -> None:
        self._system = AudioMemorySystem(encoder, encoder_options={"threads": 1})
        self._heads = [ContrastHead(read_head(shipped_path(name))) for name in HEADS]

    def heard(self, events: Iterable[InboundEvent]) -> Iterator[InboundEvent]:
        """One call's events with the findings among them, in the order they are had."""
        clock = _Clock()
        utterances: Utterances | None = None
        waiting: list[HeadResult] = []
        for event in events:
            while waiting and waiting[0].t_seen_ms <= event.t_seen_ms:
                yield waiting.pop(0)
            yield event
            if not isinstance(event, AudioChunk) or event.track_id != TRACK_IDS[Role.CUSTOMER]:
                continue
            clock.now_ms = event.t_seen_ms + LATENCY_MS
            utterances = utterances or self._utterances(event.call_id, clock)
            waiting += utterances.understand([Sound(event, LINE_RATE_HZ)]).heads

    def _utterances(self, call_id: str, clock: _Clock) -> Utterances:
        return Utterances(
            call_id,
            self._system,
            (),
            self._heads,
            None,
            max_utterance_ms=MAX_UTTERANCE_MS,
            now_ms=lambda: clock.now_ms,
        )


@dataclass
class _Clock:
    now_ms: int = 0
