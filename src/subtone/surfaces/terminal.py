"""One analysis in the terminal: the whole call, or the whole basis of one moment.

Every line reads without colour and inside 80 columns; foreign text is printed as plain
text whose control characters are visible, never as markup.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from subtone.contracts.analysis import CallAnalysis
from subtone.contracts.outputs import Decision
from subtone.contracts.session_state import (
    LocalText,
    PolicyRecommendation,
    ScoreContributor,
    StateBasis,
    StateTransition,
)
from subtone.contracts.vocabulary import ChannelStatus, SessionState
from subtone.surfaces.report import phrases
from subtone.surfaces.report.findings import (
    conflict_spans,
    final_state,
    peak_decision,
    peak_score,
    span_ms,
    transitions,
)
from subtone.surfaces.report.words import (
    DETAILS,
    HEADS,
    KINDS,
    RARE_IN_COMPLAINTS,
    ROLES,
    SIGNALS,
    STATES,
    STATUSES,
    UiLanguage,
    clock,
    figure,
    named,
    say,
    visible,
)

GLYPHS: Mapping[SessionState, str] = {
    SessionState.CALM: "·",
    SessionState.RISING_TENSION: "░",
    SessionState.HIDDEN_FRUSTRATION: "▒",
    SessionState.ESCALATION_RISK: "▓",
    SessionState.ACTIVE_ESCALATION: "█",
    SessionState.DEESCALATING: "╲",
    SessionState.RESOLVED: "=",
}
STYLES: Mapping[SessionState, str] = {
    SessionState.CALM: "green",
    SessionState.RISING_TENSION: "yellow",
    SessionState.HIDDEN_FRUSTRATION: "magenta",
    SessionState.ESCALATION_RISK: "dark_orange",
    SessionState.ACTIVE_ESCALATION: "bold red",
    SessionState.DEESCALATING: "cyan",
    SessionState.RESOLVED: "blue",
}
_BARS = "▁▂▃▄▅▆▇█"
_MISSING = "╌"
_RIBBON_COLUMNS = 60
_LABEL_COLUMNS = 10
_MAX_REASONS = 3  # in the view of the whole call; the view of a moment shows all


def _t(en: str, zh: str) -> LocalText:
    return LocalText(en=en, zh=zh)


_STATE = _t("state", "状态")
_SCORE = _t("score", "分数")
_WORDS = _t("words", "文本")
_VOICE = _t("voice", "语音")
_WHY = _t("why", "原因")
_WHAT_IF = _t("what if", "假设")
_DO = _t("do", "建议")
_COLON = _t(": ", "：")
_LIST = _t(", ", "，")
_CONFLICTS = _t("Where words and voice disagree", "文本与语音不一致之处")
_CHANGES = _t("What changed, and why", "发生了什么变化，为什么")
_UNCHANGED = _t("The state never changed.", "状态从未变化。")
_NOTES = _t("Notes", "提示")
_MISSING_NOTE = _t("no usable evidence", "无可用证据")


def render_timeline(console: Console, analysis: CallAnalysis, language: UiLanguage) -> None:
    """Print the whole call: what was scored, the state over time, every change and why."""
    columns = max(20, min(_RIBBON_COLUMNS, console.width - _LABEL_COLUMNS))
    for block in _timeline(analysis, language, columns):
        console.print(block, highlight=False)


def render_moment(
    console: Console, analysis: CallAnalysis, t_ms: int | None, language: UiLanguage
) -> None:
    """Print the whole basis of one moment.

    Args:
        console: where to.
        analysis: the call.
        t_ms: any time in ms; the moment that covers it is shown. None shows the first
            moment in the most concerning state.
        language: of everything but the customer's own words.

    """
    decision = moment_at(analysis, t_ms)
    blocks = (
        _no_state(analysis, language) if decision is None else _moment(analysis, decision, language)
    )
    for block in blocks:
        console.print(block, highlight=False)


def moment_at(analysis: CallAnalysis, t_ms: int | None) -> Decision | None:
    """The decision whose moment covers a time; None where no state is claimed."""
    peak = peak_decision(analysis)
    if peak is None or t_ms is None:
        return peak
    covering = (d for d in analysis.decisions if d.moment.t_event_ms >= t_ms)
    return next(covering, analysis.decisions[-1])


# --- the whole call ------------------------------------------------------------------------


def _timeline(
    analysis: CallAnalysis, language: UiLanguage, columns: int
) -> Iterator[RenderableType]:
    yield from _header(analysis, language)
    if final_state(analysis) is not None:
        yield Text()
        yield from _ribbons(analysis, language, columns)
        yield from _heading(_CHANGES, language)
        changes = transitions(analysis)
        for decision, transition in changes:
            yield _change(transition, decision.recommendation, language, _MAX_REASONS)
        if not changes:
            yield Text(say(_UNCHANGED, language))
    spans = conflict_spans(analysis.decisions)
    if spans:
        yield from _heading(_CONFLICTS, language)
        yield from (Text(say(phrases.conflict(span), language)) for span in spans)
    yield from _notes(analysis, language)
    yield from _closing(analysis, language)


def _header(analysis: CallAnalysis, language: UiLanguage) -> Iterator[RenderableType]:
    title = Text("subtone  ", style="dim")
    title.append(visible(analysis.source), style="bold")
    title.append(f"  {clock(analysis.duration_ms)}", style="dim")
    yield title
    yield Text(say(phrases.headline(analysis), language), style="bold")
    if analysis.is_timing_only:
        yield Text(say(phrases.HOW_TO_GET_A_STATE, language))
    yield Text()
    if analysis.tracks:
        yield _tracks(analysis, language)
    if analysis.alignment is not None:
        yield Text(say(phrases.coverage(analysis.alignment), language))
    if (heard := phrases.heard_by(analysis)) is not None:
        yield Text(say(heard, language))
    if analysis.amd is not None:
        yield Text(say(phrases.answered(analysis.amd), language))


def _tracks(analysis: CallAnalysis, language: UiLanguage) -> Table:
    talk = _t("talks", "说话")
    grid = Table.grid(padding=(0, 2))
    for _ in range(4):
        grid.add_column(overflow="fold")
    for track in analysis.tracks:
        grid.add_row(
            Text(visible(track.track_id)),
            Text(say(ROLES[track.role], language)),
            Text(f"{say(talk, language)} {clock(track.talk_ms)}"),
            Text(say(phrases.track_scoring(track), language)),
        )
    return grid


def _ribbons(
    analysis: CallAnalysis, language: UiLanguage, columns: int
) -> Iterator[RenderableType]:
    cells = tuple(_cells(analysis, columns))
    snapshots = [None if d is None else d.snapshot for d in cells]
    grid = Table.grid(padding=0)
    grid.add_column(width=_LABEL_COLUMNS, no_wrap=True)
    grid.add_column(no_wrap=True)
    ribbon = Text()
    for s in snapshots:
        ribbon.append(GLYPHS[s.state], STYLES[s.state]) if s else ribbon.append(" ")
    grid.add_row(Text(say(_STATE, language)), ribbon)
    rows: tuple[tuple[LocalText, Sequence[float | None]], ...] = (
        (_SCORE, [s.score.score if s and s.score.coverage else None for s in snapshots]),
        (_WORDS, [d.moment.text_negativity if d else None for d in cells]),
        (_VOICE, [d.moment.voice_negativity if d else None for d in cells]),
    )
    for label, values in rows:
        grid.add_row(Text(say(label, language)), Text("".join(map(bar, values))))
    end = clock(span_ms(analysis))
    grid.add_row(Text(), Text(f"00:00{end:>{len(cells) - 5}}", style="dim"))
    yield grid
    yield _legend(analysis, cells, language)


def _cells(analysis: CallAnalysis, columns: int) -> Iterator[Decision | None]:
    """One decision per column: the one of most concern inside the column's stretch."""
    total, decisions = span_ms(analysis), analysis.decisions
    edges = [total * i / columns for i in range(columns + 1)]
    for start, end in pairwise(edges):
        inside = [d for d in decisions if start < d.moment.t_event_ms <= end]
        if inside:
            yield max(inside, key=lambda d: d.snapshot.score.score)
        else:
            yield next((d for d in decisions if d.moment.t_event_ms > end), None)


