"""The page's parts in words: facts, readout, transcript, tables, notes."""

from __future__ import annotations

from subtone.contracts.analysis import AnalysedTurn, CallAnalysis
from subtone.contracts.outputs import Decision
from subtone.contracts.session_state import LocalText
from subtone.surfaces.report import phrases
from subtone.surfaces.report.charts import thinned
from subtone.surfaces.report.findings import (
    conflict_spans,
    final_state,
    peak_decision,
    peak_score,
)
from subtone.surfaces.report.markup import both, esc, marked
from subtone.surfaces.report.words import CONFLICTS, STATES, STATUSES, clock

MAX_TABLE_ROWS = 720
NONE = "–"


def _t(en: str, zh: str) -> LocalText:
    return LocalText(en=en, zh=zh)


def number(value: float | None) -> str:
    """A score with two decimals, or a dash where there is none."""
    return NONE if value is None else f"{value:.2f}"


def timing_advice(analysis: CallAnalysis) -> str:
    """How to get a state where none is claimed."""
    if not analysis.is_timing_only:
        return ""
    return f'<p class="lead">{both(phrases.HOW_TO_GET_A_STATE)}</p>'


def facts(analysis: CallAnalysis) -> str:
    """The few figures under the headline."""
    final, peak, score = final_state(analysis), peak_decision(analysis), peak_score(analysis)
    found: list[tuple[LocalText, str]] = []
    if final is not None and peak is not None and score is not None:
        state = peak.snapshot.state
        found += (
            (_t("Ended", "结束时"), _pill(final.value, STATES[final])),
            (_t("At its peak", "最高时"), _pill(state.value, STATES[state])),
            (_t("Highest score", "最高分数"), number(score)),
            (_t("Confirmed conflicts", "已确认冲突"), str(_confirmed(analysis))),
        )
    found.append((_t("Length", "时长"), clock(analysis.duration_ms)))
    if analysis.alignment is not None:
        found.append((_t("Coverage", "覆盖率"), f"{analysis.alignment.coverage:.0%}"))
    return "".join(f"<div><dt>{both(name)}</dt><dd>{value}</dd></div>" for name, value in found)


def _confirmed(analysis: CallAnalysis) -> int:
    return sum(span.is_confirmed for span in conflict_spans(analysis.decisions))


def _pill(state: str, name: LocalText) -> str:
    return f'<span class="pill p-{state}">{both(name)}</span>'


def readout(decision: Decision) -> str:
    """The numbers of one moment; the script keeps them at the cursor."""
    m, found = decision.moment, decision.conflict.conflict
    text, voice = m.text_negativity, m.voice_negativity
    gap = None if text is None or voice is None else voice - text
    state = decision.snapshot.state
    cells = (
        ("time", _t("Moment", "时刻"), clock(m.t_event_ms)),
        ("state", _t("State", "状态"), _pill(state.value, STATES[state])),
        ("score", _t("Score", "分数"), number(decision.snapshot.score.score)),
        ("text", _t("Words", "文本"), number(text)),
        ("voice", _t("Voice", "语音"), number(voice)),
        ("gap", _t("Gap", "差距"), NONE if gap is None else f"{gap:+.2f}"),
        ("drift", _t("Drift", "漂移"), both(phrases.drift(decision))),
        (
            "conflict",
            _t("Conflict", "冲突"),
            NONE if found is None else both(CONFLICTS[found.type]),
        ),
    )
    return "".join(
        f'<div><dt>{both(name)}</dt><dd data-read="{key}">{value}</dd></div>'
        for key, name, value in cells
    )


def transcript(analysis: CallAnalysis) -> str:
    """Every turn with its time and evidence."""
    if not analysis.turns:
        empty = _t("No transcript was given.", "没有提供转写文本。")
        return f'<p class="note silent">{both(empty)}</p>'
    return f'<ol class="turns">{"".join(map(_turn, analysis.turns))}</ol>'


def _turn(analysed: AnalysedTurn) -> str:
    turn = analysed.turn
    spans = analysed.scored.scores.spans if analysed.scored is not None else ()
    start, end = turn.t_event_ms, max(turn.t_end_ms, turn.t_event_ms)
    return (
        f'<li class="turn {turn.role.value}" data-start="{start}" data-end="{end}">'
        f'<p class="who"><button type="button" class="seek" data-seek="{start}">{clock(start)}'
        f"</button> {both(phrases.speaker(turn.role))}</p>"
        f'<p class="said" dir="auto">{marked(turn.text, spans)}</p></li>'
    )


