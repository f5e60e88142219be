"""The caller's own normal: exact running moments, shrinkage, forgetting only when told."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.contracts.calibration import VoiceCalibration
from subtone.contracts.vocabulary import VoiceFeature
from subtone.kernel.voice_intelligence.baseline import (
    BaselineMemory,
    RunningFeature,
    is_established,
    learn_baseline,
    speaker_baseline,
)
from support_voice import features

CALIBRATION = VoiceCalibration()
weighted = st.lists(
    st.tuples(st.floats(-100.0, 100.0), st.floats(0.01, 10.0)), min_size=1, max_size=40
)


@given(weighted)
def test_running_moments_equal_the_batch_formula(observed: list[tuple[float, float]]) -> None:
    running = RunningFeature()
    for value, weight in observed:
        running = running.add(value, weight)
    values, weights = np.array(observed).T
    mean = np.average(values, weights=weights)
    assert running.weight_s == pytest.approx(weights.sum())
    assert running.mean == pytest.approx(mean, abs=1e-6)
    assert running.spread == pytest.approx((weights * (values - mean) ** 2).sum(), abs=1e-4)


def mean_of(memory: BaselineMemory, feature: VoiceFeature) -> float:
    found = speaker_baseline(memory, "customer", CALIBRATION).features
    return next(b.mean for b in found if b.feature is feature)


def test_nobody_known_is_the_prior_with_capped_quality() -> None:
    baseline = speaker_baseline(BaselineMemory(), "customer", CALIBRATION)
    assert not baseline.is_established
    assert baseline.quality == 0.5
    for prior, found in zip(CALIBRATION.priors, baseline.features, strict=True):
        assert (found.feature, found.mean) == (prior.feature, prior.mean)
        assert found.sd == pytest.approx(math.hypot(prior.sd_floor, prior.sd))


def test_the_spread_narrows_to_the_floor_as_the_caller_becomes_known() -> None:
    memory, spreads = BaselineMemory(), []
    for _ in range(40):
        memory = learn_baseline(memory, features(), 1_000, 1e-9, CALIBRATION)
        found = speaker_baseline(memory, "customer", CALIBRATION).features[0]
        spreads.append(found.sd)
    assert spreads == sorted(spreads, reverse=True)
    assert spreads[-1] == pytest.approx(2.0 * math.sqrt(1.0 + 1.0 / 40.16))


def test_pitch_trusts_the_caller_after_one_second_and_silence_waits() -> None:
    """kappa = (sd_floor / sd)^2 voiced seconds: .16 s for pitch, .25 s for silence."""
    heard = features(pitch_mean_semitones=40.0, silence_ratio=0.40)
    memory = learn_baseline(BaselineMemory(), heard, 1_000, 5.0, CALIBRATION)
    assert mean_of(memory, VoiceFeature.F0_MEAN) == pytest.approx((40.0 + 0.16 * 30.0) / 1.16)
    assert mean_of(memory, VoiceFeature.SILENCE) == pytest.approx((0.40 + 0.25 * 0.15) / 1.25)


def test_established_after_four_voiced_seconds_and_then_it_forgets() -> None:
    memory = BaselineMemory()
    for _ in range(4):
        assert not is_established(memory, CALIBRATION)
        memory = learn_baseline(memory, features(), 1_000, 5.0, CALIBRATION)
    assert is_established(memory, CALIBRATION)
    assert speaker_baseline(memory, "customer", CALIBRATION).quality == 1.0
    later = learn_baseline(memory, features(), 1_000, 120.0, CALIBRATION)
    running = dict(later.running)[VoiceFeature.ENERGY]
    assert running.weight_s == pytest.approx(4.0 * 0.5 + 1.0)  # one half-life, one new second


def test_too_little_voice_and_nothing_new_teach_nothing() -> None:
    empty = BaselineMemory()
    assert learn_baseline(empty, features(voiced_ms=490), 490, 5.0, CALIBRATION) == empty
    assert learn_baseline(empty, features(), 0, 5.0, CALIBRATION) == empty


def test_a_short_turn_does_not_teach_the_speaking_rate() -> None:
    memory = learn_baseline(BaselineMemory(), features(speech_ms=1_900), 900, 5.0, CALIBRATION)
    names = [name for name, _ in memory.running]
    assert VoiceFeature.RATE not in names
    assert VoiceFeature.F0_MEAN in names


@given(st.lists(st.floats(10.0, 60.0), min_size=1, max_size=20))
def test_the_spread_never_falls_below_its_floor(pitches: list[float]) -> None:
    memory = BaselineMemory()
    for pitch in pitches:
        heard = features(pitch_mean_semitones=pitch)
        memory = learn_baseline(memory, heard, 500, 5.0, CALIBRATION)
    baseline = speaker_baseline(memory, "customer", CALIBRATION)
    for prior, found in zip(CALIBRATION.priors, baseline.features, strict=True):
        assert found.sd >= prior.sd_floor
        assert math.isfinite(found.mean)
