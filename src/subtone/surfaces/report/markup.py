"""Small pieces of markup: escaping, both languages, positions on the time axis."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import NamedTuple

from subtone.contracts.session_state import LocalText
from subtone.contracts.vocabulary import SpanKind
from subtone.contracts.voice_intelligence import TextSpan
from subtone.surfaces.report.words import KINDS, visible


def esc(text: str) -> str:
    """Foreign text as inert markup, fit for content and quoted attributes."""
    return html.escape(visible(text), quote=True)


def both(text: LocalText) -> str:
    """One text in both languages; the page shows the one it is set to."""
    return (
        f'<span class="en" lang="en">{esc(text.en)}</span>'
        f'<span class="zh" lang="zh-Hans">{esc(text.zh)}</span>'
    )


def svg_text(text: LocalText, attributes: str, css: str = "") -> str:
    """The same inside an SVG."""
    return (
        f'<text class="en {css}" lang="en" {attributes}>{esc(text.en)}</text>'
        f'<text class="zh {css}" lang="zh-Hans" {attributes}>{esc(text.zh)}</text>'
    )


def swapped(tag: str, text: LocalText, language: str, attributes: str = "") -> str:
    """An element that holds plain text only: the script swaps its content."""
    shown = text.zh if language == "zh" else text.en
    return (
        f'<{tag} {attributes} data-en="{esc(text.en)}" data-zh="{esc(text.zh)}">'
        f"{esc(shown)}</{tag}>"
    )


class Axis(NamedTuple):
    """The time axis shared by all lanes: 0 to total_ms is 0 to 100 %."""

    total_ms: int

    def at(self, t_ms: float) -> float:
        """Position in percent."""
        return round(100.0 * min(max(t_ms, 0), self.total_ms) / self.total_ms, 3)

    def span(self, start_ms: float, end_ms: float) -> str:
        """``x`` and ``width`` attributes of a stretch; never thinner than can be seen."""
        start = self.at(start_ms)
        return f'x="{start:g}%" width="{max(0.1, round(self.at(end_ms) - start, 3)):g}%"'


class Highlight(NamedTuple):
    """A stretch of text with every kind of evidence found in it."""

    start: int
    end: int
    kinds: tuple[SpanKind, ...]


def highlights(spans: Sequence[TextSpan], length: int) -> list[Highlight]:
    """Spans as stretches that do not overlap, in text order; overlapping ones are joined."""
    found: list[Highlight] = []
    for span in sorted(spans, key=lambda s: (s.start, s.end)):
        start, end = span.start, min(span.end, length)
        if start >= end or span.contribution < 0.0:  # it speaks against, which is no evidence
            continue
        if found and start < found[-1].end:
            last = found.pop()
            kinds = last.kinds if span.kind in last.kinds else (*last.kinds, span.kind)
            found.append(Highlight(last.start, max(last.end, end), kinds))
        else:
            found.append(Highlight(start, end, (span.kind,)))
    return found


def marked(text: str, spans: Sequence[TextSpan]) -> str:
    """A turn's words with its evidence underlined and labelled."""
    parts: list[str] = []
    done = 0
    for start, end, kinds in highlights(spans, len(text)):
        labels = "".join(f'<span class="kind">{both(KINDS[kind])}</span>' for kind in kinds)
        parts += (
            esc(text[done:start]),
            f'<mark class="k-{kinds[0].value}">{esc(text[start:end])}</mark>{labels}',
        )
        done = end
    return "".join((*parts, esc(text[done:])))
