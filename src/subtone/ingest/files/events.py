"""A recorded call as the inbound events a live one would have sent.

All of a file was there when it was opened, so ``t_seen_ms`` is 0 on every event: reading
it in other pieces can change no byte of what is decided from it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from subtone.contracts.calibration import AlignmentCalibration
from subtone.contracts.inbound import (
    MAX_PAYLOAD_BYTES,
    AudioChunk,
    CallEnded,
    CallStarted,
    ChatMessage,
    ConsentChanged,
    HeadResult,
    InboundEvent,
    Intervention,
    Paused,
    Resumed,
    Track,
    TranscriptSegment,
)
from subtone.contracts.vocabulary import AudioEncoding, Language, Role
from subtone.contracts.voice_intelligence import TextTurn
from subtone.ingest.errors import IngestError
from subtone.ingest.files.audio import probe_audio, read_blocks
from subtone.ingest.files.formats.turns import (
    MarkKind,
    Transcript,
    TranscriptMark,
    TranscriptTurn,
)
from subtone.ingest.files.samples import WIDE_HZ, FloatBlock, analysis_rate_hz, pcm_s16le
from subtone.kernel.signal_correlation.alignment import spread_turn

MAX_CHUNK_MS = MAX_PAYLOAD_BYTES * 1000 // (2 * WIDE_HZ)

_TextEvent = ChatMessage | TranscriptSegment
_Timed = tuple[int, InboundEvent]  # when it was complete, media time


def call_events(
    audio_path: Path | str | None,
    roles: Sequence[Role] | None,
    transcript: Transcript,
    *,
    call_id: str,
    chunk_ms: int = 1000,
    is_agent_voice_scored: bool = False,
    is_amd_enabled: bool = False,
    findings: Sequence[HeadResult] = (),
) -> Iterator[InboundEvent]:
    """All events of one recorded call, in the order a live call would have brought them.

    A text or a finding ending at T comes after every sample before T and before every sample
    from T on, of all tracks: chunks are cut there, so ``chunk_ms`` changes no order, and no
    moment closes without what ended before it. Deterministic.

    Args:
        audio_path: recording with one channel per speaker, or None for a chat.
        roles: one per channel, in channel order; None leaves all unknown (timing only).
        transcript: turns and marks of the same call; may be empty with audio.
        call_id: identifier that every event carries.
        chunk_ms: longest audio chunk, 1 to 131072 ms.
        is_agent_voice_scored: only for a stated lawful purpose.
        is_amd_enabled: whether to decide who answered.
        findings: of models that heard this recording before.

    Raises:
        IngestError: at once for roles that do not fit and files that cannot be opened; while
            iterating for samples that cannot be read.
        ValueError: ``chunk_ms`` out of range.

    """
    if not 1 <= chunk_ms <= MAX_CHUNK_MS:
        raise ValueError(f"chunk_ms must be 1 to {MAX_CHUNK_MS}, got {chunk_ms}")
    if audio_path is None and roles:
        raise IngestError(call_id, "roles were given without audio", "name an audio file")
    if audio_path is None and not transcript.turns:
        raise IngestError(call_id, "has neither audio nor text", "name at least one of them")
    tracks: tuple[Track, ...] = ()
    blocks: Iterator[FloatBlock] = iter(())
    if audio_path is not None:
        tracks = tracks_of(audio_path, roles)
        blocks = read_blocks(audio_path, tracks[0].sample_rate_hz, chunk_ms)
    started = CallStarted(
        call_id=call_id,
        t_event_ms=0,
        t_seen_ms=0,
        tracks=tracks,
        has_text=bool(transcript.turns),
        is_agent_voice_scored=is_agent_voice_scored,
        is_amd_enabled=is_amd_enabled,
    )
    texts = _texts(call_id, transcript)
    last_text_ms = texts[-1][0] if texts else 0
    found: list[_Timed] = [(result.t_event_ms, result) for result in findings]
    timed = deque(sorted([*texts, *found], key=lambda one: one[0]))
    return _interleaved(started, blocks, timed, last_text_ms)


def tracks_of(audio_path: Path | str, roles: Sequence[Role] | None) -> tuple[Track, ...]:
    """One track per channel: "customer", "agent", "customer_2", and "channel_N" if unknown.

    Raises:
        IngestError: the file cannot be read, or the number of roles is not its channel count.

    """
    info = probe_audio(audio_path)
    count = info.channel_count
    if roles is not None and len(roles) != count:
        example = ["customer", "agent", *["unknown"] * count][:count]
        raise IngestError(
            Path(audio_path).name,
            f"has {_counted(count, 'channel')}, but {_counted(len(roles), 'role')} given",
            f"name one role per channel, for example --roles {','.join(example)}",
        )
    given = tuple(roles) if roles is not None else (Role.UNKNOWN,) * count
    rate = analysis_rate_hz(info.sample_rate_hz)
    return tuple(
        Track(track_id=track_id, role=role, sample_rate_hz=rate)
        for track_id, role in zip(_track_ids(given), given, strict=True)
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _track_ids(roles: Sequence[Role]) -> Iterator[str]:
    for index, role in enumerate(roles):
        earlier = roles[:index].count(role)
        if role is Role.UNKNOWN:
            yield f"channel_{index + 1}"
        else:
            yield role.value if earlier == 0 else f"{role.value}_{earlier + 1}"


def _interleaved(
    started: CallStarted,
    blocks: Iterator[FloatBlock],
    timed: deque[_Timed],
    last_text_ms: int,
) -> Iterator[InboundEvent]:
    yield started
    rate = started.tracks[0].sample_rate_hz if started.tracks else WIDE_HZ
    position = 0  # frames since the start of the call
    for block in blocks:
        begin = 0
        while timed and (cut := timed[0][0] * rate // 1000 - position) < len(block):
            yield from _chunks(started, block[begin:cut], position + begin)
            yield timed.popleft()[1]
            begin = max(begin, cut)
        yield from _chunks(started, block[begin:], position + begin)
        position += len(block)
    yield from (event for _, event in timed)
    end_ms = max(_ceil_ms(position, rate), last_text_ms)
    yield CallEnded(call_id=started.call_id, t_event_ms=end_ms, t_seen_ms=0, reason="end_of_file")


def _chunks(started: CallStarted, block: FloatBlock, position: int) -> Iterator[AudioChunk]:
    """The same stretch of every track; nothing for an empty stretch."""
    if not len(block):
        return
    for channel, track in enumerate(started.tracks):
        yield AudioChunk(
            call_id=started.call_id,
            t_event_ms=position * 1000 // track.sample_rate_hz,
            t_seen_ms=0,
            track_id=track.track_id,
            encoding=AudioEncoding.PCM_S16LE,
            payload=pcm_s16le(block[:, channel]),
        )


def _ceil_ms(frames: int, rate_hz: int) -> int:
    return -(-frames * 1000 // rate_hz)


def _texts(call_id: str, transcript: Transcript) -> list[_Timed]:
    """Texts and marks by the time they were complete, turns numbered by when they began."""
    numbered = enumerate(sorted(transcript.turns, key=lambda turn: turn.t_event_ms), start=1)
    events: list[_Timed] = [
        (part.known_ms, _text_event(call_id, part_id, part))
        for number, turn in numbered
        for part_id, part in _said(f"turn_{number}", turn)
    ]
    events += [(mark.known_ms, _mark_event(call_id, mark)) for mark in transcript.marks]
    return sorted(events, key=lambda timed: timed[0])


def _said(turn_id: str, turn: TranscriptTurn) -> Iterator[tuple[str, TranscriptTurn]]:
    """A customer's long turn in parts, each complete when it was said and not only at the end."""
    if turn.t_end_ms is None or turn.role is not Role.CUSTOMER:
        yield turn_id, turn
        return
    whole = TextTurn(
        turn_id=turn_id,
        role=turn.role,
        t_event_ms=turn.t_event_ms,
        t_end_ms=turn.t_end_ms,
        t_seen_ms=0,
        text=turn.text,
        language=Language.UNDETERMINED,
        words=turn.words,
    )
    for part in spread_turn(whole, AlignmentCalibration().hop_ms):
        yield (
            part.turn_id,
            TranscriptTurn(
                role=turn.role,
                t_event_ms=part.t_event_ms,
                t_end_ms=part.t_end_ms,
                text=part.text,
                words=part.words,
            ),
        )


