"""What became of the datagrams of one RTP stream."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class RtpStatistics:
    """What happened to the datagrams of one stream."""

    rtp_count: int = 0  # datagrams that were RTP of the stream's own source, or might be
    foreign_count: int = 0  # from another address than the locked one
    malformed_count: int = 0  # broken header, payload or RTCP
    refused_count: int = 0  # SRTP: bad tag or replay
    unnegotiated_count: int = 0  # payload types nobody announced
    other_count: int = 0  # STUN, DTLS and whatever else is no RTP
    discarded_count: int = 0  # duplicates, late ones, and those of an SSRC never believed
    lost_count: int = 0
    concealed_ms: int = 0
    recovered_ms: int = 0  # lost, and restored from the packet that followed
