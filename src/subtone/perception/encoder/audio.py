"""Samples as they come to 16 kHz mono float32, or an error that says what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subtone.perception.encoding import SAMPLE_RATE_HZ, FloatArray
from subtone.perception.errors import AudioError

_RATES_HZ = range(8_000, 192_001)
_TOO_LOUD = 16.0  # far beyond full scale 1.0: someone else's unit
_BLOCK_S = 10


def require_rate(sample_rate_hz: int) -> None:
    """Raise AudioError for a rate at which there is no speech to hear, or no audio at all."""
    if sample_rate_hz not in _RATES_HZ:
        raise AudioError(
            f"sample rate {sample_rate_hz} Hz is outside {_RATES_HZ[0]} to {_RATES_HZ[-1]}: "
            "speech needs 8000 Hz at least; check how the audio was labelled"
        )


def as_samples(samples: NDArray[Any]) -> FloatArray:
    """One finite channel as float32.

    Raises AudioError for several channels, integers, NaN, infinity or an unscaled signal.
    """
    array = np.asarray(samples)
    if array.ndim != 1:
        raise AudioError(
            f"samples have shape {array.shape}, one channel [n] is needed: "
            "encode each channel by itself"
        )
    if array.dtype.kind != "f":
        raise AudioError(
            f"samples are {array.dtype}, floats in [-1, 1] are needed: divide 16-bit by 32768"
        )
    array = array.astype(np.float32, copy=False)
    if array.size and not bool((np.abs(array) <= _TOO_LOUD).all()):
        raise AudioError(
            "samples hold NaN, infinity or values far beyond full scale 1.0: the decoder is "
            "broken or integers were not scaled; divide 16-bit by 32768"
        )
    return array


def in_blocks(samples: NDArray[Any], sample_rate_hz: int) -> Iterator[NDArray[Any]]:
    """A recording in pieces of 10 s, so that no step needs all of it at once."""
    size = _BLOCK_S * max(sample_rate_hz, 1)
    return (samples[at : at + size] for at in range(0, max(len(samples), 1), size))


def at_16_khz(blocks: Iterable[NDArray[Any]], sample_rate_hz: int) -> Iterator[FloatArray]:
    """Checked blocks at 16 kHz; how a stream is cut into blocks changes nothing."""
    require_rate(sample_rate_hz)
    if sample_rate_hz == SAMPLE_RATE_HZ:
        yield from (as_samples(block) for block in blocks)
        return
    import soxr

    resampler = soxr.ResampleStream(sample_rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32")
    for block in blocks:
        yield resampler.resample_chunk(as_samples(block))
    yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)
