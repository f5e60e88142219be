"""The caller's own normal: their first three utterances, and what a head reads against them."""

from __future__ import annotations

import numpy as np
import pytest

from subtone.perception.heads.centre import SpeakerCentre, heard_vector
from subtone.perception.heads.errors import HeadError
from support_heads import centre_of, encoded, speech, stored

FIRST = (speech(1), speech(2), speech(3))


def test_the_baseline_is_the_mean_of_the_first_three_and_then_stands() -> None:
    centre = centre_of(*FIRST, speech(4, shift=9.0))
    assert centre.is_established
    expected = np.mean([audio.pooled for audio in FIRST], axis=0)
    assert centre.mean == pytest.approx(expected, abs=1e-6)


def test_utterances_weigh_by_their_length_and_short_answers_are_nobodys_normal() -> None:
    answers = [speech(seed, frames=40) for seed in (1, 2, 3)]
    centre = centre_of(*answers)
    assert (centre.utterances, centre.frames, centre.is_established) == (3, 120, False)
    long = speech(4, frames=120, shift=4.0)
    centre = centre.add(long)
    assert centre.is_established
    expected = (sum(a.pooled for a in answers) + 3 * long.pooled) / 6
    assert centre.mean == pytest.approx(expected, abs=1e-5)


def test_too_short_an_utterance_teaches_no_baseline() -> None:
    assert centre_of(speech(frames=24), encoded()).utterances == 0


def test_a_baseline_of_two_encoders_is_refused() -> None:
    with pytest.raises(HeadError, match="begun with another encoder"):
        centre_of(speech(1), speech(2, width=6))


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_the_share_on_the_card_is_taken_off(share: float) -> None:
    head = stored(is_relative_to_speaker=True, speaker_share=share)
    audio, centre = speech(9), centre_of(*FIRST)
    assert centre.mean is not None
    heard = heard_vector(head, audio, centre)
    assert heard == pytest.approx(audio.pooled[1] - share * centre.mean[1], abs=1e-6)


def test_without_a_normal_only_heads_that_need_none_read_anything() -> None:
    relative, plain = stored(is_relative_to_speaker=True, speaker_share=0.5), stored()
    for centre in (None, SpeakerCentre(), centre_of(*FIRST[:2])):
        assert heard_vector(relative, speech(9), centre) is None
        assert heard_vector(plain, speech(9), centre) == pytest.approx(speech(9).pooled[1])
    for head in (relative, plain):
        assert heard_vector(head, speech(9, frames=24), centre_of(*FIRST)) is None
        assert heard_vector(head, encoded(), centre_of(*FIRST)) is None
