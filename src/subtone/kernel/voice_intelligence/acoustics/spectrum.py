"""Spectral tilt and flux of each frame, from one short-time spectrum.

Tilt is the alpha ratio of GeMAPS, signed so that brighter is higher. Flux follows eGeMAPS
(Eyben et al. 2016) in what it compares, the spectra of neighbouring frames, but not in scale:
bands are compressed like loudness and brought to length 1, so that no gain changes it and a
loud harmonic does not drown the others. Its bands are those of a telephone line at every rate.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import as_strided

from subtone.kernel.voice_intelligence.acoustics.arrays import F32, FloatArray

_LOW_BAND_HZ = (50.0, 1000.0)
_HIGH_BAND_TOP_HZ = {8000: 3400.0, 16000: 5000.0}
_FLUX_BAND_HZ = (300.0, 3400.0)
_FLUX_BANDS: Final = 12  # of equal width in mel
_LOUDNESS_EXPONENT = np.float32(1.0 / 3.0)  # of power (Stevens)
_WINDOW_S = 0.032
_EMPTY = 1e-10  # power of a silent band, so that silence has tilt 0


def _mel(hz: float) -> float:
    return 2595.0 * float(np.log10(1.0 + hz / 700.0))


def _bands(sample_rate_hz: int) -> F32:
    """Membership of each bin, [bins, 2 + _FLUX_BANDS]: the two of tilt, then those of flux."""
    size = round(_WINDOW_S * sample_rate_hz)
    hz = np.fft.rfftfreq(size, 1.0 / sample_rate_hz)
    low = (hz >= _LOW_BAND_HZ[0]) & (hz <= _LOW_BAND_HZ[1])
    high = (hz > _LOW_BAND_HZ[1]) & (hz <= _HIGH_BAND_TOP_HZ[sample_rate_hz])
    bottom_mel, top_mel = map(_mel, _FLUX_BAND_HZ)
    edges_mel = np.linspace(bottom_mel, top_mel, _FLUX_BANDS + 1)
    edges_hz: FloatArray = 700.0 * (10.0 ** (edges_mel / 2595.0) - 1.0)
    flux = [(hz >= bottom) & (hz < top) for bottom, top in pairwise(edges_hz.tolist())]
    return np.stack([low, high, *flux], axis=1).astype(np.float32)


_BANDS = {rate: _bands(rate) for rate in _HIGH_BAND_TOP_HZ}
_WINDOWS = {
    rate: np.hamming(round(_WINDOW_S * rate)).astype(np.float32) for rate in _HIGH_BAND_TOP_HZ
}


def tilt_and_flux(samples: F32, n: int, first: int, sample_rate_hz: int) -> tuple[F32, F32]:
    """Return tilt in dB and flux of n frames, each [n].

    Tilt is dB of 1 kHz and up (to 5 kHz; 3.4 kHz at 8 kHz) over 50-1000 Hz. Flux is the
    distance to the frame before, 0 (same spectrum) to 1.41 (nothing in common). Frame i is
    centred on hop i; the first hop begins at samples[first], and 22 ms before it must be present.
    """
    window = _WINDOWS[sample_rate_hz]
    hop = sample_rate_hz // 100
    part = samples[first - hop + hop // 2 - len(window) // 2 :]
    stride = part.strides[0]
    rows = as_strided(part, (n + 1, len(window)), (hop * stride, stride), writeable=False)
    spectrum = np.fft.rfft(rows * window)
    power = spectrum.real**2
    power += spectrum.imag**2
    bands = power @ _BANDS[sample_rate_hz] + np.float32(_EMPTY)
    tilt_db = np.float32(10.0) * np.log10(bands[1:, 1] / bands[1:, 0])
    loudness = bands[:, 2:] ** _LOUDNESS_EXPONENT
    loudness /= np.sqrt(np.einsum("ij,ij->i", loudness, loudness))[:, None]
    moved = np.diff(loudness, axis=0)
    return tilt_db, np.sqrt(np.einsum("ij,ij->i", moved, moved))
