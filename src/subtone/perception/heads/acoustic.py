"""Heads without an encoder: the kernel's acoustic window as the vector a head reads.

Measured at 8 kHz whatever came in, so that wide band and telephone give one space. Each value
is in deviations of the kernel's prior (``VoiceCalibration.priors``); what a window cannot
tell, such as the pitch of a whisper, is the prior's mean, 0.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import soxr

from subtone.contracts.calibration import VoiceCalibration
from subtone.contracts.voice_intelligence import AcousticFeatures
from subtone.kernel.voice_intelligence.acoustics import (
    HOP_MS,
    concat,
    feed_samples,
    flush,
    measure_window,
    open_track,
)
from subtone.kernel.voice_intelligence.baseline import observed_features
from subtone.perception.encoding import SAMPLE_RATE_HZ, FloatArray

SPACE: Final = "acoustics/1"
LINE_RATE_HZ: Final = 8_000
_PRIORS: Final = {prior.feature: prior for prior in VoiceCalibration().priors}
ACOUSTIC_FEATURES: Final = tuple(str(feature) for feature in _PRIORS)


def vector_of(features: AcousticFeatures) -> FloatArray:
    """(len(ACOUSTIC_FEATURES)) from a measured window."""
    observed = dict(observed_features(features))
    return np.array(
        [
            (observed[name] - prior.mean) / prior.sd if name in observed else 0.0
            for name, prior in _PRIORS.items()
        ],
        np.float32,
    )


def acoustic_vector(samples: FloatArray) -> FloatArray:
    """(len(ACOUSTIC_FEATURES)) from mono samples at 16 kHz; zeros for less than 10 ms."""
    line = soxr.resample(samples, SAMPLE_RATE_HZ, LINE_RATE_HZ).astype(np.float32)
    state, first = feed_samples(open_track(LINE_RATE_HZ, 0), line)
    _, last = flush(state)
    parts = [part for part in (first, last) if part is not None]
    if not parts:
        return np.zeros(len(ACOUSTIC_FEATURES), np.float32)
    frames = concat(*parts)
    end_ms = len(line) * 1000 // LINE_RATE_HZ // HOP_MS * HOP_MS
    return vector_of(measure_window(frames, "clip", 0, end_ms, LINE_RATE_HZ))
