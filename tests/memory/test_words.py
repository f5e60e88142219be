"""Text for full-text search: CJK in characters and pairs, everything else in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.memory.words import MAX_QUERY_WORDS, index_text, query_words


def test_chinese_is_indexed_as_characters_and_pairs() -> None:
    assert index_text("要退款").split() == ["要", "退", "款", "要退", "退款"]


def test_mixed_text_keeps_its_latin_words_apart() -> None:
    assert index_text("请把refund退给我").split() == [
        *("请", "把", "请把"),
        "refund",
        *("退", "给", "我", "退给", "给我"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("退款", ("退款",)),
        ("款", ("款",)),
        ("信用卡 card", ("信用", "用卡", "card")),
        ("ＲＥＦＵＮＤ", ("refund",)),
        ("don't", ("don", "t")),
        ('"; DROP TABLE words; --', ("drop", "table", "words")),
        ("a_b", ("a", "b")),
        ("ｶﾞｲﾄﾞ", ("ガイ", "イド")),
        ("환불 요청", ("환불", "요청")),
        ("the the the", ("the",)),
        ("?!…  ", ()),
        ("", ()),
    ],
)
def test_a_query_asks_for_these_words(text: str, words: tuple[str, ...]) -> None:
    assert query_words(text) == words


@given(st.text(max_size=200))
def test_query_words_hold_letters_and_digits_only(text: str) -> None:
    words = query_words(text)
    assert len(words) <= MAX_QUERY_WORDS
    assert all(word and not set(word) & set('"*^:()-+{} \0') for word in words)


@given(st.text(alphabet="我要退款信用卡ab 1", min_size=1, max_size=40))
def test_every_word_of_a_text_finds_that_text(text: str) -> None:
    assert set(query_words(text)) <= set(index_text(text).split())
