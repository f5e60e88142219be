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
from subtone.kernel.voice_intelligence.text_fitted import candidate_terms, fitted_share
from subtone.kernel.voice_intelligence.text_tokens import fold, tokenise

CALIBRATION = TextCalibration()
AUTHORED = TextCalibration(fitted_max=0.0, fitted_relief=0.0)
AT_EASE = (SpanKind.POSITIVITY, SpanKind.CALM)
TABLES = {"en": fitted_english, "zh": fitted_chinese}
TERMS = [term for t in TABLES.values() for group in t.GROUPS for term in group.each()]

LICENCES = ("CC BY 4.0", "Apache-2.0")

dense = st.lists(st.sampled_from([*TERMS, "angry", "生气", "!", "，", "thanks"]), max_size=20)
texts = st.one_of(st.text(max_size=60), dense.map(" ".join), dense.map("".join))


def score(text: str, calibration: TextCalibration = CALIBRATION) -> TextEmotionScores:
    return score_text(turn_of(text), measure_text(turn_of(text), calibration), calibration)


def terms(text: str) -> list[str]:
    return [term for term, _, _ in candidate_terms(tokenise(fold(text)))]


def test_candidates_are_words_pairs_and_short_character_runs() -> None:
    assert terms("the red box") == ["the", "the red", "red", "red box", "box"]
    assert terms("the red, box") == ["the", "the red", "red", "box"]
    assert terms("箱子里") == ["箱", "箱子", "箱子里", "子", "子里", "里"]
    assert terms("box箱 2 red") == ["box", "箱", "red"]
    assert terms("an angry box") == ["an", "an angry", "angry", "angry box", "box"]


@pytest.mark.parametrize("language", sorted(TABLES))
def test_a_table_is_ordered_bounded_and_names_where_it_comes_from(language: str) -> None:
    table = TABLES[language]
    weights = [group.weight for group in table.GROUPS]
    assert all(a > b for a, b in pairwise(weights))
    assert all(0.05 < abs(weight) <= 2.0 for weight in weights)
    assert {group.kind for group in table.GROUPS} == {SpanKind.FITTED}
    assert {"CC BY 4.0", "Apache-2.0"} <= {m for m in LICENCES if m in (table.__doc__ or "")}
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
    total = sum(strength_of(s.contribution) for s in found.spans if s.kind is SpanKind.FITTED)
    beyond = abs(total) - CALIBRATION.fitted_margin
    if abs(total) < 1e-9:
        assert found.frustration == plain.frustration
    elif total < 0.0:
        assert found.frustration <= plain.frustration > 0.0
    else:
        assert found.frustration >= plain.frustration
        if beyond > 0.01 and not any(span.kind in AT_EASE for span in found.spans):
            assert found.frustration > plain.frustration or plain.frustration > 0.999


def test_a_share_starts_at_the_margin_and_is_half_where_it_says() -> None:
    margin, half = CALIBRATION.fitted_margin, CALIBRATION.fitted_half
    assert fitted_share(margin, CALIBRATION) == fitted_share(-margin / 2, CALIBRATION) == 0.0
    assert fitted_share(margin + half, CALIBRATION) == pytest.approx(0.5)
    assert fitted_share(-margin - half, CALIBRATION) == pytest.approx(-0.5)
    assert fitted_share(margin + half / 4, CALIBRATION) == pytest.approx(1 / 17)
    bare = TextCalibration(fitted_margin=0.0, fitted_half=0.0)
    assert (fitted_share(0.0, bare), fitted_share(0.1, bare)) == (0.0, 1.0)


def test_a_phrase_is_no_evidence() -> None:
    assert [s for s in score("The signal.").spans if s.kind is SpanKind.FITTED] == []


def fitted(text: str, weights: dict[str, float]) -> dict[str, float]:
    """Fitted terms that a message shows under these weights, with their strength."""
    spans = measure_text(turn_of(text), CALIBRATION, weights).spans
    return {
        span.text: round(strength_of(span.contribution), 6)
        for span in spans
        if span.kind is SpanKind.FITTED
    }


@pytest.mark.parametrize(
    "text",
    [
        *("No problem.", "I have no problem with that.", "No worries.", "Not bad.", "没问题"),
        *("I don't want to complain", "It is not urgent", "还不错", "Very helpful, thanks"),
    ],
)
def test_nothing_calm_or_glad_in_so_many_words_is_marked_a_complaint(text: str) -> None:
    assert [s.rule for s in score(text).spans if s.kind is SpanKind.FITTED] == []
    assert score(text).frustration == 0.0


def test_a_word_that_makes_another_glad_or_calm_is_no_complaint() -> None:
    weights = {"not": 1.0, "very": 1.0, "box": 1.0}
    assert fitted("not angry, box", weights) == {"box": 1.0}
    assert fitted("not a red box", weights) == {"not": 1.0, "box": 1.0}


def test_a_phrase_carries_the_weights_of_its_parts() -> None:
    weights = {"red": 1.0, "box": 0.4, "red box": -0.2}
    assert fitted("a red box", weights) == {"red box": 1.2}
    assert fitted("a box, a red box", weights) == {"box": 0.4, "red box": 0.8}
    characters = {"箱": 0.5, "箱子": 0.5, "子里": 0.5, "箱子里": -0.1}
    assert fitted("箱子里", characters) == {"箱子里": 1.4}


def test_a_phrase_whose_parts_make_up_for_it_is_not_marked() -> None:
    weights = {"red": 0.3, "box": -0.1, "red box": -0.2, "nobody": 1.0}
    assert fitted("nobody, a red box", weights) == {"nobody": 1.0}


def test_nothing_is_marked_in_a_message_too_glad_for_it() -> None:
    assert fitted("a red box", {"red": 1.0}) == {"red": 1.0}
    assert fitted("This is perfect, a red box", {"red": 1.0}) == {}


def test_a_complaint_in_plain_words_is_heard() -> None:
    text = (
        "Why is there no signal again, I have called and nobody will fix the signal, "
        "the broadband did not work for months and nothing happened"
    )
    assert score(text).frustration > score(text, AUTHORED).frustration + 0.02


def test_what_is_glad_or_calm_in_so_many_words_everyday_words_do_not_turn() -> None:
    plain = "You cannot do that, I never asked"
    assert score(plain).frustration > 0.1 > score(plain, AUTHORED).frustration
    assert score(f"This is perfect. {plain}").frustration == 0.0
    assert 0.0 < score(f"Thanks. {plain}").frustration < score(plain).frustration


def test_a_negative_strength_has_a_negative_share() -> None:
    assert share_of(-1.2) == -share_of(1.2)
    assert strength_of(share_of(-1.2)) == pytest.approx(-1.2)
