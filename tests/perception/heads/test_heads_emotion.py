"""The emotion head: calibrated, abstaining, and less sure of strangers."""

from __future__ import annotations

import numpy as np
import pytest

from subtone.perception.heads.emotion import EmotionHead
from subtone.perception.heads.errors import HeadError
from subtone.perception.heads.files import StoredHead
from support_heads import card, centre_of, contrast, encoded, speech, stored, tensors


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


def test_against_the_callers_normal_it_waits_and_then_reads_what_the_share_leaves() -> None:
    stored_head = stored(is_relative_to_speaker=True, speaker_share=0.5)
    head, first = EmotionHead(stored_head), [speech(seed, shift=3.0) for seed in (1, 2, 3)]
    assert head.needs.speaker_baseline
    assert not EmotionHead(stored()).needs.speaker_baseline
    audio = speech(9, shift=3.5)
    for known in range(3):
        found = head(audio, centre_of(*first[:known]))
        assert (found.emotion, found.probabilities, found.reliability) == (None, (), 0.0)
    assert head(audio).probabilities == ()
    normal = np.mean([one.pooled[1] for one in first], axis=0)
    logits = stored_head.outputs((audio.pooled[1] - normal / 2)[None])[0].astype(float) / 2.0
    found = head(audio, centre_of(*first))
    shares = np.exp(logits * found.reliability**2)
    said = [p.probability for p in found.probabilities]
    assert said == pytest.approx((shares / shares.sum()).tolist(), abs=1e-5)
    narrow = centre_of(*(speech(seed, width=6) for seed in (1, 2, 3)))
    with pytest.raises(HeadError, match="does not come from the encoder"):
        head(audio, narrow)


def test_another_task_is_refused() -> None:
    with pytest.raises(HeadError, match="is a head for valence"):
        EmotionHead(contrast())
