"""The page's markup: self-contained, inert whatever a transcript holds, honest about gaps."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subtone.contracts.analysis import CallAnalysis
from subtone.contracts.outputs import Decision
from subtone.surfaces.report import render_report
from subtone.surfaces.report.changes import MAX_CHANGES
from subtone.surfaces.report.charts import thinned
from subtone.surfaces.report.words import UiLanguage
from support_analysis import (
    calm_call,
    chat_call,
    hidden_frustration_call,
    timing_only_call,
)
from support_long_call import long_call

VOID = {"meta", "input", "br", "link", "img"}


class Page(HTMLParser):
    """Collects elements in order and checks that they nest."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text: dict[str, str] = {}
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"{tag} repeats an attribute"
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self._open.remove(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open:
            self.text[self._open[-1]] = self.text.get(self._open[-1], "") + data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(analysis: CallAnalysis, language: UiLanguage = "en") -> Page:
    return Page(render_report(analysis, language))


def policy(page: Page) -> str:
    return next(m["content"] for m in page.all("meta") if "http-equiv" in m)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_policy_allows_exactly_this_style_and_script(language: UiLanguage) -> None:
    html = render_report(hidden_frustration_call(language), language)
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        content = re.findall(rf"<{tag}>(.*?)</{tag}>", html, flags=re.DOTALL)
        assert len(content) == 1
        digest = base64.b64encode(hashlib.sha256(content[0].encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy(Page(html))
    assert "default-src 'none'" in policy(Page(html))
    assert "unsafe" not in policy(Page(html))


def test_nothing_is_loaded_and_nothing_is_inline_in_attributes() -> None:
    page = page_of(hidden_frustration_call())
    for tag, attributes in page.elements:
        assert not {"src", "srcset", "style", "action", "data"} & set(attributes), tag
        assert not [name for name in attributes if name.startswith("on")], tag
        assert attributes.get("href", "#").startswith("#")
    html = render_report(hidden_frustration_call(), "en")
    assert not re.search(r"https?://|@import|url\((?!#)", html)


HOSTILE = (
    "</script><script>alert(1)</script>",
    "</p></li></ol><img src=x onerror=alert(1)>",
    "\"' onmouseover='alert(1)' x=\"",
    "<!-- <style>*{display:none}</style>",
    "]]>&lt;b&gt;&amp;",
    "\u202eevil\u2066\u200f",
    "\x00\x1b[31m\x7f",
    "${headline} $data {t}",
    "a" * 5_000,
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_add_no_element(text: str) -> None:
    plain, hostile = page_of(chat_call(("x",))), page_of(chat_call((text,)))
    assert hostile.elements == plain.elements
    assert not set("\u202e\u2066\u200f\x00\x1b\x7f") & set(render_report(chat_call((text,)), "en"))


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=60))
def test_any_words_and_names_add_no_element(text: str) -> None:
    def named(name: str) -> CallAnalysis:
        call = msgspec.structs.replace(timing_only_call(), source=name)
        return msgspec.structs.replace(call, turns=chat_call((name,)).turns)

    found = [(tag, sorted(a)) for tag, a in page_of(named(text)).elements]
    assert found == [(tag, sorted(a)) for tag, a in page_of(named("x")).elements]


def test_hostile_names_cannot_leave_the_data_element() -> None:
    call = msgspec.structs.replace(calm_call(), source="</script><script>alert(1)//")
    page = page_of(call)
    assert len(page.all("script")) == 2
    html = render_report(call, "en")
    data = re.search(r'id="data">(.*?)</script>', html, flags=re.DOTALL)
    assert data is not None
    assert json.loads(data[1])["source"] == "</script><script>alert(1)//"


@pytest.mark.parametrize(
    "analysis", [hidden_frustration_call(), calm_call(), timing_only_call(), chat_call(())]
)
def test_structure(analysis: CallAnalysis) -> None:
    page = page_of(analysis)
    tags = [tag for tag, _ in page.elements]
    for landmark in ("h1", "main", "header", "footer"):
        assert tags.count(landmark) == 1
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    for _, a in page.elements:
        for reference in a.get("aria-labelledby", "").split():
            assert reference in ids
    for svg in page.all("svg"):
        hidden = svg.get("aria-hidden") == "true"
        assert hidden or "aria-labelledby" in svg or {"x", "viewBox", "viewbox"} & set(svg)


def test_every_visible_text_exists_in_both_languages() -> None:
    page = page_of(hidden_frustration_call())
    spoken = [
        language
        for _, attributes in page.elements
        for language in attributes.get("class", "").split()
        if language in {"en", "zh"}
    ]
    assert spoken.count("en") == spoken.count("zh") > 150


def test_both_languages_make_the_same_page() -> None:
    english = render_report(hidden_frustration_call(), "en")
    chinese = render_report(hidden_frustration_call(), "zh")
    assert '<html lang="en" data-ui="en">' in english
    assert '<html lang="zh-Hans" data-ui="zh">' in chinese
    assert [t for t, _ in Page(english).elements] == [t for t, _ in Page(chinese).elements]


def test_every_transition_can_be_opened_to_its_basis() -> None:
    page = page_of(hidden_frustration_call())
    changes = [a["id"] for a in page.all("details") if a.get("class") == "change"]
    assert changes == ["change-1", "change-2", "change-3", "change-4"]
    assert [a["href"] for a in page.all("a") if a.get("class", "").startswith("marker")] == [
        f"#{change}" for change in changes
    ]
    html = render_report(hidden_frustration_call(), "en")
    for said in (
        "0.56 × 0.40 = 0.22",  # conflict at 00:55
        "Had voice agitation stayed below 0.41",
        "pitch 4.1 semitones",
        "flag_for_review: listen",
        "default-1",
        '<mark class="k-suppression">It&#x27;s fine</mark>',
    ):
        assert said in html


def curve(html: str, css: str) -> str:
    found = re.search(rf'<path class="{css}" d="(M[^"]* [^"]*L[^"]*)"', html)
    assert found is not None
    return found[1]


def test_missing_evidence_breaks_the_curve() -> None:
    html = render_report(hidden_frustration_call(), "en")
    assert curve(html, "c-words").count("M") == 2  # two stretches: before and after 02:35
    assert curve(html, "c-voice").count("M") == 2
    assert curve(html, "c-score").count("M") == 1
    assert html.count('class="hatch" width="100%"') == 3  # no words; no voice; neither


def test_curves_stand_where_their_numbers_are() -> None:
    points = curve(render_report(hidden_frustration_call(), "en"), "c-score")[1:].split("L")
    assert len(points) == 36
    x, y = map(float, points[16].split())
    assert x == pytest.approx(1000 * 85 / 180, abs=0.1)
    assert y == pytest.approx(120 * (1 - 0.779355), abs=0.1)


def test_disagreement_is_shaded_only_where_the_gap_is_wide() -> None:
    html = render_report(hidden_frustration_call(), "en")
    areas = re.findall(r'<polygon class="g-voice" points="([^"]*)"', html)
    assert len(areas) == 1
    xs = [float(p.split(",")[0]) for p in areas[0].split()]
    assert min(xs) == pytest.approx(1000 * 45 / 180, abs=0.1)
    assert max(xs) == pytest.approx(1000 * 105 / 180, abs=0.1)
    assert 'class="g-voice" points' not in render_report(calm_call(), "en")


def test_thresholds_and_gaps_are_those_that_decided() -> None:
    call = hidden_frustration_call()
    mild = msgspec.structs.replace(
        call.calibration,
        version="mild-1",
        drift=msgspec.structs.replace(call.calibration.drift, gap_on=0.9),
        session=msgspec.structs.replace(call.calibration.session, risk=0.6, active=0.8),
    )
    html = render_report(msgspec.structs.replace(call, calibration=mild), "en")
    assert "thresholds at 0.25, 0.6 and 0.8" in html
    assert "阈值为 0.25、0.6 与 0.8" in html
    assert 'class="g-voice" points' not in html
    assert "mild-1" in html


def test_a_channel_the_call_never_had_is_named_once() -> None:
    call = hidden_frustration_call()
    decisions = tuple(
        msgspec.structs.replace(
            d, moment=msgspec.structs.replace(d.moment, voice_negativity=None, voice=None)
        )
        for d in call.decisions
    )
    html = render_report(msgspec.structs.replace(call, decisions=decisions), "en")
    assert "no voice in this call" in html
    assert "no voice / " not in html


def test_timing_only_claims_nothing_and_helps() -> None:
    html = render_report(timing_only_call(), "en")
    assert "no state is claimed" in html
    assert "--roles customer" in html
    assert 'class="lane lane-wave"' in html
    for absent in ("lane-state", "lane-score", "lane-negativity", 'class="pill', "<caption>"):
        assert absent not in html.split("</style>")[1]


def test_timing_only_hides_states_that_moments_carry() -> None:
    call = msgspec.structs.replace(hidden_frustration_call(), is_timing_only=True)
    body = render_report(call, "en").split("</style>")[1]
    assert 'class="pill' not in body
    assert '"moments":[]' in body


def test_four_hours_stay_below_three_megabytes() -> None:
    html = render_report(long_call(4), "en")
    assert len(html.encode()) < 3_000_000
    changes = [a for a in Page(html).all("details") if a.get("class") == "change"]
    assert len(changes) == MAX_CHANGES
    assert "more changes are in summary.json" in html
    assert "720 of 2880 moments" in html


def test_thinning_keeps_the_peaks() -> None:
    decisions: tuple[Decision, ...] = long_call(1).decisions
    kept = thinned(decisions, 100)
    assert len(kept) <= 100
    highest = max(d.snapshot.score.score for d in decisions)
    assert max(d.snapshot.score.score for d in kept) == highest
    assert thinned(decisions, 10_000) is decisions


def test_an_empty_and_a_one_moment_call_render() -> None:
    call = hidden_frustration_call()
    empty = msgspec.structs.replace(call, decisions=(), turns=(), duration_ms=0, tracks=())
    assert "no state is claimed" in render_report(empty, "en")
    one = msgspec.structs.replace(call, decisions=call.decisions[4:5], duration_ms=25_000)
    assert "h.1" in render_report(one, "en")  # a lone moment is a dot
