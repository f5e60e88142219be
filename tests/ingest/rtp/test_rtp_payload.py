"""What payloads are worth: exact for G.711 and L16, sound for G.722 and Opus, digits once."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.contracts.vocabulary import AudioEncoding
from subtone.ingest.rtp import opus
from subtone.ingest.rtp.packet import RtpError, RtpPacket, parse_rtp
from subtone.ingest.rtp.payload import (
    STATIC_FORMATS,
    DigitCounter,
    PayloadFormat,
    Sound,
    UnsupportedPayloadError,
    open_decoder,
)
from support_rtp import flow
from support_shared import shared

OPUS = PayloadFormat("opus", 48_000, 2)


def tone(rate_hz: int, seconds: float = 1.0) -> npt.NDArray[np.int16]:
    t = np.arange(int(rate_hz * seconds)) / rate_hz
    return (8000 * np.sin(2 * np.pi * 440 * t)).astype(np.int16)


def encode(codec: str, samples: npt.NDArray[np.int16], rate_hz: int, **options: str) -> list[bytes]:
    """20 ms packets by FFmpeg."""
    context: Any = av.CodecContext.create(codec, "w")
    context.sample_rate, context.layout, context.format = rate_hz, "mono", "s16"
    context.options = dict(options)
    context.time_base = Fraction(1, rate_hz)
    size, packets = rate_hz // 50, list[bytes]()
    for at in range(0, len(samples) - size + 1, size):
        frame = av.AudioFrame.from_ndarray(samples[None, at : at + size], "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, at, context.time_base
        packets += [bytes(packet) for packet in context.encode(frame)]
    return packets


def pitch_hz(pcm: bytes, rate_hz: int) -> float:
    samples = np.frombuffer(pcm, "<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    return float(np.argmax(spectrum)) * rate_hz / samples.size


@pytest.mark.parametrize(
    ("payload_type", "encoding", "silence"),
    [(0, AudioEncoding.MULAW, b"\xff"), (8, AudioEncoding.ALAW, b"\xd5")],
)
def test_g711_goes_through_as_it_came(
    payload_type: int, encoding: AudioEncoding, silence: bytes
) -> None:
    decoder = open_decoder(STATIC_FORMATS[payload_type])
    payload = bytes(range(160))
    assert (decoder.encoding, decoder.sample_rate_hz) == (encoding, 8000)
    assert decoder.silence == silence
    assert decoder.duration_ticks(payload) == 160
    assert decoder.decode(payload) == payload


def test_a_loss_is_the_last_sound_for_100_ms_and_then_silence() -> None:
    decoder = open_decoder(STATIC_FORMATS[0])
    decoder.decode(b"ab" * 80)
    assert decoder.cover(320, b"next") == (Sound(b"ab" * 160, is_concealed=True),)
    covered = b"ab" * 400 + b"\xff" * 200
    assert decoder.cover(1000, b"next") == (Sound(covered, is_concealed=True),)


def test_a_loss_before_any_sound_is_silence() -> None:
    (sound,) = open_decoder(STATIC_FORMATS[8]).cover(160, b"")
    assert sound == Sound(b"\xd5" * 160, is_concealed=True)


def test_l16_is_turned_to_little_endian() -> None:
    decoder = open_decoder(PayloadFormat("L16", 16_000))
    assert decoder.duration_ticks(b"\x01\x02\xff\xfe") == 2
    assert decoder.decode(b"\x01\x02\xff\xfe") == b"\x02\x01\xfe\xff"
    assert decoder.sample_rate_hz == 16_000
    with pytest.raises(RtpError, match="whole samples"):
        decoder.duration_ticks(b"abc")


def test_g722_runs_at_twice_its_clock_rate() -> None:
    packets = encode("g722", tone(16_000), 16_000)
    decoder = open_decoder(STATIC_FORMATS[9])
    assert [decoder.duration_ticks(p) for p in packets] == [160] * 50
    pcm = b"".join(map(decoder.decode, packets))
    assert len(pcm) == 2 * 16_000
    assert pitch_hz(pcm, 16_000) == pytest.approx(440, abs=1)


def test_opus_is_decoded_to_16_khz_whatever_its_frames() -> None:
    packets = encode("libopus", tone(48_000), 48_000, application="voip")
    decoder = open_decoder(OPUS)
    assert [decoder.duration_ticks(p) for p in packets] == [960] * 50
    pcm = b"".join(map(decoder.decode, packets))
    assert len(pcm) == 2 * 16_000
    assert pitch_hz(pcm, 16_000) == pytest.approx(440, abs=1)


def test_opus_recovers_the_frame_that_the_next_packet_holds() -> None:
    """The one-in-hundred lost packets of the reference stream, against the stream without loss."""
    folder = ("protocols", "pcap", "asterisk-testsuite")
    name = "codecs_opus_fec_16_bit_48khz_60_fec_rtp.pcapng"
    payloads = [parse_rtp(d.payload).payload for d in flow(shared(*folder, name))[:520]]
    clean, lossy = open_decoder(OPUS), open_decoder(OPUS)
    for at, payload in enumerate(payloads):
        expected = np.frombuffer(clean.decode(payload), "<i2").astype(float)
        if at % 100 != 99:
            lossy.decode(payload)
            continue
        (recovered,) = lossy.cover(320, payloads[at + 1])
        assert not recovered.is_concealed
        error = np.frombuffer(recovered.payload, "<i2") - expected
        assert 10 * np.log10(np.sum(expected**2) / np.sum(error**2)) > 15  # dB


def test_opus_makes_up_what_the_next_packet_does_not_hold() -> None:
    folder = ("protocols", "pcap", "asterisk-testsuite")
    name = "codecs_opus_fec_16_bit_48khz_60_fec_rtp.pcapng"
    payloads = [parse_rtp(d.payload).payload for d in flow(shared(*folder, name))[:200]]
    decoder = open_decoder(OPUS)
    for payload in payloads[:199]:
        decoder.decode(payload)
    made_up, recovered = decoder.cover(16_000, payloads[199])
    assert (made_up.is_concealed, len(made_up.payload)) == (True, 2 * (16_000 - 320))
    assert (recovered.is_concealed, len(recovered.payload)) == (False, 2 * 320)
    assert any(made_up.payload[:3200])
    assert not any(made_up.payload[3200:])
    (odd,) = decoder.cover(333, b"")
    assert (odd.is_concealed, len(odd.payload)) == (True, 666)


@given(st.binary(max_size=60))
def test_damaged_opus_is_refused_and_nothing_else_happens(payload: bytes) -> None:
    decoder = open_decoder(OPUS)
    try:
        ticks = decoder.duration_ticks(payload)
        pcm = decoder.decode(payload)
    except RtpError:
        return
    assert len(pcm) == ticks // 3 * 2
    assert sum(len(s.payload) for s in decoder.cover(960, payload)) == 1920


@given(st.binary(max_size=60))
def test_any_g722_payload_has_its_length(payload: bytes) -> None:
    decoder = open_decoder(STATIC_FORMATS[9])
    if payload:
        assert len(decoder.decode(payload)) == 4 * len(payload)


@pytest.mark.parametrize(
    "payload_format",
    [
        PayloadFormat("G729", 8000),
        PayloadFormat("PCMU", 16_000),
        PayloadFormat("L16", 44_100, 2),
        PayloadFormat("opus", 8000, 2),
        PayloadFormat("", 0),
    ],
)
def test_an_unknown_format_says_what_to_offer(payload_format: PayloadFormat) -> None:
    with pytest.raises(UnsupportedPayloadError, match="offer PCMU, PCMA, G722, L16"):
        open_decoder(payload_format)


def test_without_pyav_g722_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(
        name: str,
        scope: Mapping[str, object] | None = None,
        local: Mapping[str, object] | None = None,
        fromlist: tuple[str, ...] = (),
        level: int = 0,
    ) -> Any:
        if name == "av":
            raise ImportError(name)
        return real(name, scope, local, fromlist, level)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UnsupportedPayloadError, match=r"pip install 'subtone\[media\]'"):
        open_decoder(STATIC_FORMATS[9])


def test_without_libopus_opus_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise opus.OpusUnavailableError("run pip install 'subtone[media]'")

    monkeypatch.setattr(opus, "_library", missing)
    with pytest.raises(UnsupportedPayloadError, match=r"pip install 'subtone\[media\]'"):
        open_decoder(OPUS)


def digit(event: int, timestamp: int, *, ssrc: int = 1, flags: int = 0x0A) -> RtpPacket:
    payload = bytes([event, flags, 0, 160])
    return RtpPacket(101, False, 1, timestamp, ssrc, payload)


def test_a_digit_counts_once_however_often_it_is_sent() -> None:
    counter = DigitCounter()
    sent = [digit(5, 80), digit(5, 80), digit(5, 80, flags=0x8A), digit(5, 80, flags=0x8A)]
    assert [counter.take(packet) for packet in sent] == ["5", None, None, None]
    assert counter.take(digit(5, 9000)) == "5"  # pressed again
    assert counter.take(digit(5, 80, ssrc=2)) == "5"


def test_an_end_without_a_start_is_a_digit() -> None:
    assert DigitCounter().take(digit(11, 80, flags=0x8A)) == "#"


@pytest.mark.parametrize("event", [16, 36, 255])
def test_flash_and_tones_are_no_digits(event: int) -> None:
    assert DigitCounter().take(digit(event, 80)) is None


def test_a_short_event_is_refused() -> None:
    with pytest.raises(RtpError, match="shorter than 4 bytes"):
        DigitCounter().take(RtpPacket(101, False, 1, 1, 1, b"\x05\x0a\x00"))
