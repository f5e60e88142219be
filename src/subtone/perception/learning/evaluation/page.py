"""The same evaluation as one HTML page: tables and drawings in it, nothing fetched."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from subtone.perception.heads.comparison import Estimate
from subtone.perception.learning.evaluation.metrics import calibration_bins, confusion
from subtone.perception.learning.evaluation.protocol import ClassResult, ContrastResult
from subtone.perception.learning.evaluation.report import EvaluationReport, by_test

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;
color:#1d2430;background:#fff}
table{border-collapse:collapse;margin:1em 0}td,th{padding:.2em .7em;text-align:right;
border-bottom:1px solid #d8dde5}td:first-child,th:first-child{text-align:left}
.row{display:flex;gap:2em;flex-wrap:wrap;align-items:flex-start}
svg text{font-size:11px;fill:#1d2430}
figure{margin:0}figcaption{font-size:13px;color:#5a6472}
@media(prefers-color-scheme:dark){body{color:#e6e9ef;background:#14181f}svg text{fill:#e6e9ef}
td,th{border-color:#333b47}}
"""
_CELL = 34
_PLOT = 220


def page(report: EvaluationReport, title: str = "Emotion heads, measured") -> str:
    """The whole page."""
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width">',
            f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{escape(title)}</h1>",
            "<p>Every figure is of speakers the head has not heard; the interval is 95 %, "
            "bootstrapped over speakers. Acted speech: no figure here is a probability about "
            "real callers.</p><ul>",
            *(f"<li>{escape(line)}</li>" for line in report.data),
            "</ul>",
            *_classes(report),
            *_contrasts(report.contrasts),
            "</body></html>",
        ]
    )


def _classes(report: EvaluationReport) -> Iterator[str]:
    for test, results in by_test(report.classes).items():
        chance = 1.0 / len(results[0].judged.labels)
        yield f"<h2>{escape(test)}</h2>"
        yield (
            f"<p>{len(results[0].judged.labels)} labels, chance {chance:.3f}</p><table><tr>"
            "<th>features</th><th>band</th><th></th><th>UAR</th><th>WA</th><th>macro F1</th>"
            "<th>ECE</th><th>NLL</th><th>Brier</th><th>answered</th><th>right of those</th></tr>"
        )
        for r in results:
            precision = "-" if r.precision is None else f"{r.precision:.3f}"
            figures = "".join(
                f"<td>{_interval(r.figures[name])}</td>"
                for name in ("uar", "wa", "macro_f1", "ece", "nll", "brier")
            )
            yield (
                f"<tr><td>{escape(r.features)}</td><td>{r.band}</td>"
                f"<td>{_bar(r.figures['uar'], chance)}</td>{figures}"
                f"<td>{r.coverage:.3f}</td><td>{precision}</td></tr>"
            )
        yield '</table><div class="row">'
        best = max(results, key=lambda r: r.figures["uar"].value)
        yield _confusion(best)
        yield _reliability(best)
        yield "</div>"


def _contrasts(results: tuple[ContrastResult, ...]) -> Iterator[str]:
    if not results:
        return
    yield "<h2>Contrasts against the speaker's own first utterances</h2><table><tr>"
    yield "<th>trained on</th><th>tested on</th><th>band</th><th>features</th><th>pair</th>"
    yield "<th></th><th>AUC</th></tr>"
    for c in results:
        yield (
            f"<tr><td>{escape(c.trained_on)}</td><td>{escape(c.tested_on)}</td><td>{c.band}</td>"
            f"<td>{escape(c.features)}</td><td>{' / '.join(c.pair)}</td>"
            f"<td>{_bar(c.auc, 0.5)}</td><td>{_interval(c.auc)}</td></tr>"
        )
    yield "</table>"


def _interval(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} <small>{estimate.low:.2f}–{estimate.high:.2f}</small>"


def _bar(estimate: Estimate, chance: float) -> str:
    """A bar from 0 to 1 with its interval and chance."""
    return (
        '<svg width="120" height="14" role="img">'
        f'<rect width="{120 * estimate.value:.1f}" height="14" fill="#4a7bd0"/>'
        f'<line x1="{120 * estimate.low:.1f}" x2="{120 * estimate.high:.1f}" y1="7" y2="7" '
        'stroke="#e0a23c" stroke-width="3"/>'
        f'<line x1="{120 * chance:.1f}" x2="{120 * chance:.1f}" y1="0" y2="14" stroke="#d0453e"/>'
        "</svg>"
    )


def _confusion(result: ClassResult) -> str:
    labels, table = result.judged.labels, confusion(result.judged)
    totals = table.sum(axis=1)
    size = _CELL * len(labels)
    parts = [f'<figure><svg width="{size + 80}" height="{size + 70}" role="img">']
    for i, label in enumerate(labels):
        y = i * _CELL
        parts.append(f'<text x="74" y="{y + 21}" text-anchor="end">{escape(label)}</text>')
        parts.append(
            f'<text transform="translate({84 + y + 14},{size + 8}) rotate(60)">'
            f"{escape(label)}</text>"
        )
        for j, count in enumerate(table[i].tolist()):
            share = count / max(int(totals[i]), 1)
            parts.append(
                f'<rect x="{80 + j * _CELL}" y="{y}" width="{_CELL - 1}" height="{_CELL - 1}" '
                f'fill="#4a7bd0" fill-opacity="{share:.2f}" stroke="#8894a6"/>'
                f'<text x="{80 + j * _CELL + _CELL // 2}" y="{y + 21}" '
                f'text-anchor="middle">{count}</text>'
            )
    caption = f"{result.features}, {result.band}: rows are the truth, columns what was said"
    return "".join(parts) + f"</svg><figcaption>{escape(caption)}</figcaption></figure>"


def _reliability(result: ClassResult) -> str:
    at = _PLOT
    parts = [
        f'<figure><svg width="{at + 50}" height="{at + 40}" role="img">'
        f'<rect x="40" y="5" width="{at}" height="{at}" fill="none" stroke="#8894a6"/>'
        f'<line x1="40" y1="{at + 5}" x2="{at + 40}" y2="5" stroke="#8894a6" '
        'stroke-dasharray="4"/>'
    ]
    for share, right, said in calibration_bins(result.judged):
        parts.append(
            f'<circle cx="{40 + at * said:.1f}" cy="{5 + at * (1 - right):.1f}" '
            f'r="{2 + 14 * share**0.5:.1f}" fill="#4a7bd0" fill-opacity=".7"/>'
        )
    parts.append(
        f'<text x="{40 + at // 2}" y="{at + 30}" text-anchor="middle">confidence</text>'
        f'<text transform="translate(16,{at // 2}) rotate(-90)" text-anchor="middle">'
        "accuracy</text></svg>"
    )
    ece = result.figures["ece"]
    caption = f"calibration, ECE {ece.value:.3f} ({ece.low:.3f} to {ece.high:.3f})"
    return "".join(parts) + f"<figcaption>{escape(caption)}</figcaption></figure>"
