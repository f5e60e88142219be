"""One telephone line: level, room, noise, band, codec and loss, in the order of a real call.

Everything works on mono float32 at 16 kHz with full scale 1.0 and keeps the length; what is
drawn comes from the seed alone, so a rendition can be made again from its numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from subtone.perception.encoding import SAMPLE_RATE_HZ, FloatArray
from subtone.perception.learning.errors import LearningError
from subtone.perception.learning.telephone.codecs import LINE_RATE_HZ, Codec, code
from subtone.perception.learning.telephone.loss import conceal, lost_packets
from subtone.perception.learning.telephone.room import add_noise, reverberate, speech_level_db

BAND_HZ: Final = (300.0, 3_400.0)  # ITU-T G.712, the speech channel of a telephone network
_MOST_GAIN_DB: Final = 40.0  # an all but silent clip is not blown up into its noise


@dataclass(frozen=True, kw_only=True)
class Line:
    """What a line does to a voice. The default is a clean G.711 mu-law line.

    Args:
        codec: what the samples are coded with, after the band and 8 kHz.
        level_db: speech level re full scale the talker arrives with; None leaves it.
        snr_db: speech over noise; None adds none.
        reverberation_s: RT60 of the room, at most 2; 0 is none.
        loss_rate: share of 20 ms packets lost, below 1; the decoder conceals them.
        mean_burst: packets lost in a row on average, at least 1.

    Raises LearningError for a value out of range.

    """

    codec: Codec = Codec.MULAW
    level_db: float | None = None
    snr_db: float | None = None
    reverberation_s: float = 0.0
    loss_rate: float = 0.0
    mean_burst: float = 1.0

    def __post_init__(self) -> None:
        if not (
            0.0 <= self.reverberation_s <= 2.0
            and 0.0 <= self.loss_rate < 1.0
            and self.mean_burst >= 1.0
        ):
            raise LearningError(
                f"no such line: {self}; reverberation_s is 0 to 2, loss_rate 0 to below 1, "
                "mean_burst at least 1"
            )


CLEAN: Final = Line()


def draw_line(rng: np.random.Generator) -> Line:
    """A line as callers have them: any codec, quiet to loud, still to noisy, near to hollow."""
    codec = (Codec.MULAW, Codec.ALAW, Codec.AMR, Codec.OPUS)[int(rng.choice(4, p=_CODEC_SHARES))]
    return Line(
        codec=codec,
        level_db=float(rng.uniform(-38.0, -16.0)),
        snr_db=float(rng.uniform(12.0, 40.0)),
        reverberation_s=float(rng.uniform(0.1, 0.5)) if rng.random() < 0.3 else 0.0,
        loss_rate=float(rng.uniform(0.005, 0.05)) if rng.random() < 0.3 else 0.0,
        mean_burst=float(rng.uniform(1.0, 3.0)),
    )


_CODEC_SHARES = (0.4, 0.2, 0.2, 0.2)


def through_line(samples: FloatArray, line: Line = CLEAN, seed: int = 0) -> FloatArray:
    """Samples [n] of mono 16 kHz as the far end of the line hears them, [n] at 16 kHz.

    The same samples, line and seed give the same samples.
    """
    rng = np.random.default_rng(seed)
    heard = samples.astype(np.float32)
    if line.level_db is not None:
        gain_db = min(line.level_db - speech_level_db(heard), _MOST_GAIN_DB)
        heard = heard * np.float32(10.0 ** (gain_db / 20.0))
    if line.reverberation_s:
        heard = reverberate(heard, line.reverberation_s, rng)
    if line.snr_db is not None:
        heard = add_noise(heard, line.snr_db, rng)
    narrow = soxr.resample(band_limit(heard), SAMPLE_RATE_HZ, LINE_RATE_HZ).astype(np.float32)
    narrow = code(narrow, line.codec)
    if line.loss_rate:
        is_lost = lost_packets(len(narrow), line.loss_rate, line.mean_burst, rng)
        narrow = conceal(narrow, is_lost)
    wide = soxr.resample(narrow, LINE_RATE_HZ, SAMPLE_RATE_HZ).astype(np.float32)
    return np.pad(wide, (0, max(len(samples) - len(wide), 0)))[: len(samples)]


def band_limit(samples: FloatArray) -> FloatArray:
    """Keep 300 to 3400 Hz at 16 kHz; zero phase, same length."""
    taps = _taps()
    size = 1 << (len(samples) + len(taps) - 1).bit_length()
    filtered = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(taps, size), size)
    start = len(taps) // 2
    return filtered[start : start + len(samples)].astype(np.float32)


@lru_cache(maxsize=1)
def _taps() -> NDArray[np.float64]:
    """Linear-phase windowed-sinc band-pass, 50 ms long."""
    half = SAMPLE_RATE_HZ // 40
    n = np.arange(-half, half + 1)
    low, high = (2.0 * f / SAMPLE_RATE_HZ * np.sinc(2.0 * f / SAMPLE_RATE_HZ * n) for f in BAND_HZ)
    taps: NDArray[np.float64] = (high - low) * np.hamming(len(n))
    return taps
