"""Token buckets: each peer at its own rate, so that none takes another's share."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from litestar.exceptions import TooManyRequestsException

MAX_PEERS = 10_000  # the one not seen for longest is forgotten


@dataclass(frozen=True, slots=True)
class Bucket:
    """What one peer may still do, as of a moment."""

    left: float
    t_ms: int

    def take(self, t_ms: int, per_s: float, burst: float) -> Bucket:
        """One request later; ``left`` below zero means it was too many."""
        left = min(burst, self.left + (t_ms - self.t_ms) * per_s / 1000.0)
        return Bucket(left - 1.0, t_ms)


class RateLimiter:
    """One bucket for each peer, a peer being a token's name or an address."""

    def __init__(self, now_ms: Callable[[], int], per_s: float, burst_s: float = 4.0) -> None:
        self._now_ms = now_ms
        self._per_s = per_s
        self._burst = max(1.0, per_s * burst_s)
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, peer: str) -> None:
        """Count one request. Raises TooManyRequestsException (429) beyond the rate."""
        t_ms = self._now_ms()
        known = self._buckets.get(peer, Bucket(self._burst, t_ms))
        taken = known.take(t_ms, self._per_s, self._burst)
        if taken.left < 0.0:
            wait_s = max(1, round(1.0 / self._per_s))
            raise TooManyRequestsException(
                f"more than {self._per_s:g} requests a second: slow down",
                headers={"Retry-After": str(wait_s)},
            )
        self._buckets[peer] = taken
        self._buckets.move_to_end(peer)
        if len(self._buckets) > MAX_PEERS:
            self._buckets.popitem(last=False)
