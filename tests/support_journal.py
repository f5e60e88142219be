"""Events and journals the journal's tests share."""

from __future__ import annotations

from subtone.contracts.inbound import (
    AudioChunk,
    CallEnded,
    CallStarted,
    ChatMessage,
    InboundEvent,
)
from subtone.contracts.vocabulary import AudioEncoding, Role


def event_at(call_id: str, number: int) -> InboundEvent:
    """The event every test expects at this place of a call, from 1; two of three are audio."""
    if number == 1:
        return CallStarted(call_id=call_id, t_event_ms=0, t_seen_ms=1_000, has_text=True)
    if number % 3:
        return AudioChunk(
            call_id=call_id,
            t_event_ms=20 * number,
            t_seen_ms=1_000 + number,
            track_id="customer",
            encoding=AudioEncoding.MULAW,
            payload=bytes([number % 251]) * (number % 7 * 100),
        )
    return ChatMessage(
        call_id=call_id,
        t_event_ms=20 * number,
        t_seen_ms=1_000 + number,
        message_id=f"m{number}",
        role=Role.CUSTOMER,
        text=f"没事 {number}",
    )


def events_of(call_id: str, first: int, last: int) -> list[InboundEvent]:
    return [event_at(call_id, number) for number in range(first, last + 1)]


def end_of(call_id: str, t_seen_ms: int = 9_000) -> CallEnded:
    return CallEnded(call_id=call_id, t_event_ms=9_000, t_seen_ms=t_seen_ms)
