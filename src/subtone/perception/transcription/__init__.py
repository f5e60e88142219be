"""Transcription from the shared encoding: decoding, guards, word times."""

from subtone.perception.transcription.decoder import WhisperDecoder
from subtone.perception.transcription.guards import GuardLimits
from subtone.perception.transcription.task import Transcribe

__all__ = ["GuardLimits", "Transcribe", "WhisperDecoder"]