def bar(value: float | None) -> str:
    """One cell whose height is a value of 0 to 1; None is no usable evidence."""
    if value is None:
        return _MISSING
    return _BARS[min(len(_BARS) - 1, int(value * len(_BARS)))]


def _legend(
    analysis: CallAnalysis, cells: Sequence[Decision | None], language: UiLanguage
) -> RenderableType:
    seen = {d.snapshot.state for d in cells if d is not None}
    entries = [
        f"{GLYPHS[s]} {say(STATES[s], language)}" + (f" {s.value}" if language == "zh" else "")
        for s in SessionState
        if s in seen
    ]
    if any(
        ChannelStatus.OK is not status
        for d in analysis.decisions
        for status in (d.moment.text_status, d.moment.voice_status)
    ):
        entries.append(f"{_MISSING} {say(_MISSING_NOTE, language)}")
    lines = [entries[0]]
    for entry in entries[1:]:  # a glyph stays with its name
        joined = f"{lines[-1]}   {entry}"
        does_fit = cell_len(joined) <= len(cells)
        lines[-1:] = [joined] if does_fit else [lines[-1], entry]
    return Padding(Text("\n".join(lines), style="dim"), (0, 0, 0, _LABEL_COLUMNS), expand=False)


def _change(
    transition: StateTransition,
    advice: PolicyRecommendation,
    language: UiLanguage,
    max_reasons: int,
) -> RenderableType:
    title = Text(clock(transition.t_event_ms), style="bold")
    title.append("  ")
    title.append_text(state_text(transition.from_state, language))
    title.append(" → ")
    title.append_text(state_text(transition.to_state, language))
    title.append(f"  {say(_SCORE, language)} {transition.score:.2f}", style="dim")
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=7, justify="right", style="dim")
    grid.add_column(overflow="fold")
    basis = transition.basis
    for number, reason in enumerate(basis.reasons[:max_reasons]):
        label, mark = ("", "· ") if number else (say(_WHY, language), "")
        grid.add_row(label, Text(mark).append_text(_said(reason, language)))
    unsaid = len(basis.reasons[max_reasons:])
    if unsaid:
        at = clock(transition.t_event_ms)
        more = _t(f"· {unsaid} more: explain --at {at}", f"· 另有 {unsaid} 条：explain --at {at}")
        grid.add_row("", Text(say(more, language), style="dim"))
    for counterfactual in basis.counterfactuals:
        grid.add_row(say(_WHAT_IF, language), _said(counterfactual.sentence, language))
    grid.add_row(say(_DO, language), _said(advice.reason, language))
    return Padding(Group(title, grid), (0, 0, 1, 0), expand=False)


