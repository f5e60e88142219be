"""Audio memory: one encoding, many heads, one record, many ways to find it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from subtone.contracts.base import Contract, Count, Name, SeenMs, TimeMs, Unit01
from subtone.contracts.vocabulary import Role
from subtone.contracts.voice_intelligence import Word

Vector = Annotated[tuple[float, ...], Meta(min_length=1, max_length=16_384)]
LanguageCode = Annotated[
    str, Meta(min_length=2, max_length=16, description="language as Whisper names it: en, zh, ...")
]


class Encoding(Contract, frozen=True, kw_only=True):
    """One vector about one stretch of audio, one text or one image; every value finite."""

    encoder: Name  # checkpoint and digest
    space: Name  # which vectors are comparable
    layer: Count
    t_event_ms: TimeMs
    t_end_ms: TimeMs
    valid_frames: Count  # frames of real audio behind the pooling; 0 where there is no audio
    vector: Vector


class HeadSpec(Contract, frozen=True, kw_only=True):
    """What a head needs and gives."""

    name: Name
    space: Name
    layer: Count
    width: Count
    labels: tuple[Name, ...]
    is_calibrated: bool


class LabelProbability(Contract, frozen=True, kw_only=True):
    """One label of a finding and its share; the shares of one finding sum to 1."""

    label: Name
    probability: Unit01


class RecognisedSegment(Contract, frozen=True, kw_only=True):
    """One stretch of recognised speech; word times where the decoder gave them."""

    t_event_ms: TimeMs
    t_end_ms: TimeMs
    text: str
    words: tuple[Word, ...] = ()
    confidence: Unit01  # exp of the mean token log-probability


class Transcription(Contract, frozen=True, kw_only=True):
    """What was said; empty segments where nothing was or nothing could be trusted."""

    language: LanguageCode | None
    segments: tuple[RecognisedSegment, ...]
    model: Name
    refused: tuple[Name, ...] = ()  # guards that dropped a stretch: "repetition", "silence", ...


class LanguageFinding(Contract, frozen=True, kw_only=True):
    """Which language is spoken; ``language`` is None where the finding abstains."""

    language: LanguageCode | None
    confidence: Unit01
    probabilities: tuple[LabelProbability, ...]  # the likeliest first
    model: Name


class EmotionFinding(Contract, frozen=True, kw_only=True):
    """How it sounded; ``emotion`` is None where the finding abstains."""

    emotion: Name | None
    confidence: Unit01
    probabilities: tuple[LabelProbability, ...]  # in the head's label order
    reliability: Unit01  # falls with the distance from the training domain
    is_calibrated: bool
    model: Name


class SpeakerFinding(Contract, frozen=True, kw_only=True):
    """Whose voice it is: enrolled, an unknown cluster, or None where the finding abstains."""

    speaker_id: Name | None
    is_enrolled: bool
    similarity: Annotated[float, Meta(ge=-1.0, le=1.0, description="cosine")]
    model: Name


class OtherFinding(Contract, frozen=True, kw_only=True):
    """What a head of another package found."""

    task: Name
    result_json: str


class AudioMemory(Contract, frozen=True, kw_only=True):
    """What processing one recording gave: the encoding, and each requested result only."""

    source: Name
    duration_ms: TimeMs
    encodings: tuple[Encoding, ...]  # of the recording first, then of its windows
    transcription: Transcription | None = None
    language: LanguageFinding | None = None
    emotion: EmotionFinding | None = None
    speaker: SpeakerFinding | None = None
    others: tuple[OtherFinding, ...] = ()  # of heads that other packages registered
    record_ids: tuple[Name, ...] = ()  # what it is remembered as, where it was to be


class MemoryRecord(Contract, frozen=True, kw_only=True):
    """One remembered stretch of audio, text or image."""

    record_id: Name
    call_id: Name
    role: Role
    t_event_ms: TimeMs
    t_end_ms: TimeMs
    t_seen_ms: SeenMs
    transcript: str | None
    language: LanguageCode | None
    emotion: Name | None
    emotion_confidence: Unit01
    speaker_id: Name | None
    source: Name
    has_consent: bool
    encodings: tuple[Encoding, ...] = ()


class MemoryFilter(Contract, frozen=True, kw_only=True):
    """Which records a search may return; a field left out allows everything."""

    call_id: Name | None = None
    speaker_id: Name | None = None
    emotion: Name | None = None
    language: LanguageCode | None = None
    role: Role | None = None
    source: Name | None = None
    t_seen_from_ms: SeenMs | None = None
    t_seen_until_ms: SeenMs | None = None  # exclusive


class VectorQuery(Contract, frozen=True, kw_only=True):
    """A vector to search by; ``route`` says what it was made from and comes back in the hits."""

    space: Name
    vector: Vector
    route: Name = "audio"  # or "text_vector", "image"


class MemoryHit(Contract, frozen=True, kw_only=True):
    """One search result, with the route that found it."""

    record_id: Name
    route: Name  # "transcript", "audio", "text_vector", "image", "filter"; "hybrid": several
    # higher is better, comparable within one result only: cosine, BM25, 1 for a filter, or the
    # reciprocal rank sum where several routes were asked
    score: float
    rank: Count  # 0 is the best


class ErasureReceipt(Contract, frozen=True, kw_only=True):
    """What an erasure removed; holds counts and ids, never words or vectors."""

    receipt_id: Name
    t_seen_ms: SeenMs
    scope: MemoryFilter
    records: Count
    vectors: Count  # voiceprints among them
    record_ids_sha256: Name  # of the sorted ids, one per line
    is_scrubbed: bool = True  # False: a reader held the log open; the next erasure empties it


class Voiceprint(Contract, frozen=True, kw_only=True):
    """What one voice sounds like in one space: personal data, kept only where switched on."""

    speaker_id: Name
    space: Name
    is_enrolled: bool  # False: an unknown voice met before
    vectors: tuple[Vector, ...]


class SpaceStats(Contract, frozen=True, kw_only=True):
    """How many vectors one space holds."""

    space: Name
    width: Count
    vectors: Count


class MemoryStats(Contract, frozen=True, kw_only=True):
    """How much a memory holds."""

    records: Count
    spaces: tuple[SpaceStats, ...]
    voiceprints: Count  # vectors
    disk_bytes: Count
    index_bytes: Count  # in this process's memory, for what was searched so far
