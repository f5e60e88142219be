"""What real peers sent: every G.711 capture byte for byte, and each file's known oddities."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from subtone.contracts.vocabulary import Role
from subtone.ingest.rtp import STATIC_FORMATS, PayloadFormat, RtpStream
from subtone.ingest.rtp.packet import DatagramKind, RtpPacket, classify, parse_rtp
from subtone.ingest.wire import StreamEvent, StreamMedia, StreamSignal
from subtone.kernel.voice_intelligence.acoustics import decode_payload
from support_rtp import Datagram, flow, read_capture
from support_shared import shared

ASTERISK, FREESWITCH, NDPI, SIPP = "asterisk-testsuite", "freeswitch", "nDPI", "sipp"
RECOGNITION = "channels_pjsip_dtmf_sdp_dtmf_sdp_recognition"
FAX = "FAX-Call-t38-CA-TDM-SIP-FB-1.pcap"
CARRIER = "fax_pjsip_t38_enabled_two_reinvite_on_a_leg_CARRIER_G711U.pcap"
CUSTOMER = "fax_pjsip_t38_enabled_two_reinvite_on_a_leg_CUSTOMER_G711U.pcap"
SSRC_CHANGE = "channels_pjsip_non_negotiated_frame_SSRC_change"
OPUS_FEC = "codecs_opus_fec_16_bit_48khz_60_fec"
FORMATS = {
    **STATIC_FORMATS,
    96: PayloadFormat("opus", 48_000, 2),
    101: PayloadFormat("telephone-event", 8000),
    107: PayloadFormat("opus", 48_000, 2),
}


def capture(folder: str, name: str) -> Path:
    return shared("protocols", "pcap", folder, name)


def run(datagrams: list[Datagram]) -> tuple[RtpStream, list[StreamEvent]]:
    codec = RtpStream(stream_id="s", call_id="c", track_id="t", role=Role.CUSTOMER, formats=FORMATS)
    events: list[StreamEvent] = []
    for d in datagrams:
        events += codec.receive(d.payload, d.source, d.t_ms - datagrams[0].t_ms)
    events += codec.close(datagrams[-1].t_ms - datagrams[0].t_ms, "end of capture")
    return codec, events


def media(events: Iterable[StreamEvent]) -> list[StreamMedia]:
    return [event for event in events if isinstance(event, StreamMedia)]


def heard(events: Iterable[StreamEvent]) -> bytes:
    return b"".join(m.payload for m in media(events))


def digits(events: Iterable[StreamEvent]) -> str:
    return "".join(event.detail for event in events if isinstance(event, StreamSignal))


def audio_packets(datagrams: list[Datagram], *payload_types: int) -> list[RtpPacket]:
    packets = [parse_rtp(d.payload) for d in datagrams if classify(d.payload) == DatagramKind.RTP]
    return [packet for packet in packets if packet.payload_type in payload_types]


def expected(packets: list[RtpPacket], silence: bytes) -> bytes:
    """Payloads at their timestamps, silence between: the reference, without any state."""
    audio = b""
    for packet in packets:
        at = (packet.timestamp - packets[0].timestamp) % 2**32
        audio += silence * (at - len(audio)) + packet.payload
    return audio


@pytest.mark.parametrize(
    ("folder", "name", "port", "payload_type", "count"),
    [
        (SIPP, "g711a.pcap", None, 8, 236),
        (ASTERISK, "channels_pjsip_rtp_ptime_non-transcode_40msalaw.pcap", None, 8, 826),
        (ASTERISK, f"{SSRC_CHANGE}_A_party_g711a.pcap", None, 8, 5535),
        (ASTERISK, f"{RECOGNITION}_ulaw-2013785496.pcap", None, 0, 854),
        (ASTERISK, f"{RECOGNITION}_ulaw-3125894607.pcap", None, 0, 802),
        (ASTERISK, "rtp_ast-2017-012_crash-27382.pcap", None, 0, 274),
        (ASTERISK, CUSTOMER, 13030, 0, 401),
        (ASTERISK, CUSTOMER, 11464, 0, 399),
        (FREESWITCH, "milliwatt.pcmu.rtp.pcap", None, 0, 232),
        (FREESWITCH, "milliwatt.long.pcmu.rtp.pcap", None, 0, 713),
    ],
)
def test_g711_without_loss_is_byte_exact(
    folder: str, name: str, port: int | None, payload_type: int, count: int
) -> None:
    datagrams = flow(capture(folder, name), port)
    packets = audio_packets(datagrams, payload_type)
    codec, events = run(datagrams)
    assert len(packets) == count
    assert heard(events) == expected(packets, b"\xff" if payload_type == 0 else b"\xd5")
    assert not any(m.is_concealed for m in media(events))
    assert codec.statistics.lost_count == 0
    ends = [m.t_stream_ms + len(m.payload) // 8 for m in media(events)]
    placed = zip((m.t_stream_ms for m in media(events)), [0, *ends[:-1]], strict=True)
    # where samples say, but for a sender's clock that runs fast or slow
    assert all(abs(t_ms - end_ms) <= end_ms * 250e-6 for t_ms, end_ms in placed)


def test_fourteen_lost_packets_are_concealed_where_they_are() -> None:
    datagrams = flow(capture(ASTERISK, CARRIER))
    packets = audio_packets(datagrams, 0)
    codec, events = run(datagrams)
    made_up = [m for m in media(events) if m.is_concealed]
    assert [len(m.payload) // 8 for m in made_up] == [240, 40]
    assert codec.statistics.lost_count == 14
    assert codec.statistics.concealed_ms == 280
    assert len(heard(events)) == 814 * 160
    real = b"".join(m.payload for m in media(events) if not m.is_concealed)
    assert real == b"".join(packet.payload for packet in packets)


def test_comfort_noise_is_silence_and_a_moved_clock_loses_nothing() -> None:
    """163 comfort-noise packets, three redundant NSE packets nobody negotiated, a re-INVITE."""
    datagrams = flow(capture(NDPI, FAX), 15580)
    packets = audio_packets(datagrams, 8)
    codec, events = run(datagrams)
    assert len(audio_packets(datagrams, 13)) == 163
    assert codec.statistics.unnegotiated_count == 3
    assert codec.statistics.lost_count == 0
    (jump,) = [m for m in media(events) if m.is_concealed]
    assert len(jump.payload) // 8 == 286  # as long as nothing arrived at the re-INVITE
    talk = [packet for packet in packets if packet.sequence_number <= 966]
    after = [packet for packet in packets if 967 < packet.sequence_number < 1145]
    moved = [packet for packet in packets if packet.sequence_number >= 1145]
    silence = b"\xd5" * 1200 * 163
    assert heard(events) == b"".join(
        [
            *(packet.payload for packet in talk),
            silence,
            *(packet.payload for packet in after),
            jump.payload,
            *(packet.payload for packet in moved),
        ]
    )


def test_a_long_hold_stays_a_hole() -> None:
    datagrams = flow(capture(NDPI, FAX), 16756)
    _, events = run(datagrams)
    audio = media(events)
    holes = [
        (a.t_stream_ms, b.t_stream_ms)
        for a, b in itertools.pairwise(audio)
        if b.t_stream_ms - a.t_stream_ms > 10_000
    ]
    assert len(holes) == 1
    assert holes[0][1] - holes[0][0] == pytest.approx(34_262, abs=100)


def test_opus_loses_29_packets_and_recovers_all_of_them() -> None:
    clean_codec, clean = run(flow(capture(ASTERISK, f"{OPUS_FEC}_rtp.pcapng")))
    codec, events = run(flow(capture(ASTERISK, f"{OPUS_FEC}_dropped.pcapng")))
    assert clean_codec.statistics.lost_count == 0
    assert (codec.statistics.lost_count, codec.statistics.recovered_ms) == (29, 580)
    assert len(heard(clean)) == len(heard(events)) == 60_000 * 16 * 2
    assert not any(m.is_concealed for m in media(events))
    whole = np.frombuffer(heard(clean), "<i2").astype(float)
    error = np.frombuffer(heard(events), "<i2") - whole
    for frame in range(99, 3000, 100):  # the packets taken out
        if frame < 2999:
            span = slice(frame * 320, frame * 320 + 320)
            assert 10 * np.log10(np.sum(whole[span] ** 2) / np.sum(error[span] ** 2)) > 15


@pytest.mark.parametrize(
    ("name", "pressed"),
    [
        (f"{RECOGNITION}_ulaw-2013785496.pcap", "0123456789"),
        (f"{RECOGNITION}_ulaw-3125894607.pcap", "0123456789"),
        (f"{RECOGNITION}_opus-2013785496.pcap", "0123456789"),
        (f"{RECOGNITION}_opus-3125894607.pcap", "0123456789"),
    ],
)
def test_ten_digits_between_audio_count_ten(name: str, pressed: str) -> None:
    datagrams = flow(capture(ASTERISK, name))
    codec, events = run(datagrams)
    assert sorted(digits(events)) == sorted(pressed)
    assert codec.statistics.lost_count == 0
    assert not any(m.is_concealed for m in media(events))
    # a digit stands where its silence begins: no audio was sent while it was pressed
    starts = {m.t_stream_ms: not any(m.payload) or set(m.payload) == {0xFF} for m in media(events)}
    at_ms = [event.t_stream_ms for event in events if isinstance(event, StreamSignal)]
    assert all(starts.get(t_ms) for t_ms in at_ms)


@pytest.mark.parametrize("key", [*"0123456789", "pound", "star"])
def test_an_end_sent_thrice_under_one_number_is_one_digit(key: str) -> None:
    codec, events = run(flow(capture(SIPP, f"dtmf_2833_{key}.pcap")))
    assert digits(events) == {"pound": "#", "star": "*"}.get(key, key)
    assert codec.statistics.discarded_count == 2


def test_unnegotiated_packets_under_new_ssrcs_are_ignored() -> None:
    call = flow(capture(ASTERISK, f"{SSRC_CHANGE}_A_party_g711a.pcap"))[:200]
    strange = [
        d._replace(source=call[0].source, t_ms=call[50].t_ms)
        for part in ("ssrc1", "ssrc2")
        for d in flow(capture(ASTERISK, f"{SSRC_CHANGE}_{part}.pcap"))
    ]
    codec, events = run([*call[:50], *strange, *call[50:]])
    assert heard(events) == b"".join(packet.payload for packet in audio_packets(call, 8))
    assert codec.statistics.unnegotiated_count == 3


def test_two_ssrcs_on_one_port_are_one_track() -> None:
    """The customer's call, then the carrier's, as if a border controller had switched them."""
    first, second = (flow(capture(ASTERISK, CUSTOMER), port)[:100] for port in (13030, 11464))
    begin = first[-1].t_ms + 20 - second[0].t_ms
    moved = [d._replace(source=first[0].source, t_ms=d.t_ms + begin) for d in second]
    codec, events = run([*first, *moved])
    packets = audio_packets(first, 0) + audio_packets(second, 0)
    assert len({packet.ssrc for packet in packets}) == 2
    assert heard(events) == b"".join(packet.payload for packet in packets)
    assert len({m.track_id for m in media(events)}) == 1
    assert codec.statistics.lost_count == 0


def test_the_milliwatt_tone_is_1004_hz_at_its_level() -> None:
    _, events = run(flow(capture(FREESWITCH, "milliwatt.long.pcmu.rtp.pcap")))
    audio = [m for m in media(events) if len(m.payload) == 160][5:405]
    samples = np.concatenate([decode_payload(m.encoding, m.payload) for m in audio])
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    assert np.argmax(spectrum) * 8000 / samples.size == pytest.approx(1004, abs=1)
    assert np.sqrt(np.mean(samples**2)) * np.sqrt(2) == pytest.approx(0.3106, abs=0.001)


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        (NDPI, "rtp.pcapng"),
        (NDPI, "stun_dtls_rtp.pcapng"),
        (NDPI, "stun_dtls_rtp_unidir.pcapng"),
        (NDPI, "rtcp_multiple_pkts_in_the_same_datagram.pcap"),
        (NDPI, "sip.pcap"),
        (NDPI, "h323.pcap"),
        (ASTERISK, "fax_pjsip_ast-2016-003_crash.pcap"),
        ("tcpdump", "rtp-seg-fault-1.pcapng"),
        ("tcpdump", "rtp-seg-fault-2.pcapng"),
        ("sngrep", "aaa.pcap"),
    ],
)
def test_no_capture_raises_or_is_answered(folder: str, name: str) -> None:
    datagrams = read_capture(capture(folder, name))
    codec, _ = run(datagrams)
    stats = codec.statistics
    assert stats.rtp_count + stats.other_count + stats.foreign_count >= 1
