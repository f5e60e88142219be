"""Every contract by domain, their JSON Schema, and the version that freezes it."""

from __future__ import annotations

from typing import Any

import msgspec

from subtone.contracts import (
    analysis,
    inbound,
    memory,
    outputs,
    probing,
    session_state,
    signal_correlation,
    voice_intelligence,
)
from subtone.contracts.base import Contract
from subtone.contracts.calibration import Calibration

# A changed schema needs a new version and a new committed file beside the old ones.
SCHEMA_VERSION = 1

DOMAINS: dict[str, tuple[type[Contract], ...]] = {
    "voice_intelligence": (
        voice_intelligence.TextTurn,
        voice_intelligence.TextFeatures,
        voice_intelligence.TextEmotionScores,
        voice_intelligence.AcousticFeatures,
        voice_intelligence.VoiceEmotionScores,
        voice_intelligence.SpeakerBaseline,
        voice_intelligence.EmotionPoint,
        voice_intelligence.EmotionTrend,
        voice_intelligence.AmdResult,
    ),
    "signal_correlation": (
        signal_correlation.AlignedMoment,
        signal_correlation.TimelineAlignment,
        signal_correlation.EmotionCorrelation,
        signal_correlation.DriftAssessment,
        signal_correlation.Conflict,
        signal_correlation.ConflictReport,
    ),
    "session_state": (
        session_state.ScoreContributor,
        session_state.EscalationScore,
        session_state.StateBasis,
        session_state.StateTransition,
        session_state.SessionSnapshot,
        session_state.PolicyRecommendation,
        Calibration,
    ),
    "inbound": (
        inbound.CallStarted,
        inbound.TrackJoined,
        inbound.AudioChunk,
        inbound.ChatMessage,
        inbound.TranscriptSegment,
        inbound.HeadResult,
        inbound.Intervention,
        inbound.AnswerDetected,
        inbound.ConsentChanged,
        inbound.Paused,
        inbound.Resumed,
        inbound.Tick,
        inbound.CallEnded,
    ),
    "outputs": (outputs.Outputs, analysis.CallAnalysis),
    "memory": (
        memory.Encoding,
        memory.HeadSpec,
        memory.Transcription,
        memory.LanguageFinding,
        memory.EmotionFinding,
        memory.SpeakerFinding,
        memory.AudioMemory,
        memory.MemoryRecord,
        memory.MemoryFilter,
        memory.VectorQuery,
        memory.MemoryHit,
        memory.ErasureReceipt,
        memory.Voiceprint,
        memory.SpaceStats,
        memory.MemoryStats,
    ),
    "probing": (probing.ProbeReport,),
}


def json_schema() -> dict[str, Any]:
    """One JSON Schema (draft 2020-12) document: every contract under ``$defs``."""
    contracts = [contract for group in DOMAINS.values() for contract in group]
    _, components = msgspec.json.schema_components(contracts, ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "subtone contracts",
        "version": SCHEMA_VERSION,
        "domains": {name: [c.__name__ for c in group] for name, group in DOMAINS.items()},
        "$defs": dict(sorted(components.items())),
    }
