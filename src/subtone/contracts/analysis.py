"""One finished analysis of one call: what summary, timeline and report are rendered from."""

from __future__ import annotations

from subtone.contracts.base import Contract, DurationMs, Name, SampleRateHz, Unit01
from subtone.contracts.calibration import Calibration
from subtone.contracts.outputs import AnalysedTurn, Decision, Notice, SpeechSegment
from subtone.contracts.signal_correlation import EmotionCorrelation, TimelineAlignment
from subtone.contracts.vocabulary import Role
from subtone.contracts.voice_intelligence import AmdResult, SpeakerBaseline


class TrackSummary(Contract, frozen=True, kw_only=True):
    """One track as it was analysed."""

    track_id: Name
    role: Role
    sample_rate_hz: SampleRateHz  # as analysed
    source_rate_hz: int  # as found in the file
    duration_ms: DurationMs
    talk_ms: DurationMs
    is_emotion_scored: bool
    envelope_hop_ms: DurationMs
    envelope: tuple[Unit01, ...]  # peak amplitude per hop
    segments: tuple[SpeechSegment, ...] = ()  # when this track spoke


class CallAnalysis(Contract, frozen=True, kw_only=True):
    """Everything one analysis found, in event-time order."""

    call_id: Name
    source: str  # file name without its folder
    software_version: Name
    calibration: Calibration  # every parameter that decided, so that the result explains itself
    duration_ms: DurationMs
    is_timing_only: bool  # no customer voice and no customer text: no state is claimed
    tracks: tuple[TrackSummary, ...]
    turns: tuple[AnalysedTurn, ...]
    decisions: tuple[Decision, ...]
    amd: AmdResult | None
    baseline: SpeakerBaseline | None
    alignment: TimelineAlignment | None
    correlation: EmotionCorrelation | None
    notices: tuple[Notice, ...]


__all__ = ["AnalysedTurn", "CallAnalysis", "TrackSummary"]
