"""The four scores: exact anchors of SCIENCE section 2, abstention, confidence, valence."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.contracts.calibration import VoiceCalibration
from subtone.contracts.vocabulary import ChannelStatus, VoiceDimension, VoiceFeature
from subtone.kernel.voice_intelligence.voice_emotion import (
    deviations,
    score_voice,
    voice_status,
)
from support_voice import NORMAL, SPREADS, baseline, features

CALIBRATION = VoiceCalibration()


def raised(sd: float) -> dict[str, float]:
    """Pitch, flux, level and brightness raised by so many standard deviations."""
    moved = {
        "pitch_median_semitones": VoiceFeature.F0_MEDIAN,
        "spectral_flux": VoiceFeature.FLUX,
        "energy_p95": VoiceFeature.ENERGY_P95,
        "tilt_p80_db": VoiceFeature.TILT_P80,
    }
    return {field: NORMAL[name] + sd * SPREADS[name] for field, name in moved.items()}


@pytest.mark.parametrize(("sd", "score"), [(0, 0.20), (1, 0.45), (2, 0.73), (3, 0.90)])
def test_agitation_at_the_documented_anchors(sd: float, score: float) -> None:
    scores = score_voice(features(**raised(sd)), baseline(), CALIBRATION)
    assert scores.agitation == pytest.approx(score, abs=0.005)


def test_at_the_baseline_every_score_is_where_the_formula_puts_it() -> None:
    scores = score_voice(features(), baseline(), CALIBRATION)
    at_rest = 1.0 / (1.0 + math.exp(1.386))
    assert (scores.agitation, scores.stress, scores.hesitation) == pytest.approx([at_rest] * 3)
    assert scores.calm == pytest.approx(1.0 - at_rest)
    assert scores.dominant_emotion is VoiceDimension.CALM


def test_pitch_spread_counts_in_the_wide_band_only() -> None:
    varied = NORMAL[VoiceFeature.F0_SD] + 3.0 * SPREADS[VoiceFeature.F0_SD]
    narrow = score_voice(features(pitch_variance=varied**2), baseline(), CALIBRATION)
    wide = score_voice(
        features(pitch_variance=varied**2, sample_rate_hz=16_000), baseline(), CALIBRATION
    )
    assert narrow.agitation == pytest.approx(0.2, abs=0.001)
    assert wide.agitation == pytest.approx(1 / (1 + math.exp(1.386 - 1.2 * 0.3)), abs=1e-6)


def test_speaking_rate_of_short_turns_is_ignored() -> None:
    fast = features(speaking_rate=9.0, speech_ms=1_500)
    assert VoiceFeature.RATE not in deviations(fast, baseline(), CALIBRATION)
    assert score_voice(fast, baseline(), CALIBRATION).stress == pytest.approx(0.2, abs=0.001)


def test_deviations_come_by_how_much_they_moved_the_alarming_scores() -> None:
    heard = features(
        **raised(1.0),
        pitch_variance=(NORMAL[VoiceFeature.F0_SD] + 3.0 * SPREADS[VoiceFeature.F0_SD]) ** 2,
    )
    order = [d.feature for d in score_voice(heard, baseline(), CALIBRATION).deviations]
    assert order[0] is VoiceFeature.F0_MEDIAN  # it stands in two formulas
    assert set(order[1:4]) == {VoiceFeature.FLUX, VoiceFeature.ENERGY_P95, VoiceFeature.TILT_P80}
    assert order.index(VoiceFeature.F0_SD) > 3  # the largest z, but no alarm on the telephone


def test_what_no_formula_reads_is_no_reason() -> None:
    heard = features(pitch_slope=NORMAL[VoiceFeature.F0_SLOPE] * 2.0)
    assert deviations(heard, baseline(), CALIBRATION)[VoiceFeature.F0_SLOPE] == 3.0
    named = {d.feature for d in score_voice(heard, baseline(), CALIBRATION).deviations}
    assert VoiceFeature.F0_SLOPE not in named


def test_deviations_are_clipped_to_three() -> None:
    z = deviations(features(energy_mean=60.0, tilt_db=-90.0), baseline(), CALIBRATION)
    assert (z[VoiceFeature.ENERGY], z[VoiceFeature.TILT]) == (3.0, -3.0)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, ChannelStatus.OK),
        ({"voiced_ms": 500}, ChannelStatus.OK),
        ({"voiced_ms": 490}, ChannelStatus.INSUFFICIENT),
        ({"snr_db": 4.9}, ChannelStatus.INSUFFICIENT),
    ],
)
def test_abstention(change: dict[str, float], status: ChannelStatus) -> None:
    assert voice_status(features(**change), CALIBRATION) is status


@pytest.mark.parametrize(
    ("change", "quality", "confidence"),
    [
        ({}, 1.0, 1.0),
        ({"voiced_ms": 750}, 1.0, 0.5),
        ({"snr_db": 12.5}, 1.0, 0.5),
        ({"voiced_ms": 750, "snr_db": 12.5}, 0.5, 0.125),
    ],
)
def test_confidence_is_voice_times_signal_times_baseline(
    change: dict[str, float], quality: float, confidence: float
) -> None:
    scores = score_voice(features(**change), baseline(quality), CALIBRATION)
    assert scores.confidence == pytest.approx(confidence)


@given(st.floats(-20, 90), st.floats(-90, 0), st.floats(-60, 20), st.floats(0, 40), st.floats(0, 1))
def test_scores_stay_in_range_whatever_was_measured(
    pitch: float, level: float, tilt: float, rate: float, silence: float
) -> None:
    scores = score_voice(
        features(
            pitch_median_semitones=pitch,
            energy_p95=level,
            tilt_p80_db=tilt,
            speaking_rate=rate,
            silence_ratio=silence,
        ),
        baseline(),
        CALIBRATION,
    )
    assert all(0.0 <= getattr(scores, d.value) <= 1.0 for d in VoiceDimension)
