"""One recording as the inbound events a live session would have seen."""

from __future__ import annotations

from collections.abc import Iterator

from bench.composed.recording import Recording
from bench.telephone import LINE_RATE_HZ
from subtone.contracts.inbound import (
    AudioChunk,
    CallEnded,
    CallStarted,
    InboundEvent,
    Intervention,
    Track,
    TranscriptSegment,
)
from subtone.contracts.vocabulary import AudioEncoding, Role

CHUNK_MS = 200
TRANSCRIPT_DELAY_MS = 800  # how long after its last word a recogniser hands out a final segment

TRACK_IDS = {Role.CUSTOMER: "customer", Role.AGENT: "agent"}


def inbound(
    call: Recording, chunk_ms: int = CHUNK_MS, *, is_amd_enabled: bool = False
) -> Iterator[InboundEvent]:
    """Events in the order they were had: audio as it passes, each text after its last word."""
    yield CallStarted(
        call_id=call.call_id,
        t_event_ms=0,
        t_seen_ms=0,
        tracks=tuple(
            Track(track_id=name, role=role, sample_rate_hz=LINE_RATE_HZ)
            for role, name in TRACK_IDS.items()
        ),
        has_text=True,
        is_amd_enabled=is_amd_enabled,
    )
    events: list[InboundEvent] = [*_texts(call), *_interventions(call), *_audio(call, chunk_ms)]
    events.sort(key=lambda event: event.t_seen_ms)
    yield from events
    yield CallEnded(
        call_id=call.call_id,
        t_event_ms=call.duration_ms,
        t_seen_ms=max(call.duration_ms, events[-1].t_seen_ms),
    )


def _audio(call: Recording, chunk_ms: int) -> Iterator[AudioChunk]:
    payloads = {Role.CUSTOMER: call.customer, Role.AGENT: call.agent}
    per_ms = LINE_RATE_HZ // 1000
    for start_ms in range(0, call.duration_ms, chunk_ms):
        end_ms = min(start_ms + chunk_ms, call.duration_ms)
        for role, name in TRACK_IDS.items():
            yield AudioChunk(
                call_id=call.call_id,
                t_event_ms=start_ms,
                t_seen_ms=end_ms,
                track_id=name,
                encoding=AudioEncoding.MULAW,
                payload=payloads[role][start_ms * per_ms : end_ms * per_ms],
            )


def _texts(call: Recording) -> Iterator[TranscriptSegment]:
    for index, turn in enumerate(call.turns):
        yield TranscriptSegment(
            call_id=call.call_id,
            segment_id=f"turn-{index}",
            role=turn.role,
            t_event_ms=turn.t_ms,
            t_end_ms=turn.end_ms,
            t_seen_ms=turn.end_ms + TRANSCRIPT_DELAY_MS,
            text=turn.text,
        )


def _interventions(call: Recording) -> Iterator[Intervention]:
    for t_ms in call.interventions_ms:
        yield Intervention(call_id=call.call_id, t_event_ms=t_ms, t_seen_ms=t_ms)
