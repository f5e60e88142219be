"""No speaker, and where asked no sentence, is ever on both sides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.perception.learning.errors import LeakedSplitError, LearningError
from subtone.perception.learning.splits import (
    require_disjoint,
    speaker_and_sentence_folds,
    speaker_folds,
)
from support_learning import clip


@given(st.lists(st.sampled_from("abcdefg"), min_size=2, max_size=40), st.integers(2, 7))
def test_every_clip_is_tested_once_by_a_head_that_has_not_heard_its_speaker(
    speakers: list[str], n: int
) -> None:
    clips = [clip(speaker, "angry", i) for i, speaker in enumerate(speakers)]
    if n > len(set(speakers)):
        with pytest.raises(LearningError, match="cannot be split"):
            speaker_folds(clips, n)
        return
    folds = speaker_folds(clips, n)
    assert sorted(i for fold in folds for i in fold.test) == list(range(len(clips)))
    for fold in folds:
        assert not {speakers[i] for i in fold.train} & {speakers[i] for i in fold.test}
        assert len(fold.train) + len(fold.test) == len(clips)


def test_a_leaked_split_names_the_speakers() -> None:
    train = [clip("Ann", "angry"), clip("Bob", "angry")]
    with pytest.raises(LeakedSplitError, match="made-up/Bob speak on both sides"):
        require_disjoint(train, [clip("Bob", "sad")])
    require_disjoint(train, [clip("Bob", "sad", corpus="another")])


def test_a_shared_sentence_is_a_leak_where_it_was_asked() -> None:
    train, test = [clip("Ann", "angry", 0)], [clip("Bob", "angry", 2)]
    require_disjoint(train, test)
    with pytest.raises(LeakedSplitError, match="made-up/0 are said on both sides"):
        require_disjoint(train, test, by_sentence=True)
    with pytest.raises(LearningError, match="do not say which sentence"):
        require_disjoint(train, [clip("Bob", "angry", sentence=None)], by_sentence=True)


def test_unseen_speakers_and_sentences_are_tested_in_both_halves() -> None:
    clips = [clip(speaker, "angry", i) for speaker in "abcd" for i in range(4)]
    folds = speaker_and_sentence_folds(clips)
    assert sorted(i for fold in folds for i in fold.test) == list(range(len(clips)))
    for fold in folds:
        assert not {clips[i].sentence for i in fold.train} & {clips[i].sentence for i in fold.test}
        assert len(fold.train) == 6
