"""Puts the page together: template, style and script are package data beside this file.

The content security policy names the page's own style and script by their hashes: nothing
else in the file can run or load, whatever a transcript contains.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from importlib.resources import files
from string import Template
from typing import Any, TypeVar

import msgspec

from subtone.contracts.analysis import CallAnalysis
from subtone.contracts.session_state import LocalText
from subtone.contracts.vocabulary import ChannelStatus, ConflictType, DriftState, SessionState
from subtone.surfaces.report import charts, phrases, sections
from subtone.surfaces.report.changes import changes
from subtone.surfaces.report.findings import claims_state, peak_decision, span_ms
from subtone.surfaces.report.markup import Axis, both, esc
from subtone.surfaces.report.words import (
    CONFLICTS,
    DRIFTS,
    STATES,
    STATUSES,
    UiLanguage,
    clock,
    say,
)

T = TypeVar("T")


def render_report(analysis: CallAnalysis, language: UiLanguage) -> str:
    """The analysis as one HTML page that needs nothing but itself.

    Args:
        analysis: the call; its texts are taken as hostile.
        language: shown first; the page holds both and can switch.

    Returns:
        A complete HTML document, UTF-8 when encoded.

    """
    style, script = _data("page.css"), _data("page.js")
    axis = Axis(span_ms(analysis))
    peak = peak_decision(analysis)
    headline = phrases.headline(analysis)
    return Template(_data("page.html")).substitute(
        html_lang="zh-Hans" if language == "zh" else "en",
        language=language,
        policy=_policy(style, script),
        style=style,
        script=script,
        source=esc(analysis.source),
        duration=clock(analysis.duration_ms),
        headline=both(headline),
        title=esc(f"{analysis.source}: {say(headline, language)}"),
        advice=sections.timing_advice(analysis),
        facts=sections.facts(analysis),
        lanes=charts.lanes(analysis, axis, language),
        readout="" if peak is None else sections.readout(peak),
        table="" if peak is None else sections.moment_table(analysis),
        transcript=sections.transcript(analysis),
        changes=changes(analysis),
        tracks=sections.tracks(analysis),
        notes=sections.notes(analysis),
        versions=esc(f"subtone {analysis.software_version}"),
        calibration=esc(analysis.calibration.version),
        data=_inert_json(_cursor_data(analysis)),
    )


def _data(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _inert_json(value: object) -> str:
    """JSON that cannot end the script element it stands in."""
    return msgspec.json.encode(value).decode().replace("<", "\\u003c")


def _cursor_data(analysis: CallAnalysis) -> dict[str, Any]:
    """What the cursor reads: one row of numbers per moment, and the words for the codes."""
    states, drifts = tuple(SessionState), tuple(DriftState)
    conflicts, statuses = tuple(ConflictType), tuple(ChannelStatus)
    rows = [
        (
            d.moment.t_event_ms,
            _rounded(d.moment.text_negativity),
            _rounded(d.moment.voice_negativity),
            _rounded(d.snapshot.score.score),
            states.index(d.snapshot.state),
            drifts.index(d.drift.state),
            -1 if d.conflict.conflict is None else conflicts.index(d.conflict.conflict.type),
            statuses.index(d.moment.text_status),
            statuses.index(d.moment.voice_status),
        )
        for d in (analysis.decisions if claims_state(analysis) else ())
    ]
    return {
        "total": span_ms(analysis),
        "title": _pair(phrases.headline(analysis)),
        "source": analysis.source,
        "moments": rows,
        "states": _pairs(states, STATES.__getitem__),
        "keys": [s.value for s in states],
        "drifts": _pairs(drifts, DRIFTS.__getitem__),
        "conflicts": _pairs(conflicts, CONFLICTS.__getitem__),
        "statuses": _pairs(statuses, STATUSES.__getitem__),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _pair(text: LocalText) -> tuple[str, str]:
    return (text.en, text.zh)


def _pairs(members: tuple[T, ...], words: Callable[[T], LocalText]) -> list[tuple[str, str]]:
    return [_pair(words(member)) for member in members]
