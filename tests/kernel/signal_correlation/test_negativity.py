"""One negativity per channel: pinned numbers, ranges and monotonicity."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from subtone.contracts.vocabulary import VoiceDimension
from subtone.contracts.voice_intelligence import TextEmotionScores, VoiceEmotionScores
from subtone.kernel.signal_correlation.negativity import text_negativity, voice_negativity

UNIT = st.floats(0, 1)


def words(**scores: float) -> TextEmotionScores:
    values: dict[str, Any] = dict.fromkeys(
        ("frustration", "confusion", "urgency", "calm", "positivity", "confidence"), 0.0
    )
    return TextEmotionScores(
        turn_id="t",
        t_event_ms=0,
        t_end_ms=0,
        t_seen_ms=0,
        dominant_emotion=None,
        is_suppressed=False,
        has_escalation_request=False,
        spans=(),
        **(values | scores),
    )


def sound(**scores: float) -> VoiceEmotionScores:
    values: dict[str, Any] = {"agitation": 0.2, "stress": 0.2, "hesitation": 0.2, "calm": 0.8}
    return VoiceEmotionScores(
        track_id="c",
        t_start_ms=0,
        t_event_ms=10_000,
        dominant_emotion=VoiceDimension.CALM,
        confidence=1.0,
        deviations=(),
        voiced_ms=2_000,
        is_caller_known=True,
        **(values | scores),
    )


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ({}, 0.0),
        ({"calm": 1.0}, 0.0),
        ({"frustration": 0.7}, 0.7),
        ({"urgency": 0.8}, 0.4),
        ({"confusion": 0.5}, 0.2),
        ({"frustration": 0.6, "urgency": 0.5, "confusion": 0.25}, 0.73),  # 1 - .4 x .75 x .9
        ({"frustration": 0.6, "urgency": 0.5, "confusion": 0.25, "calm": 0.2}, 0.657),
        ({"frustration": 1.0}, 1.0),
    ],
)
def test_words(scores: dict[str, float], expected: float) -> None:
    assert text_negativity(words(**scores)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("scores", "valence", "expected"),
    [
        ({}, 1.0, 0.0),  # the caller's own baseline
        ({"agitation": 0.0, "stress": 0.1, "hesitation": 0.0}, 1.0, 0.0),  # below it
        ({"agitation": 0.6, "calm": 0.0}, 1.0, 0.5),
        ({"stress": 0.6, "calm": 0.0}, 1.0, 0.45),
        ({"hesitation": 0.6, "calm": 0.0}, 1.0, 0.2),
        ({"agitation": 0.6, "stress": 0.6, "hesitation": 0.6, "calm": 0.0}, 1.0, 0.78),
        (
            {"agitation": 0.6, "calm": 0.8},
            1.0,
            0.4,
        ),  # x (1 - .5 x .8 x .5): agitation lifts the damping
        ({"agitation": 0.6, "calm": 0.4}, 0.5, 0.225),
        ({"agitation": 1.0, "calm": 0.0}, 0.0, 0.0),  # joy: arousal without negativity
    ],
)
def test_voice(scores: dict[str, float], valence: float, expected: float) -> None:
    assert voice_negativity(sound(**scores), valence, 0.2) == pytest.approx(expected, abs=1e-12)


@given(frustration=UNIT, urgency=UNIT, confusion=UNIT, calm=UNIT, more=UNIT)
def test_words_stay_in_range_and_grow_with_frustration(
    frustration: float, urgency: float, confusion: float, calm: float, more: float
) -> None:
    scores = words(frustration=frustration, urgency=urgency, confusion=confusion, calm=calm)
    value = text_negativity(scores)
    assert 0.0 <= value <= 1.0
    assert text_negativity(replace(scores, frustration=max(frustration, more))) >= value
    assert text_negativity(replace(scores, calm=max(calm, more))) <= value


@given(agitation=UNIT, stress=UNIT, hesitation=UNIT, calm=UNIT, valence=UNIT, more=UNIT)
def test_voice_stays_in_range_and_grows_with_agitation(
    agitation: float, stress: float, hesitation: float, calm: float, valence: float, more: float
) -> None:
    scores = sound(agitation=agitation, stress=stress, hesitation=hesitation, calm=calm)
    value = voice_negativity(scores, valence, 0.2)
    assert 0.0 <= value <= 1.0
    louder = replace(scores, agitation=max(agitation, more))
    assert voice_negativity(louder, valence, 0.2) >= value
    assert voice_negativity(scores, max(valence, more), 0.2) >= value


def test_a_baseline_without_room_above_it_is_refused() -> None:
    with pytest.raises(ValueError, match="calibration's baseline_score"):
        voice_negativity(sound(), 1.0, 1.0)
