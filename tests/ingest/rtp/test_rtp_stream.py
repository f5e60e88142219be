"""The codec of one port: clean and impaired streams, hostile peers, re-negotiation."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable

import pylibsrtp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subtone.contracts.vocabulary import AudioEncoding, Role
from subtone.ingest.rtp import (
    STATIC_FORMATS,
    PayloadFormat,
    RtpStream,
    SrtpReceiver,
    SrtpSuite,
    UnsupportedPayloadError,
)
from subtone.ingest.wire import (
    SignalKind,
    StreamClosed,
    StreamEvent,
    StreamMedia,
    StreamOpened,
    StreamSignal,
)
from support_rtp import rtp_packet

HOME, AWAY = ("192.0.2.1", 4000), ("198.51.100.9", 4000)
FORMATS = {
    **STATIC_FORMATS,
    96: PayloadFormat("opus", 48_000, 2),
    101: PayloadFormat("telephone-event", 8000),
}
KEY = b"123456789012345678901234567890"


def stream(
    *,
    formats: dict[int, PayloadFormat] = FORMATS,
    expected_address: tuple[str, int] | None = HOME,
    srtp: SrtpReceiver | None = None,
) -> RtpStream:
    return RtpStream(
        stream_id="s1",
        call_id="c1",
        track_id="caller",
        role=Role.CUSTOMER,
        formats=formats,
        expected_address=expected_address,
        srtp=srtp,
    )


def sound(number: int) -> bytes:
    return bytes([number % 200 + 1]) * 160


def packet(number: int, *, ssrc: int = 1, payload: bytes | None = None) -> bytes:
    """The number-th 20 ms packet; sequence number and timestamp wrap on the way."""
    return rtp_packet(
        65_520 + number,
        2**32 - 4000 + number * 160,
        sound(number) if payload is None else payload,
        ssrc=ssrc,
    )


def play(codec: RtpStream, numbers: Iterable[int]) -> list[StreamEvent]:
    """One packet each 20 ms, in this order."""
    events: list[StreamEvent] = []
    for at, number in enumerate(numbers):
        events += codec.receive(packet(number), HOME, at * 20)
    return events


def media(events: Iterable[StreamEvent]) -> list[StreamMedia]:
    return [event for event in events if isinstance(event, StreamMedia)]


def heard(events: Iterable[StreamEvent]) -> bytes:
    """All audio in a row; raises where it is not continuous."""
    audio = b""
    for event in media(events):
        assert event.t_stream_ms == len(audio) // 8
        audio += event.payload
    return audio


def digits(events: Iterable[StreamEvent]) -> str:
    return "".join(
        e.detail for e in events if isinstance(e, StreamSignal) and e.kind is SignalKind.DTMF
    )


def test_a_clean_stream_from_opening_to_close() -> None:
    codec = stream()
    events = [*play(codec, range(50)), *codec.close(1000, "bye")]
    opened = events[0]
    assert isinstance(opened, StreamOpened)
    assert (opened.provider, opened.stream_id, opened.call_id) == ("rtp", "s1", "c1")
    assert [(t.track_id, t.role, t.sample_rate_hz) for t in opened.tracks] == [
        ("caller", Role.CUSTOMER, 8000)
    ]
    assert heard(events) == b"".join(map(sound, range(50)))
    assert not any(m.is_concealed for m in media(events))
    assert {m.encoding for m in media(events)} == {AudioEncoding.MULAW}
    assert events[-1] == StreamClosed(reason="bye")
    assert codec.close(1001, "again") == ()
    assert codec.receive(packet(50), HOME, 1002) == ()


def test_a_stream_that_never_opened_closes_in_silence() -> None:
    assert stream().close(0, "bye") == ()


@settings(max_examples=60)
@given(
    delays=st.lists(st.integers(0, 4), min_size=60, max_size=60),
    doubled=st.sets(st.integers(4, 59), max_size=20),  # before, a source is on probation
    lost=st.sets(st.integers(10, 50), max_size=15),
)
def test_any_order_doubling_and_loss_gives_the_audio_of_the_clean_stream(
    delays: list[int], doubled: set[int], lost: set[int]
) -> None:
    delays[:2] = [0, 0]  # a source is believed after two in a row, whatever follows
    clean = heard([*play(codec := stream(), range(60)), *codec.close(9999, "bye")])
    sent = sorted((n for n in range(60) if n not in lost), key=lambda n: (n + delays[n], n))
    codec = stream()
    events = play(codec, [n for s in sent for n in ([s, s] if s in doubled else [s])])
    events += codec.close(9999, "bye")
    audio = heard(events)
    assert len(audio) == len(clean)
    is_concealed = [m.is_concealed for m in media(events) for _ in range(len(m.payload) // 160)]
    assert [n for n, made_up in enumerate(is_concealed) if made_up] == sorted(lost)
    for n in range(60):
        if n not in lost:
            assert audio[n * 160 : n * 160 + 160] == sound(n)
    assert codec.statistics.lost_count == len(lost)
    assert codec.statistics.concealed_ms == 20 * len(lost)
    assert codec.statistics.discarded_count == len(doubled - lost)


def test_a_long_loss_fades_to_silence_after_100_ms() -> None:
    codec = stream()
    events = play(codec, range(20))
    for number in range(40, 50):
        events += codec.receive(packet(number), HOME, number * 20)
    (made_up,) = [m for m in media(events) if m.is_concealed]
    assert (made_up.t_stream_ms, len(made_up.payload)) == (400, 20 * 160)
    assert made_up.payload == sound(19) * 5 + b"\xff" * 15 * 160


def test_comfort_noise_is_a_pause_and_not_a_loss() -> None:
    codec = stream()
    events = play(codec, range(10))
    noise = rtp_packet(65_530, 2**32 - 4000 + 1600, b"\x40", payload_type=13, ssrc=1)
    events += codec.receive(noise, HOME, 200)
    speech = rtp_packet(65_531, 2**32 - 4000 + 1600 + 4000, sound(7), ssrc=1)
    events += codec.receive(speech, HOME, 700)
    assert heard(events)[1600:] == b"\xff" * 4000 + sound(7)
    assert not any(m.is_concealed for m in media(events))
    assert codec.statistics.lost_count == 0


def test_what_waits_for_a_missing_packet_is_given_when_time_passes() -> None:
    codec = stream()
    events = play(codec, [*range(10), 11])
    assert len(heard(events)) == 1600
    events += codec.advance(200 + 119)
    assert len(heard(events)) == 1600
    events += codec.advance(200 + 120)
    assert len(heard(events)) == 12 * 160


def test_digits_between_audio_count_once_at_their_time() -> None:
    codec = stream()
    events = play(codec, range(10))
    pressed = 2**32 - 4000 + 1600
    for at, flags in enumerate([0x0A, 0x0A, 0x0A, 0x8A, 0x8A, 0x8A]):
        event = struct.pack(">BBH", 9, flags, 160 * at)
        datagram = rtp_packet(65_530 + at, pressed, event, payload_type=101, ssrc=1)
        events += codec.receive(datagram, HOME, 200 + at * 20)
    speech = rtp_packet(65_536, pressed + 960, sound(5), ssrc=1)
    events += codec.receive(speech, HOME, 320)
    (signal,) = [e for e in events if isinstance(e, StreamSignal)]
    assert (signal.detail, signal.t_stream_ms) == ("9", 200)
    assert heard(events)[1600:] == b"\xff" * 960 + sound(5)


def test_digits_under_an_ssrc_of_their_own_change_nothing_else() -> None:
    codec = stream()
    events: list[StreamEvent] = []
    for number in range(30):
        events += codec.receive(packet(number), HOME, number * 20)
        event = struct.pack(">BBH", 3, 0x0A, 160)
        beside = rtp_packet(number, 777, event, payload_type=101, ssrc=99)
        events += codec.receive(beside, HOME, number * 20)
    events += codec.close(600, "bye")
    assert heard(events) == b"".join(map(sound, range(30)))
    assert digits(events) == "3"


def test_a_new_ssrc_goes_on_in_the_same_track_and_loses_nothing() -> None:
    codec = stream()
    events = play(codec, range(20))
    for number in range(20, 60):
        datagram = rtp_packet(number, number * 160, sound(number), ssrc=2)
        events += codec.receive(datagram, HOME, number * 20)
    events += codec.close(1200, "bye")
    assert heard(events) == b"".join(map(sound, range(60)))
    assert sum(isinstance(e, StreamOpened) for e in events) == 1


def test_a_second_ssrc_beside_the_first_does_not_disturb_it() -> None:
    codec = stream()
    events: list[StreamEvent] = []
    for number in range(60):
        events += codec.receive(packet(number), HOME, number * 20)
        events += codec.receive(packet(number, ssrc=2, payload=b"z" * 160), HOME, number * 20 + 5)
    events += codec.close(1200, "bye")
    assert heard(events) == b"".join(map(sound, range(60)))


def test_a_codec_may_change_on_the_way() -> None:
    codec = stream()
    events = play(codec, range(20))
    for number in range(20, 30):
        alaw = rtp_packet(
            65_520 + number, 2**32 - 4000 + number * 160, sound(number), payload_type=8, ssrc=1
        )
        events += codec.receive(alaw, HOME, number * 20)
    assert heard(events) == b"".join(map(sound, range(30)))
    assert media(events)[-1].encoding is AudioEncoding.ALAW


# --- whom it listens to ----------------------------------------------------------------------


def test_an_unannounced_sender_is_learned_and_loses_nothing() -> None:
    codec = stream(expected_address=None)
    events = [*play(codec, range(30)), *codec.close(600, "bye")]
    assert codec.source_address == HOME
    assert heard(events) == b"".join(map(sound, range(30)))


def test_foreign_packets_are_counted_and_change_nothing() -> None:
    codec = stream()
    events: list[StreamEvent] = []
    goodbye = struct.pack(">BBHI", 0x81, 203, 1, 1)
    for number in range(30):
        events += codec.receive(packet(number), HOME, number * 20)
        for datagram in (packet(number + 1, payload=b"z" * 160), packet(number, ssrc=5), goodbye):
            assert codec.receive(datagram, AWAY, number * 20) == ()
    events += codec.close(600, "bye")
    assert heard(events) == b"".join(map(sound, range(30)))
    assert codec.statistics.foreign_count == 90


def test_after_signalling_the_media_may_come_from_elsewhere() -> None:
    codec = stream()
    events = play(codec, range(20))
    codec.relearn(expected_address=AWAY)
    for number in range(20, 40):
        events += codec.receive(packet(number), AWAY, number * 20)
    assert heard(events) == b"".join(map(sound, range(40)))
    assert codec.receive(packet(40), HOME, 800) == ()


def test_after_signalling_the_same_sender_goes_on_without_loss() -> None:
    codec = stream()
    events = play(codec, range(20))
    codec.relearn(formats={8: STATIC_FORMATS[8], 0: STATIC_FORMATS[0]})
    for number in range(20, 40):
        events += codec.receive(packet(number), HOME, number * 20)
    assert heard(events) == b"".join(map(sound, range(40)))


def test_what_signalling_took_away_is_ignored_even_where_it_waits() -> None:
    codec = stream()
    events = play(codec, [*range(20), 21, 22])
    events += codec.receive(packet(0, ssrc=2), HOME, 440)
    events += codec.receive(packet(1, ssrc=2), HOME, 460)
    codec.relearn(formats={8: STATIC_FORMATS[8]}, expected_address=HOME)
    assert codec.receive(packet(20), HOME, 480) == ()
    events += codec.advance(2000)
    events += codec.close(2000, "bye")
    assert heard(events) == b"".join(map(sound, range(20)))


def test_a_goodbye_lets_the_next_source_in_at_once() -> None:
    codec = stream()
    events = play(codec, range(20))
    events += codec.receive(struct.pack(">BBHI", 0x81, 203, 1, 1), (HOME[0], 4001), 400)
    for number in range(7):
        datagram = rtp_packet(number, number * 160, sound(number + 20), ssrc=2)
        events += codec.receive(datagram, HOME, 400 + number * 20)
    assert heard(events) == b"".join(map(sound, range(27)))


def test_sender_reports_tell_the_senders_time() -> None:
    codec = stream()
    play(codec, range(50))
    ntp = 3_900_000_000 << 32
    report = struct.pack(">BBHIQIII", 0x80, 200, 6, 1, ntp, (2**32 - 4000 + 800) % 2**32, 0, 0)
    assert codec.receive(report, HOME, 1000) == ()
    assert codec.clock.ntp_zero_ms == 3_900_000_000_000 - 100
    assert codec.clock.offset_ms == 0


# --- the bad inputs --------------------------------------------------------------------------

HEADER = packet(3)[:12]
BAD = {  # what it is, and where it is counted
    "1 empty": (b"", "other"),
    "1 one byte": (b"\x80", "malformed"),
    "1 eleven bytes": (HEADER[:11], "malformed"),
    "2 version 0": (b"\x00" + HEADER[1:], "other"),
    "2 version 3": (b"\xc0" + HEADER[1:], "other"),
    "3 fifteen CSRCs cut short": (b"\x8f" + HEADER[1:] + bytes(8), "malformed"),
    "4 endless extension": (b"\x90" + HEADER[1:] + b"\0\0\xff\xff", "malformed"),
    "5 padding beyond the payload": (b"\xa0" + HEADER[1:] + b"\xff", "malformed"),
    "6 nobody's payload type": (rtp_packet(5, 5, b"x", payload_type=77, ssrc=9), "unnegotiated"),
    "7 65 kB": (HEADER + bytes(65_000), "malformed"),
    "13 RTCP length overrun": (b"\x80\xc9\xff\xff" + bytes(8), "malformed"),
    "STUN": (bytes.fromhex("000100002112a442") + bytes(12), "other"),
    "DTLS hello": (bytes.fromhex("16feff0000") + bytes(60), "other"),
}


@pytest.mark.parametrize(("bad", "counter"), BAD.values(), ids=BAD.keys())
def test_bad_input_beside_a_healthy_stream_changes_nothing(bad: bytes, counter: str) -> None:
    codec = stream()
    events: list[StreamEvent] = []
    for number in range(30):
        events += codec.receive(packet(number), HOME, number * 20)
        assert codec.receive(bad, HOME, number * 20) == ()
    events += codec.close(600, "bye")
    assert heard(events) == b"".join(map(sound, range(30)))
    assert getattr(codec.statistics, f"{counter}_count") == 30
    assert codec.statistics.lost_count == 0


@pytest.mark.parametrize(
    ("payload", "digit", "malformed"),
    [(b"abc", "", 8), (b"\xff\x8a\0\0", "", 0), (b"\x04\x8a\0\0", "4", 0)],
    ids=["three bytes", "event 255", "end without start"],
)
def test_bad_12_odd_telephone_events(payload: bytes, digit: str, malformed: int) -> None:
    codec = stream()
    events = play(codec, range(20))
    for at in range(8):
        datagram = rtp_packet(at, 80, payload, payload_type=101, ssrc=9)
        events += codec.receive(datagram, HOME, 400 + at * 20)
    events += codec.close(999, "bye")
    assert heard(events) == b"".join(map(sound, range(20)))
    assert digits(events) == digit
    assert codec.statistics.malformed_count == malformed


@pytest.mark.parametrize(("ssrc", "address"), [(77, HOME), (1, AWAY), (1, HOME)])
def test_bad_14_a_goodbye_nobody_meant(ssrc: int, address: tuple[str, int]) -> None:
    """Even the right one ends nothing: only signalling ends a stream."""
    codec = stream()
    events = play(codec, range(20))
    assert codec.receive(struct.pack(">BBHI", 0x81, 203, 1, ssrc), address, 400) == ()
    for number in range(20, 40):
        events += codec.receive(packet(number), HOME, number * 20)
    events += codec.close(999, "bye")
    assert heard(events) == b"".join(map(sound, range(40)))


def test_bad_8_a_stray_sequence_number() -> None:
    codec = stream()
    events = play(codec, range(20))
    stray = rtp_packet(40_000, 5, b"z" * 160, ssrc=1)
    assert codec.receive(stray, HOME, 400) == ()
    for number in range(20, 40):
        events += codec.receive(packet(number), HOME, number * 20)
    assert heard(events) == b"".join(map(sound, range(40)))


def test_bad_9_a_timestamp_that_runs_backwards() -> None:
    codec = stream()
    events = play(codec, range(20))
    for number in range(20, 40):
        datagram = rtp_packet(65_520 + number, 900_000 - number * 160, sound(number), ssrc=1)
        events += codec.receive(datagram, HOME, number * 20)
    assert heard(events) == b"".join(map(sound, range(40)))


def test_bad_10_five_thousand_ssrcs() -> None:
    codec = stream()
    events: list[StreamEvent] = []
    for number in range(100):
        events += codec.receive(packet(number), HOME, number * 20)
        for other in range(50):
            datagram = rtp_packet(1, 1, b"z" * 160, ssrc=1000 + number * 50 + other)
            assert codec.receive(datagram, HOME, number * 20) == ()
    assert heard(events) == b"".join(map(sound, range(100)))


def test_bad_11_a_thousand_duplicates() -> None:
    codec = stream()
    events = play(codec, range(20))
    for _ in range(1000):
        assert codec.receive(packet(12), HOME, 400) == ()
    events += codec.receive(packet(20), HOME, 400)
    assert heard(events) == b"".join(map(sound, range(21)))
    assert codec.statistics.discarded_count == 1000


def sealed() -> tuple[RtpStream, pylibsrtp.Session]:
    suite = SrtpSuite.AES_CM_128_HMAC_SHA1_80
    receiver = SrtpReceiver(suite, "inline:" + base64.b64encode(KEY).decode())
    policy = pylibsrtp.Policy(key=KEY, ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
    return stream(srtp=receiver), pylibsrtp.Session(policy)


def test_bad_15_tampered_replayed_and_clear_packets_beside_srtp() -> None:
    codec, session = sealed()
    events: list[StreamEvent] = []
    for number in range(30):
        protected = session.protect(packet(number))
        tampered = protected[:-1] + bytes([protected[-1] ^ 1])
        assert codec.receive(tampered, HOME, number * 20) == ()
        events += codec.receive(protected, HOME, number * 20)
        assert codec.receive(protected, HOME, number * 20) == ()
        assert codec.receive(packet(number + 1), HOME, number * 20) == ()
    events += codec.close(600, "bye")
    assert heard(events) == b"".join(map(sound, range(30)))
    assert codec.statistics.refused_count == 90
    goodbye = struct.pack(">BBHI", 0x81, 203, 1, 1)
    assert codec.receive(goodbye, HOME, 600) == ()


def test_a_key_that_did_not_change_keeps_its_rollover_count() -> None:
    """The sequence number wraps at packet 16; only the old context knows."""
    codec, session = sealed()
    events: list[StreamEvent] = []
    for number in range(40):
        if number == 30:
            suite = SrtpSuite.AES_CM_128_HMAC_SHA1_80
            codec.relearn(
                expected_address=HOME,
                srtp=SrtpReceiver(suite, "inline:" + base64.b64encode(KEY).decode()),
            )
        events += codec.receive(session.protect(packet(number)), HOME, number * 20)
    assert heard(events) == b"".join(map(sound, range(40)))


def test_formats_are_proved_before_the_first_packet() -> None:
    with pytest.raises(UnsupportedPayloadError, match="g729/8000/1 has no decoder"):
        stream(formats={18: PayloadFormat("G729", 8000)})
    with pytest.raises(UnsupportedPayloadError, match="without any audio payload type"):
        stream(formats={13: STATIC_FORMATS[13]})


hostile = st.tuples(
    st.one_of(
        st.binary(max_size=60),
        st.binary(max_size=60).map(lambda tail: b"\x80\xc8" + tail),
        st.builds(
            rtp_packet,
            st.integers(0, 12) | st.integers(0, 65_535),
            st.integers(0, 2000) | st.integers(0, 2**32 - 1),
            st.binary(max_size=40),
            payload_type=st.sampled_from([0, 8, 9, 11, 13, 96, 101, 77]),
            ssrc=st.integers(0, 3),
        ),
    ),
    st.sampled_from([HOME, AWAY]),
    st.integers(-50, 400),
)


@settings(max_examples=150)
@given(st.lists(hostile, max_size=60), st.booleans())
def test_nothing_a_peer_sends_raises_and_time_is_bounded(
    datagrams: list[tuple[bytes, tuple[str, int], int]], is_announced: bool
) -> None:
    codec = stream(expected_address=HOME if is_announced else None)
    t_seen_ms, events = 0, list[StreamEvent]()
    for datagram, address, wait_ms in datagrams:
        t_seen_ms = max(0, t_seen_ms + wait_ms)
        events += codec.receive(datagram, address, t_seen_ms)
        events += codec.advance(t_seen_ms)
    events += codec.close(t_seen_ms, "bye")
    ends = [m.t_stream_ms for m in media(events)]
    assert ends == sorted(ends)
    # audio sent (a packet of Opus holds 120 ms at most), time passed, and 2 s of lead
    assert all(end <= 120 * len(datagrams) + 400 * len(datagrams) + 2000 for end in ends)
    if events:
        assert isinstance(events[0], StreamOpened)
        assert isinstance(events[-1], StreamClosed)
