"""The figures of the agitation and speed benches are computed as they are named."""

from __future__ import annotations

import pytest

from bench.agitation import Scored, auc, summarise
from bench.speed import core_distributions
from subtone.contracts.vocabulary import VoiceFeature


@pytest.mark.parametrize(
    ("positive", "negative", "expected"),
    [
        ([2.0, 3.0], [0.0, 1.0], 1.0),
        ([0.0, 1.0], [2.0, 3.0], 0.0),
        ([1.0, 1.0], [1.0], 0.5),
        ([1.0, 3.0], [0.0, 2.0], 0.75),
    ],
)
def test_auc_is_the_share_of_pairs_in_order(
    positive: list[float], negative: list[float], expected: float
) -> None:
    assert auc(positive, negative) == expected


def test_abstentions_are_counted_and_left_out() -> None:
    scored = [
        Scored("a", is_angry=True, is_strong=None, agitation=0.9, z={VoiceFeature.F0_MEAN: 2.0}),
        Scored("a", is_angry=True, is_strong=None, agitation=0.4, z={VoiceFeature.F0_MEAN: 0.0}),
        Scored("a", is_angry=True, is_strong=None, agitation=None, z={VoiceFeature.F0_MEAN: -3.0}),
        Scored("b", is_angry=False, is_strong=None, agitation=0.2, z={VoiceFeature.F0_MEAN: 1.0}),
    ]
    result = summarise("some", scored)
    assert (result.speakers, result.neutral, result.angry, result.abstained) == (2, 1, 3, 1)
    assert (result.auc, result.neutral_above_half, result.angry_above_half) == (1.0, 0.0, 0.5)
    assert result.feature_auc == {"f0_mean_semitones": 0.5}


def test_core_distributions_follow_requirements_without_extras() -> None:
    names = {distribution.metadata["Name"].lower() for distribution in core_distributions()}
    assert {"numpy", "msgspec", "soundfile", "cffi", "rich", "markdown-it-py"} <= names
    assert not {"pytest", "ruff", "av", "subtone"} & names
