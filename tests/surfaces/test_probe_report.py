"""The probe report: what it says, what it leaves out, and that it needs nothing but itself."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import sync_playwright

from subtone.contracts.probing import (
    Concentration,
    ConcentrationPoint,
    Entanglement,
    Estimate,
    Presence,
    ProbeReport,
)
from subtone.perception.probing import probe
from subtone.surfaces.probe_report import answers, headline, render_probe, write_probe
from subtone.surfaces.probe_report.charts import concentration
from subtone.surfaces.probe_report.words import figure
from support_probing import QUICK, made_up

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HOSTILE = '<img src=x onerror=alert(1)>"'


@pytest.fixture(scope="module")
def report() -> ProbeReport:
    data = made_up("spread", 24, corpus=HOSTILE, left_out=2)
    return probe(data, {"half": data.vectors[:, :8]}, effort=QUICK)


def judged(report: ProbeReport, **changes: object) -> ProbeReport:
    verdict = msgspec.structs.replace(report.verdict, **changes)
    return msgspec.structs.replace(report, verdict=verdict)


def test_the_headline_says_the_verdict(report: ProbeReport) -> None:
    said = headline(
        judged(
            report,
            concentration=Concentration.DISTRIBUTED,
            entanglement=Entanglement.ENTANGLED,
        )
    )
    assert said == (
        "No single dimension is “emotion”: it is spread over many, and erasing the speaker erases "
        "part of it."
    )
    one = judged(report, concentration=Concentration.ONE_DIMENSION)
    assert headline(one).startswith("One dimension is enough")
    assert answers(one)[1].short == f"Yes, dimension {report.importance.top[0].dimension}"


def test_the_answers_carry_their_figures(report: ProbeReport) -> None:
    presence, single, entangled, worded, axes, ranking = answers(report)
    assert figure(report.scores[0].unseen) in presence.why
    assert figure(report.gain[0][1]) in presence.why
    assert figure(report.concentration[0].top) in single.why
    assert figure(report.removal[0].effects[0].after) in entangled.why
    assert figure(report.removal[2].effects[0].after) in worded.why
    assert figure(report.disentanglement[-1].disentanglement) in axes.why
    assert "Two halves of the speakers share" in ranking.why


def test_every_verdict_has_words(report: ProbeReport) -> None:
    for where in set(Concentration) - {Concentration.NOT_JUDGED}:
        for tangled in set(Entanglement) - {Entanglement.NOT_JUDGED}:
            said = judged(report, concentration=where, entanglement=tangled)
            assert headline(said).endswith(".")
            assert len(answers(said)) == 6


def test_without_shared_sentences_nothing_is_said_of_words(report: ProbeReport) -> None:
    without = msgspec.structs.replace(report, removal=report.removal[:2])
    assert len(answers(without)) == 5
    assert "sentence erased" in render_probe(report)
    assert "sentence erased" not in render_probe(without)


def test_words_are_called_entangled_where_the_interval_says_so(report: ProbeReport) -> None:
    def with_cost(low: float) -> ProbeReport:
        cost = Estimate(value=0.2, low=low, high=0.3)
        *others, words = report.removal
        effects = tuple(msgspec.structs.replace(e, cost=cost) for e in words.effects)
        words = msgspec.structs.replace(words, effects=effects)
        return msgspec.structs.replace(report, removal=(*others, words))

    assert answers(with_cost(0.1))[3].short == "Yes: 0.20 [0.10, 0.30] of recall goes with them"
    assert answers(with_cost(-0.1))[3].short == "Not measurably"


def test_where_nothing_is_shown_nothing_else_is_claimed(report: ProbeReport) -> None:
    nothing = judged(
        report,
        presence=Presence.NOT_SHOWN,
        concentration=Concentration.NOT_JUDGED,
        entanglement=Entanglement.NOT_JUDGED,
        k_for_most=None,
        top_dimension_share=None,
    )
    assert headline(nothing) == (
        "No emotion is shown here: nothing carries over to unseen speakers and sentences."
    )
    assert [a.short for a in answers(nothing)] == ["Not shown"]
    page = render_probe(nothing)
    assert "One dimension or many?" not in page
    assert "Pictures" in page


def test_the_page_states_what_was_probed_and_what_was_not(report: ProbeReport) -> None:
    page = render_probe(report)
    assert "Of 144 acted clips in none by 6 speakers, wide band; of nothing else." in page
    for said in ("144 (2 left out: no speech)", "acted", "wide", "vectors as given, 24 dimensions"):
        assert said in page
    for text in report.not_tested:
        assert text.split(":")[0][:30].replace("<", "&lt;") in page
    assert page.count("<figure") == 3 * len(report.geometry.pictures)


def test_labels_are_inert_and_nothing_is_fetched(report: ProbeReport) -> None:
    page = render_probe(report)
    assert "<img" not in page
    assert "<script" not in page
    assert "style=" not in page
    assert not re.search(r"(src|href)=", page.replace("src=x", ""))
    assert "default-src 'none'" in page


def test_files_appear_whole(report: ProbeReport, tmp_path: Path) -> None:
    page = write_probe(report, tmp_path / "a" / "b")
    assert sorted(p.name for p in page.parent.iterdir()) == ["probe.html", "probe.json"]
    stored = (page.parent / "probe.json").read_bytes()
    assert msgspec.json.decode(stored, type=ProbeReport) == report
    write_probe(report, page.parent)
    assert (page.parent / "probe.json").read_bytes() == stored


def test_a_minus_is_a_minus() -> None:
    assert figure(Estimate(value=-0.001, low=-0.5, high=0.25)) == "0.00 [−0.50, 0.25]"


def test_steps_that_crowd_at_the_end_are_not_labelled() -> None:
    flat = Estimate(value=0.5, low=0.4, high=0.6)
    points = [
        ConcentrationPoint(k=k, top=flat, random=flat, without_top=None)
        for k in (1, 2, 4, 8, 16, 20)
    ]
    ticks = re.findall(r">(\d+)</text>", concentration(points, 0.1))
    assert ticks == ["1", "4", "20"]


@pytest.mark.skipif(
    CHROMIUM is None and os.environ.get("CI") != "true", reason="no chromium on this machine"
)
def test_the_page_fits_a_phone_and_can_be_read_in_both_schemes(
    report: ProbeReport, tmp_path: Path
) -> None:
    assert CHROMIUM is not None, "CI must provide chromium"
    page_file = write_probe(report, tmp_path)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"], timeout=60_000
        )
        complaints: list[str] = []
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport={"width": 360, "height": 800}, color_scheme=scheme)
            page.on("console", lambda message: complaints.append(message.text))
            page.on("request", lambda request: complaints.append(request.url))
            page.goto(page_file.as_uri())
            page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
            assert page.locator("svg[role=img]:not([aria-label])").count() == 0
            weakest = page.evaluate(CONTRAST)
            assert weakest["ratio"] >= 4.5, weakest
        browser.close()
    assert set(complaints) == {page_file.as_uri()}


# the least WCAG contrast of any text against the ground behind it
CONTRAST = """() => {
  const parse = (c) => (c.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].reduce((sum, v, i) => {
    const s = v / 255, l = s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
    return sum + l * [0.2126, 0.7152, 0.0722][i];
  }, 0);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.length < 4 || colour[3] > 0.99) return colour;
    }
    return [255, 255, 255];
  };
  let least = { ratio: 99 };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement, text = walk.currentNode.textContent.trim();
    if (!text || !e.getClientRects().length) continue;
    const style = getComputedStyle(e);
    const colour = parse(e instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [luminance(colour), luminance(ground(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < least.ratio) least = { ratio, text: text.slice(0, 40) };
  }
  return least;
}"""
