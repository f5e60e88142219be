"""RTP: one codec per port, from datagrams to placed audio, digits and what was lost."""

from subtone.ingest.rtp.packet import RtpError
from subtone.ingest.rtp.payload import STATIC_FORMATS, PayloadFormat, UnsupportedPayloadError
from subtone.ingest.rtp.source import Address
from subtone.ingest.rtp.srtp import SrtpKeyError, SrtpReceiver, SrtpSuite
from subtone.ingest.rtp.statistics import RtpStatistics
from subtone.ingest.rtp.stream import RtpStream

__all__ = [
    "STATIC_FORMATS",
    "Address",
    "PayloadFormat",
    "RtpError",
    "RtpStatistics",
    "RtpStream",
    "SrtpKeyError",
    "SrtpReceiver",
    "SrtpSuite",
    "UnsupportedPayloadError",
]
