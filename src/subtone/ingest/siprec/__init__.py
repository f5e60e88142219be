"""SIPREC: a session recording server without sockets (RFC 7865, RFC 7866, RFC 3261).

Feed ``SessionRecordingServer`` with datagrams, or with what ``SipFramer`` cuts from a connection,
and do what each ``Output`` says.
"""

from subtone.ingest.siprec.actions import Output, Send, ServerSettings
from subtone.ingest.siprec.dialog import (
    MediaEndpoint,
    MediaRequested,
    RecordingClosed,
    RecordingEvent,
    RecordingOpened,
    RecordingSignal,
    RecordingUpdated,
)
from subtone.ingest.siprec.digest import DigestSettings
from subtone.ingest.siprec.replies import Peer
from subtone.ingest.siprec.roles import RoleHints
from subtone.ingest.siprec.server import SessionRecordingServer
from subtone.ingest.siprec.sip import Keepalive, SipError, SipFramer
from subtone.ingest.siprec.transactions import Timer

__all__ = [
    "DigestSettings",
    "Keepalive",
    "MediaEndpoint",
    "MediaRequested",
    "Output",
    "Peer",
    "RecordingClosed",
    "RecordingEvent",
    "RecordingOpened",
    "RecordingSignal",
    "RecordingUpdated",
    "RoleHints",
    "Send",
    "ServerSettings",
    "SessionRecordingServer",
    "SipError",
    "SipFramer",
    "Timer",
]
