"""Audio memory: one encoding, many heads, one record, many ways to find it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from subtone.contracts.base import Contract, Count, Name, SeenMs, TimeMs, Unit01
from subtone.contracts.vocabulary import Language, Role

Vector = Annotated[tuple[float, ...], Meta(min_length=1, max_length=16_384)]


class Encoding(Contract, frozen=True, kw_only=True):
    """Pooled encoder states of one stretch of audio; every value finite."""

    encoder: Name  # checkpoint and digest
    space: Name  # which vectors are comparable
    layer: Count
    t_event_ms: TimeMs
    t_end_ms: TimeMs
    valid_frames: Count  # frames of real audio behind the pooling
    vector: Vector


class HeadSpec(Contract, frozen=True, kw_only=True):
    """What a head needs and gives."""

    name: Name
    space: Name
    layer: Count
    width: Count
    labels: tuple[Name, ...]
    is_calibrated: bool


class MemoryRecord(Contract, frozen=True, kw_only=True):
    """One remembered stretch of audio."""

    record_id: Name
    call_id: Name
    role: Role
    t_event_ms: TimeMs
    t_end_ms: TimeMs
    t_seen_ms: SeenMs
    transcript: str | None
    language: Language
    emotion: Name | None
    emotion_confidence: Unit01
    speaker_id: Name | None
    source: Name
    has_consent: bool
    encodings: tuple[Encoding, ...] = ()


class MemoryHit(Contract, frozen=True, kw_only=True):
    """One search result, with the route that found it."""

    record_id: Name
    route: Name  # "text", "audio", "image", "filter"
    score: float
    rank: Count
