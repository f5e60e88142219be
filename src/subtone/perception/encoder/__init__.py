"""Whisper's encoder without torch: every layer of one pass, any length of audio."""

from subtone.perception.encoder.graph import Precision
from subtone.perception.encoder.whisper import Padding, WhisperEncoder

__all__ = ["Padding", "Precision", "WhisperEncoder"]
