"""What enters the kernel: every event carries its media time and when we had it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from subtone.contracts.base import Contract, Name, SampleRateHz, SeenMs, TimeMs, Unit01
from subtone.contracts.vocabulary import AmdVerdict, AudioEncoding, Language, Role
from subtone.contracts.voice_intelligence import Word

MAX_PAYLOAD_BYTES = 4 * 1024 * 1024
MAX_TEXT_CHARS = 20_000


class Track(Contract, frozen=True, kw_only=True):
    """One audio track of a call."""

    track_id: Name
    role: Role
    sample_rate_hz: SampleRateHz


class Inbound(Contract, frozen=True, kw_only=True):
    """Base of all inbound events."""

    call_id: Name
    t_event_ms: TimeMs
    t_seen_ms: SeenMs


class CallStarted(Inbound, frozen=True, kw_only=True):
    """The call exists; nothing before this event is accepted."""

    tracks: tuple[Track, ...] = ()
    has_text: bool = False  # a text source is attached, even if silent so far
    is_agent_voice_scored: bool = False  # only for a stated lawful purpose
    is_amd_enabled: bool = False


class TrackJoined(Inbound, frozen=True, kw_only=True):
    """A track that the call did not have when it started; its audio begins now."""

    track: Track


class AudioChunk(Inbound, frozen=True, kw_only=True):
    """Consecutive samples of one track, single channel; t_event_ms is the first sample."""

    track_id: Name
    encoding: AudioEncoding
    payload: Annotated[bytes, Meta(max_length=MAX_PAYLOAD_BYTES)]
    is_concealed: bool = False  # made up by a decoder for lost packets: timing only


class ChatMessage(Inbound, frozen=True, kw_only=True):
    """One chat message."""

    message_id: Name
    role: Role
    text: Annotated[str, Meta(max_length=MAX_TEXT_CHARS)]
    language: Language | None = None


class TranscriptSegment(Inbound, frozen=True, kw_only=True):
    """One final stretch of recognised speech."""

    segment_id: Name
    role: Role
    t_end_ms: TimeMs
    text: Annotated[str, Meta(max_length=MAX_TEXT_CHARS)]
    words: tuple[Word, ...] = ()
    confidence: Unit01 = 1.0
    language: Language | None = None


class HeadValue(Contract, frozen=True, kw_only=True):
    """One output of a head: a class probability or a contrast logit."""

    label: Name
    value: float


class HeadResult(Inbound, frozen=True, kw_only=True):
    """A model's finding about one window of one track, computed beside the kernel."""

    track_id: Name
    head: Name  # "valence", "arousal", "emotion", ...
    t_start_ms: TimeMs
    values: tuple[HeadValue, ...]
    confidence: Unit01
    reliability: Unit01  # falls with the distance from the training domain
    model: Name


class Intervention(Inbound, frozen=True, kw_only=True):
    """A supervisor or agent stepped in."""

    kind: Name = "supervisor"


class AnswerDetected(Inbound, frozen=True, kw_only=True):
    """The platform that carries the call says who or what answered it."""

    verdict: AmdVerdict
    answered_by: Name  # in the platform's own word, e.g. "machine_end_beep"


class ConsentChanged(Inbound, frozen=True, kw_only=True):
    """The customer's standing on voice analysis changed; without consent: text and timing."""

    is_voice_emotion_allowed: bool


class Paused(Inbound, frozen=True, kw_only=True):
    """Recording and analysis must stop now (cards, privacy)."""


class Resumed(Inbound, frozen=True, kw_only=True):
    """Analysis may go on; the gap stays a gap."""


class Tick(Inbound, frozen=True, kw_only=True):
    """Nothing happened, and time passed."""


class CallEnded(Inbound, frozen=True, kw_only=True):
    """The call is over; every open moment closes."""

    reason: Name = "hangup"


InboundEvent = (
    CallStarted
    | TrackJoined
    | AudioChunk
    | ChatMessage
    | TranscriptSegment
    | HeadResult
    | Intervention
    | AnswerDetected
    | ConsentChanged
    | Paused
    | Resumed
    | Tick
    | CallEnded
)