def _notes(analysis: CallAnalysis, language: UiLanguage) -> Iterator[RenderableType]:
    if analysis.notices:
        yield from _heading(_NOTES, language)
        yield from (Text(say(phrases.noticed(n), language)) for n in analysis.notices)


def _closing(analysis: CallAnalysis, language: UiLanguage) -> Iterator[RenderableType]:
    final, peak, score = final_state(analysis), peak_decision(analysis), peak_score(analysis)
    if final is None or peak is None or score is None:
        return
    yield Text()
    line = Text(say(_t("Ended ", "结束时 "), language), style="bold")
    line.append_text(state_text(final, language))
    if peak.snapshot.state is not final:
        line.append(say(_t("; at its peak ", "；最高时 "), language))
        line.append_text(state_text(peak.snapshot.state, language))
        line.append(f" {clock(peak.moment.t_event_ms)}")
    line.append(say(_t("; highest score ", "；最高分数 "), language))
    line.append(f"{score:.2f}")
    yield line
    yield Text(say(phrases.EVIDENCE_NOT_PROOF, language), style="dim")


# --- one moment ----------------------------------------------------------------------------


def _no_state(analysis: CallAnalysis, language: UiLanguage) -> Iterator[RenderableType]:
    yield Text(say(phrases.headline(analysis), language), style="bold")
    if analysis.is_timing_only:
        yield Text(say(phrases.HOW_TO_GET_A_STATE, language))


def _moment(
    analysis: CallAnalysis, decision: Decision, language: UiLanguage
) -> Iterator[RenderableType]:
    basis, snapshot, m = decision.basis, decision.snapshot, decision.moment
    title = Text(f"{visible(analysis.source)}  ", style="dim")
    title.append(clock(m.t_event_ms), style="bold")
    title.append("  ")
    title.append_text(state_text(snapshot.state, language))
    since = say(_t("since", "始于"), language)
    title.append(f"  {since} {clock(snapshot.since_ms)}", style="dim")
    yield title
    yield _said(basis.path, language)
    if decision.transition is not None:
        yield Text()
        yield _change(decision.transition, decision.recommendation, language, len(basis.reasons))
    else:
        yield Text(say(_DO, language) + say(_COLON, language)).append_text(
            _said(decision.recommendation.reason, language)
        )
        yield Text()
    yield _channels(decision, language)
    yield from _terms(basis, language)
    yield from _evidence(basis, language)
    if decision.transition is None:
        for counterfactual in basis.counterfactuals:
            yield _said(counterfactual.sentence, language)
    calibration = say(_t("calibration", "校准版本"), language)
    yield Text(f"{calibration} {basis.calibration_version}", style="dim")


