"""Payload formats: what one packet's payload is worth in audio, and what stands for a loss.

G.711 goes through as it came; L16, G.722 and Opus become 16-bit PCM. A short loss is covered
by the last packet's sound (Opus: by the packet that follows, where it holds a copy, else by
its own concealment), what is longer by silence.
Sources: RFC 3551 (static types), RFC 7587 (Opus), RFC 3389 (comfort noise), RFC 4733 (digits).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from subtone.contracts.vocabulary import AudioEncoding
from subtone.ingest.rtp import opus
from subtone.ingest.rtp.packet import RtpError, RtpPacket

if TYPE_CHECKING:
    from av.audio.codeccontext import AudioCodecContext

CONCEALED_MS = 100  # beyond this a made-up voice is worse than silence
_REMEMBERED_DIGITS = 64
_DIGITS = "0123456789*#ABCD"


class UnsupportedPayloadError(ValueError):
    """No decoder for a format; the line says what to negotiate or to install."""


@dataclass(frozen=True, slots=True)
class PayloadFormat:
    """One ``a=rtpmap``: encoding name, clock rate, channels."""

    name: str  # as in SDP; case does not matter
    clock_rate_hz: int
    channel_count: int = 1

    @property
    def is_digits(self) -> bool:
        """Telephone events (RFC 4733)."""
        return self.name.lower() == "telephone-event"

    @property
    def is_comfort_noise(self) -> bool:
        """Comfort noise (RFC 3389): a level, no samples."""
        return self.name.lower() == "cn"

    @property
    def is_audio(self) -> bool:
        """Neither digits nor comfort noise."""
        return not self.is_digits and not self.is_comfort_noise


STATIC_FORMATS: Mapping[int, PayloadFormat] = {
    0: PayloadFormat("PCMU", 8000),
    8: PayloadFormat("PCMA", 8000),
    9: PayloadFormat("G722", 8000),  # 16 kHz; the clock rate is a historical error (RFC 3551)
    11: PayloadFormat("L16", 44_100),
    13: PayloadFormat("CN", 8000),
}


@dataclass(frozen=True, slots=True)
class Sound:
    """Samples in the decoder's encoding."""

    payload: bytes
    is_concealed: bool = False


