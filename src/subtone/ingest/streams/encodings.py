"""What a stream says its payload is, and how that payload becomes one of our encodings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from subtone.contracts.vocabulary import AudioEncoding
from subtone.ingest.wire import WireError

ByteOrder = Literal["little", "big"]

MIN_SAMPLE_RATE_HZ = 8_000
MAX_SAMPLE_RATE_HZ = 64_000
SAMPLE_BYTES = {AudioEncoding.PCM_S16LE: 2, AudioEncoding.MULAW: 1, AudioEncoding.ALAW: 1}

# The codec of each name that providers use, without "audio/", "x-" and in upper case.
CODECS = {
    "MULAW": "PCMU",
    "ULAW": "PCMU",
    "PCMU": "PCMU",
    "ALAW": "PCMA",
    "PCMA": "PCMA",
    "L16": "L16",
    "RAW": "L16",
    "G722": "G722",
    "OPUS": "OPUS",
    "AMR-WB": "AMR-WB",
}
DECODABLE = ("G722", "OPUS")  # where the caller brings a decoder
G711 = {"PCMU": AudioEncoding.MULAW, "PCMA": AudioEncoding.ALAW}

# audio/x-mulaw | audio/l16;rate=16000 | PCMU | L16@24000h | L16@16000h@40i
_MEDIA_TYPE = re.compile(
    r"(?:audio/)?(?:x-)?(?P<name>[a-z0-9-]{1,16})(?:; ?rate=(?P<rate>\d{4,6}))?"
    r"(?:@(?P<hertz>\d{4,6})h)?(?:@\d{1,3}i)?",
    re.IGNORECASE | re.ASCII,
)


class MediaDecoder(Protocol):
    """Turns the payloads of one track, in order, into 16-bit little-endian mono PCM."""

    sample_rate_hz: int

    def decode(self, payload: bytes) -> bytes:
        """Decode one payload. Raises ValueError where the payload is not of its codec."""
        ...


DecoderFactory = Callable[[int], MediaDecoder]  # of the announced sample rate
Decoders = Mapping[str, DecoderFactory]  # by a codec of DECODABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFormat:
    """What the peer announced: a codec of ``CODECS`` and its rate, 8000 to 64000 hertz."""

    codec: str
    sample_rate_hz: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackFormat:
    """What our side gets of one track; decode is None where bytes pass as they are."""

    encoding: AudioEncoding
    sample_rate_hz: int
    decode: Callable[[bytes], bytes] | None = None


def parse_media_format(media_type: str, sample_rate_hz: int | None = None) -> MediaFormat:
    """Read a media type; a rate beside it is used where the type itself has none.

    Raises:
        WireError: the type is none of ours, or the rate is missing or out of range.

    """
    match = _MEDIA_TYPE.fullmatch(media_type)
    codec = CODECS.get(match["name"].upper()) if match else None
    if match is None or codec is None:
        raise WireError(
            f"the stream's encoding is none of {', '.join(sorted(set(CODECS.values())))}"
        )
    told = match["rate"] or match["hertz"]
    rate_hz = int(told) if told else sample_rate_hz
    if rate_hz is None:
        raise WireError(f"the stream announced {codec} without a sample rate")
    if not MIN_SAMPLE_RATE_HZ <= rate_hz <= MAX_SAMPLE_RATE_HZ:
        raise WireError(
            f"the stream's sample rate must be {MIN_SAMPLE_RATE_HZ} to {MAX_SAMPLE_RATE_HZ} Hz, "
            f"got {rate_hz}"
        )
    return MediaFormat(codec=codec, sample_rate_hz=rate_hz)


def open_track_format(
    announced: MediaFormat, l16_order: ByteOrder, decoders: Decoders
) -> TrackFormat:
    """How one track's payloads are read; each track has its own decoder.

    Raises:
        WireError: no decoder is there for the codec.

    """
    rate_hz = announced.sample_rate_hz
    if announced.codec in G711:
        return TrackFormat(encoding=G711[announced.codec], sample_rate_hz=rate_hz)
    if announced.codec == "L16":
        swap = _swap_bytes if l16_order == "big" else None
        return TrackFormat(encoding=AudioEncoding.PCM_S16LE, sample_rate_hz=rate_hz, decode=swap)
    factory = decoders.get(announced.codec) if announced.codec in DECODABLE else None
    if factory is None:
        raise WireError(
            f"the stream sends {announced.codec}, which has no decoder here; "
            "set the provider's stream to PCMU, PCMA or L16"
        )
    decoder = factory(rate_hz)
    return TrackFormat(
        encoding=AudioEncoding.PCM_S16LE,
        sample_rate_hz=decoder.sample_rate_hz,
        decode=decoder.decode,
    )


def _swap_bytes(payload: bytes) -> bytes:
    """Network order (RFC 3551 §4.5.11) to little-endian; whole samples only."""
    if len(payload) % 2:
        raise ValueError("half a sample")
    return np.frombuffer(payload, dtype=">i2").astype("<i2").tobytes()
