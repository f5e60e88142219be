"""What a restart must know of a live call beside the kernel's state, folded from its events."""

from __future__ import annotations

import hashlib

import msgspec

from subtone.contracts.inbound import (
    CallStarted,
    ChatMessage,
    ConsentChanged,
    InboundEvent,
    Paused,
    Resumed,
    Track,
    TrackJoined,
    TranscriptSegment,
)
from subtone.contracts.vocabulary import Role

DIGEST_BYTES = 16


class Said(msgspec.Struct, frozen=True, array_like=True):
    """One text that is known already: when it was said, and what, as a digest."""

    t_ms: int
    digest: bytes

    @classmethod
    def of(cls, t_ms: int, role: Role, text: str) -> Said:
        """The record of these words."""
        digest = hashlib.sha256(f"{role.value}\n{text}".encode()).digest()
        return cls(t_ms, digest[:DIGEST_BYTES])


class CallLedger(msgspec.Struct):
    """Grows with each journalled event; small enough to go with every snapshot."""

    started: CallStarted | None = None
    tracks: dict[str, Track] = {}
    said: dict[str, Said] = {}  # by message or segment id
    event_count: int = 0
    last_seen_ms: int = 0
    is_paused: bool = False
    is_voice_allowed: bool = True

    @property
    def started_ms(self) -> int:
        """When the call began, on the receiver's clock."""
        return 0 if self.started is None else self.started.t_seen_ms

    def add(self, event: InboundEvent) -> None:
        """Note one event, in the journal's order."""
        self.event_count += 1
        self.last_seen_ms = max(self.last_seen_ms, event.t_seen_ms)
        match event:
            case CallStarted():
                self.started = event
                self.tracks = {track.track_id: track for track in event.tracks}
            case TrackJoined():
                self.tracks[event.track.track_id] = event.track
            case ChatMessage():
                self.said[event.message_id] = Said.of(event.t_event_ms, event.role, event.text)
            case TranscriptSegment():
                self.said[event.segment_id] = Said.of(event.t_event_ms, event.role, event.text)
            case Paused() | Resumed():
                self.is_paused = isinstance(event, Paused)
            case ConsentChanged():
                self.is_voice_allowed = event.is_voice_emotion_allowed
            case _:
                pass
