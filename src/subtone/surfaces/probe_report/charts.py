"""Charts as inline SVG that stretches with its place and needs no script.

Positions are percentages, so text keeps its size on a phone; curves live in an inner SVG
that is stretched.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import log2
from typing import NamedTuple

from subtone.contracts.probing import ConcentrationPoint, Estimate, Picture
from subtone.surfaces.probe_report.words import figure
from subtone.surfaces.report.markup import esc

COLOURS = 10
_HEIGHT = 260


class Row(NamedTuple):
    """One figure on a scale from 0 to 1."""

    name: str
    value: Estimate
    css: str = "own"


def intervals(rows: Sequence[Row], chance: float) -> str:
    """Each row's figure and interval; the dashed line is chance."""
    return (
        '<div class="rows">'
        + "".join(
            f'<div class="row {row.css}"><span class="name">{esc(row.name)}</span>'
            f'<svg role="img" aria-label="{esc(row.name)}: {figure(row.value)}" '
            'width="100%" height="18">'
            '<line class="rail" x1="0" x2="100%" y1="9" y2="9"/>'
            f'<line class="chance" x1="{_at(chance)}" x2="{_at(chance)}" y1="0" y2="18"/>'
            f'<line class="span" x1="{_at(row.value.low)}" x2="{_at(row.value.high)}" '
            'y1="9" y2="9"/>'
            f'<circle cx="{_at(row.value.value)}" cy="9" r="5"/></svg>'
            f'<span class="num">{figure(row.value)}</span></div>'
            for row in rows
        )
        + "</div>"
    )


def _at(share: float) -> str:
    return f"{100 * min(max(share, 0.0), 1.0):.1f}%"


def concentration(points: Sequence[ConcentrationPoint], chance: float) -> str:
    """UAR over the number of dimensions, which doubles from step to step."""
    last = log2(max(points[-1].k, 2))
    curves: dict[str, list[tuple[float, Estimate]]] = {"top": [], "random": [], "rest": []}
    for point in points:
        x = log2(point.k) / last
        curves["top"].append((x, point.top))
        curves["random"].append((x, point.random))
        if point.without_top is not None:
            curves["rest"].append((x, point.without_top))
    lines = "".join(_curve(css, curve) for css, curve in curves.items())
    grid = "".join(
        f'<line class="rail" x1="0" x2="100%" y1="{_down(v)}" y2="{_down(v)}"/>'
        f'<text x="-8" y="{_down(v) + 4}" class="end">{v:.1f}</text>'
        for v in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    )
    shown = [p for i, p in enumerate(points) if i % 2 == 0 or i == len(points) - 1]
    if len(shown) > 1 and log2(shown[-1].k) - log2(shown[-2].k) < 1.5:
        shown.pop(-2)
    ticks = "".join(
        f'<text x="{_at(log2(p.k) / last)}" y="{_HEIGHT + 18}" class="{_anchor(p.k, points)}">'
        f"{p.k}</text>"
        for p in shown
    )
    return (
        '<p class="keys"><span class="key top">best k</span><span class="key random">random k'
        '</span><span class="key rest">all but the best k</span>'
        '<span class="key dashed">chance</span></p>'
        '<svg class="plot" role="img" aria-label="mean recall over the number of dimensions k; '
        f'the table below holds its numbers" width="100%" height="{_HEIGHT + 24}">{grid}'
        f'<line class="chance" x1="0" x2="100%" y1="{_down(chance)}" y2="{_down(chance)}"/>'
        f'<svg width="100%" height="{_HEIGHT}" viewBox="0 0 1000 {_HEIGHT}" '
        f'preserveAspectRatio="none">{lines}</svg>{ticks}</svg>'
    )


def _down(share: float) -> float:
    return round(_HEIGHT - share * (_HEIGHT - 20), 1)


def _anchor(k: int, points: Sequence[ConcentrationPoint]) -> str:
    return "start" if k == points[0].k else "end" if k == points[-1].k else "middle"


def _curve(css: str, curve: Sequence[tuple[float, Estimate]]) -> str:
    places = [(1000 * x, e) for x, e in curve]
    forth = " ".join(f"{x:.1f},{_down(e.high)}" for x, e in places)
    back = " ".join(f"{x:.1f},{_down(e.low)}" for x, e in reversed(places))
    middle = " ".join(f"{x:.1f},{_down(e.value)}" for x, e in places)
    return (
        f'<polygon class="band {css}" points="{forth} {back}"/>'
        f'<polyline class="line {css}" points="{middle}"/>'
    )


def picture(drawn: Picture, labels: Sequence[str], title: str) -> str:
    """Points coloured by label; colours repeat as squares after the tenth label."""
    names = sorted(set(labels))
    paths = []
    for at, name in enumerate(names):
        d = "".join(
            f"M{100 * x:.1f} {100 - 100 * y:.1f}h.01"
            for x, y, label in zip(drawn.x, drawn.y, labels, strict=True)
            if label == name
        )
        shape = " square" if at // COLOURS % 2 else ""
        paths.append(f'<path class="dots c{at % COLOURS}{shape}" d="{d}"/>')
    return (
        f'<figure class="map"><svg role="img" aria-label="{esc(title)}" viewBox="-3 -3 106 106">'
        f"{''.join(paths)}</svg><figcaption>{esc(title)}</figcaption></figure>"
    )


def legend(names: Sequence[str]) -> str:
    """Which colour is which of the sorted names."""
    ordered = sorted(set(names))
    return (
        '<p class="keys">'
        + "".join(
            f'<span class="key dot c{at % COLOURS}">{esc(name)}</span>'
            for at, name in enumerate(ordered)
        )
        + "</p>"
    )


def code_curve(curve: Sequence[tuple[int, float]]) -> str:
    """``14 clips: 2.1, 28 clips: 1.7``: bits a label, by how much was learned from."""
    return ", ".join(f"{bits:.2f} after {known}" for (known, bits), _ in pairwise([*curve, (0, 0)]))
