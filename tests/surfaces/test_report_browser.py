"""The page in a browser: it works by keyboard, asks for nothing, and can be read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from subtone.contracts.analysis import CallAnalysis
from subtone.surfaces.report import render_report
from support_analysis import chat_call, hidden_frustration_call, timing_only_call
from support_long_call import long_call

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
TIMEOUT_MS = 15_000

pytestmark = pytest.mark.skipif(
    CHROMIUM is None and os.environ.get("CI") != "true", reason="no chromium on this machine"
)

Open = Callable[..., AbstractContextManager[Page]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM is not None, "CI must provide chromium"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"], timeout=60_000
        )
        try:
            yield launched
        finally:
            launched.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Open:
    """Opens a report and, at the end, refuses any console message and any request but its own."""

    @contextmanager
    def open_page(analysis: CallAnalysis, **context: Any) -> Iterator[Page]:
        path = tmp_path / "report.html"
        path.write_text(render_report(analysis, "en"), encoding="utf-8")
        complaints: list[str] = []
        requests: list[str] = []
        with browser.new_context(**context) as opened_context:
            opened_context.set_default_timeout(TIMEOUT_MS)
            page = opened_context.new_page()
            page.on("console", lambda message: complaints.append(message.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("request", lambda request: requests.append(request.url))
            page.goto(path.as_uri())
            yield page
        assert complaints == []
        assert requests == [path.as_uri()]

    return open_page


def shown(page: Page, name: str) -> str:
    return page.locator(f'[data-read="{name}"]').inner_text()


def test_starts_at_the_highest_score(opened: Open) -> None:
    with opened(hidden_frustration_call()) as page:
        assert shown(page, "time") == "01:25"
        assert shown(page, "state") == "escalation risk"
        assert (shown(page, "text"), shown(page, "voice"), shown(page, "gap")) == (
            "0.17", "0.86", "+0.69",
        )  # fmt: skip


def test_arrow_keys_move_the_cursor_by_five_seconds(opened: Open) -> None:
    with opened(hidden_frustration_call()) as page:
        page.focus("#slider")
        page.keyboard.press("ArrowLeft")
        assert shown(page, "time") == "01:20"
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        assert shown(page, "time") == "01:35"
        assert shown(page, "state") == "de-escalating"
        page.keyboard.press("Home")
        assert shown(page, "time") == "00:00"
        page.keyboard.press("ArrowLeft")
        assert shown(page, "time") == "00:00"
        page.keyboard.press("End")
        page.keyboard.press("ArrowRight")
        assert shown(page, "time") == "03:00"
        spoken = page.get_attribute("#slider", "aria-valuetext")
        assert spoken == "03:00, resolved, 0.03"


def test_enter_on_a_turn_moves_the_cursor(opened: Open) -> None:
    with opened(hidden_frustration_call()) as page:
        page.locator(".turn .seek").nth(7).focus()
        page.keyboard.press("Enter")
        assert shown(page, "time") == "00:58"
        current = page.locator('.turn[aria-current="true"]')
        assert current.count() == 1
        assert "Whatever" in current.inner_text()
        left = page.evaluate("parseFloat(document.getElementById('cursor').style.left)")
        assert left == pytest.approx(100 * 58 / 180, abs=0.01)


def test_clicking_a_chart_moves_the_cursor(opened: Open) -> None:
    with opened(hidden_frustration_call()) as page:
        chart = page.locator(".lane-negativity > svg")
        box = chart.bounding_box()
        assert box is not None
        chart.click(position={"x": box["width"] / 2, "y": 40}, force=True)
        assert shown(page, "time") in {"01:29", "01:30"}


def test_missing_evidence_is_named_under_the_cursor(opened: Open) -> None:
    with opened(hidden_frustration_call()) as page:
        page.focus("#slider")
        page.keyboard.press("End")
        for _ in range(5):
            page.keyboard.press("ArrowLeft")
        assert shown(page, "time") == "02:35"
        assert shown(page, "text") == "nothing fresh"
        assert shown(page, "voice") == "too little evidence"
        assert shown(page, "gap") == "–"


def test_a_transition_expands_by_keyboard(opened: Open) -> None:
    with opened(hidden_frustration_call()) as page:
        page.locator("#change-2 summary").focus()
        page.keyboard.press("Enter")
        assert page.evaluate("document.getElementById('change-2').open")
        assert "Had voice agitation stayed below" in page.locator("#change-2").inner_text()
        page.locator("#change-2 .go").click()
        assert shown(page, "time") == "01:05"


def test_a_marker_opens_its_transition(opened: Open) -> None:
    with opened(hidden_frustration_call()) as page:
        page.locator(".marker").nth(2).focus()
        page.keyboard.press("Enter")
        # following the link moves the focus once more, after the handler has
        page.wait_for_function("document.activeElement.closest('details')?.id === 'change-3'")
        assert page.evaluate("document.getElementById('change-3').open")


def test_language_toggle(opened: Open) -> None:
    with opened(hidden_frustration_call("zh")) as page:
        assert page.locator("h1").inner_text().startswith("From 00:55")
        page.get_by_role("button", name="中文").click()
        assert page.locator("h1").inner_text().startswith("从 00:55")
        assert page.locator("html").get_attribute("lang") == "zh-Hans"
        assert page.title() == "billing-0142.wav: " + page.locator("h1").inner_text()
        assert shown(page, "state") == "升级风险"
        assert page.locator("#score-title").text_content() == "升级分数"
        body = page.evaluate(
            "document.querySelector('main').innerText.replace(/[a-z0-9-]+\\.wav/g, '')"
        )
        left = {w for w in body.replace(",", " ").split() if w.isascii() and w.isalpha()}
        assert left <= {"left", "right", "Hz", "r", "dB"}
        page.get_by_role("button", name="English").click()
        assert page.locator("h1").inner_text().startswith("From 00:55")


def test_hostile_words_do_nothing(opened: Open) -> None:
    hostile = ("</script><script>document.title='owned'</script>", "<img src=x onerror=alert(1)>")
    with opened(chat_call(hostile)) as page:
        assert "owned" not in page.title()
        assert page.locator("img").count() == 0
        assert "<img src=x" in page.locator(".said").nth(1).inner_text()


def test_without_script_everything_can_be_read(opened: Open) -> None:
    with opened(hidden_frustration_call(), java_script_enabled=False) as page:
        assert page.locator("#slider").is_hidden()
        assert page.locator(".lane-score > svg").is_visible()
        page.locator("#change-1 summary").click()
        assert page.locator("#change-1 .basis").is_visible()


@pytest.mark.parametrize("width", [360, 768, 1400])
def test_no_sideways_scrolling(opened: Open, width: int) -> None:
    hostile = chat_call(("a" * 900, "x"))
    with opened(hostile, viewport={"width": width, "height": 900}) as page:
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_timing_only_page_works(opened: Open) -> None:
    with opened(timing_only_call()) as page:
        assert page.locator(".readout").is_hidden()
        page.focus("#slider")
        page.keyboard.press("ArrowRight")
        assert page.get_attribute("#slider", "aria-valuetext") == "00:05"


def test_a_long_call_opens(opened: Open) -> None:
    with opened(long_call(4)) as page:
        page.focus("#slider")
        page.keyboard.press("End")
        assert shown(page, "time") == "4:00:00"


def test_printing_shows_every_basis(opened: Open) -> None:
    with opened(hidden_frustration_call()) as page:
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        page.emulate_media(media="print")
        assert page.locator(".change[open]").count() == 4
        assert page.locator("#slider").is_hidden()
        assert page.locator(".panel").evaluate("(p) => p.scrollHeight <= p.clientHeight")


def test_names_and_landmarks(opened: Open) -> None:
    with opened(hidden_frustration_call()) as page:
        for role in ("main", "banner", "contentinfo"):
            assert page.get_by_role(role).count() == 1
        assert page.get_by_role("heading", level=1).count() == 1
        assert page.get_by_role("slider", name="Moment of the call").count() == 1
        charts = page.locator('svg[role="img"], svg[role="group"]')
        assert charts.count() == 7
        for chart in charts.all():
            assert chart.locator("> title").text_content()
            assert chart.locator("> desc").text_content()
        assert page.evaluate(UNNAMED) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(opened: Open, scheme: str) -> None:
    with opened(hidden_frustration_call(), color_scheme=scheme) as page:
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        measured = page.evaluate(CONTRAST)
        assert len(measured) > 150
        assert [m for m in measured if m["ratio"] < 4.5] == []


def test_focus_can_be_seen(opened: Open) -> None:
    with opened(hidden_frustration_call()) as page:
        for _ in range(3):
            page.keyboard.press("Tab")
        width = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        assert float(width.removesuffix("px")) >= 2


UNNAMED = """() => Array.from(document.querySelectorAll('a, button, input, summary, [tabindex]'))
  .filter((e) => !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby')
    || e.textContent.trim()))
  .map((e) => e.outerHTML.slice(0, 80))"""

# WCAG 2.2 contrast of every text node against what is painted behind it
CONTRAST = """() => {
  const parse = (c) => (c.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].reduce((sum, v, i) => {
    const s = v / 255, l = s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
    return sum + l * [0.2126, 0.7152, 0.0722][i];
  }, 0);
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const rect = e.matches('svg[x]') && e.querySelector(':scope > rect');
      if (rect && element.closest('g')) return parse(getComputedStyle(rect).fill);
      const circle = e.matches('.marker') && e.querySelector('circle');
      if (circle) return parse(getComputedStyle(circle).fill);
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.length < 4 || colour[3] > 0.99) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.textContent.trim(), e = walk.currentNode.parentElement;
    const isDrawn = e.getClientRects().length && !e.closest('script, style, title, desc, defs');
    if (!text || !isDrawn) continue;
    const style = getComputedStyle(e);
    const colour = parse(e instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [luminance(colour), luminance(ground(e))].sort((x, y) => y - x);
    found.push({ text: text.slice(0, 40), ratio: (a + 0.05) / (b + 0.05) });
  }
  return found;
}"""
