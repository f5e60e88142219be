"""Properties of text scoring over any text, and exact numbers for the formula."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subtone.contracts.base import ContractError
from subtone.contracts.calibration import TextCalibration
from subtone.contracts.vocabulary import Language, Role, SpanKind, TextDimension
from subtone.contracts.voice_intelligence import TextEmotionScores, TextTurn
from subtone.kernel.voice_intelligence.lexicons import chinese, english
from subtone.kernel.voice_intelligence.text_emotion import score_text
from subtone.kernel.voice_intelligence.text_features import (
    measure_text,
    share_of,
    strength_of,
)

CALIBRATION = TextCalibration()
AUTHORED = TextCalibration(fitted_max=0.0, fitted_relief=0.0)
TERMS = [
    term.replace("#", "3") for group in (*english.GROUPS, *chinese.GROUPS) for term in group.each()
]
GLUE = ["", " ", "，", ", ", "。", ". ", "！", "?", "\n", "…", "the ", "我", "3", "SO ", "oooo"]

# any Unicode, and texts dense with terms, where rules meet
composed = st.lists(st.one_of(st.sampled_from(TERMS), st.sampled_from(GLUE)), max_size=12).map(
    " ".join
)
chinese_composed = st.lists(
    st.one_of(st.sampled_from(TERMS), st.sampled_from(GLUE)), max_size=12
).map("".join)
texts = st.one_of(st.text(max_size=80), composed, chinese_composed)


def turn_of(text: str) -> TextTurn:
    return TextTurn(
        turn_id="t",
        role=Role.CUSTOMER,
        t_event_ms=1_000,
        t_end_ms=2_000,
        t_seen_ms=3_000,
        text=text,
        language=Language.UNDETERMINED,
    )


def score(text: str, calibration: TextCalibration = CALIBRATION) -> TextEmotionScores:
    turn = turn_of(text)
    return score_text(turn, measure_text(turn, calibration), calibration)


@given(texts)
@settings(max_examples=300, deadline=None)
def test_any_text_is_scored_in_range_with_valid_spans(text: str) -> None:
    turn = turn_of(text)
    features = measure_text(turn, CALIBRATION)  # contracts refuse values out of range
    scores = score_text(turn, features, CALIBRATION)
    for span in scores.spans:
        assert 0 <= span.start < span.end <= len(text)
        assert span.text == text[span.start : span.end]
        assert span.rule
    assert [s.start for s in scores.spans] == sorted(s.start for s in scores.spans)
    assert features.emphasis >= 1.0
    assert features == measure_text(turn, CALIBRATION)
    assert scores == score_text(turn, features, CALIBRATION)


@given(texts)
@settings(max_examples=200, deadline=None)
def test_a_further_exclamation_mark_never_lowers_frustration(text: str) -> None:
    assert score(text + "!").frustration >= score(text).frustration - 1e-12


@given(texts)
@settings(max_examples=200, deadline=None)
def test_an_escalation_request_holds_the_floor_and_suppression_is_never_calm(text: str) -> None:
    scores = score(text)
    if scores.has_escalation_request:
        assert scores.frustration >= CALIBRATION.escalation_request_frustration - 1e-12
    if scores.is_suppressed:
        assert scores.calm == 0.0


@given(st.integers(min_value=0, max_value=200))
@settings(max_examples=20, deadline=None)
def test_length_alone_changes_nothing(words: int) -> None:
    filler = " ".join(["parcel"] + ["box", "paper"] * words)
    assert score(f"{filler}. I am angry.").frustration == score("I am angry.").frustration
    assert score(filler).frustration == 0.0


@given(texts)
@settings(max_examples=100, deadline=None)
def test_full_width_and_half_width_marks_are_the_same(text: str) -> None:
    half = text.replace("！", "!").replace("？", "?").replace("，", ",")
    full = half.replace("!", "！").replace("?", "？").replace(",", "，")
    fields = ("frustration", "confusion", "urgency", "calm", "positivity")
    assert [getattr(score(half), f) for f in fields] == [getattr(score(full), f) for f in fields]


@given(st.floats(min_value=0.0, max_value=12.0))
def test_share_and_strength_are_inverse(strength: float) -> None:
    assert strength_of(share_of(strength)) == pytest.approx(strength, abs=1e-9)


GOLDEN = [
    # text, field, raw strength, emphasis
    ("I am angry.", "frustration", 2.4, 1.0),
    ("I am very angry.", "frustration", 2.4 * 1.4, 1.0),
    ("I am extremely angry!", "frustration", 2.4 * 1.8, 1.15),
    ("I am angry!!!!!!", "frustration", 2.4, 1.6),
    ("I am ANGRY", "frustration", 2.4, 1.3),
    ("angry? why?", "frustration", 2.4, 1.2),
    ("no no i am angry", "frustration", 2.4 * 1.0, 1.15),
    ("I am not happy", "frustration", 1.6 * 0.74, 1.0),
    ("I am really not happy", "frustration", 1.6 * 1.4 * 0.74, 1.0),
    ("I am not very happy", "frustration", 1.6 * 0.6 * 0.74, 1.0),
    ("angry but happy", "frustration", 2.4 * 0.5, 1.0),
    ("happy but angry", "frustration", 2.4 * 1.5, 1.0),
    ("我很生气", "frustration", 2.4 * 1.4, 1.0),
    ("我不是不生气", "frustration", 2.4 * 0.8, 1.0),
    ("很不高兴", "frustration", 1.1 * 1.4, 1.0),
    ("生气死了！", "frustration", 2.4 * 1.8, 1.15),
    ("I am confused", "confusion", 2.2, 1.0),
    ("I am confused!!", "confusion", 2.2, 1.0),
    ("it is urgent!!", "urgency", 2.2, 1.3),
    ("No problem", "calm", 1.8, 1.0),
    ("I am not angry", "calm", 0.8, 1.0),
    ("This is perfect", "positivity", 2.6, 1.0),
]


@pytest.mark.parametrize(("text", "field", "strength", "emphasis"), GOLDEN)
def test_the_formula_of_authored_terms_gives_exactly(
    text: str, field: str, strength: float, emphasis: float
) -> None:
    expected = 1.0 - math.exp(-strength * emphasis / 2.0)
    assert getattr(score(text, AUTHORED), field) == pytest.approx(expected, abs=1e-9)


def test_calm_confidence_and_dominance_by_the_formula() -> None:
    scores = score("I am angry, no problem")
    frustration, calm = 1 - math.exp(-1.2), (1 - math.exp(-0.9)) * math.exp(-1.2)
    assert scores.calm == pytest.approx(calm)
    assert scores.confidence == pytest.approx(2 / 3 * (frustration - calm) / frustration)
    assert scores.dominant_emotion is TextDimension.FRUSTRATION
    nothing = score("The parcel is blue")
    assert (nothing.calm, nothing.confidence, nothing.dominant_emotion) == (0.5, 0.0, None)


def test_escalation_joins_frustration_as_independent_evidence() -> None:
    plain, both = score("I want to file a complaint"), score("I am angry. I will file a complaint")
    assert plain.frustration == pytest.approx(0.75)
    assert both.frustration == pytest.approx(1 - 0.25 * math.exp(-1.2))


@pytest.mark.parametrize("text", ["I don't want to make a complaint", "我不想投诉。"])
def test_an_escalation_that_is_denied_is_weak_calm(text: str) -> None:
    scores = score(text)
    assert not scores.has_escalation_request
    calm = next(span for span in scores.spans if span.kind is SpanKind.CALM)
    assert calm.rule.startswith("negated:")
    assert calm.contribution == pytest.approx(1 - math.exp(-0.4))


def test_frustration_takes_positivity_away() -> None:
    assert score("great").positivity == pytest.approx(1 - math.exp(-0.8))
    assert score("great, angry", AUTHORED).positivity == pytest.approx(
        (1 - math.exp(-0.8)) * math.exp(-1.2)
    )


def test_spans_name_rule_and_place_in_the_text_as_written() -> None:
    text = "Ｗｈｙ？ 我真的很生氣，but it’s ｆｉｎｅ！"
    spans = {s.kind: s for s in score(text).spans if s.kind is not SpanKind.EMPHASIS}
    angry = spans[SpanKind.FRUSTRATION]
    assert (angry.text, angry.rule) == ("生氣", "lexicon:生气*very*very,before_but")
    assert angry.contribution == pytest.approx(1 - math.exp(-2.4 * 1.4 * 0.5 / 2))
    assert spans[SpanKind.SUPPRESSION].text == "it’s ｆｉｎｅ"


def test_emphasis_spans_add_up_to_the_multiplier() -> None:
    features = measure_text(turn_of("NO no! Why?? This is SO bad!! soooo bad"), CALIBRATION)
    bonuses = [s.contribution for s in features.spans if s.kind is SpanKind.EMPHASIS]
    assert features.emphasis == pytest.approx(1 + sum(bonuses))
    assert features.emphasis == pytest.approx(1 + 3 * 0.15 + 0.2 + 0.3 + 0.15)
    assert (features.exclamation_count, features.question_count) == (3, 2)
    assert features.repetition_count == 2


def test_calibration_reaches_every_rule() -> None:
    strict = msgspec.structs.replace(
        CALIBRATION, negation=-1.0, degree_very=2.0, fitted_max=0.0, fitted_relief=0.0
    )
    assert score("not very happy", strict).frustration == pytest.approx(
        1 - math.exp(-1.6 * 0.6 / 2)
    )
    assert score("very angry", strict).frustration == pytest.approx(1 - math.exp(-2.4))


def test_features_of_another_turn_are_refused() -> None:
    turn = turn_of("angry")
    other = msgspec.structs.replace(turn, turn_id="u")
    with pytest.raises(ContractError, match="measure_text"):
        score_text(other, measure_text(turn, CALIBRATION), CALIBRATION)


def test_times_and_a_known_language_pass_through() -> None:
    turn = msgspec.structs.replace(turn_of("ok"), language=Language.ZH)
    features = measure_text(turn, CALIBRATION)
    scores = score_text(turn, features, CALIBRATION)
    assert features.language is Language.ZH
    assert (scores.t_event_ms, scores.t_end_ms, scores.t_seen_ms) == (1_000, 2_000, 3_000)


@pytest.mark.parametrize("text", ["It is four four seven one nine.", "号码是二二二，三三三。"])
def test_digits_spelt_out_are_not_emphasis(text: str) -> None:
    assert measure_text(turn_of(text), CALIBRATION).emphasis == 1.0
