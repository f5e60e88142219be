"""RTP and RTCP packets: golden bytes, exact refusals, and whatever else comes."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.ingest.rtp.packet import (
    MAX_DATAGRAM_BYTES,
    DatagramKind,
    Goodbye,
    RtpError,
    RtpPacket,
    SenderReport,
    classify,
    parse_rtcp,
    parse_rtp,
)
from support_rtp import flow, rtp_packet
from support_shared import shared

HEADER = bytes.fromhex("80 80 00 07 00 00 00 a0 de ad be ef")


def test_a_plain_packet_field_by_field() -> None:
    assert parse_rtp(HEADER + b"abc") == RtpPacket(
        payload_type=0,
        is_marked=True,
        sequence_number=7,
        timestamp=160,
        ssrc=0xDEADBEEF,
        payload=b"abc",
    )


def test_csrcs_extension_and_padding_are_taken_off() -> None:
    flags = bytes([0x80 | 0x20 | 0x10 | 2])
    packet = flags + HEADER[1:] + struct.pack(">II", 5, 6) + b"\xbe\xde\0\1abcd" + b"xyz\0\0\3"
    parsed = parse_rtp(packet)
    assert (parsed.csrcs, parsed.payload) == ((5, 6), b"xyz")


@pytest.mark.parametrize(
    ("datagram", "refusal"),
    [
        (b"", "RTP packet is shorter than its 12-byte header"),
        (b"\x80", "RTP packet is shorter than its 12-byte header"),
        (HEADER[:11], "RTP packet is shorter than its 12-byte header"),
        (b"\x00" + HEADER[1:], "RTP version is 0, not 2"),
        (b"\xc0" + HEADER[1:], "RTP version is 3, not 2"),
        (b"\x8f" + HEADER[1:] + bytes(59), "RTP packet has truncated CSRCs"),
        (b"\x90" + HEADER[1:] + b"\0\0\0", "RTP packet has a truncated header extension"),
        (b"\x90" + HEADER[1:] + b"\0\0\xff\xff", "RTP packet has a truncated header extension"),
        (b"\xa0" + HEADER[1:] + b"\x03\x03", "RTP padding does not fit the packet"),
        (b"\xa0" + HEADER[1:] + b"abc\x00", "RTP padding does not fit the packet"),
        (b"\xa0" + HEADER[1:], "RTP padding does not fit the packet"),
        (HEADER + bytes(65_000), f"RTP packet is longer than {MAX_DATAGRAM_BYTES} bytes"),
    ],
)
def test_a_broken_packet_is_refused_by_name(datagram: bytes, refusal: str) -> None:
    with pytest.raises(RtpError) as raised:
        parse_rtp(datagram)
    assert str(raised.value) == refusal


def test_padding_may_be_all_there_is() -> None:
    assert parse_rtp(b"\xa0" + HEADER[1:] + b"\0\0\0\4").payload == b""


def test_rtcp_gives_reports_and_goodbyes_and_skips_the_rest() -> None:
    report = struct.pack(">BBHIQIII", 0x80, 200, 6, 9, 2 << 32, 160, 1, 2)
    description = struct.pack(">BBHI", 0x81, 202, 1, 9)
    goodbye = struct.pack(">BBHII", 0x82, 203, 2, 9, 10)
    assert parse_rtcp(report + description + goodbye) == (
        SenderReport(ssrc=9, ntp_ms=2000.0, timestamp=160),
        Goodbye((9, 10)),
    )


@pytest.mark.parametrize(
    ("datagram", "refusal"),
    [
        (b"\x80\xc8\x00", "RTCP packet is shorter than its 4-byte header"),
        (b"\x00\xc8\x00\x00", "RTCP version is 0, not 2"),
        (b"\x80\xc9\xff\xff\0\0\0\0", "RTCP length leaves the datagram"),
        (b"\x80\xc8\x00\x01\0\0\0\0", "RTCP sender report is shorter than it says"),
        (b"\x81\xc8\x00\x06" + bytes(24), "RTCP sender report is shorter than it says"),
        (b"\x82\xcb\x00\x01\0\0\0\1", "RTCP goodbye is shorter than it says"),
    ],
)
def test_broken_rtcp_is_refused_by_name(datagram: bytes, refusal: str) -> None:
    with pytest.raises(RtpError) as raised:
        parse_rtcp(datagram)
    assert str(raised.value) == refusal


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"", DatagramKind.UNKNOWN),
        (b"\x80\x00", DatagramKind.RTP),
        (b"\x80", DatagramKind.RTP),
        (b"\xbf\xff", DatagramKind.RTP),
        (b"\x80\xc8", DatagramKind.RTCP),
        (b"\x00\x01", DatagramKind.STUN),
        (b"\x10", DatagramKind.ZRTP),
        (b"\x16\xfe", DatagramKind.DTLS),
        (b"\x40", DatagramKind.TURN),
        (b"\x04", DatagramKind.UNKNOWN),
        (b"\xc0\xc8", DatagramKind.UNKNOWN),
    ],
)
def test_protocols_on_one_port_are_told_apart(start: bytes, kind: DatagramKind) -> None:
    assert classify(start) is kind


@given(st.binary(max_size=80))
def test_only_rtp_errors_escape(datagram: bytes) -> None:
    for parse in (parse_rtp, parse_rtcp):
        for variant in (datagram, b"\xbf" + datagram, b"\x9f\xc8" + datagram):
            try:
                parse(variant)
            except RtpError as error:
                assert str(error)


@given(
    number=st.integers(0, 65_535),
    timestamp=st.integers(0, 2**32 - 1),
    payload=st.binary(max_size=40),
    kind=st.integers(0, 127),
    is_marked=st.booleans(),
)
def test_what_was_packed_is_read(
    number: int, timestamp: int, payload: bytes, kind: int, is_marked: bool
) -> None:
    packet = rtp_packet(number, timestamp, payload, payload_type=kind, is_marked=is_marked)
    assert parse_rtp(packet) == RtpPacket(kind, is_marked, number, timestamp, 0x1234, payload)


@pytest.mark.parametrize("name", ["rtp-seg-fault-1.pcapng", "rtp-seg-fault-2.pcapng"])
def test_what_crashed_tcpdump_is_refused(name: str) -> None:
    for datagram in flow(shared("protocols", "pcap", "tcpdump", name)):
        assert classify(datagram.payload) is not DatagramKind.RTP
        with pytest.raises(RtpError):
            parse_rtp(datagram.payload)


def test_several_rtcp_packets_in_one_datagram() -> None:
    path = shared("protocols", "pcap", "nDPI", "rtcp_multiple_pkts_in_the_same_datagram.pcap")
    reports = [report for d in flow(path) for report in parse_rtcp(d.payload)]
    assert [(r.ssrc, r.timestamp) for r in reports if isinstance(r, SenderReport)] == [
        (1569920308, 32_000),
        (1569920308, 64_160),
        (1569920308, 96_320),
    ]
    ntp_ms = [r.ntp_ms for r in reports if isinstance(r, SenderReport)]
    assert ntp_ms == pytest.approx([3711615344302.266, 3711615348322.274, 3711615352342.242])


def test_header_extensions_of_real_packets_leave_the_payload() -> None:
    path = shared("protocols", "pcap", "nDPI", "stun_dtls_rtp.pcapng")
    packets = [parse_rtp(d.payload) for d in flow(path) if classify(d.payload) == "rtp"]
    kinds = {classify(d.payload) for d in flow(path)}
    sizes = [len(packet.payload) for packet in packets]
    assert sizes == [55, 56, 56, 56, 56, 56, 56, 56, 56, 56, 17]
    assert {DatagramKind.STUN, DatagramKind.DTLS, DatagramKind.RTP} <= kinds
