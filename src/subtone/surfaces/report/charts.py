"""The lanes of the report: every chart on one time axis, as SVG that needs no script.

A lane is as wide as its place: positions along time are percentages, curves live in an
inner SVG that stretches, text and markers do not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from subtone.contracts.analysis import CallAnalysis, TrackSummary
from subtone.contracts.calibration import Calibration, SessionCalibration
from subtone.contracts.outputs import Decision
from subtone.contracts.session_state import LocalText
from subtone.contracts.vocabulary import Role, SessionState
from subtone.surfaces.report import phrases
from subtone.surfaces.report.findings import (
    ConflictSpan,
    StateSpan,
    claims_state,
    conflict_spans,
    state_spans,
    transitions,
)
from subtone.surfaces.report.markup import Axis, both, esc, svg_text, swapped
from subtone.surfaces.report.words import DRIFTS, ROLES, STATES, clock

MAX_POINTS = 1_440  # of one curve; more cannot be told apart on any screen
MAX_COLUMNS = 900  # of one waveform
_TICK_STEPS_S = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 86_400)
_MAX_TICKS = 6
_QUIET = 0.05  # a track that never gets louder is drawn as quiet, not blown up
_WIDE_PX, _NARROW_PX = 720, 300  # plot widths that labels are fitted to
_LATIN_PX, _CJK_PX, _PADDING_PX = 6.6, 12.5, 16


def lanes(analysis: CallAnalysis, axis: Axis, language: str) -> str:
    """All lanes that this analysis has something for, top to bottom."""
    parts: list[str] = []
    if claims_state(analysis):
        parts.append(_state_lane(analysis, axis, language))
    ordered = sorted(analysis.tracks, key=lambda track: track.role is not Role.CUSTOMER)
    parts += (
        _waveform_lane(track, i, analysis, axis, language)
        for i, track in enumerate(ordered)
        if track.envelope
    )
    if claims_state(analysis):
        drawn = thinned(analysis.decisions, MAX_POINTS)
        spans = conflict_spans(analysis.decisions)
        if spans:
            parts.append(_conflict_lane(spans, axis, language))
        parts.append(_negativity_lane(drawn, analysis.calibration, axis, language))
        parts.append(_score_lane(drawn, analysis.calibration.session, axis, language))
        if any(d.moment.text is not None and d.moment.voice is not None for d in drawn):
            parts.append(_drift_lane(analysis.decisions, axis, language))
    parts.append(_time_axis(axis))
    return "\n".join(parts)


def thinned(decisions: Sequence[Decision], limit: int) -> Sequence[Decision]:
    """At most ``limit`` decisions: of each stretch the one with the highest score."""
    if len(decisions) <= limit:
        return decisions
    size = -(-len(decisions) // limit)
    return [
        max(decisions[i : i + size], key=lambda d: d.snapshot.score.score)
        for i in range(0, len(decisions), size)
    ]


# --- frame ---------------------------------------------------------------------------------


class _Lane(NamedTuple):
    """Name, description and height of one chart."""

    key: str
    title: LocalText
    description: LocalText
    height: int
    role: str = "img"  # "group" where it holds links


def _frame(lane: _Lane, language: str, body: str, keys: str = "") -> str:
    title, desc = f"{lane.key}-title", f"{lane.key}-desc"
    return (
        f'<div class="lane lane-{lane.key.split("-")[0]}">'
        f'<p class="lane-name"><b>{both(lane.title)}</b>{keys}</p>'
        f'<svg role="{lane.role}" aria-labelledby="{title} {desc}" '
        f'width="100%" height="{lane.height}">'
        + swapped("title", lane.title, language, f'id="{title}"')
        + swapped("desc", lane.description, language, f'id="{desc}"')
        + f"{body}</svg></div>"
    )


def _stretched(height: int, body: str) -> str:
    return (
        f'<svg width="100%" height="{height}" viewBox="0 0 1000 {height}" '
        f'preserveAspectRatio="none">{body}</svg>'
    )


def _fit_class(text: LocalText, percent: float) -> str | None:
    """Where a label fits its stretch: everywhere (""), on wide pages only, or nowhere."""
    need = max(len(text.en) * _LATIN_PX, len(text.zh) * _CJK_PX) + _PADDING_PX
    if need <= percent / 100 * _NARROW_PX:
        return ""
    return "wide" if need <= percent / 100 * _WIDE_PX else None


# --- bands ---------------------------------------------------------------------------------


class _Stretch(NamedTuple):
    name: LocalText
    css: str
    start_ms: int
    end_ms: int


def _band(stretches: Sequence[_Stretch], axis: Axis, top: int, height: int) -> Iterator[str]:
    for s in stretches:
        place = axis.span(s.start_ms, s.end_ms)
        at = f"{clock(s.start_ms)}–{clock(s.end_ms)}"
        yield f'<svg {place} y="{top}" height="{height}">'
        yield f"<title>{at} {esc(s.name.en)} / {esc(s.name.zh)}</title>"
        yield f'<rect class="{s.css}" width="100%" height="100%"/>'
        if s.css == f"s-{SessionState.HIDDEN_FRUSTRATION.value}":
            yield '<rect class="veil" width="100%" height="100%"/>'
        fit = _fit_class(s.name, axis.at(s.end_ms) - axis.at(s.start_ms))
        if fit is not None:
            yield f'<g class="{fit}">'
            yield svg_text(s.name, f'x="8" y="{height / 2 + 4:g}"', "on")
            yield "</g>"
        yield "</svg>"


def _band_keys(stretches: Sequence[_Stretch], axis: Axis) -> str:
    """Keys for the names that no stretch is long enough to carry itself."""
    fits: dict[str, tuple[LocalText, list[str | None]]] = {}
    for s in stretches:
        fit = _fit_class(s.name, axis.at(s.end_ms) - axis.at(s.start_ms))
        fits.setdefault(s.css, (s.name, []))[1].append(fit)
    return "".join(
        _key(css, name, "narrow" if "wide" in found else "")
        for css, (name, found) in fits.items()
        if "" not in found
    )


def _state_lane(analysis: CallAnalysis, axis: Axis, language: str) -> str:
    spans = state_spans(analysis)
    stretches = [_Stretch(STATES[s.state], f"s-{s.state.value}", *s[1:]) for s in spans]
    body = "".join((*_band(stretches, axis, 20, 32), *_markers(analysis, axis)))
    lane = _Lane("state", LocalText(en="State", zh="状态"), _told(spans), 54, "group")
    return _frame(lane, language, body, _band_keys(stretches, axis))


def _told(spans: Sequence[StateSpan]) -> LocalText:
    return LocalText(
        en="; ".join(f"from {clock(s.start_ms)} {STATES[s.state].en}" for s in spans),
        zh="；".join(f"{clock(s.start_ms)} 起{STATES[s.state].zh}" for s in spans),
    )


def _markers(analysis: CallAnalysis, axis: Axis) -> Iterator[str]:
    """A numbered link to each change; where they crowd, later ones are left to the list."""
    last_any = last_narrow = -100.0
    for i, (_, t) in enumerate(transitions(analysis), start=1):
        x = axis.at(t.t_event_ms)
        if x - last_any < 3.5:
            continue
        yield f'<line class="tick" x1="{x:g}%" x2="{x:g}%" y1="18" y2="52"/>'
        is_narrow = x - last_narrow >= 6.5
        en = f"{clock(t.t_event_ms)} {STATES[t.from_state].en} to {STATES[t.to_state].en}"
        yield (
            f'<a href="#change-{i}" class="marker{"" if is_narrow else " wide"}" '
            f'aria-label="{i}: {esc(en)} / {esc(STATES[t.to_state].zh)}">'
            f'<circle cx="{x:g}%" cy="10" r="{8 + len(str(i))}"/>'
            f'<text x="{x:g}%" y="14">{i}</text></a>'
        )
        last_any, last_narrow = x, x if is_narrow else last_narrow


def _drift_lane(decisions: Sequence[Decision], axis: Axis, language: str) -> str:
    stretches: list[_Stretch] = []
    for state, run in groupby(decisions, key=lambda d: d.drift.state):
        start = stretches[-1].end_ms if stretches else 0
        end = list(run)[-1].moment.t_event_ms
        stretches.append(_Stretch(DRIFTS[state], f"d-{state.value}", start, end))
    lane = _Lane(
        "drift",
        LocalText(en="How words and voice stand to each other", zh="文本与语音的相互关系"),
        LocalText(
            en="; ".join(f"until {clock(s.end_ms)} {s.name.en}" for s in stretches),
            zh="；".join(f"至 {clock(s.end_ms)} {s.name.zh}" for s in stretches),
        ),
        26,
    )
    body = "".join(_band(stretches, axis, 0, 26))
    return _frame(lane, language, body, _band_keys(stretches, axis))


def _conflict_lane(spans: Sequence[ConflictSpan], axis: Axis, language: str) -> str:
    told = [phrases.conflict(span) for span in spans]
    body = "".join(
        f'<svg {axis.span(s.start_ms, s.end_ms)} y="0" height="18">'
        f"<title>{esc(text.en)} / {esc(text.zh)}</title>"
        f'<rect class="{"sure" if s.is_confirmed else "raised"}" x="1" y="5" width="100%" '
        f'height="8" rx="4"/></svg>'
        for s, text in zip(spans, told, strict=True)
    )
    lane = _Lane(
        "conflict",
        LocalText(en="Words and voice disagree", zh="文本与语音不一致"),
        LocalText(en="; ".join(t.en for t in told), zh="；".join(t.zh for t in told)),
        18,
    )
    keys = _key("sure", LocalText(en="confirmed", zh="已确认")) + _key(
        "raised", LocalText(en="raised only", zh="曾出现")
    )
    return _frame(lane, language, body, keys)


def _key(css: str, text: LocalText, shown: str = "") -> str:
    return (
        f'<span class="key {shown}"><svg aria-hidden="true" width="22" height="10">'
        f'<rect class="{css}" x="1" y="1" width="20" height="8" rx="4"/></svg>{both(text)}</span>'
    )


def _channel_key(css: str, text: LocalText, values: Sequence[float | None]) -> str:
    if all(v is None for v in values):
        absent = LocalText(en=f"no {text.en} in this call", zh=f"本次通话无{text.zh}")
        return f'<span class="key">{both(absent)}</span>'
    return (
        f'<span class="key"><svg aria-hidden="true" width="22" height="10">'
        f'<path class="{css}" d="M1 5H21"/></svg>{both(text)}</span>'
    )


# --- curves --------------------------------------------------------------------------------


def _waveform_lane(
    track: TrackSummary, index: int, analysis: CallAnalysis, axis: Axis, language: str
) -> str:
    height = 46
    loudest = max(_QUIET, *(max(t.envelope, default=0.0) for t in analysis.tracks))
    size = max(1, -(-len(track.envelope) // MAX_COLUMNS))
    peaks = [max(track.envelope[i : i + size]) for i in range(0, len(track.envelope), size)]
    step = size * track.envelope_hop_ms * 1000 / axis.total_ms
    half = height / 2
    tops = [(i * step, max(0.5, p / loudest * (half - 2))) for i, p in enumerate(peaks)]
    upper = " ".join(f"{x:.1f},{half - y:.1f}" for x, y in tops)
    lower = " ".join(f"{x:.1f},{half + y:.1f}" for x, y in reversed(tops))
    is_scored = track.is_emotion_scored
    body = _stretched(
        height, f'<polygon class="wave {track.role.value}" points="{upper} {lower}"/>'
    )
    name, scoring = phrases.speaker(track.role), phrases.track_scoring(track)
    lane = _Lane(
        f"wave-{index}",
        name,
        LocalText(
            en=f"Loudness of the {ROLES[track.role].en} over time; talks for "
            f"{clock(track.talk_ms)}; {scoring.en}",
            zh=f"{ROLES[track.role].zh}的音量随时间变化；"
            f"共说话 {clock(track.talk_ms)}；{scoring.zh}",
        ),
        height,
    )
    note = f'<span class="note">{both(scoring)}</span>' if not is_scored else ""
    return _frame(lane, language, body, note)


Point = tuple[float, float]


def _runs(
    decisions: Sequence[Decision], values: Sequence[float | None], axis: Axis, height: int
) -> list[list[Point]]:
    """Stretches of consecutive values as points; a missing value ends a stretch."""
    runs: list[list[Point]] = [[]]
    for d, value in zip(decisions, values, strict=True):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((axis.at(d.moment.t_event_ms) * 10, (1 - value) * height))
    return [run for run in runs if run]


def _path(points: Sequence[Point]) -> str:
    if len(points) == 1:  # a lone moment is a dot: a short line with round ends
        (x, y) = points[0]
        return f"M{x:.1f} {y:.1f}h.1"
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _curve(css: str, runs: Sequence[Sequence[Point]]) -> str:
    return f'<path class="{css}" d="{"".join(_path(run) for run in runs)}"/>'


def _grid(height: int, labels: Sequence[tuple[float, LocalText, str]]) -> str:
    levels = ((css, (1 - value) * height) for value, _, css in labels)
    return "".join(
        f'<line class="{css}" x1="0" x2="100%" y1="{y:g}" y2="{y:g}"/>' for css, y in levels
    )


def _grid_labels(height: int, labels: Sequence[tuple[float, LocalText, str]]) -> str:
    return "".join(
        svg_text(text, f'x="4" y="{(1 - v) * height + (11 if v == 1 else -4):g}"')
        for v, text, _ in labels
    )


def _same(text: str) -> LocalText:
    return LocalText(en=text, zh=text)


def _negativity_lane(
    decisions: Sequence[Decision], calibration: Calibration, axis: Axis, language: str
) -> str:
    height = 150
    words = [d.moment.text_negativity for d in decisions]
    voice = [d.moment.voice_negativity for d in decisions]
    labels = [(1.0, _same("1"), "grid"), (0.5, _same("0.5"), "grid"), (0.0, _same("0"), "grid")]
    curves = (
        "".join(_gaps(decisions, calibration.drift.gap_on, axis, height))
        + _curve("c-words", _runs(decisions, words, axis, height))
        + _curve("c-voice", _runs(decisions, voice, axis, height))
    )
    body = (
        "".join(_missing(decisions, axis, height))
        + _grid(height, labels)
        + _stretched(height, curves)
        + _grid_labels(height, labels)
    )
    keys = (
        _channel_key("c-words", LocalText(en="words", zh="文本"), words)
        + _channel_key("c-voice", LocalText(en="voice", zh="语音"), voice)
        + _key("g-voice", LocalText(en="they disagree", zh="两者不一致"))
        + _key("hatch", LocalText(en="no evidence", zh="无证据"))
    )
    lane = _Lane(
        "negativity",
        LocalText(en="Negativity", zh="负面度"),
        LocalText(
            en=f"Words at most {_most(words)}, voice at most {_most(voice)}, from 0 to 1; "
            "every value is in the table below",
            zh=f"文本最高 {_most(words)}，语音最高 {_most(voice)}，范围 0 到 1；各时刻数值见下表",
        ),
        height,
    )
    return _frame(lane, language, body, keys)


def _most(values: Sequence[float | None]) -> str:
    return f"{max((v for v in values if v is not None), default=0.0):.2f}"


def _gaps(
    decisions: Sequence[Decision], tolerated: float, axis: Axis, height: int
) -> Iterator[str]:
    """The area between the curves while they are further apart than drift tolerates."""

    def side(d: Decision) -> str | None:
        text, voice = d.moment.text_negativity, d.moment.voice_negativity
        if text is None or voice is None or abs(voice - text) < tolerated:
            return None
        return "g-voice" if voice > text else "g-words"

    for css, run in groupby(decisions, key=side):
        if css is None:
            continue
        inside = list(run)
        text = _runs(inside, [d.moment.text_negativity for d in inside], axis, height)[0]
        voice = _runs(inside, [d.moment.voice_negativity for d in inside], axis, height)[0]
        around = " ".join(f"{x:.1f},{y:.1f}" for x, y in (*text, *reversed(voice)))
        yield f'<polygon class="{css}" points="{around}"/>'


_MISSING = {
    (True, False): LocalText(en="no words", zh="无文本"),
    (False, True): LocalText(en="no voice", zh="无语音"),
    (True, True): LocalText(en="neither", zh="均无"),
}


def _missing(decisions: Sequence[Decision], axis: Axis, height: int) -> Iterator[str]:
    start = 0
    has_text = any(d.moment.text_negativity is not None for d in decisions)
    has_voice = any(d.moment.voice_negativity is not None for d in decisions)

    def absent_at(d: Decision) -> tuple[bool, bool]:
        m = d.moment
        # a channel the call never had is named once, not hatched from end to end
        no_text = m.text_negativity is None and (has_text or not has_voice)
        return no_text, m.voice_negativity is None and (has_voice or not has_text)

    for absent, run in groupby(decisions, key=absent_at):
        end = list(run)[-1].moment.t_event_ms
        if any(absent):
            text = _MISSING[absent]
            yield f'<svg {axis.span(start, end)} height="{height}">'
            yield f"<title>{esc(text.en)} / {esc(text.zh)}</title>"
            yield '<rect class="hatch" width="100%" height="100%"/>'
            fit = _fit_class(text, axis.at(end) - axis.at(start))
            if fit is not None:
                yield f'<g class="{fit}">' + svg_text(text, 'x="5" y="14"') + "</g>"
            yield "</svg>"
        start = end


def _score_lane(
    decisions: Sequence[Decision], session: SessionCalibration, axis: Axis, language: str
) -> str:
    height = 120
    labels = [
        (value, LocalText(en=f"{value:g} {STATES[s].en}", zh=f"{value:g} {STATES[s].zh}"), "limit")
        for value, s in (
            (session.active, SessionState.ACTIVE_ESCALATION),
            (session.risk, SessionState.ESCALATION_RISK),
            (session.rising, SessionState.RISING_TENSION),
        )
    ]
    found = [d.snapshot.score for d in decisions]
    scores: list[float | None] = [s.score if s.coverage else None for s in found]
    runs = _runs(decisions, scores, axis, height)
    areas = "".join(
        f'<path class="a-score" d="{_path(run)}V{height}H{run[0][0]:.1f}Z"/>' for run in runs
    )
    curve = areas + _curve("c-score", runs)
    body = _grid(height, labels) + _stretched(height, curve) + _grid_labels(height, labels)
    lane = _Lane(
        "score",
        LocalText(en="Escalation score", zh="升级分数"),
        LocalText(
            en=f"At most {_most(scores)}, from 0 to 1; thresholds at {session.rising:g}, "
            f"{session.risk:g} and {session.active:g}",
            zh=f"最高 {_most(scores)}，范围 0 到 1；阈值为 {session.rising:g}、"
            f"{session.risk:g} 与 {session.active:g}",
        ),
        height,
    )
    return _frame(lane, language, body)


def _time_axis(axis: Axis) -> str:
    step = next(
        (s for s in _TICK_STEPS_S if axis.total_ms / (s * 1000) <= _MAX_TICKS), _TICK_STEPS_S[-1]
    )
    ticks = range(0, axis.total_ms + 1, step * 1000)
    body = "".join(
        f'<line class="tick" x1="{axis.at(t):g}%" x2="{axis.at(t):g}%" y1="0" y2="5"/>'
        f'<text x="{axis.at(t):g}%" y="18" class="{_anchor(axis.at(t))}{" wide" * (i % 2)}">'
        f"{clock(t)}</text>"
        for i, t in enumerate(ticks)
    )
    svg = f'<svg aria-hidden="true" width="100%" height="22">{body}</svg>'
    return f'<div class="lane lane-time">{svg}</div>'


def _anchor(percent: float) -> str:
    if percent < 4:
        return "start"
    return "end" if percent > 96 else "middle"
