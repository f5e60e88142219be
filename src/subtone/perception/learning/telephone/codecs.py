"""Speech codecs of telephone lines, there and back.

G.711 by libsndfile; AMR narrow band (12.2 kbit/s) and Opus (VoIP, 12 kbit/s) are the real
coders, which FFmpeg carries in PyAV's wheel.
"""

from __future__ import annotations

import io
from enum import StrEnum
from typing import Any, Final

import numpy as np
import soundfile

from subtone.perception.encoding import FloatArray
from subtone.perception.learning.errors import LearningError

LINE_RATE_HZ: Final = 8_000
PACKET_SAMPLES: Final = LINE_RATE_HZ // 50


class Codec(StrEnum):
    """What a line codes its samples with."""

    NONE = "none"
    MULAW = "mulaw"
    ALAW = "alaw"
    AMR = "amr"
    OPUS = "opus"


_G711: Final = {Codec.MULAW: "ULAW", Codec.ALAW: "ALAW"}
_CODED: Final = {
    Codec.AMR: ("libopencore_amrnb", "s16", 12_200, {}),
    Codec.OPUS: ("libopus", "s16", 12_000, {"application": "voip", "frame_duration": "20"}),
}


def code(samples: FloatArray, codec: Codec) -> FloatArray:
    """Samples [n] at 8 kHz in [-1, 1] (more is clipped) after coding and decoding, [n].

    Raises LearningError where the codec needs PyAV and it is not installed.
    """
    clipped = np.clip(samples, -1.0, 1.0 - 2.0**-15).astype(np.float32)
    if codec is Codec.NONE:
        return clipped
    if codec in _G711:
        return _g711(clipped, _G711[codec])
    decoded = _coded(clipped, codec)
    delay = _delay(clipped, decoded)
    return np.pad(decoded[delay:], (0, len(samples)))[: len(samples)]


def _g711(samples: FloatArray, subtype: str) -> FloatArray:
    raw: dict[str, Any] = {"format": "RAW", "subtype": subtype, "endian": "FILE"}
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, LINE_RATE_HZ, **raw)
    buffer.seek(0)
    decoded, _ = soundfile.read(buffer, dtype="float32", channels=1, samplerate=LINE_RATE_HZ, **raw)
    result: FloatArray = decoded
    return result


def _coded(samples: FloatArray, codec: Codec) -> FloatArray:
    try:
        import av
    except ImportError as error:
        raise LearningError(
            f"av: the {codec} line needs the media extra; install subtone[media]"
        ) from error
    name, sample_format, bit_rate, options = _CODED[codec]
    encoder: Any = av.CodecContext.create(name, "w")
    encoder.sample_rate, encoder.format, encoder.layout = LINE_RATE_HZ, sample_format, "mono"
    encoder.bit_rate, encoder.options = bit_rate, options
    encoder.open()
    decoder: Any = av.CodecContext.create(name, "r")
    decoder.sample_rate, decoder.layout = LINE_RATE_HZ, "mono"
    whole = -(-len(samples) // PACKET_SAMPLES) + 5  # what a coder holds back comes out
    pcm = np.zeros(whole * PACKET_SAMPLES, np.int16)
    pcm[: len(samples)] = np.round(samples * 32_767.0)
    parts = []
    for at in range(0, len(pcm), PACKET_SAMPLES):
        frame = av.AudioFrame.from_ndarray(pcm[None, at : at + PACKET_SAMPLES], "s16", "mono")
        frame.sample_rate, frame.pts = LINE_RATE_HZ, at
        for packet in encoder.encode(frame):
            parts += [_mono_8_khz(decoded) for decoded in decoder.decode(packet)]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _mono_8_khz(frame: Any) -> FloatArray:
    values: FloatArray = frame.to_ndarray().astype(np.float32).reshape(-1)
    if frame.format.name.startswith("s16"):
        values = values / np.float32(32_768.0)
    step = frame.sample_rate // LINE_RATE_HZ  # libopus may decode at 48 kHz whatever was coded
    return values if step == 1 else values.reshape(-1, step).mean(axis=1).astype(np.float32)


def _delay(sent: FloatArray, heard: FloatArray) -> int:
    """Samples the coder is late, by cross-correlation; at most 40 ms."""
    size = 1 << (len(sent) + len(heard)).bit_length()
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(sent, size))
    return int(np.fft.irfft(spectrum, size)[: 2 * PACKET_SAMPLES].argmax())
