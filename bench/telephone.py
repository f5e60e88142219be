"""What a telephone line does to a voice: gain control, band, 8 kHz, companding codec."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from subtone.contracts.vocabulary import AudioEncoding

LINE_RATE_HZ = 8_000
BAND_HZ = (300.0, 3_400.0)
_SUBTYPES = {
    AudioEncoding.PCM_S16LE: "PCM_16",
    AudioEncoding.MULAW: "ULAW",
    AudioEncoding.ALAW: "ALAW",
}

Samples = NDArray[np.float32]


def gain_control(
    samples: Samples,
    rate_hz: int,
    threshold_db: float = -24.0,
    ratio: float = 2.0,
    attack_ms: float = 20.0,
    release_ms: float = 300.0,
) -> Samples:
    """Feed-forward compressor: above ``threshold_db`` (re full scale) the level rises 1/ratio.

    Works on 10 ms RMS frames smoothed by attack and release; gain is interpolated between them.
    """
    frame = rate_hz // 100
    count = -(-len(samples) // frame)
    padded = np.zeros(count * frame, dtype=np.float64)
    padded[: len(samples)] = samples
    power = (padded.reshape(count, frame) ** 2).mean(axis=1)
    rise, fall = (1.0 - np.exp(-10.0 / ms) for ms in (attack_ms, release_ms))
    smoothed = np.empty(count)
    held = 0.0
    for i, value in enumerate(power.tolist()):
        held += (rise if value > held else fall) * (value - held)
        smoothed[i] = held
    over_db = np.maximum(0.0, 10.0 * np.log10(smoothed + 1e-12) - threshold_db)
    gain = 10.0 ** (-over_db * (1.0 - 1.0 / ratio) / 20.0)
    at = (np.arange(count) + 0.5) * frame
    return (samples * np.interp(np.arange(len(samples)), at, gain)).astype(np.float32)


@lru_cache(maxsize=8)
def _band_pass_taps(rate_hz: int, low_hz: float, high_hz: float) -> NDArray[np.float64]:
    """Linear-phase windowed-sinc band-pass, 50 ms long."""
    half = rate_hz // 40
    n = np.arange(-half, half + 1)
    low, high = (2.0 * f / rate_hz * np.sinc(2.0 * f / rate_hz * n) for f in (low_hz, high_hz))
    taps: NDArray[np.float64] = (high - low) * np.hamming(len(n))
    return taps


def band_limit(
    samples: Samples, rate_hz: int, low_hz: float = BAND_HZ[0], high_hz: float = BAND_HZ[1]
) -> Samples:
    """Keep ``low_hz`` to ``high_hz``; zero phase, same length."""
    taps = _band_pass_taps(rate_hz, low_hz, high_hz)
    size = 1 << (len(samples) + len(taps) - 1).bit_length()
    filtered = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(taps, size), size)
    start = len(taps) // 2
    return filtered[start : start + len(samples)].astype(np.float32)


def encode(samples: Samples, encoding: AudioEncoding) -> bytes:
    """Samples in [-1, 1], clipped, as headerless bytes of the codec."""
    buffer = io.BytesIO()
    soundfile.write(
        buffer,
        np.clip(samples, -1.0, 1.0 - 2.0**-15),
        LINE_RATE_HZ,
        format="RAW",
        subtype=_SUBTYPES[encoding],
        endian="LITTLE" if encoding is AudioEncoding.PCM_S16LE else "FILE",
    )
    return buffer.getvalue()


def decode(payload: bytes, encoding: AudioEncoding) -> Samples:
    """Inverse of :func:`encode`: float samples in [-1, 1]."""
    samples, _ = soundfile.read(
        io.BytesIO(payload),
        dtype="float32",
        format="RAW",
        channels=1,
        samplerate=LINE_RATE_HZ,
        subtype=_SUBTYPES[encoding],
        endian="LITTLE" if encoding is AudioEncoding.PCM_S16LE else "FILE",
    )
    result: Samples = samples
    return result


def to_line(samples: Samples, rate_hz: int) -> Samples:
    """Gain control, 300-3400 Hz and 8 kHz; the codec is applied by :func:`encode`."""
    banded = band_limit(gain_control(samples, rate_hz), rate_hz)
    line: Samples = soxr.resample(banded, rate_hz, LINE_RATE_HZ).astype(np.float32)
    return line
