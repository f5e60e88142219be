"""Acoustics: samples of one track to 10 ms frames, frames to one window's features."""

from subtone.kernel.voice_intelligence.acoustics.frames import HOP_MS, Frames, concat
from subtone.kernel.voice_intelligence.acoustics.payload import decode_payload
from subtone.kernel.voice_intelligence.acoustics.state import AcousticState
from subtone.kernel.voice_intelligence.acoustics.track import (
    LATENCY_MS,
    feed_samples,
    flush,
    open_track,
    reopen_track,
)
from subtone.kernel.voice_intelligence.acoustics.window import measure_window

__all__ = [
    "HOP_MS",
    "LATENCY_MS",
    "AcousticState",
    "Frames",
    "concat",
    "decode_payload",
    "feed_samples",
    "flush",
    "measure_window",
    "open_track",
    "reopen_track",
]
