"""AudioHook audio: which offer to take, and its interleaved samples as tracks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from subtone.contracts.vocabulary import AudioEncoding, Role
from subtone.ingest.audiohook.messages import AudioHookError, MediaOffer
from subtone.ingest.wire import StreamTrack

SAMPLE_RATE_HZ = 8_000  # the only one the protocol knows

ROLE_OF_CHANNEL: Mapping[str, Role] = MappingProxyType(
    {"external": Role.CUSTOMER, "internal": Role.AGENT}
)

# Best first: both sides before one, the customer before the agent.
_CHANNEL_PREFERENCE = (
    ("external", "internal"),
    ("internal", "external"),
    ("external",),
    ("internal",),
)

# L16 is little-endian here, unlike RFC 3551's: the reference implementation lays a typed array
# of the machine's order over the message.
_ENCODINGS: Mapping[str, tuple[AudioEncoding, int]] = MappingProxyType(  # and bytes per sample
    {"PCMU": (AudioEncoding.MULAW, 1), "L16": (AudioEncoding.PCM_S16LE, 2)}
)
_FORMAT_PREFERENCE = tuple(_ENCODINGS)


def choose_media(offers: Sequence[MediaOffer]) -> MediaOffer | None:
    """The offer to take, or None where subtone can use none."""
    usable = [
        offer
        for offer in offers
        if offer.type == "audio"
        and offer.rate == SAMPLE_RATE_HZ
        and offer.format in _ENCODINGS
        and offer.channels in _CHANNEL_PREFERENCE
    ]
    return min(usable, key=_rank, default=None)


def _rank(offer: MediaOffer) -> tuple[int, int]:
    return (
        _CHANNEL_PREFERENCE.index(offer.channels),
        _FORMAT_PREFERENCE.index(offer.format),
    )


def tracks_of(media: MediaOffer) -> tuple[StreamTrack, ...]:
    """The tracks of the chosen media, in wire order."""
    return tuple(
        StreamTrack(track_id=channel, role=ROLE_OF_CHANNEL[channel], sample_rate_hz=SAMPLE_RATE_HZ)
        for channel in media.channels
    )


def encoding_of(media: MediaOffer) -> AudioEncoding:
    """Sample encoding of the chosen media."""
    return _ENCODINGS[media.format][0]


def sample_count(payload: bytes, media: MediaOffer) -> int:
    """Samples per channel in one binary message. Raises AudioHookError for a part of one."""
    frame_bytes = _ENCODINGS[media.format][1] * len(media.channels)
    count, rest = divmod(len(payload), frame_bytes)
    if rest:
        raise AudioHookError(f"Audio data size must be multiple of {frame_bytes} bytes")
    return count


def split_channels(payload: bytes, media: MediaOffer) -> Iterator[tuple[str, bytes]]:
    """Each channel's samples, byte-exact, from a whole number of interleaved frames."""
    samples = np.frombuffer(payload, f"V{_ENCODINGS[media.format][1]}")
    for index, channel in enumerate(media.channels):
        yield channel, samples[index :: len(media.channels)].tobytes()
