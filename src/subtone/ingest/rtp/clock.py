"""How a sender's media clock runs against the receiver's, and against the sender's wall clock.

Between packets sent and packets seen lies a delay that queues can only make longer, so the
least of arrival minus media time, bucket by bucket, follows the clocks and not the jitter.
RTCP sender reports (RFC 3550 §6.4.1) say it outright, where a sender gives them.
"""

from __future__ import annotations

from collections import deque

_BUCKET_MS = 10_000
_MAX_BUCKETS = 60
_MIN_SPAN_MS = 60_000  # under a minute, millisecond stamps tell nothing about ppm
_MAX_SKEW_PPM = 1000.0  # crystals are within 200; what is beyond is not a clock
_MAX_APPLIED_PPM = 250.0  # beyond it a queue is filling, and time must not follow it


class StreamClock:
    """Offset and skew of one stream; feed it each placed packet and each sender report."""

    def __init__(self) -> None:
        self._arrivals: deque[tuple[int, int]] = deque(maxlen=_MAX_BUCKETS)
        self._reports: deque[tuple[int, float]] = deque(maxlen=_MAX_BUCKETS)
        self._corrected_to_ms = 0
        self._checked_ms = 0
        self._applied_ppm = 0.0
        self._drift_ms = 0.0

    def corrected_ms(self, t_stream_ms: int) -> int:
        """Stream time as the receiver's clock counts it, so that two legs stay side by side.

        What is known of the skew moves time on smoothly, looked at every ten seconds; before it
        is known nothing moves. Feed it in order of stream time.
        """
        if t_stream_ms - self._checked_ms >= _BUCKET_MS:
            self._checked_ms = t_stream_ms
            skew_ppm = self.skew_ppm or 0.0
            self._applied_ppm = skew_ppm if abs(skew_ppm) <= _MAX_APPLIED_PPM else 0.0
        elapsed_ms = max(0, t_stream_ms - self._corrected_to_ms)
        self._drift_ms += elapsed_ms * self._applied_ppm * 1e-6
        self._corrected_to_ms += elapsed_ms
        return max(0, t_stream_ms + round(self._drift_ms))

    @property
    def offset_ms(self) -> int | None:
        """Receiver's time of stream time 0, by the fastest recent packet; None before any."""
        recent = [*self._arrivals][-2:]  # older ones would hide the skew
        return min((delay for _, delay in recent), default=None)

    @property
    def ntp_zero_ms(self) -> float | None:
        """Sender's wall-clock time (NTP, since 1900) of stream time 0; None without reports."""
        return self._reports[-1][1] if self._reports else None

    @property
    def skew_ppm(self) -> float | None:
        """How much slower the media clock runs, in parts per million; None when unknown.

        Positive: an hour of the sender's audio takes longer than an hour. Sender reports are
        believed before arrivals.
        """
        for line in (self._reports, self._arrivals):
            skew = _slope_ppm(line)
            if skew is not None and abs(skew) <= _MAX_SKEW_PPM:
                return skew
        return None

    def observe(self, t_stream_ms: int, t_seen_ms: int) -> None:
        """A packet's first sample and its arrival."""
        delay = t_seen_ms - t_stream_ms
        if self._arrivals and t_stream_ms // _BUCKET_MS <= self._arrivals[-1][0] // _BUCKET_MS:
            least = self._arrivals[-1][1]
            if delay < least:
                self._arrivals[-1] = (t_stream_ms, delay)
            return
        self._arrivals.append((t_stream_ms, delay))

    def observe_report(self, t_stream_ms: int, ntp_ms: float) -> None:
        """What a sender report says: this stream time was that wall-clock time."""
        if not self._reports or t_stream_ms > self._reports[-1][0]:
            self._reports.append((t_stream_ms, ntp_ms - t_stream_ms))

    def restart(self) -> None:
        """The sender's timestamps began anew: earlier pairs say nothing any more."""
        self._arrivals.clear()
        self._reports.clear()


def _slope_ppm(line: deque[tuple[int, int]] | deque[tuple[int, float]]) -> float | None:
    """Least-squares slope of delay over stream time."""
    if len(line) < 2 or line[-1][0] - line[0][0] < _MIN_SPAN_MS:
        return None
    mean_t = sum(t for t, _ in line) / len(line)
    mean_delay = line[0][1] + sum(delay - line[0][1] for _, delay in line) / len(line)
    spread = sum((t - mean_t) ** 2 for t, _ in line)
    return sum((t - mean_t) * (delay - mean_delay) for t, delay in line) / spread * 1e6
