"""Eight tracks in step: those without a value hold."""

from __future__ import annotations

import pytest

from subtone.contracts.calibration import Calibration
from subtone.contracts.vocabulary import Channel, TextDimension, VoiceDimension
from subtone.kernel.voice_intelligence.tracks import OPENING, follow

CALIBRATION = Calibration()


def test_every_dimension_of_both_channels_has_one_track() -> None:
    names = [(t.channel, t.dimension) for t in OPENING]
    assert names == [(Channel.TEXT, d.value) for d in TextDimension] + [
        (Channel.VOICE, d.value) for d in VoiceDimension
    ]


def test_values_make_points_with_their_channels_confidence_and_the_rest_holds() -> None:
    key = (Channel.VOICE, VoiceDimension.AGITATION)
    tracks, points, trends = follow(
        OPENING,
        {key: 0.8},
        {Channel.VOICE: 0.5},
        t_ms=5_000,
        step_ms=5_000,
        calibration=CALIBRATION,
    )
    assert [(p.dimension, p.value, p.confidence) for p in points] == [("agitation", 0.8, 0.5)]
    assert [t.dimension for t in trends] == ["agitation"]
    tracks, points, trends = follow(
        tracks, {}, {}, t_ms=10_000, step_ms=5_000, calibration=CALIBRATION
    )
    assert not points
    assert [t.dimension for t in trends] == ["agitation"]  # the held level still has a trend
    _, points, _ = follow(
        tracks,
        {key: 0.2},
        {Channel.VOICE: 1.0},
        t_ms=15_000,
        step_ms=5_000,
        calibration=CALIBRATION,
    )
    assert points[0].smoothed == pytest.approx(0.2 + 0.6 * 2.0 ** (-5.0 / 3.0))


def test_a_voice_at_its_usual_calm_never_alarms() -> None:
    key = (Channel.VOICE, VoiceDimension.CALM)
    tracks = OPENING
    for tick in range(1, 40):
        tracks, _, trends = follow(
            tracks,
            {key: 0.8},
            {Channel.VOICE: 1.0},
            t_ms=5_000 * tick,
            step_ms=5_000,
            calibration=CALIBRATION,
        )
    assert (trends[0].cusum, trends[0].onset_ms) == (0.0, None)
