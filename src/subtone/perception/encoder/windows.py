"""Speech windows out of a stream: silence is left out, long speech is cut where it is quietest.

What is speech is the kernel's judgement (level over a tracked floor), so a tone, a hum or
an empty line gives no window and no phantom text. Memory is bounded by one window.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from subtone.kernel.voice_intelligence.acoustics import (
    HOP_MS,
    Frames,
    feed_samples,
    flush,
    open_track,
)
from subtone.perception.encoding import SAMPLE_RATE_HZ, FloatArray

MAX_WINDOW_MS = 30_000  # Whisper's positions end here
_HOP_SAMPLES = SAMPLE_RATE_HZ * HOP_MS // 1000
_SPLIT_FRAMES = 80  # silence that ends a window
_MARGIN_FRAMES = 20  # kept around speech: soft onsets lie below the gate
_SEARCH_FRAMES = 500  # the end of a full window, in which the cut is looked for
_SMOOTH_FRAMES = 20  # a cut lies in a pause, not between two periods of a voice


@dataclass(frozen=True, eq=False)
class SpeechWindow:
    """A stretch of speech: where it begins, and its samples at 16 kHz."""

    t_event_ms: int
    samples: FloatArray


class SpeechWindows:
    """Cuts one track into windows of speech; how it was fed changes no window.

    Args:
        t_start_ms: time of the first sample on the call's clock.
        max_window_ms: longest window, at most 30 s.

    """

    def __init__(self, t_start_ms: int = 0, max_window_ms: int = MAX_WINDOW_MS) -> None:
        if not 2 * _SPLIT_FRAMES * HOP_MS <= max_window_ms <= MAX_WINDOW_MS:
            raise ValueError(f"max_window_ms must be 1600 to {MAX_WINDOW_MS}, got {max_window_ms}")
        self._max_frames = max_window_ms // HOP_MS
        self._track = open_track(SAMPLE_RATE_HZ, 0, is_pitch_tracked=False)
        self._t_start_ms = t_start_ms
        self._first = 0  # frame at which the buffers begin
        self._samples = np.zeros(0, np.float32)
        self._arrived: list[FloatArray] = []  # joined when frames are decided, not per packet
        self._is_speech = np.zeros(0, np.bool_)  # decided frames only
        self._level_db = np.zeros(0, np.float32)

    def feed(self, samples: FloatArray) -> list[SpeechWindow]:
        """Windows that end in or before these samples [n] of 16 kHz mono."""
        self._arrived.append(samples)
        self._track, frames = feed_samples(self._track, samples)
        return [] if frames is None else self._cut(frames, is_end=False)

    def end(self) -> list[SpeechWindow]:
        """The last windows; nothing can be fed after it."""
        self._track, frames = flush(self._track)
        return self._cut(frames, is_end=True)

    def _cut(self, frames: Frames | None, *, is_end: bool) -> list[SpeechWindow]:
        self._samples = np.concatenate([self._samples, *self._arrived])
        self._arrived = []
        if frames is not None:
            self._is_speech = np.concatenate([self._is_speech, frames.is_speech])
            self._level_db = np.concatenate([self._level_db, frames.level_db])
        windows: list[SpeechWindow] = []
        while True:
            speech = np.flatnonzero(self._is_speech)
            if not len(speech):
                self._forget(max(len(self._is_speech) - _MARGIN_FRAMES, 0))
                return windows
            self._forget(max(int(speech[0]) - _MARGIN_FRAMES, 0))
            end = self._window_end(is_end=is_end)
            if end is None:
                return windows
            samples = self._samples[: end * _HOP_SAMPLES].copy()
            windows.append(SpeechWindow(self._t_start_ms + self._first * HOP_MS, samples))
            self._forget(end)

    def _window_end(self, *, is_end: bool) -> int | None:
        """Frames of the window at the head of the buffer; None until that is decided."""
        known = self._max_frames + _SPLIT_FRAMES + 1  # enough to know whether it ends in time
        n = min(len(self._is_speech), known)
        speech = np.flatnonzero(self._is_speech[:n])
        pauses = np.flatnonzero(np.diff(speech) > _SPLIT_FRAMES)
        last = int(speech[pauses[0]] if len(pauses) else speech[-1])
        has_ended = bool(len(pauses)) or n - last > _SPLIT_FRAMES or is_end
        if has_ended and last < self._max_frames:
            return min(last + 1 + _MARGIN_FRAMES, n, self._max_frames)
        if n < known and not is_end:
            return None
        searched = min(_SEARCH_FRAMES, self._max_frames // 2)
        search = self._level_db[self._max_frames - searched : self._max_frames]
        power = 10.0 ** (search.astype(np.float64) / 10.0)
        smooth = np.convolve(power, np.ones(_SMOOTH_FRAMES), "valid")
        return self._max_frames - searched + int(smooth.argmin()) + _SMOOTH_FRAMES // 2

    def _forget(self, frames: int) -> None:
        self._first += frames
        self._samples = self._samples[frames * _HOP_SAMPLES :].copy()
        self._is_speech = self._is_speech[frames:]
        self._level_db = self._level_db[frames:]
