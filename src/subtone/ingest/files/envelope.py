"""The waveform of one track as at most 2000 peaks, whatever its length."""

from __future__ import annotations

import numpy as np

MAX_POINTS = 2_000
FIRST_HOP_MS = 10


class Envelope:
    """Peak amplitude per hop; the hop doubles whenever the points run out.

    So the length need not be known beforehand, memory stays bounded, and the result does
    not depend on how the samples were cut into chunks.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self.hop_ms = FIRST_HOP_MS
        self._sample_rate_hz = sample_rate_hz
        self._peaks: list[int] = []
        self._open_peak = 0
        self._open_count = 0

    def add(self, payload: bytes) -> None:
        """Take the next samples of the track: 16-bit little-endian PCM, as in an AudioChunk."""
        magnitudes = np.abs(np.frombuffer(payload, "<i2").astype(np.int32))
        at = 0
        while at < len(magnitudes):
            if len(self._peaks) == MAX_POINTS:
                pairs = zip(self._peaks[::2], self._peaks[1::2], strict=True)
                self._peaks = [max(pair) for pair in pairs]
                self.hop_ms *= 2
            hop = self.hop_ms * self._sample_rate_hz // 1000
            taken = magnitudes[at : at + hop - self._open_count]
            self._open_peak = max(self._open_peak, int(taken.max()))
            self._open_count += len(taken)
            at += len(taken)
            if self._open_count == hop:
                self._peaks.append(self._open_peak)
                self._open_peak = self._open_count = 0

    @property
    def peaks(self) -> tuple[float, ...]:
        """One peak in [0, 1] per ``hop_ms``, the last hop as far as it has come."""
        unfinished = [self._open_peak] if self._open_count else []
        return tuple(peak / 32_768.0 for peak in (*self._peaks, *unfinished))
