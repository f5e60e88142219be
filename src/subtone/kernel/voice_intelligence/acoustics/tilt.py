"""Spectral tilt: the alpha ratio of GeMAPS (Eyben 2016), signed so that brighter is higher."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided

from subtone.kernel.voice_intelligence.acoustics.arrays import F32

_LOW_BAND_HZ = (50.0, 1000.0)
_HIGH_BAND_TOP_HZ = {8000: 3400.0, 16000: 5000.0}
_WINDOW_S = 0.032
_EMPTY = 1e-10  # power of a silent band, so that silence has tilt 0


def _bands(sample_rate_hz: int) -> F32:
    size = round(_WINDOW_S * sample_rate_hz)
    hz = np.fft.rfftfreq(size, 1.0 / sample_rate_hz)
    low = (hz >= _LOW_BAND_HZ[0]) & (hz <= _LOW_BAND_HZ[1])
    high = (hz > _LOW_BAND_HZ[1]) & (hz <= _HIGH_BAND_TOP_HZ[sample_rate_hz])
    return np.stack([low, high], axis=1).astype(np.float32)


_BANDS = {rate: _bands(rate) for rate in _HIGH_BAND_TOP_HZ}
_WINDOWS = {
    rate: np.hamming(round(_WINDOW_S * rate)).astype(np.float32) for rate in _HIGH_BAND_TOP_HZ
}


def alpha_ratio_db(samples: F32, n: int, first: int, sample_rate_hz: int) -> F32:
    """Return dB of 1 kHz and up (to 5 kHz; 3.4 kHz at 8 kHz) over 50-1000 Hz, [n].

    Frame i is centred on hop i; the first hop begins at samples[first].
    """
    window = _WINDOWS[sample_rate_hz]
    hop = sample_rate_hz // 100
    part = samples[first + hop // 2 - len(window) // 2 :]
    stride = part.strides[0]
    rows = as_strided(part, (n, len(window)), (hop * stride, stride), writeable=False)
    spectrum = np.fft.rfft(rows * window)
    power = spectrum.real**2
    power += spectrum.imag**2
    bands = power @ _BANDS[sample_rate_hz] + np.float32(_EMPTY)
    return np.float32(10.0) * np.log10(bands[:, 1] / bands[:, 0])
