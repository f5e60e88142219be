"""Feeds authored calls to the kernel and collects what it says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from subtone.contracts.calibration import Calibration
from subtone.contracts.inbound import (
    AudioChunk,
    CallEnded,
    CallStarted,
    InboundEvent,
    Track,
    TranscriptSegment,
)
from subtone.contracts.outputs import Decision, Outputs
from subtone.contracts.vocabulary import AudioEncoding, Role
from subtone.kernel import pipeline
from subtone.kernel.pipeline import CallState
from support_voice import RATE_HZ, Pcm

CALL: dict[str, Any] = {"call_id": "c", "t_seen_ms": 0}


@dataclass(frozen=True)
class Said:
    """All that the kernel handed out for one call."""

    outputs: tuple[Outputs, ...]
    state: CallState

    @property
    def decisions(self) -> tuple[Decision, ...]:
        return tuple(d for o in self.outputs for d in o.decisions)

    @property
    def codes(self) -> list[str]:
        return [n.code for o in self.outputs for n in o.notices]

    @property
    def path(self) -> list[str]:
        """The states in the order they were entered."""
        states = [d.snapshot.state.value for d in self.decisions]
        return [s for s, before in zip(states, ["", *states], strict=False) if s != before]

    def at(self, t_ms: int) -> Decision:
        return next(d for d in self.decisions if d.moment.t_event_ms == t_ms)

    def wire(self) -> bytes:
        """Everything but the grouping by feed, as bytes."""
        return msgspec.json.encode(
            [
                [type(item).__name__, item]
                for kind in ("turns", "segments", "decisions", "notices", "amended")
                for o in self.outputs
                for item in getattr(o, kind)
            ]
        )


def feed_all(events: Iterable[InboundEvent], calibration: Calibration | None = None) -> Said:
    state, outputs = pipeline.start(calibration), []
    for event in events:
        state, out = pipeline.feed(state, event)
        outputs.append(out)
    return Said(tuple(outputs), state)


def started(*roles: Role, **changes: Any) -> CallStarted:
    tracks = tuple(Track(track_id=r.value, role=r, sample_rate_hz=RATE_HZ) for r in roles)
    return CallStarted(**CALL, t_event_ms=0, tracks=tracks, **changes)


def segment(t_ms: int, end_ms: int, text: str, role: Role = Role.CUSTOMER) -> TranscriptSegment:
    return TranscriptSegment(
        **CALL, segment_id=f"s{t_ms}", role=role, t_event_ms=t_ms, t_end_ms=end_ms, text=text
    )


def chunk(role: Role, t_ms: int, samples: Pcm) -> AudioChunk:
    return AudioChunk(
        **CALL,
        track_id=role.value,
        t_event_ms=t_ms,
        encoding=AudioEncoding.PCM_S16LE,
        payload=samples.tobytes(),
    )


def ended(t_ms: int) -> CallEnded:
    return CallEnded(**CALL, t_event_ms=t_ms)


def call(
    audio: dict[Role, Pcm],
    texts: Sequence[TranscriptSegment] = (),
    *,
    chunk_ms: int = 500,
    **changes: Any,
) -> Iterator[InboundEvent]:
    """A whole two-way call; texts come when they end, before the audio that goes on."""
    yield started(*audio, **changes)
    waiting = sorted(texts, key=lambda t: t.t_end_ms)
    length = max(len(samples) for samples in audio.values())
    step = chunk_ms * RATE_HZ // 1000
    for at in range(0, length, step):
        end_ms = min(at + step, length) * 1000 // RATE_HZ
        while waiting and waiting[0].t_end_ms <= end_ms:
            yield waiting.pop(0)
        for role, samples in audio.items():
            padded = np.pad(samples, (0, length - len(samples)))[at : at + step]
            yield chunk(role, at * 1000 // RATE_HZ, padded)
    yield from waiting
    yield ended(length * 1000 // RATE_HZ)
