"""The emotion head: calibrated, abstaining, and less sure of strangers."""

from __future__ import annotations

import numpy as np
import pytest

from subtone.perception.heads.emotion import EmotionHead
from subtone.perception.heads.errors import HeadError
from subtone.perception.heads.files import StoredHead
from support_heads import card, contrast, encoded, speech, stored, tensors


def test_probabilities_are_the_softmax_over_the_temperature() -> None:
    head, audio = stored(), speech(1)
    logits = head.outputs(head.pool(audio)[None])[0].astype(float) / 2.0
    shares = np.exp(logits) / np.exp(logits).sum()
    found = EmotionHead(head)(audio)
    assert [p.label for p in found.probabilities] == ["neutral", "happy", "angry"]
    assert [p.probability for p in found.probabilities] == pytest.approx(shares.tolist())
    assert found.confidence == max(p.probability for p in found.probabilities)
    assert found.emotion == found.probabilities[int(shares.argmax())].label
    assert found.is_calibrated
    assert found.model == head.model


def test_without_a_temperature_it_does_not_call_itself_calibrated() -> None:
    assert not EmotionHead(stored(temperature=None))(speech()).is_calibrated


def test_below_its_threshold_it_abstains_and_still_shows_the_shares() -> None:
    sure = EmotionHead(stored())(speech())
    at = EmotionHead(stored(abstention_threshold=sure.confidence))(speech())
    above = EmotionHead(stored(abstention_threshold=sure.confidence + 1e-9))(speech())
    assert at.emotion == sure.emotion
    assert above.emotion is None
    assert above.probabilities == sure.probabilities


def test_half_a_second_is_the_least_it_judges() -> None:
    head = EmotionHead(stored())
    assert head(speech(frames=25)).emotion is not None
    for audio in (speech(frames=24), encoded()):
        found = head(audio)
        assert (found.emotion, found.confidence, found.reliability) == (None, 0.0, 0.0)
        assert found.probabilities == ()


def test_a_voice_far_from_the_training_is_less_reliable() -> None:
    head = EmotionHead(stored())
    near, far = head(speech()), head(speech(shift=40.0))
    assert near.reliability == 1.0
    assert far.reliability < 0.05


def test_a_narrow_training_domain_doubts_everything() -> None:
    narrow = tensors(card()) | {"domain.variance": np.full(8, 1e-6, np.float32)}
    assert EmotionHead(StoredHead(card(), narrow))(speech()).reliability < 0.01


def test_another_task_is_refused() -> None:
    with pytest.raises(HeadError, match="is a head for valence"):
        EmotionHead(contrast())
