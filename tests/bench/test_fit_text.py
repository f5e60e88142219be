"""The tables of fitted terms are what the fit makes, from what it may read."""

from __future__ import annotations

import pytest

from bench.fit_classes import CLASSES
from bench.fit_text import (
    HELPDESK,
    NAMES,
    TABLES,
    Example,
    examples,
    fit,
    pieces,
    table,
    terms_of,
)
from bench.text_corpora import CORPORA, DATA, Dialogue, Labelled, dialogues, labelled
from support_shared import shared

FILES = {"en": "goemotions_dev.jsonl", "zh": "cped_valid.jsonl"}


@pytest.mark.parametrize("language", sorted(NAMES))
def test_the_committed_table_is_rebuilt_bit_for_bit(language: str) -> None:
    shared("data", "text", f"helpdesk_{language}.jsonl")
    shared("data", "text", FILES[language])
    rows = examples(DATA, language)
    committed = (TABLES / f"fitted_{NAMES[language]}.py").read_text("utf-8")
    assert table(language, fit(rows, CLASSES[language])) == committed
    talks, lines = dialogues(DATA, language), labelled(DATA, language)
    for source, held_out in (
        (HELPDESK, {talk.key for talk in talks if talk.is_held_out}),
        (CORPORA[language], {line.key for line in lines if line.is_held_out}),
    ):
        assert held_out
        assert held_out.isdisjoint(row.key for row in rows if row.source == source)


def test_three_in_ten_dialogues_and_half_of_all_comments_are_held_out() -> None:
    keys = [f"key {i}" for i in range(1_000)]
    assert 250 < sum(Dialogue(key, (), 0.0).is_held_out for key in keys) < 350
    assert 450 < sum(Labelled(key, key, "", is_angry=False).is_held_out for key in keys) < 550


def example(i: int, *terms: str, source: str = HELPDESK) -> Example:
    return Example(source, f"{i}", f"{i}", frozenset(terms), (0.0,) * 4, i % 2)


def test_a_term_that_goes_with_dissatisfaction_gets_a_weight_above_zero() -> None:
    rows = [example(i, "box", "broken" if i % 2 else "works") for i in range(200)]
    weights = fit(rows, {})
    assert set(weights) == {"box", "broken", "works"}
    assert weights["broken"] == pytest.approx(-weights["works"], abs=1e-3)
    assert weights["broken"] > 1.0 > abs(weights["box"])


def test_a_class_lends_its_weight_to_members_nobody_has_seen() -> None:
    rows = [example(i, f"rare{i}", "broken" if i % 2 else "ta") for i in range(200)]
    weights = fit(rows, {"thanks": frozenset({"ta", "cheers"})})
    assert set(weights) == {"broken", "ta", "cheers"}
    assert weights["ta"] < weights["cheers"] < -0.5


def test_what_one_series_or_no_helpdesk_says_has_no_weight() -> None:
    series = [
        Example("tv", f"{i}", f"{i % 3}", frozenset({"plot"}), (0.0,) * 4, 1) for i in range(9)
    ]
    comments = [example(i, "hair", source="comments") for i in range(9)]
    calls = [example(i, "plot") for i in range(3)]
    assert fit([*series, *comments, *calls], {}) == {}
    assert set(fit([*series, *comments, example(0, "hair"), example(1, "hair")], {})) == {"hair"}


def test_a_piece_of_a_longer_word_is_told_by_its_one_neighbour() -> None:
    texts = ["解决问题", "不能解决", "解决不了", "有问题", "没问题了", "他解决问题"]
    assert pieces(texts) >= {"决问", "解决问", "决问题"}
    assert pieces(texts).isdisjoint({"解决", "问题"})


def test_names_matters_and_grammar_get_no_weight() -> None:
    assert terms_of("China Unicom, Huawei, broadband", "en") == {"broadband"}
    assert terms_of("and you are the one", "en") == {"one", "the one"}
    assert "了电" not in terms_of("打了电池", "zh") >= {"打了", "电池"}
    assert terms_of("打了电池 broadband", "en") == {"broadband"}
    assert terms_of("my phone number", "en") == frozenset()
    assert terms_of("it did not", "en") >= {"did not", "not"}


def test_a_character_alone_counts_only_where_it_is_a_word() -> None:
    assert terms_of("你滚", "zh") == {"滚", "你滚"}
    assert terms_of("电池", "zh") == {"电池"}


def test_what_is_calm_or_glad_in_so_many_words_is_no_term() -> None:
    assert terms_of("no problem", "en") == frozenset()
    assert terms_of("没问题", "zh") == frozenset()
    assert terms_of("not angry, not here", "en") == {"not", "not here"}


@pytest.mark.parametrize("language", sorted(CLASSES))
def test_a_word_is_in_one_class(language: str) -> None:
    members = [word for group in CLASSES[language].values() for word in group]
    assert len(set(members)) == len(members)
