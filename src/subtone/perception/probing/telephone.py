"""What a telephone line leaves of a recording: 300 to 3400 Hz, 8 kHz, mu-law."""

from __future__ import annotations

from functools import cache

import numpy as np
import soxr

from subtone.contracts.vocabulary import AudioEncoding
from subtone.kernel.voice_intelligence.acoustics import decode_payload
from subtone.perception.encoding import FloatArray

LINE_RATE_HZ = 8_000
BAND_HZ = (300.0, 3_400.0)


@cache
def _levels() -> FloatArray:
    return np.unique(decode_payload(AudioEncoding.MULAW, bytes(range(256))))


def over_telephone(samples: FloatArray, sample_rate_hz: int) -> FloatArray:
    """Mono samples as a G.711 line delivers them, at 8 kHz; the band is cut at zero phase."""
    narrow = soxr.resample(samples, sample_rate_hz, LINE_RATE_HZ)
    spectrum = np.fft.rfft(narrow)
    at_hz = np.fft.rfftfreq(len(narrow), 1.0 / LINE_RATE_HZ)
    spectrum[(at_hz < BAND_HZ[0]) | (at_hz > BAND_HZ[1])] = 0.0
    banded = np.fft.irfft(spectrum, len(narrow)).astype(np.float32)
    levels = _levels()
    return levels[np.searchsorted((levels[1:] + levels[:-1]) / 2.0, banded)]
