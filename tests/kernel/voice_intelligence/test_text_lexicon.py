"""Lexicons, tokens, matching, language and emphasis: the parts below the score."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.contracts.calibration import TextCalibration
from subtone.contracts.vocabulary import Language, SpanKind
from subtone.kernel.voice_intelligence.lexicons import chinese, english
from subtone.kernel.voice_intelligence.lexicons.entries import Cue, Group
from subtone.kernel.voice_intelligence.lexicons.script import SIMPLIFIED, TRADITIONAL
from subtone.kernel.voice_intelligence.text_emphasis import measure_emphasis
from subtone.kernel.voice_intelligence.text_matcher import LEXICON, Lexicon
from subtone.kernel.voice_intelligence.text_tokens import detect_language, fold, tokenise

CLASSES = (
    SpanKind.FRUSTRATION,
    SpanKind.CONFUSION,
    SpanKind.URGENCY,
    SpanKind.CALM,
    SpanKind.POSITIVITY,
    SpanKind.SUPPRESSION,
    SpanKind.ESCALATION_REQUEST,
)


@pytest.mark.parametrize("groups", [english.GROUPS, chinese.GROUPS], ids=["en", "zh"])
def test_each_language_has_its_own_terms_for_every_class(groups: tuple[Group, ...]) -> None:
    counts = {kind: sum(len(list(g.each())) for g in groups if g.kind is kind) for kind in CLASSES}
    assert sum(counts.values()) >= 300
    assert min(counts.values()) >= 30, counts
    assert {g.provenance for g in groups} == {"authored"}
    assert all(0.0 < g.weight <= 4.0 for g in groups)


def test_a_term_listed_twice_is_refused() -> None:
    twice = (Group(SpanKind.CALM, 1.0, "it's ok"), Group(SpanKind.URGENCY, 1.0, "Its OK"))
    with pytest.raises(ValueError, match="listed twice: as calm and as urgency"):
        Lexicon(twice)


def test_every_term_is_found_as_itself() -> None:
    for group in (*english.GROUPS, *chinese.GROUPS):
        for term in group.each():
            units = LEXICON.units(tokenise(fold(term.replace("#", "3"))))
            assert [u.entry.term for u in units if u.entry] == [term]
            assert len(units) == 1, term


@given(st.text())
def test_folding_keeps_every_offset(text: str) -> None:
    folded = fold(text)
    assert len(folded) == len(text)
    ends = 0
    for token in tokenise(folded):
        assert ends <= token.start < token.end
        ends = token.end


def test_folding_is_one_to_one() -> None:
    assert len(SIMPLIFIED) == len(TRADITIONAL) == len(set(TRADITIONAL))


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("不好意思", ["不好意思"]),  # the longer term hides 不好
        ("没问题", ["没问题"]),
        ("等了二十五天", ["等了#天"]),
        ("waiting for 3 weeks", ["waiting for #"]),
        ("第3次", ["第#次"]),
        ("第一次", ["第一次"]),
        ("annoyinggggg", ["annoying"]),
        ("DON’T", ["don't"]),
        ("thank you so much", ["thank you so much"]),
        ("thank your", []),
    ],
)
def test_the_longest_term_wins(text: str, terms: list[str]) -> None:
    units = LEXICON.units(tokenise(fold(text)))
    found = [u.entry.term for u in units if u.entry and u.entry.kind is not Cue.SOFTENER]
    assert found == terms


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("", Language.UNDETERMINED),
        ("4471 !!", Language.UNDETERMINED),
        ("I would like a refund", Language.EN),
        ("Ｈｅｌｌｏ", Language.EN),
        ("我想退款", Language.ZH),
        ("我的订单一直没有发货，请帮我查一下 APP", Language.ZH),
        ("这个refund怎么still没到, so annoying", Language.MIXED),
        ("Mi pedido llegó roto ayer y quiero devolverlo", Language.UNDETERMINED),
        ("注文はまだ届いていません", Language.UNDETERMINED),
        ("주문이 아직", Language.UNDETERMINED),
        ("Где мой заказ", Language.UNDETERMINED),
    ],
)
def test_language(text: str, language: Language) -> None:
    assert detect_language(text) is language


@pytest.mark.parametrize(
    ("text", "is_mixed_caps", "repetition_count"),
    [
        ("I am ANGRY", True, 0),
        ("I AM ANGRY", False, 0),
        ("my SIM and my PIN", False, 0),
        ("I like A", False, 0),
        ("no no no", False, 2),
        ("sooo slow", False, 1),
        ("she had had it", False, 0),
        ("快点快点", False, 1),
        ("等等等等", False, 1),
        ("请慢慢看看", False, 0),
        ("call 5000 5000", False, 0),
        ("see http://wwww.example", False, 0),
        ("[NAME] called @ANNA", False, 0),
        ("[NAME] called AGAIN", True, 0),
    ],
)
def test_emphasis(text: str, is_mixed_caps: bool, repetition_count: int) -> None:
    folded = fold(text)
    emphasis = measure_emphasis(folded, tokenise(folded), TextCalibration())
    assert emphasis.is_mixed_caps is is_mixed_caps
    assert emphasis.repetition_count == repetition_count
