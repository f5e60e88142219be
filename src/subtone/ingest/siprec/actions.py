"""What the operator tells the recording server, and what it tells the shell to do."""

from __future__ import annotations

from dataclasses import dataclass, field

from subtone.ingest.siprec.dialog import RecordingEvent
from subtone.ingest.siprec.digest import DigestSettings
from subtone.ingest.siprec.replies import Peer
from subtone.ingest.siprec.roles import RoleHints
from subtone.ingest.siprec.transactions import Timer


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """What the operator decides."""

    host: str  # where clients reach this server
    port: int
    media_host: str  # the address in SDP answers
    secret: bytes = field(repr=False)  # 32 random bytes; tags, nonces and keys derive from it
    hints: RoleHints = field(default_factory=RoleHints)
    digest: DigestSettings | None = None
    max_recordings: int = 500
    retry_after_s: int = 30
    call_id_from: tuple[str, ...] = ("sip_call_id",)
    accepts_plain_calls: bool = False  # INVITEs that nothing marks as a recording


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes for a peer."""

    data: bytes
    peer: Peer


@dataclass(frozen=True, slots=True)
class Output:
    """Everything one input led to, in order."""

    sends: tuple[Send, ...] = ()
    events: tuple[RecordingEvent, ...] = ()
    timers: tuple[Timer, ...] = ()