def _mark_event(call_id: str, mark: TranscriptMark) -> InboundEvent:
    stamps: dict[str, Any] = {"call_id": call_id, "t_event_ms": mark.t_event_ms, "t_seen_ms": 0}
    match mark.kind:
        case MarkKind.INTERVENTION:
            return Intervention(**stamps)
        case MarkKind.PAUSED:
            return Paused(**stamps)
        case MarkKind.RESUMED:
            return Resumed(**stamps)
        case MarkKind.CONSENT_GIVEN | MarkKind.CONSENT_WITHDRAWN:
            is_allowed = mark.kind is MarkKind.CONSENT_GIVEN
            return ConsentChanged(**stamps, is_voice_emotion_allowed=is_allowed)


def _text_event(call_id: str, turn_id: str, turn: TranscriptTurn) -> _TextEvent:
    if turn.t_end_ms is None:
        return ChatMessage(
            call_id=call_id,
            t_event_ms=turn.t_event_ms,
            t_seen_ms=0,
            message_id=turn_id,
            role=turn.role,
            text=turn.text,
        )
    return TranscriptSegment(
        call_id=call_id,
        t_event_ms=turn.t_event_ms,
        t_seen_ms=0,
        segment_id=turn_id,
        role=turn.role,
        t_end_ms=turn.t_end_ms,
        text=turn.text,
        words=turn.words,
    )
