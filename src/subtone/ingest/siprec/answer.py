"""The answer to a recording offer: receive only, one codec a stream, labels echoed (RFC 7866 §7).

Nothing is ever sent back, so an encrypted stream's answer carries a key only because RFC 4568
demands one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final

from subtone.ingest.siprec.sdp import Crypto, Direction, Media, MediaFormat

# Each with the clock rates that are understood; () is any from 8 to 48 kHz.
DECODED_ENCODINGS: Final[dict[str, tuple[int, ...]]] = {
    "pcmu": (8_000, 16_000),
    "pcma": (8_000, 16_000),
    "g722": (8_000,),  # by RFC 3551's error; the audio is 16 kHz
    "l16": (),
    "opus": (48_000,),
}
_BESIDE_AUDIO: Final = ("telephone-event", "cn")
_KEY_BYTES: Final = {"AES_CM_128_HMAC_SHA1_80": 30, "AES_CM_128_HMAC_SHA1_32": 30}
_CLEAR: Final = ("RTP/AVP", "RTP/AVPF")
_SECURE: Final = ("RTP/SAVP", "RTP/SAVPF")


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedMedia:
    """What was agreed for one m= line of the offer."""

    index: int  # of the m= line
    audio: MediaFormat
    beside: tuple[MediaFormat, ...]  # telephone events, comfort noise
    crypto: Crypto | None = None  # the client's: decrypts what it sends
    local_key_base64: str = field(default="", repr=False)


def accept_offer(offer: tuple[Media, ...], key_secret: bytes) -> tuple[AcceptedMedia | None, ...]:
    """For each m= line what will be received, or None where it is refused.

    Args:
        offer: the client's description.
        key_secret: 32 bytes secret to this call; the answer's SRTP keys are derived from them.

    """
    return tuple(_accepted(at, media, key_secret) for at, media in enumerate(offer))


def _accepted(index: int, media: Media, key_secret: bytes) -> AcceptedMedia | None:
    audio = next((one for one in media.formats if _is_decoded(one)), None)
    if media.port == 0 or media.kind != "audio" or audio is None:
        return None
    crypto: Crypto | None = None
    local_key = ""
    if media.protocol in _SECURE:
        usable = (c for c in media.crypto if c.suite in _KEY_BYTES and c.is_plain)
        crypto = next(usable, None)
        if crypto is None:
            return None
        digest = hmac.digest(key_secret, b"srtp %d" % index, hashlib.sha256)
        local_key = base64.b64encode(digest[: _KEY_BYTES[crypto.suite]]).decode()
    elif media.protocol not in _CLEAR:
        return None
    beside = tuple(
        one
        for one in media.formats
        if one.encoding in _BESIDE_AUDIO and one.clock_rate_hz == audio.clock_rate_hz
    )
    return AcceptedMedia(
        index=index, audio=audio, beside=beside, crypto=crypto, local_key_base64=local_key
    )


def _is_decoded(one: MediaFormat) -> bool:
    rates_hz = DECODED_ENCODINGS.get(one.encoding)
    if rates_hz is None or one.channels > 2:
        return False
    return one.clock_rate_hz in rates_hz if rates_hz else 8_000 <= one.clock_rate_hz <= 48_000


def answer_sdp(
    offer: tuple[Media, ...],
    accepted: tuple[AcceptedMedia | None, ...],
    ports: tuple[int, ...],
    *,
    host: str,
    session_number: int,
    version: int,
) -> bytes:
    """The answer's text.

    Args:
        offer: the description answered.
        accepted: ``accept_offer`` of it.
        ports: one even local RTP port for each m= line, 0 where it is refused.
        host: the local media address, IPv4 or IPv6.
        session_number: o= line's session id, the same through the dialog.
        version: o= line's version, one more with each changed answer.

    """
    family = "IP6" if ":" in host else "IP4"
    lines = [
        "v=0",
        f"o=subtone {session_number} {version} IN {family} {host}",
        "s=-",
        f"c=IN {family} {host}",
        "t=0 0",
    ]
    for media, agreed, port in zip(offer, accepted, ports, strict=True):
        lines += _refused(media) if agreed is None else _section(media, agreed, port)
    return "\r\n".join([*lines, ""]).encode()


def _refused(media: Media) -> list[str]:
    numbers = " ".join(str(one.payload_type) for one in media.formats) or "0"
    label = [] if media.label is None else [f"a=label:{media.label}"]
    return [f"m={media.kind} 0 {media.protocol} {numbers}", *label]


def _section(media: Media, agreed: AcceptedMedia, port: int) -> list[str]:
    formats = (agreed.audio, *agreed.beside)
    numbers = " ".join(str(one.payload_type) for one in formats)
    lines = [f"m=audio {port} {media.protocol} {numbers}"]
    for one in formats:
        channels = f"/{one.channels}" if one.channels > 1 else ""
        lines.append(
            f"a=rtpmap:{one.payload_type} {one.encoding.upper()}/{one.clock_rate_hz}{channels}"
            if one.encoding != "telephone-event"
            else f"a=rtpmap:{one.payload_type} telephone-event/{one.clock_rate_hz}"
        )
        if one.encoding == "telephone-event":
            lines.append(f"a=fmtp:{one.payload_type} 0-15")
    if media.ptime_ms is not None:
        lines.append(f"a=ptime:{media.ptime_ms}")
    if agreed.crypto is not None:
        key = agreed.local_key_base64
        lines.append(f"a=crypto:{agreed.crypto.tag} {agreed.crypto.suite} inline:{key}")
    if media.is_rtcp_muxed:
        lines.append("a=rtcp-mux")
    if media.label is not None:
        lines.append(f"a=label:{media.label}")
    is_sending = media.direction in (Direction.SENDRECV, Direction.SENDONLY)
    lines.append("a=recvonly" if is_sending else "a=inactive")
    return lines
