"""libopus by ctypes: FFmpeg's wrapper, and so PyAV, cannot ask for forward error correction.

The library is the one PyAV's wheel carries (``subtone[media]``), else the system's.
Source: RFC 6716 (packets §3, in-band FEC §2.1.7), ``opus.h`` of libopus 1.4.
"""

from __future__ import annotations

import ctypes
from functools import cache
from importlib.metadata import PackageNotFoundError, files

import numpy as np

from subtone.ingest.rtp.packet import RtpError

SAMPLE_RATE_HZ = 16_000  # what emotion needs; libopus decodes to it directly
CLOCK_RATE_HZ = 48_000  # of Opus in RTP, whatever was encoded (RFC 7587 §4.1)
_MAX_SAMPLES = SAMPLE_RATE_HZ * 120 // 1000  # the longest packet
_STEP = SAMPLE_RATE_HZ // 400  # concealment comes in multiples of 2.5 ms


class OpusUnavailableError(RuntimeError):
    """No libopus on this machine."""


@cache
def _library() -> ctypes.CDLL:
    try:
        bundled = [str(file.locate()) for file in files("av") or () if "libopus" in file.name]
    except PackageNotFoundError:
        bundled = []
    for name in (*bundled, "libopus.so.0", "libopus.0.dylib", "opus.dll"):
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        library.opus_decoder_create.restype = ctypes.c_void_p
        return library
    raise OpusUnavailableError(
        "Opus over RTP needs libopus: run pip install 'subtone[media]', or offer PCMU, PCMA"
    )


def packet_ticks(packet: bytes) -> int:
    """Duration in 48 kHz ticks, from the packet's table of contents.

    Raises:
        RtpError: it is not an Opus packet, or longer than 120 ms.

    """
    ticks: int = _library().opus_packet_get_nb_samples(packet, len(packet), CLOCK_RATE_HZ)
    if not 0 < ticks <= CLOCK_RATE_HZ * 120 // 1000:
        raise RtpError("Opus packet has an impossible table of contents")
    return ticks


def frame_samples(packet: bytes) -> int:
    """Length of one frame of the packet at 16 kHz; of so much can it hold a second copy."""
    return int(_library().opus_packet_get_samples_per_frame(packet, SAMPLE_RATE_HZ))


def has_redundancy(packet: bytes) -> bool:
    """Whether the packet also holds the frame before it, at a lower rate (LBRR)."""
    library = _library()
    # before libopus 1.4 nobody can tell, and what the decoder makes up counts as made up
    is_known = hasattr(library, "opus_packet_has_lbrr")
    return bool(packet) and is_known and library.opus_packet_has_lbrr(packet, len(packet)) == 1


class OpusDecoder:
    """One SSRC's decoder: mono, 16 bit, 16 kHz."""

    def __init__(self) -> None:
        self._library = _library()
        error = ctypes.c_int()
        pointer = self._library.opus_decoder_create(SAMPLE_RATE_HZ, 1, ctypes.byref(error))
        if not pointer:
            raise OpusUnavailableError(f"libopus cannot make a decoder (error {error.value})")
        self._decoder = ctypes.c_void_p(pointer)
        self._out = np.zeros(_MAX_SAMPLES, np.int16)
        self._out_pointer = self._out.ctypes.data_as(ctypes.c_void_p)

    def __del__(self) -> None:
        if hasattr(self, "_decoder"):
            self._library.opus_decoder_destroy(self._decoder)

    def decode(self, packet: bytes) -> bytes:
        """Decode a whole packet. Raises RtpError where it is damaged."""
        return self._run(packet, _MAX_SAMPLES, is_recovery=False)

    def recover(self, packet: bytes, sample_count: int) -> bytes:
        """Decode the copy of the frame before ``packet`` that it carries."""
        return self._run(packet, sample_count, is_recovery=True)

    def conceal(self, sample_count: int) -> bytes:
        """Make up so much audio, to a multiple of 2.5 ms below."""
        made = b""
        wanted = sample_count // _STEP * _STEP
        while wanted:
            made += self._run(None, min(wanted, _MAX_SAMPLES), is_recovery=False)
            wanted = max(0, wanted - _MAX_SAMPLES)
        return made

    def _run(self, packet: bytes | None, sample_count: int, *, is_recovery: bool) -> bytes:
        size = 0 if packet is None else len(packet)
        decoded: int = self._library.opus_decode(
            self._decoder, packet, size, self._out_pointer, sample_count, int(is_recovery)
        )
        if decoded < 0:
            raise RtpError(f"Opus packet is damaged (libopus {decoded})")
        return self._out[:decoded].astype("<i2").tobytes()
