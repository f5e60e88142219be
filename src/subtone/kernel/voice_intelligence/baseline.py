"""What is normal for this caller on this line.

The first seconds of voiced speech are compared with a population prior by empirical
Bayes: each feature's prior counts as (sd_floor / sd)^2 voiced seconds, so that a quantity
that differs much between people (pitch) trusts the caller at once, and one that differs
little (silence) waits. The spread is predictive: the caller's own, floored, plus what is
still uncertain about the mean, so that nobody is called agitated for not being average
before they are known. Once established the baseline moves only while the session is calm,
with a half-life: otherwise anger would become the baseline (Busso et al. 2011; SCIENCE 2).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from subtone.contracts.calibration import FeaturePrior, VoiceCalibration
from subtone.contracts.vocabulary import VoiceFeature
from subtone.contracts.voice_intelligence import (
    AcousticFeatures,
    FeatureBaseline,
    SpeakerBaseline,
)
from subtone.kernel.statistics import half_life_weight


@dataclass(frozen=True, slots=True)
class RunningFeature:
    """Weighted running moments of one feature (West 1979); weight in voiced seconds."""

    weight_s: float = 0.0
    mean: float = 0.0
    spread: float = 0.0  # weighted sum of squared deviations

    def add(self, value: float, weight_s: float) -> RunningFeature:
        """Include one observation."""
        total = self.weight_s + weight_s
        delta = value - self.mean
        mean = self.mean + delta * weight_s / total
        return RunningFeature(total, mean, self.spread + weight_s * delta * (value - mean))

    def fade(self, factor: float) -> RunningFeature:
        """Forget: keep the moments, shrink the evidence."""
        return RunningFeature(self.weight_s * factor, self.mean, self.spread * factor)


@dataclass(frozen=True, slots=True)
class BaselineMemory:
    """Running moments of every feature of one caller."""

    voiced_ms: int = 0
    running: tuple[tuple[VoiceFeature, RunningFeature], ...] = ()


def observed_features(features: AcousticFeatures) -> Iterator[tuple[VoiceFeature, float]]:
    """The values of one window that are compared with a baseline, where they exist."""
    if features.pitch_mean_semitones is not None and features.pitch_variance is not None:
        yield VoiceFeature.F0_MEAN, features.pitch_mean_semitones
        yield VoiceFeature.F0_SD, math.sqrt(features.pitch_variance)
    if features.pitch_median_semitones is not None:
        yield VoiceFeature.F0_MEDIAN, features.pitch_median_semitones
    if features.pitch_slope is not None:
        yield VoiceFeature.F0_SLOPE, features.pitch_slope
    yield VoiceFeature.ENERGY, features.energy_mean
    if features.energy_p95 is not None:
        yield VoiceFeature.ENERGY_P95, features.energy_p95
    yield VoiceFeature.ENERGY_SD, math.sqrt(features.energy_variance)
    if features.tilt_db is not None:
        yield VoiceFeature.TILT, features.tilt_db
    if features.tilt_p80_db is not None:
        yield VoiceFeature.TILT_P80, features.tilt_p80_db
    if features.spectral_flux is not None:
        yield VoiceFeature.FLUX, features.spectral_flux
    yield VoiceFeature.RATE, features.speaking_rate
    yield VoiceFeature.SILENCE, features.silence_ratio
    yield VoiceFeature.PAUSE, features.pause_mean_ms / 1000.0
    yield VoiceFeature.FRAGMENT, 1.0 - features.speech_continuity


def is_established(memory: BaselineMemory, calibration: VoiceCalibration) -> bool:
    """Whether enough voiced speech is inside to trust the caller over the prior."""
    return memory.voiced_ms >= calibration.baseline_voiced_ms


def learn_baseline(
    memory: BaselineMemory,
    features: AcousticFeatures,
    new_voiced_ms: int,
    step_s: float,
    calibration: VoiceCalibration,
) -> BaselineMemory:
    """Include one window that was judged calm.

    new_voiced_ms: voiced speech in it that no earlier window held. Windows with too little
    voice teach nothing. Speaking rate and pauses of very short turns are left out
    (rate depends on turn length: Yuan et al. 2006).
    """
    if features.voiced_ms < calibration.min_voiced_ms or new_voiced_ms <= 0:
        return memory
    fade = 1.0
    if is_established(memory, calibration):
        fade = half_life_weight(step_s, calibration.baseline_half_life_s)
    running = {name: feature.fade(fade) for name, feature in memory.running}
    for name, value in observed_features(features):
        if name is VoiceFeature.RATE and features.speech_ms < calibration.min_turn_ms:
            continue
        running[name] = running.get(name, RunningFeature()).add(value, new_voiced_ms / 1000.0)
    return BaselineMemory(memory.voiced_ms + new_voiced_ms, tuple(running.items()))


def speaker_baseline(
    memory: BaselineMemory, track_id: str, calibration: VoiceCalibration
) -> SpeakerBaseline:
    """The baseline as it stands: running moments shrunk to the prior, spreads floored."""
    running = dict(memory.running)
    established = is_established(memory, calibration)
    return SpeakerBaseline(
        track_id=track_id,
        voiced_ms=memory.voiced_ms,
        is_established=established,
        quality=1.0 if established else calibration.unestablished_confidence,
        features=tuple(
            _shrunk(prior, running.get(prior.feature, RunningFeature()), calibration)
            for prior in calibration.priors
        ),
    )


def _shrunk(
    prior: FeaturePrior, running: RunningFeature, calibration: VoiceCalibration
) -> FeatureBaseline:
    kappa_s = calibration.baseline_prior_voiced_ms / 1000.0 * (prior.sd_floor / prior.sd) ** 2
    weight = running.weight_s + kappa_s
    mean = (running.weight_s * running.mean + kappa_s * prior.mean) / weight
    own = max(prior.sd_floor**2, (running.spread + kappa_s * prior.sd_floor**2) / weight)
    uncertain = prior.sd_floor**2 / weight  # prior.sd^2 before the first word
    return FeatureBaseline(feature=prior.feature, mean=mean, sd=math.sqrt(own + uncertain))
