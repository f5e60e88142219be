"""How a recording is to be remembered."""

from __future__ import annotations

from dataclasses import dataclass

from subtone.contracts.vocabulary import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """How a recording is to be remembered."""

    has_consent: bool  # of those who speak; the store takes nothing without
    call_id: str | None = None  # the recording's name when None
    role: Role = Role.UNKNOWN
    t_seen_ms: int | None = None  # Unix milliseconds; now when None