class AudioDecoder(ABC):
    """One source's decoder of one format; it remembers what it decoded."""

    encoding = AudioEncoding.PCM_S16LE
    sample_rate_hz = 8000
    sample_bytes = 2
    silence = b"\0\0"  # one sample

    @abstractmethod
    def duration_ticks(self, payload: bytes) -> int:
        """Length in units of the clock rate. Raises RtpError where the payload is damaged."""

    @abstractmethod
    def decode(self, payload: bytes) -> bytes:
        """Decode the next packet. Raises RtpError where the payload is damaged."""

    def cover(self, sample_count: int, following: bytes) -> tuple[Sound, ...]:  # noqa: ARG002
        """So many samples for a loss right before the payload ``following`` (empty: no audio)."""
        most = CONCEALED_MS * self.sample_rate_hz // 1000
        made_up = self.make_up(min(sample_count, most))
        hush = self.silence * (sample_count - len(made_up) // self.sample_bytes)
        return (Sound(made_up + hush, is_concealed=True),)

    @abstractmethod
    def make_up(self, sample_count: int) -> bytes:
        """Continue the last sound for at most so many samples."""


def open_decoder(payload_format: PayloadFormat) -> AudioDecoder:
    """Make a decoder.

    Raises:
        UnsupportedPayloadError: the format is unknown, or what it needs is not installed.

    """
    name, rate = payload_format.name.lower(), payload_format.clock_rate_hz
    try:
        if name == "opus" and rate == opus.CLOCK_RATE_HZ:  # its channels are for show (RFC 7587)
            return _Opus()
        if payload_format.channel_count == 1:
            if name in _COMPANDED and rate == 8000:
                return _Companded(*_COMPANDED[name])
            if name == "g722" and rate == 8000:
                return _G722()
            if name == "l16" and 8000 <= rate <= 48_000:
                return _Linear(rate)
    except opus.OpusUnavailableError as error:
        raise UnsupportedPayloadError(str(error)) from error
    raise UnsupportedPayloadError(
        f"RTP payload {name}/{rate}/{payload_format.channel_count} has no decoder; "
        "offer PCMU, PCMA, G722, L16 (one channel) or opus"
    )


class _Repeating(AudioDecoder):
    """Decoders that know no better than to repeat the last packet's sound."""

    def __init__(self) -> None:
        self._last = b""

    def make_up(self, sample_count: int) -> bytes:
        if not self._last:
            return b""
        size = sample_count * self.sample_bytes
        return (self._last * (size // len(self._last) + 1))[:size]


class _Companded(_Repeating):
    sample_bytes = 1

    def __init__(self, encoding: AudioEncoding, silence: bytes) -> None:
        super().__init__()
        self.encoding = encoding
        self.silence = silence

    def duration_ticks(self, payload: bytes) -> int:
        return len(payload)

    def decode(self, payload: bytes) -> bytes:
        self._last = payload
        return payload


_COMPANDED = {
    "pcmu": (AudioEncoding.MULAW, b"\xff"),
    "pcma": (AudioEncoding.ALAW, b"\xd5"),
}


class _Linear(_Repeating):
    def __init__(self, sample_rate_hz: int) -> None:
        super().__init__()
        self.sample_rate_hz = sample_rate_hz

    def duration_ticks(self, payload: bytes) -> int:
        if len(payload) % 2:
            raise RtpError("L16 payload is not whole samples")
        return len(payload) // 2

    def decode(self, payload: bytes) -> bytes:
        self._last = np.frombuffer(payload, ">i2").astype("<i2").tobytes()
        return self._last


class _G722(_Repeating):
    sample_rate_hz = 16_000

    def __init__(self) -> None:
        super().__init__()
        try:
            import av
        except ImportError as error:
            raise UnsupportedPayloadError(
                "G.722 over RTP needs PyAV: run pip install 'subtone[media]', or offer PCMU, PCMA"
            ) from error
        self._av = av
        self._context: AudioCodecContext = av.CodecContext.create("g722", "r")
        self._context.sample_rate = self.sample_rate_hz
        self._context.layout = "mono"

    def duration_ticks(self, payload: bytes) -> int:
        return len(payload)

    def decode(self, payload: bytes) -> bytes:
        try:
            frames = self._context.decode(self._av.Packet(payload))
        except self._av.FFmpegError as error:
            raise RtpError("G.722 payload is damaged") from error
        self._last = b"".join(frame.to_ndarray().astype("<i2").tobytes() for frame in frames)
        return self._last


class _Opus(AudioDecoder):
    sample_rate_hz = opus.SAMPLE_RATE_HZ

    def __init__(self) -> None:
        self._decoder = opus.OpusDecoder()

    def duration_ticks(self, payload: bytes) -> int:
        return opus.packet_ticks(payload)

    def decode(self, payload: bytes) -> bytes:
        return self._decoder.decode(payload)

    def make_up(self, sample_count: int) -> bytes:
        return self._decoder.conceal(sample_count)

    def cover(self, sample_count: int, following: bytes) -> tuple[Sound, ...]:
        held = opus.frame_samples(following) if opus.has_redundancy(following) else 0
        if not 0 < held <= sample_count:
            return super().cover(sample_count, b"")
        unheld = sample_count - held
        made_up = super().cover(unheld, b"") if unheld else ()  # first: the decoder remembers
        return (*made_up, Sound(self._decoder.recover(following, held)))


class DigitCounter:
    """Telephone events, each given once however often it is sent.

    Identity is (SSRC, timestamp, event); the first packet counts, so that a lost end costs
    nothing. The duration on the wire is not reliable and not used.
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[int, int, int]] = deque(maxlen=_REMEMBERED_DIGITS)

    def take(self, packet: RtpPacket) -> str | None:
        """The digit this packet begins; None where it is known or no digit (flash, tones).

        Raises:
            RtpError: the payload is shorter than 4 bytes.

        """
        if len(packet.payload) < 4:
            raise RtpError("telephone-event is shorter than 4 bytes")
        event = packet.payload[0]
        identity = (packet.ssrc, packet.timestamp, event)
        if event >= len(_DIGITS) or identity in self._seen:
            return None
        self._seen.append(identity)
        return _DIGITS[event]
