"""One recorded call through the kernel: files in, a finished CallAnalysis out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import subtone
from subtone.contracts.analysis import AnalysedTurn, CallAnalysis, TrackSummary
from subtone.contracts.calibration import Calibration
from subtone.contracts.inbound import (
    AudioChunk,
    CallEnded,
    CallStarted,
    ConsentChanged,
    HeadResult,
    InboundEvent,
    Paused,
    Resumed,
    Track,
)
from subtone.contracts.outputs import Decision, Notice, Outputs, SpeechSegment
from subtone.contracts.signal_correlation import EmotionCorrelation, TimelineAlignment
from subtone.contracts.vocabulary import Role
from subtone.contracts.voice_intelligence import AmdResult, SpeakerBaseline
from subtone.ingest.files import (
    AudioInfo,
    Envelope,
    Transcript,
    call_events,
    probe_audio,
    read_transcript,
)
from subtone.kernel import pipeline

if TYPE_CHECKING:
    from subtone.runtime.listening.listener import Listener

Progress = Callable[[int, int | None], None]  # analysed ms, total ms where known
CHUNK_MS = 2_000
MAX_CALL_ID_CHARS = 200


class Direction(StrEnum):
    """Who called whom: only an answered outbound call can meet an answering machine."""

    AUTO = "auto"  # outbound when the customer speaks before the agent
    INBOUND = "inbound"
    OUTBOUND = "outbound"


def analyse_files(
    audio: Path | None,
    text: Path | None,
    roles: Sequence[Role] | None,
    *,
    direction: Direction = Direction.AUTO,
    is_agent_voice_scored: bool = False,
    calibration: Calibration | None = None,
    transcript: Transcript | None = None,
    listener: Listener | None = None,
    on_progress: Progress = lambda _done_ms, _total_ms: None,
) -> CallAnalysis:
    """Analyse one recorded call, a chat, or both together.

    Args:
        audio: recording with one channel per speaker; None for a chat.
        text: transcript or chat of the same call; None for a call without words.
        roles: one per channel; None leaves every speaker unknown, so timing only.
        direction: whether answering-machine detection applies.
        is_agent_voice_scored: only for a stated lawful purpose; never moves the state.
        calibration: parameters of every decision; the shipped default when None.
        transcript: the words, where they do not come from a file.
        listener: hears the customer with models too; the acoustics alone when None.
        on_progress: called with media time done and total, a few times a second of work; a
            listener hears the whole call first, so with one it goes through it twice.

    Raises:
        IngestError: a file or the roles cannot be used; one line says whose fault it is.
        HeadError: the listener's heads were made for another encoder.

    """
    source = audio or text
    if source is None:
        raise ValueError("name an audio file, a text file or both")
    info = probe_audio(audio) if audio is not None else None
    transcript = transcript or Transcript()
    if text is not None:
        transcript = read_transcript(text, info.duration_ms if info else None)
    has_both = roles is not None and {Role.AGENT, Role.CUSTOMER} <= set(roles)
    is_outbound = direction is Direction.OUTBOUND or (direction is Direction.AUTO and has_both)
    total_ms = info.duration_ms if info else None
    events = partial(
        call_events,
        audio,
        roles,
        transcript,
        call_id=_call_id(source),
        chunk_ms=CHUNK_MS,
        is_agent_voice_scored=is_agent_voice_scored,
        is_amd_enabled=is_outbound,
    )
    findings: list[HeadResult] = []
    if listener is not None:
        for event, found in listener.listen(events()):
            findings += found
            on_progress(event.t_event_ms, total_ms)
    collected = _Collected()
    if listener is not None and not findings:
        collected.notices.append(Notice(t_event_ms=0, code="models_silent"))
    state = pipeline.start(calibration)
    for event in events(findings=findings):
        state, outputs = pipeline.feed(state, event)
        collected.add(event, outputs)
        on_progress(event.t_event_ms, total_ms)
    return collected.finish(source, info, transcript, direction, state.calibration)


@dataclass
class _Collected:
    """Everything the kernel said about one call, in order."""

    started: CallStarted | None = None
    envelopes: dict[str, Envelope] = field(default_factory=dict)
    turns: list[AnalysedTurn] = field(default_factory=list)
    segments: list[SpeechSegment] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    amd: AmdResult | None = None
    baseline: SpeakerBaseline | None = None
    alignment: TimelineAlignment | None = None
    correlation: EmotionCorrelation | None = None
    end_ms: int = 0
    is_paused: bool = False
    is_voice_allowed: bool = True
    scorable: frozenset[str] = frozenset()  # tracks the kernel may score: the first of a role
    scored: set[str] = field(default_factory=set)

    def add(self, event: InboundEvent, outputs: Outputs) -> None:
        """Take one event and what followed from it."""
        if isinstance(event, CallStarted):
            self.started = event
            self.envelopes = {t.track_id: Envelope(t.sample_rate_hz) for t in event.tracks}
            first = {t.role: t.track_id for t in reversed(event.tracks)}
            roles = (Role.CUSTOMER, Role.AGENT) if event.is_agent_voice_scored else (Role.CUSTOMER,)
            self.scorable = frozenset(first[role] for role in roles if role in first)
        elif isinstance(event, AudioChunk):
            # nothing of a pause is kept, not even how loud it was
            heard = bytes(len(event.payload)) if self.is_paused else event.payload
            self.envelopes[event.track_id].add(heard)
            if self.is_voice_allowed and not self.is_paused:
                self.scored |= self.scorable & {event.track_id}
        elif isinstance(event, Paused | Resumed):
            self.is_paused = isinstance(event, Paused)
        elif isinstance(event, ConsentChanged):
            self.is_voice_allowed = event.is_voice_emotion_allowed
        elif isinstance(event, CallEnded):
            self.end_ms = event.t_event_ms
        self.turns += outputs.turns
        self.segments += outputs.segments
        self.decisions += outputs.decisions
        self.notices += outputs.notices
        self.amd = outputs.amd or self.amd
        self.baseline = outputs.baseline or self.baseline
        self.alignment = outputs.alignment or self.alignment
        self.correlation = outputs.correlation or self.correlation

    def finish(
        self,
        source: Path,
        info: AudioInfo | None,
        transcript: Transcript,
        direction: Direction,
        calibration: Calibration,
    ) -> CallAnalysis:
        """The finished analysis."""
        tracks = self.started.tracks if self.started is not None else ()
        has_customer_text = any(t.turn.role is Role.CUSTOMER for t in self.turns)
        has_customer_voice = any(
            t.role is Role.CUSTOMER and t.track_id in self.scored for t in tracks
        )
        is_judged = direction is Direction.OUTBOUND or self._spoke_first(Role.CUSTOMER)
        return CallAnalysis(
            call_id=_call_id(source),
            source=_printable(source.name),
            software_version=subtone.__version__,
            calibration=calibration,
            duration_ms=self.end_ms,
            is_timing_only=not (has_customer_text or has_customer_voice),
            tracks=tuple(self._track(track, info) for track in tracks),
            turns=tuple(sorted(self.turns, key=lambda t: (t.turn.t_event_ms, t.turn.t_end_ms))),
            decisions=tuple(self.decisions),
            amd=self.amd if is_judged else None,
            baseline=self.baseline,
            alignment=self.alignment,
            correlation=self.correlation,
            notices=transcript.warnings + (info.notices if info else ()) + tuple(self.notices),
        )

    def _track(self, track: Track, info: AudioInfo | None) -> TrackSummary:
        segments = tuple(s for s in self.segments if s.track_id == track.track_id)
        envelope = self.envelopes[track.track_id]
        return TrackSummary(
            track_id=track.track_id,
            role=track.role,
            sample_rate_hz=track.sample_rate_hz,
            source_rate_hz=info.sample_rate_hz if info else track.sample_rate_hz,
            duration_ms=info.duration_ms or self.end_ms if info else self.end_ms,
            talk_ms=sum(s.t_end_ms - s.t_event_ms for s in segments),
            is_emotion_scored=track.track_id in self.scored,
            envelope_hop_ms=envelope.hop_ms,
            envelope=envelope.peaks,
            segments=segments,
        )

    def _spoke_first(self, role: Role) -> bool:
        """Whether a track of this role is the first heard on the call."""
        if self.started is None or not self.segments:
            return False
        first = min(self.segments, key=lambda s: s.t_event_ms)
        return any(t.role is role for t in self.started.tracks if t.track_id == first.track_id)


def _call_id(source: Path) -> str:
    return _printable(source.stem)[:MAX_CALL_ID_CHARS] or "call"


def _printable(name: str) -> str:
    """A file name that any encoding of the results can carry."""
    return name.encode("utf-8", "backslashreplace").decode()
