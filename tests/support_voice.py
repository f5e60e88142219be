"""Builders of voice contracts for tests: a plain, calm window and changes to it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from subtone.contracts.calibration import VoiceCalibration
from subtone.contracts.vocabulary import PitchContour, VoiceFeature
from subtone.contracts.voice_intelligence import (
    AcousticFeatures,
    FeatureBaseline,
    SpeakerBaseline,
)

Pcm = npt.NDArray[np.int16]

SPREADS = {prior.feature: prior.sd_floor for prior in VoiceCalibration().priors}
NORMAL = {prior.feature: prior.mean for prior in VoiceCalibration().priors}


def features(**changes: Any) -> AcousticFeatures:
    """A clean ten-second window that sits exactly on the priors' means."""
    fields: dict[str, Any] = {
        "track_id": "customer",
        "t_start_ms": 0,
        "t_event_ms": 10_000,
        "sample_rate_hz": 8_000,
        "energy_mean": NORMAL[VoiceFeature.ENERGY],
        "energy_p95": NORMAL[VoiceFeature.ENERGY_P95],
        "energy_variance": NORMAL[VoiceFeature.ENERGY_SD] ** 2,
        "intensity_drift": 0.0,
        "pitch_mean_hz": 155.56,
        "pitch_mean_semitones": NORMAL[VoiceFeature.F0_MEAN],
        "pitch_median_semitones": NORMAL[VoiceFeature.F0_MEDIAN],
        "pitch_variance": NORMAL[VoiceFeature.F0_SD] ** 2,
        "pitch_contour": PitchContour.FLAT,
        "pitch_slope": NORMAL[VoiceFeature.F0_SLOPE],
        "speaking_rate": NORMAL[VoiceFeature.RATE],
        "articulation_rate": 5.0,
        "silence_ratio": NORMAL[VoiceFeature.SILENCE],
        "pause_count": 2,
        "pause_mean_ms": int(NORMAL[VoiceFeature.PAUSE] * 1000),
        "speech_continuity": 1.0 - NORMAL[VoiceFeature.FRAGMENT],
        "tilt_db": NORMAL[VoiceFeature.TILT],
        "tilt_p80_db": NORMAL[VoiceFeature.TILT_P80],
        "spectral_flux": NORMAL[VoiceFeature.FLUX],
        "voiced_ms": 3_000,
        "speech_ms": 5_000,
        "snr_db": 30.0,
        "concealed_ratio": 0.0,
    }
    return AcousticFeatures(**(fields | changes))


def baseline(quality: float = 1.0, **means: float) -> SpeakerBaseline:
    """An established baseline on the priors' means, spreads at their floors."""
    return SpeakerBaseline(
        track_id="customer",
        voiced_ms=8_000,
        is_established=True,
        quality=quality,
        features=tuple(
            FeatureBaseline(feature=f, mean=means.get(f.value, NORMAL[f]), sd=SPREADS[f])
            for f in NORMAL
        ),
    )


RATE_HZ = 8_000


def speech(seconds: float, f0_hz: float = 120.0, gain: float = 0.1, bright: float = 1.0) -> Pcm:
    """Talk-like tone: harmonics of f0 from 300 to 3400 Hz, four syllables a second.

    ``bright`` lifts the upper harmonics; deterministic.
    """
    t_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    orders = np.arange(math.ceil(300 / f0_hz), int(3400 / f0_hz) + 1)
    weights = (orders * f0_hz / 300.0) ** (bright - 2.0)
    phase = 2.0 * np.pi * f0_hz * np.cumsum(1.0 + 0.02 * np.sin(2 * np.pi * 0.7 * t_s)) / RATE_HZ
    wave = sum(w * np.cos(k * phase) for k, w in zip(orders, weights, strict=True))
    syllables = 0.55 - 0.45 * np.cos(2.0 * np.pi * 4.0 * t_s)
    shaped = wave / np.abs(wave).max() * syllables * gain
    samples: Pcm = np.round(shaped * 32_767).astype("<i2")
    return samples


def silence(seconds: float) -> Pcm:
    """A quiet line: a few quantisation steps of noise, deterministic."""
    n = int(seconds * RATE_HZ)
    return np.random.default_rng(n).integers(-3, 4, n).astype("<i2")


def turns(*parts: tuple[float, Pcm]) -> Pcm:
    """Each part after so many seconds of silence."""
    return np.concatenate([piece for gap_s, part in parts for piece in (silence(gap_s), part)])
