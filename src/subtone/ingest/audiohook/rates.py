"""How much a client may send: token buckets on the receiver's stamps."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenBucket:
    """Up to ``capacity`` at once and ``refill_per_s`` in the long run."""

    capacity: int
    refill_per_s: int
    spent_thousandths: int = 0
    t_ms: int = 0

    def spend(self, cost: int, t_ms: int) -> TokenBucket | None:
        """The bucket after ``cost`` tokens at ``t_ms``, or None where it has too few."""
        refilled = max(0, t_ms - self.t_ms) * self.refill_per_s
        spent = max(0, self.spent_thousandths - refilled) + cost * 1_000
        if spent > self.capacity * 1_000:
            return None
        return replace(self, spent_thousandths=spent, t_ms=max(t_ms, self.t_ms))
