"""The tables of fitted terms are what the fit makes, from what it may read."""

from __future__ import annotations

import pytest

from bench.fit_text import NAMES, TABLES, Example, examples, fit, table, terms_of
from bench.text_corpora import DATA, dialogues, is_held_out
from support_shared import shared


@pytest.mark.parametrize("language", sorted(NAMES))
def test_the_committed_table_is_rebuilt_bit_for_bit(language: str) -> None:
    shared("data", "text", f"helpdesk_{language}.jsonl")
    rows = list(examples(DATA, language))
    committed = (TABLES / f"fitted_{NAMES[language]}.py").read_text("utf-8")
    assert table(language, fit(rows)) == committed
    held_out = {talk.key for talk in dialogues(DATA, language) if is_held_out(talk.key)}
    assert held_out
    assert held_out.isdisjoint(row.key for row in rows)


def test_about_three_in_ten_keys_are_held_out() -> None:
    assert 250 < sum(is_held_out(f"key {i}") for i in range(1_000)) < 350


def test_a_term_that_goes_with_dissatisfaction_gets_a_weight_above_zero() -> None:
    rows = [
        Example(f"{i}", frozenset({"box", "broken" if i % 2 else "works"}), (0.0,) * 4, i % 2)
        for i in range(60)
    ]
    weights = fit(rows)
    assert set(weights) == {"box", "broken", "works"}
    assert weights["broken"] == pytest.approx(-weights["works"], abs=1e-3)
    assert weights["broken"] > 1.0 > abs(weights["box"])


def test_names_and_grammar_get_no_weight() -> None:
    assert terms_of("China Unicom, Huawei, broadband", "en") == {"broadband"}
    assert terms_of("and you are the one", "en") == {"one", "the one"}
    assert "了电" not in terms_of("打了电话", "zh") >= {"打了", "电话"}
    assert terms_of("打了电话 broadband", "en") == {"broadband"}
