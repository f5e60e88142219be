"""Recorded calls and chats from files: audio, transcripts, and both as inbound events."""

from subtone.ingest.files.audio import AudioInfo, probe_audio, read_blocks
from subtone.ingest.files.envelope import Envelope
from subtone.ingest.files.events import call_events, tracks_of
from subtone.ingest.files.formats.turns import (
    MarkKind,
    Transcript,
    TranscriptMark,
    TranscriptTurn,
    role_of,
)
from subtone.ingest.files.samples import analysis_rate_hz
from subtone.ingest.files.transcripts import read_transcript

__all__ = [
    "AudioInfo",
    "Envelope",
    "MarkKind",
    "Transcript",
    "TranscriptMark",
    "TranscriptTurn",
    "analysis_rate_hz",
    "call_events",
    "probe_audio",
    "read_blocks",
    "read_transcript",
    "role_of",
    "tracks_of",
]
