"""The figures of an evaluation as lines for a terminal, and as plain values for JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from subtone.perception.heads.comparison import Estimate
from subtone.perception.learning.calibration import PRECISION
from subtone.perception.learning.evaluation.metrics import confusion
from subtone.perception.learning.evaluation.protocol import ClassResult, ContrastResult


@dataclass(frozen=True, eq=False, kw_only=True)
class EvaluationReport:
    """Everything one evaluation found."""

    data: tuple[str, ...]  # one line per corpus: clips, speakers, language, licence
    classes: tuple[ClassResult, ...]
    contrasts: tuple[ContrastResult, ...] = ()


def lines(report: EvaluationReport) -> Iterator[str]:
    """The whole report, a line at a time."""
    yield from report.data
    yield "UAR of unseen speakers [95 % over speakers]; chance is 1 / labels"
    yield (
        f"{'trained':22} {'tested':16} {'band':9} {'features':26} {'labels':>6} {'clips':>5} "
        f"{'spk':>3}  {'UAR':17} {'WA':>5} {'F1':>5} {'ECE':17} {'NLL':>5} {'Brier':>5}  "
        f"answered at precision {PRECISION}"
    )
    yield from map(class_line, report.classes)
    if report.contrasts:
        yield "AUC of contrasts against three other neutral utterances [95 % over speakers]"
        yield from map(contrast_line, report.contrasts)


def class_line(r: ClassResult) -> str:
    """One result under the heading of ``lines``."""
    f = r.figures
    precision = "-" if r.precision is None else f"{r.precision:.2f}"
    return (
        f"{r.trained_on:22} {r.tested_on:16} {r.band:9} {r.features:26} "
        f"{len(r.judged.labels):6} {len(r.judged.truth):5} "
        f"{len(set(r.judged.voices.tolist())):3}  {_shown(f['uar'])} {f['wa'].value:5.3f} "
        f"{f['macro_f1'].value:5.3f} {_shown(f['ece'])} {f['nll'].value:5.2f} "
        f"{f['brier'].value:5.2f}  {r.coverage:.2f} right {precision}"
    )


def contrast_line(c: ContrastResult) -> str:
    """One contrast in one line."""
    return (
        f"{c.trained_on:22} {c.tested_on:16} {c.band:9} {c.features:26} "
        f"{'/'.join(c.pair):14} {c.clips:4} clips {c.speakers:2} speakers  {_shown(c.auc)}"
        f"{_shown_gain(c.gain)}"
    )


def confusion_lines(result: ClassResult) -> Iterator[str]:
    """Rows are the truth, columns what was said."""
    labels = result.judged.labels
    yield f"{'':10}" + "".join(f"{label[:8]:>9}" for label in labels)
    for label, row in zip(labels, confusion(result.judged), strict=True):
        yield f"{label:10}" + "".join(f"{count:9}" for count in row.tolist())


def plain(report: EvaluationReport) -> dict[str, Any]:
    """What JSON keeps: every figure with its interval, confusion matrices, data."""
    return {
        "data": list(report.data),
        "classes": [
            {
                "features": r.features,
                "trained_on": r.trained_on,
                "tested_on": r.tested_on,
                "band": r.band,
                "labels": list(r.judged.labels),
                "clips": len(r.judged.truth),
                "speakers": len(set(r.judged.voices.tolist())),
                "figures": {name: _rounded(value) for name, value in r.figures.items()},
                "coverage": round(r.coverage, 4),
                "precision": None if r.precision is None else round(r.precision, 4),
                "confusion": confusion(r.judged).tolist(),
            }
            for r in report.classes
        ],
        "contrasts": [
            {
                "features": c.features,
                "trained_on": c.trained_on,
                "tested_on": c.tested_on,
                "band": c.band,
                "pair": list(c.pair),
                "clips": c.clips,
                "speakers": c.speakers,
                "auc": _rounded(c.auc),
                "gain": None if c.gain is None else _rounded(c.gain),
            }
            for c in report.contrasts
        ],
    }


def by_test(results: Sequence[ClassResult]) -> dict[str, list[ClassResult]]:
    """Results of each test, in the order they came."""
    found: dict[str, list[ClassResult]] = {}
    for result in results:
        found.setdefault(f"{result.trained_on} to {result.tested_on}", []).append(result)
    return found


def _shown_gain(gain: Estimate | None) -> str:
    if gain is None:
        return ""
    return f"  over the better {gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"


def _shown(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} [{estimate.low:.2f}, {estimate.high:.2f}]"


def _rounded(estimate: Estimate) -> dict[str, float]:
    return {
        "value": round(estimate.value, 4),
        "low": round(estimate.low, 4),
        "high": round(estimate.high, 4),
    }
