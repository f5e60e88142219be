"""Long turns spread over their time; text evidence at a moment."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from subtone.contracts.calibration import TextCalibration
from subtone.contracts.vocabulary import ChannelStatus, Language, Role, SpanKind, TextDimension
from subtone.contracts.voice_intelligence import TextEmotionScores, TextSpan, TextTurn, Word
from subtone.kernel.signal_correlation.alignment import (
    TextEvidence,
    spread_turn,
    text_evidence,
)

CALIBRATION = TextCalibration()


def turn(text: str, end_ms: int, start_ms: int = 0, words: tuple[Word, ...] = ()) -> TextTurn:
    return TextTurn(
        turn_id="t",
        role=Role.CUSTOMER,
        t_event_ms=start_ms,
        t_end_ms=end_ms,
        t_seen_ms=end_ms,
        text=text,
        language=Language.EN,
        words=words,
    )


def timed(*words: tuple[str, int, int]) -> tuple[Word, ...]:
    return tuple(Word(text=t, t_event_ms=a, t_end_ms=b) for t, a, b in words)


def pieces(parts: tuple[TextTurn, ...]) -> list[tuple[str, int, int]]:
    return [(part.text, part.t_event_ms, part.t_end_ms) for part in parts]


# --- spread_turn ----------------------------------------------------------------------------


def test_short_turns_and_chat_messages_stay_whole() -> None:
    for whole in (turn("One. Two. Three.", 5_000), turn("Hi! Help me.", 7_000, start_ms=7_000)):
        assert spread_turn(whole, 5_000) == (whole,)


def test_without_words_time_runs_in_proportion_to_length() -> None:
    parts = spread_turn(turn("aaaa. bbbb. cccc", 16_000), 5_000)
    assert pieces(parts) == [
        ("aaaa. ", 0, 4_000),
        ("bbbb. ", 6_000, 10_000),
        ("cccc", 12_000, 16_000),
    ]
    assert [part.turn_id for part in parts] == ["t#1", "t#2", "t#3"]


def test_words_give_the_times_and_stay_with_their_piece() -> None:
    words = timed(
        ("Well,", 1_000, 1_400),
        ("fine.", 1_500, 2_000),
        ("Where", 9_000, 9_300),
        ("is", 9_300, 9_500),
        ("it?", 9_500, 9_900),
    )
    parts = spread_turn(turn("Well, fine. Where is it?", 10_000, 500, words), 3_000)
    assert pieces(parts) == [("Well, fine. ", 1_000, 2_000), ("Where is it?", 9_000, 10_000)]
    assert [part.words for part in parts] == [words[:2], words[2:]]


def test_chinese_is_split_at_full_width_ends_with_character_times() -> None:
    text = "你好。我等了三天，还没有人来！"
    spoken = [c for c in text if c not in "。，！"]
    words = timed(*((c, i * 1_000, i * 1_000 + 900) for i, c in enumerate(spoken)))
    parts = spread_turn(turn(text, len(spoken) * 1_000, 0, words), 5_000)
    assert pieces(parts) == [
        ("你好。", 0, 1_900),
        ("我等了三天，", 2_000, 6_900),
        ("还没有人来！", 7_000, 12_000),
    ]


def test_neighbours_stay_together_while_they_fit() -> None:
    parts = spread_turn(turn("aa. bb. cc. dd. ee. ff", 22_000), 10_000)
    assert [part.text for part in parts] == ["aa. bb. cc. ", "dd. ee. ff"]


def test_clauses_are_cut_only_where_the_sentence_is_too_long() -> None:
    parts = spread_turn(turn("no, no. aaaa, bbbb; cccc", 24_000), 7_000)
    assert [part.text for part in parts] == ["no, no. ", "aaaa, ", "bbbb; ", "cccc"]


@pytest.mark.parametrize(
    "text",
    [
        "I paid 1,000 at 10:30 for version 3.5 of it",  # digits are not ends
        "one long clause that nothing divides",
        "...?!",
        "   ",
        "",
    ],
)
def test_what_cannot_be_split_stays_whole(text: str) -> None:
    whole = turn(text, 30_000)
    assert spread_turn(whole, 5_000) == (whole,)


def test_closing_quotes_and_trailing_marks_stay_with_their_sentence() -> None:
    parts = spread_turn(turn("他说“不行。”然后走了。。。", 20_000), 5_000)
    assert [part.text for part in parts] == ["他说“不行。”", "然后走了。。。"]


def test_words_that_are_not_in_the_text_change_no_text() -> None:
    words = timed(("gr8", 0, 500), ("Two", 8_000, 8_500))
    parts = spread_turn(turn("Great. Two.", 10_000, 0, words), 5_000)
    assert pieces(parts) == [("Great. ", 0, 5_000), ("Two.", 8_000, 10_000)]
    assert [word.text for part in parts for word in part.words] == ["gr8", "Two"]


def test_a_name_too_long_for_its_number_is_shortened() -> None:
    long = replace(turn("One. Two.", 20_000), turn_id="x" * 200)
    assert [part.turn_id for part in spread_turn(long, 5_000)] == [
        "x" * 198 + n for n in ["#1", "#2"]
    ]


def test_leading_marks_stay_with_the_first_sentence() -> None:
    parts = spread_turn(turn("…… One. Two.", 20_000), 5_000)
    assert [part.text for part in parts] == ["…… One. ", "Two."]


def test_words_that_step_back_or_leave_the_turn_keep_pieces_in_order() -> None:
    words = timed(("One.", 9_000, 9_500), ("Two.", 4_000, 4_500), ("Three.", 30_000, 29_000))
    parts = spread_turn(turn("One. Two. Three.", 20_000, 1_000, words), 3_000)
    assert pieces(parts) == [("One. Two. ", 9_000, 9_500), ("Three.", 20_000, 20_000)]


def test_a_piece_never_ends_before_it_starts() -> None:
    words = timed(("One.", 15_000, 3_000), ("Two.", 18_000, 19_000))
    parts = spread_turn(turn("One. Two.", 20_000, 0, words), 2_000)
    assert pieces(parts) == [("One. ", 15_000, 15_000), ("Two.", 18_000, 20_000)]


@st.composite
def any_turn(draw: st.DrawFn) -> TextTurn:
    text = draw(st.text(alphabet="ab 好的3.,，。!？…;”\n", max_size=40))
    start = draw(st.integers(0, 100_000))
    labels = draw(st.sampled_from([[], text.split(), ["zz", *text.split()], list(text)]))
    words = timed(
        *(
            (label, at, at + draw(st.integers(0, 900)))
            for label in labels
            for at in [draw(st.integers(0, 150_000))]
        )
    )
    return turn(text, start + draw(st.integers(0, 40_000)), start, words)


@given(whole=any_turn(), max_ms=st.integers(0, 15_000))
@settings(max_examples=200, deadline=None)
def test_pieces_partition_the_text_and_the_words_in_order_of_time(
    whole: TextTurn, max_ms: int
) -> None:
    parts = spread_turn(whole, max_ms)
    assert "".join(part.text for part in parts) == whole.text
    assert tuple(word for part in parts for word in part.words) == whole.words
    starts, ends = [p.t_event_ms for p in parts], [p.t_end_ms for p in parts]
    assert starts == sorted(starts)
    assert ends == sorted(ends)
    assert all(
        whole.t_event_ms <= a <= b <= whole.t_end_ms for a, b in zip(starts, ends, strict=True)
    )
    assert ends[-1] == whole.t_end_ms
    assert len({part.turn_id for part in parts}) == len(parts)


# --- text_evidence --------------------------------------------------------------------------


def scored(end_ms: int, **fields: Any) -> TextEmotionScores:
    span = TextSpan(
        start=0,
        end=1,
        text=f"{end_ms}",
        kind=SpanKind.FRUSTRATION,
        contribution=1.0,
        rule="lexicon:x",
    )
    values: dict[str, Any] = {
        "turn_id": f"t{end_ms}",
        "t_event_ms": max(0, end_ms - 1_000),
        "t_end_ms": end_ms,
        "t_seen_ms": end_ms,
        "frustration": 0.0,
        "confusion": 0.0,
        "urgency": 0.0,
        "calm": 0.0,
        "positivity": 0.0,
        "dominant_emotion": TextDimension.FRUSTRATION,
        "confidence": 0.5,
        "is_suppressed": False,
        "has_escalation_request": False,
        "spans": (span,),
    }
    return TextEmotionScores(**(values | fields))


def neutral(end_ms: int) -> TextEmotionScores:
    return scored(end_ms, calm=0.5, dominant_emotion=None, confidence=0.0, spans=())


def evidence(turns: list[TextEmotionScores], t_ms: int) -> TextEvidence:
    return text_evidence(turns, t_ms, CALIBRATION)


def test_one_turn_is_its_own_evidence_at_any_age() -> None:
    said = scored(10_000, frustration=0.6, urgency=0.5, positivity=0.25)
    for t_ms in (10_000, 22_000, 40_000):
        found = evidence([said], t_ms)
        assert found.status == ChannelStatus.OK
        assert found.scores == said
        assert found.positivity == 0.25


@pytest.mark.parametrize("t_ms", [9_999, 40_001])
def test_nothing_fresh_is_unavailable_never_calm(t_ms: int) -> None:
    unavailable = TextEvidence(ChannelStatus.UNAVAILABLE)
    assert evidence([scored(10_000, frustration=0.6)], t_ms) == unavailable
    assert evidence([], t_ms) == unavailable
    assert unavailable.scores is None


def test_weight_halves_every_six_seconds() -> None:
    found = evidence([scored(4_000, frustration=0.9), scored(10_000, frustration=0.3)], 10_000)
    assert found.scores is not None
    assert found.scores.frustration == pytest.approx((0.5 * 0.9 + 0.3) / 1.5)
    assert [span.text for span in found.scores.spans] == ["4000", "10000"]
    assert (found.scores.turn_id, found.scores.t_event_ms) == ("t10000", 3_000)


def test_a_turn_without_hits_dilutes_half_as_much() -> None:
    found = evidence([scored(10_000, frustration=0.9), neutral(10_000)], 10_000)
    assert found.scores is not None
    assert found.scores.frustration == pytest.approx(0.6)
    assert found.scores.calm == pytest.approx(0.5 / 3)
    assert found.scores.dominant_emotion == TextDimension.FRUSTRATION


def test_only_turns_without_hits_are_neutral_evidence() -> None:
    found = evidence([neutral(4_000), neutral(10_000)], 10_000)
    assert found.status == ChannelStatus.OK
    assert found.scores is not None
    assert found.scores.dominant_emotion is None
    assert found.scores.calm == pytest.approx(0.5)


def test_turns_that_weigh_nothing_are_no_evidence() -> None:
    calibration = TextCalibration(neutral_turn_weight=0.0)
    assert text_evidence([neutral(10_000)], 10_000, calibration).status == ChannelStatus.UNAVAILABLE


def test_dominant_emotion_is_what_most_weight_stands_behind() -> None:
    urgent = TextDimension.URGENCY
    old = [scored(4_000, frustration=0.9), scored(4_000, frustration=0.9)]
    found = evidence([*old, scored(10_000, urgency=0.2, dominant_emotion=urgent)], 10_001)
    assert found.scores is not None
    assert found.scores.dominant_emotion == TextDimension.FRUSTRATION
    found = evidence([*old[:1], scored(10_000, urgency=0.2, dominant_emotion=urgent)], 10_000)
    assert found.scores is not None
    assert found.scores.dominant_emotion == urgent


def test_suppression_follows_the_newest_turn_and_a_request_any_fresh_one() -> None:
    first = scored(5_000, is_suppressed=True, has_escalation_request=True)
    later = scored(9_000, frustration=0.4)
    found = evidence([later, first], 8_000)
    assert (found.is_suppressed, found.has_escalation_request) == (True, True)
    found = evidence([later, first], 9_000)
    assert (found.is_suppressed, found.has_escalation_request) == (False, True)
    found = evidence([later, first], 36_000)
    assert (found.is_suppressed, found.has_escalation_request) == (False, False)


UNIT = st.floats(0, 1)


@given(
    turns=st.lists(
        st.builds(
            scored,
            st.integers(0, 60_000),
            frustration=UNIT,
            confusion=UNIT,
            urgency=UNIT,
            calm=UNIT,
            positivity=UNIT,
            confidence=UNIT,
            is_suppressed=st.booleans(),
        ),
        max_size=8,
        unique_by=lambda scores: scores.t_end_ms,
    ),
    t_ms=st.integers(0, 90_000),
)
@settings(max_examples=100, deadline=None)
def test_evidence_is_a_mean_of_the_fresh_turns_in_any_order(
    turns: list[TextEmotionScores], t_ms: int
) -> None:
    found = evidence(turns, t_ms)
    assert evidence(turns[::-1], t_ms) == found
    fresh = [s for s in turns if 0 <= t_ms - s.t_end_ms <= 30_000]
    assert evidence(fresh, t_ms) == found
    assert (found.status == ChannelStatus.OK) == bool(fresh)
    if found.scores is None:
        return
    for field in ("frustration", "confusion", "urgency", "calm", "positivity", "confidence"):
        values = [getattr(s, field) for s in fresh]
        low, high = min(values), max(values)
        assert low - 1e-12 <= getattr(found.scores, field) <= high