def _channels(decision: Decision, language: UiLanguage) -> Table:
    m = decision.moment
    grid = Table.grid(padding=(0, 2))
    channels = (
        (_WORDS, m.text_negativity, m.text_status),
        (_VOICE, m.voice_negativity, m.voice_status),
    )
    negativity = say(_t("negativity", "负面度"), language)
    for label, value, status in channels:
        shown = "–" if value is None else f"{value:.2f}"
        grid.add_row(
            say(label, language), Text(f"{negativity} {shown}"), say(STATUSES[status], language)
        )
    grid.add_row(say(_t("drift", "漂移"), language), Text(say(phrases.drift(decision), language)))
    return grid


def _terms(basis: StateBasis, language: UiLanguage) -> Iterator[RenderableType]:
    score = basis.score
    titles = (
        _t("signal", "信号"),
        _SCORE,
        _t("weight", "权重"),
        _t("adds", "贡献"),
        _t("share", "占比"),
        _t("from", "来自"),
    )
    table = Table(box=None, padding=(0, 1), header_style="dim", pad_edge=False)
    for title, justify in zip(titles, "lrrrrl", strict=True):
        table.add_column(
            say(title, language), justify="right" if justify == "r" else "left", overflow="fold"
        )
    for c in score.contributors:
        table.add_row(
            Text(say(SIGNALS[c.signal], language)),
            f"{c.score:.2f}",
            f"{c.weight:.2f}",
            f"{c.contribution:.2f}",
            f"{c.share:.0%}",
            Text(_details(c, language)),
        )
    yield Text()
    yield table
    total = f"{say(_SCORE, language)} {score.score:.2f}"
    if score.is_floor_applied:
        floor = _t(
            "from the floor that both channels set; the sum is",
            "取自两个通道共同决定的下限；总和",
        )
        total += f"; {say(floor, language)} {score.raw:.2f}"
    if score.coverage < 1.0:
        covered = say(_t("of the weights have a signal", "的权重有信号"), language)
        total += f"; {score.coverage:.0%} {covered}"
    yield Text(total, style="bold")


def _details(contributor: ScoreContributor, language: UiLanguage) -> str:
    if not contributor.weight:
        return say(_t("a channel is missing", "缺少一个通道"), language)
    return say(_LIST, language).join(
        f"{say(named(DETAILS, d.name), language)} {figure(d.value)}" for d in contributor.details
    )


def _evidence(basis: StateBasis, language: UiLanguage) -> Iterator[RenderableType]:
    if not (basis.words or basis.voice or basis.heads):
        return
    yield Text()
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for w in basis.words:
        kinds = "; ".join(
            f"{visible(s.text)} · "
            + say(RARE_IN_COMPLAINTS if s.contribution < 0.0 else KINDS[s.kind], language)
            for s in w.spans
        )
        quote = Text(f"“{visible(w.quote)}”").append(f"\n{kinds}" if kinds else "", style="dim")
        grid.add_row(say(_WORDS, language), _stretch(w.t_event_ms, w.t_end_ms), quote)
    for v in basis.voice:
        grid.add_row(
            say(_VOICE, language),
            _stretch(v.t_start_ms, v.t_end_ms),
            _said(v.observation, language),
        )
    for h in basis.heads:
        grid.add_row(say(HEADS[h.evidence.head], language), "", _said(phrases.head(h), language))
    yield grid
    yield Text()


# --- pieces --------------------------------------------------------------------------------


def _stretch(start_ms: int, end_ms: int) -> str:
    return f"{clock(start_ms)}–{clock(end_ms)}"


def _said(text: LocalText, language: UiLanguage) -> Text:
    """A sentence that may quote the customer."""
    return Text(visible(say(text, language)))


def state_text(state: SessionState, language: UiLanguage) -> Text:
    """A state's name in its colour."""
    return Text(say(STATES[state], language), style=STYLES[state])


def _heading(title: LocalText, language: UiLanguage) -> Iterator[RenderableType]:
    yield Text()
    yield Rule(Text(say(title, language), style="bold"), align="left", style="dim")
