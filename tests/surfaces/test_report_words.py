"""Both languages name everything, and foreign text cannot act."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.contracts import vocabulary as v
from subtone.contracts.analysis import CallAnalysis
from subtone.contracts.session_state import LocalText
from subtone.contracts.vocabulary import SessionState, SpanKind
from subtone.contracts.voice_intelligence import TextSpan
from subtone.surfaces.report import phrases, words
from subtone.surfaces.report.markup import Axis, esc, highlights, marked
from subtone.surfaces.report.words import clock, named, notice, visible
from support_analysis import calm_call, hidden_frustration_call, timing_only_call

HAN = re.compile(r"[\u4e00-\u9fff]")

TABLES: list[tuple[Mapping[Any, LocalText], type[StrEnum]]] = [
    (words.STATES, v.SessionState),
    (words.DRIFTS, v.DriftState),
    (words.CONFLICTS, v.ConflictType),
    (words.SEVERITIES, v.Severity),
    (words.SIGNALS, v.Signal),
    (words.ROLES, v.Role),
    (words.STATUSES, v.ChannelStatus),
    (words.KINDS, v.SpanKind),
    (words.AMD_VERDICTS, v.AmdVerdict),
    (words.AMD_CAUSES, v.AmdCause),
]


@pytest.mark.parametrize(("table", "members"), TABLES)
def test_every_member_has_both_languages(
    table: Mapping[Any, LocalText], members: type[StrEnum]
) -> None:
    assert set(table) == set(members)
    for text in table.values():
        assert text.en
        assert not HAN.search(text.en)
        assert HAN.search(text.zh)
        assert not re.search("[A-Za-z]", text.zh)


@pytest.mark.parametrize("table", [words.NOTICES, words.DETAILS])
def test_open_names_have_both_languages(table: Mapping[str, LocalText]) -> None:
    assert all(HAN.search(text.zh) and not HAN.search(text.en) for text in table.values())


def test_unknown_names_are_shown_not_hidden() -> None:
    assert "solar_flare" in notice("solar_flare", 1).zh
    assert named(words.DETAILS, "new_term").en == "new term"


def test_every_notice_the_product_gives_has_words() -> None:
    package = Path(words.__file__).parents[2]
    given = {
        code
        for path in package.rglob("*.py")
        for code in re.findall(
            r'(?:Notice\([^)]*code=|_noticed\(event, )"(\w+)"', path.read_text(encoding="utf-8")
        )
    }
    assert len(given) >= 8
    assert given <= set(words.NOTICES)


def test_a_count_is_times_or_a_quantity() -> None:
    assert notice("audio_gap", 1_500).en == "1500 ms of audio are missing"
    assert notice("duplicate_audio", 3).en.endswith("(3 times)")
    assert "times" not in notice("duplicate_audio", 1).en


@pytest.mark.parametrize(
    ("t_ms", "shown"),
    [(0, "00:00"), (59_999, "00:59"), (61_000, "01:01"), (3_600_000, "1:00:00")],
)
def test_clock(t_ms: int, shown: str) -> None:
    assert clock(t_ms) == shown


@given(st.text())
def test_visible_text_has_no_controls(text: str) -> None:
    shown = visible(text)
    kept = {"\n", "\t", "\u200c", "\u200d"}
    assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs"} and c not in kept for c in shown)


def test_bidi_and_escape_sequences_are_spelled_out() -> None:
    assert visible("a\u202eb\x1b[31m") == "a[U+202E]b[U+001B][31m"
    assert visible("没事!!") == "没事!!"


@given(st.text())
def test_escaped_text_holds_no_markup(text: str) -> None:
    assert not set(esc(text)) & set("<>\"'")


def span(
    start: int, end: int, kind: SpanKind = SpanKind.EMPHASIS, contribution: float = 0.1
) -> TextSpan:
    return TextSpan(start=start, end=end, text="", kind=kind, contribution=contribution, rule="r")


@given(
    st.text(max_size=40),
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=8),
)
def test_highlights_never_overlap_and_stay_inside(text: str, ends: list[tuple[int, int]]) -> None:
    found = highlights([span(a, b) for a, b in ends], len(text))
    assert all(0 <= h.start < h.end <= len(text) for h in found)
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))


def test_overlapping_highlights_keep_every_kind() -> None:
    found = highlights([span(0, 4), span(2, 6, SpanKind.SUPPRESSION)], 10)
    assert found == [(0, 6, (SpanKind.EMPHASIS, SpanKind.SUPPRESSION))]


def test_a_word_that_speaks_against_frustration_is_not_marked_as_a_complaint() -> None:
    found = highlights([span(0, 4, SpanKind.FITTED, -0.2), span(5, 9, SpanKind.FITTED)], 10)
    assert found == [(5, 9, (SpanKind.FITTED,))]


@given(st.text(max_size=30), st.integers(0, 35), st.integers(0, 35))
def test_marking_loses_no_text(text: str, start: int, end: int) -> None:
    markup = marked(text, [span(start, end)])
    without = re.sub(r'<span class="kind">.*?</span></span>', "", markup)
    assert re.sub(r"</?mark[^>]*>", "", without) == esc(text)


def test_axis_clamps_to_the_page() -> None:
    axis = Axis(1_000)
    assert (axis.at(-5), axis.at(250), axis.at(9_999)) == (0.0, 25.0, 100.0)
    assert axis.span(500, 500) == 'x="50%" width="0.1%"'


def ended(state: SessionState, analysis: CallAnalysis) -> CallAnalysis:
    last = analysis.decisions[-1]
    snapshot = msgspec.structs.replace(last.snapshot, state=state)
    decisions = (*analysis.decisions[:-1], msgspec.structs.replace(last, snapshot=snapshot))
    return msgspec.structs.replace(analysis, decisions=decisions)


def test_headlines() -> None:
    call = hidden_frustration_call()
    assert phrases.headline(call).en == (
        "From 00:55 the words stayed mild while the voice did not; from 01:05 the call was at "
        "risk of escalating. It ended resolved."
    )
    assert phrases.headline(call).zh.endswith("结束时：已解决。")
    assert phrases.headline(calm_call()).en == "Calm from start to end."
    assert phrases.headline(timing_only_call()) == phrases.TIMING_ONLY
    angry = ended(SessionState.ACTIVE_ESCALATION, calm_call())
    assert phrases.headline(angry).en == (
        "From 00:40 the call was escalating openly, until the end."
    )
    short = msgspec.structs.replace(calm_call(), decisions=())
    assert "no state is claimed" in phrases.headline(short).en


def test_a_machine_is_no_customer() -> None:
    call = hidden_frustration_call()
    assert call.amd is not None
    usual = phrases.headline(call)
    silent = msgspec.structs.replace(
        call.amd, verdict=v.AmdVerdict.MACHINE, cause=v.AmdCause.INITIAL_SILENCE
    )
    assert phrases.headline(msgspec.structs.replace(call, amd=silent)) == usual
    heard = msgspec.structs.replace(silent, cause=v.AmdCause.BEEP)
    told = phrases.headline(msgspec.structs.replace(call, amd=heard))
    assert told.en == "A machine answered: what was scored is its greeting, not a customer."
    assert told.zh == "由机器应答：所评的是其问候语，并非客户。"


def test_a_headline_counts_the_stretches_it_does_not_tell() -> None:
    call = calm_call()
    risen = {1, 4, 5, 7}
    decisions = tuple(
        msgspec.structs.replace(
            d,
            snapshot=msgspec.structs.replace(
                d.snapshot, state=SessionState.RISING_TENSION if i in risen else SessionState.CALM
            ),
        )
        for i, d in enumerate(call.decisions)
    )
    eased = phrases.headline(msgspec.structs.replace(call, decisions=decisions))
    assert eased.en == "Tension rose at 00:10, and 2 more times. It ended in rising tension."
    assert eased.zh == "从 00:10 起，通话渐趋紧张，此后又出现 2 次。结束时：渐趋紧张。"


@pytest.mark.parametrize("state", list(SessionState))
def test_every_state_has_a_headline(state: SessionState) -> None:
    text = phrases.headline(ended(state, calm_call()))
    assert text.en.endswith(".")
    assert text.zh.endswith("。")
    assert "{" not in text.en + text.zh
