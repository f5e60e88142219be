"""Fitted terms: what they are, when they count, and how little they may do."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.fit_text import turn_of
from subtone.contracts.calibration import TextCalibration
from subtone.contracts.vocabulary import SpanKind
from subtone.contracts.voice_intelligence import TextEmotionScores
from subtone.kernel.voice_intelligence.lexicons import fitted_chinese, fitted_english
from subtone.kernel.voice_intelligence.text_emotion import score_text
from subtone.kernel.voice_intelligence.text_features import measure_text, share_of, strength_of
from subtone.kernel.voice_intelligence.text_fitted import candidate_terms
from subtone.kernel.voice_intelligence.text_matcher import LEXICON
from subtone.kernel.voice_intelligence.text_rules import apply_rules
from subtone.kernel.voice_intelligence.text_tokens import fold, tokenise

CALIBRATION = TextCalibration()
AUTHORED = TextCalibration(fitted_max=0.0, fitted_relief=0.0)
TABLES = {"en": fitted_english, "zh": fitted_chinese}
TERMS = [term for t in TABLES.values() for group in t.GROUPS for term in group.each()]

dense = st.lists(st.sampled_from([*TERMS, "angry", "生气", "!", "，", "thanks"]), max_size=20)
texts = st.one_of(st.text(max_size=60), dense.map(" ".join), dense.map("".join))


def score(text: str, calibration: TextCalibration = CALIBRATION) -> TextEmotionScores:
    return score_text(turn_of(text), measure_text(turn_of(text), calibration), calibration)


def terms(text: str) -> list[str]:
    tokens = tokenise(fold(text))
    hits = apply_rules(tokens, LEXICON.units(tokens), CALIBRATION)
    return [term for term, _, _ in candidate_terms(tokens, hits)]


def test_candidates_are_words_pairs_and_short_character_runs_nobody_claimed() -> None:
    assert terms("the red box") == ["the", "the red", "red", "red box", "box"]
    assert terms("the red, box") == ["the", "the red", "red", "box"]
    assert terms("箱子里") == ["箱子", "箱子里", "子里"]
    assert terms("box箱子 2 red") == ["box", "箱子", "red"]
    assert terms("an angry box") == ["an", "box"]


@pytest.mark.parametrize("language", sorted(TABLES))
def test_a_table_is_ordered_bounded_and_names_where_it_comes_from(language: str) -> None:
    table = TABLES[language]
    weights = [group.weight for group in table.GROUPS]
    assert all(a > b for a, b in pairwise(weights))
    assert all(0.15 < abs(weight) <= 2.0 for weight in weights)
    assert {group.kind for group in table.GROUPS} == {SpanKind.FITTED}
    assert "CC BY 4.0" in (table.__doc__ or "")
    assert 400 < sum(len(list(group.each())) for group in table.GROUPS) < 2_000


def test_no_term_is_listed_twice() -> None:
    assert len(set(TERMS)) == len(TERMS)


@given(texts)
@settings(max_examples=300, deadline=None)
def test_fitted_terms_alone_stay_below_their_bound_and_name_no_emotion(text: str) -> None:
    plain, found = score(text, AUTHORED), score(text)
    if all(span.kind in (SpanKind.FITTED, SpanKind.EMPHASIS) for span in found.spans):
        assert (found.dominant_emotion, found.confidence) == (None, 0.0)
    if plain.frustration == 0.0:
        assert found.frustration < CALIBRATION.fitted_max
    assert found.frustration >= (1.0 - CALIBRATION.fitted_relief) * plain.frustration
    assert found.frustration <= 1.0 - (1.0 - plain.frustration) * (1.0 - CALIBRATION.fitted_max)
    assert (found.urgency, found.confusion) == (plain.urgency, plain.confusion)


@given(texts)
@settings(max_examples=200, deadline=None)
def test_the_spans_of_a_message_make_its_score(text: str) -> None:
    found, plain = score(text), score(text, AUTHORED)
    strengths = [strength_of(s.contribution) for s in found.spans if s.kind is SpanKind.FITTED]
    total = sum(strengths)
    if abs(total) <= CALIBRATION.fitted_margin or plain.frustration in (0.0, 1.0):
        assert total <= CALIBRATION.fitted_margin or found.frustration > 0.0
        return
    assert (found.frustration > plain.frustration) is (total > 0.0)


def test_a_phrase_is_no_evidence_but_a_complaint_in_plain_words_is() -> None:
    few, many = (
        "The signal.",
        (
            "Why is there no signal again, I have called and nobody will fix the signal, "
            "the broadband did not work for months and nothing happened"
        ),
    )
    assert [s for s in score(few).spans if s.kind is SpanKind.FITTED] == []
    assert score(many).frustration > score(many, AUTHORED).frustration


def test_a_negative_strength_has_a_negative_share() -> None:
    assert share_of(-1.2) == -share_of(1.2)
    assert strength_of(share_of(-1.2)) == pytest.approx(-1.2)