def moment_table(analysis: CallAnalysis) -> str:
    """The charts as a table, for those who read rather than see; folded away at first."""
    heads = (
        _t("Moment", "时刻"),
        _t("State", "状态"),
        _t("Score", "分数"),
        _t("Words", "文本"),
        _t("Voice", "语音"),
        _t("Drift", "漂移"),
        _t("Conflict", "冲突"),
    )
    rows = thinned(analysis.decisions, MAX_TABLE_ROWS)
    caption = _t("Every moment of the charts in numbers", "图中每个时刻的数值")
    if len(rows) < len(analysis.decisions):
        caption = _t(
            f"{len(rows)} of {len(analysis.decisions)} moments, of each stretch the one with the "
            "highest score; all are in timeline.jsonl",
            f"{len(analysis.decisions)} 个时刻中的 {len(rows)} 个（每段取分数最高者）；"
            "全部见 timeline.jsonl",
        )
    head = "".join(f'<th scope="col">{both(h)}</th>' for h in heads)
    name = both(_t("The same as a table", "以表格查看"))
    return (
        f'<details class="data"><summary>{name}</summary>'
        '<div class="scroll" tabindex="0" role="region" aria-labelledby="clock">'
        f"<table><caption>{both(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(map(_row, rows))}</tbody></table></div></details>"
    )


def _row(decision: Decision) -> str:
    m, found = decision.moment, decision.conflict.conflict
    words = number(m.text_negativity) if m.text is not None else both(STATUSES[m.text_status])
    voice = number(m.voice_negativity) if m.voice is not None else both(STATUSES[m.voice_status])
    return (
        f'<tr><th scope="row">{clock(m.t_event_ms)}</th>'
        f"<td>{both(STATES[decision.snapshot.state])}</td>"
        f"<td>{number(decision.snapshot.score.score)}</td><td>{words}</td><td>{voice}</td>"
        f"<td>{both(phrases.drift(decision))}</td>"
        f"<td>{NONE if found is None else both(CONFLICTS[found.type])}</td></tr>"
    )


def tracks(analysis: CallAnalysis) -> str:
    """What was heard, and what of it was scored."""
    if not analysis.tracks:
        chat = _t("No audio: this analysis read text only.", "没有音频：此分析仅读取文本。")
        return f"<p>{both(chat)}</p>"
    heads = (
        _t("Track", "音轨"),
        _t("Speaker", "说话人"),
        _t("Talks", "说话时长"),
        _t("Rate", "采样率"),
        _t("Scored", "评分"),
    )
    head = "".join(f'<th scope="col">{both(h)}</th>' for h in heads)
    rows = "".join(
        f'<tr><th scope="row">{esc(t.track_id)}</th><td>{both(phrases.speaker(t.role))}</td>'
        f'<td class="figures">{clock(t.talk_ms)} / {clock(t.duration_ms)}</td>'
        f'<td class="figures">{_rates(t.source_rate_hz, t.sample_rate_hz)}</td>'
        f"<td>{both(phrases.track_scoring(t))}</td></tr>"
        for t in analysis.tracks
    )
    return (
        '<div class="scroll" tabindex="0" role="region" aria-labelledby="heard">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _rates(source_hz: int, analysed_hz: int) -> str:
    if source_hz == analysed_hz:
        return f"{source_hz} Hz"
    return f"{source_hz} → {analysed_hz} Hz"


def notes(analysis: CallAnalysis) -> str:
    """Coverage, who answered, correlation and every notice, as sentences."""
    found: list[LocalText] = []
    if analysis.alignment is not None:
        found.append(phrases.coverage(analysis.alignment))
    if (heard := phrases.heard_by(analysis)) is not None:
        found.append(heard)
    if analysis.amd is not None:
        found.append(phrases.answered(analysis.amd))
    if analysis.correlation is not None:
        found.append(phrases.correlation(analysis.correlation))
    found += map(phrases.noticed, analysis.notices)
    return f"<ul>{''.join(f'<li>{both(s)}</li>' for s in found)}</ul>" if found else ""
