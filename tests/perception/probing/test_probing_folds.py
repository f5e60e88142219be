"""Who is held out stays held out."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from subtone.perception.probing.folds import MOST_GROUPS, seen_folds, unseen_folds

rows = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 5)), min_size=2, max_size=60)


@given(rows, st.integers(0, 5))
def test_nothing_tested_shares_a_speaker_or_a_sentence_with_what_is_learned_from(
    pairs: list[tuple[int, int]], seed: int
) -> None:
    speaker, sentence = np.array(pairs).T
    groupings = [values for values in (speaker, sentence) if len(np.unique(values)) > 1]
    tested: list[int] = []
    for train, test in unseen_folds(groupings, seed):
        for values in groupings:
            assert not set(values[train]) & set(values[test])
        tested += test.tolist()
    assert len(tested) == len(set(tested))


def test_every_clip_of_a_full_corpus_is_tested_once() -> None:
    speaker, sentence = (g.ravel() for g in np.meshgrid(np.arange(7), np.arange(3)))
    folds = unseen_folds([speaker, sentence], 0)
    assert len(folds) == MOST_GROUPS * 3
    assert sorted(np.concatenate([f.test for f in folds])) == list(range(21))


def test_a_single_sentence_cannot_be_held_out_and_is_passed_over() -> None:
    speaker = np.repeat(np.arange(4), 5)
    folds = unseen_folds([speaker, np.zeros(20, np.intp)], 0)
    assert len(folds) == 4


def test_folds_by_clip_spread_every_class() -> None:
    labels = np.repeat(np.arange(2), (40, 10))
    for train, test in seen_folds(labels, 3):
        assert len(train) == 40
        assert np.bincount(labels[test]).tolist() == [8, 2]
