"""Each change of state with everything it rests on, to be opened one by one."""

from __future__ import annotations

from subtone.contracts.analysis import CallAnalysis
from subtone.contracts.outputs import Decision
from subtone.contracts.session_state import (
    LocalText,
    ScoreContributor,
    StateBasis,
    StateTransition,
)
from subtone.surfaces.report import phrases
from subtone.surfaces.report.findings import claims_state, transitions
from subtone.surfaces.report.markup import both, esc, marked
from subtone.surfaces.report.words import (
    DETAILS,
    HEADS,
    SIGNALS,
    STATES,
    clock,
    figure,
    named,
)

MAX_CHANGES = 200


def _t(en: str, zh: str) -> LocalText:
    return LocalText(en=en, zh=zh)


def changes(analysis: CallAnalysis) -> str:
    """All transitions as disclosures; a few hundred at most."""
    found = transitions(analysis)
    if not found:
        none = _t("The state never changed.", "状态从未变化。")
        if not claims_state(analysis):
            none = _t("No state was claimed, so none changed.", "没有给出状态，因此没有变化。")
        return f"<p>{both(none)}</p>"
    shown = "".join(_change(i, d, t) for i, (d, t) in enumerate(found[:MAX_CHANGES], start=1))
    if len(found) > MAX_CHANGES:
        rest = len(found) - MAX_CHANGES
        more = _t(
            f"{rest} more changes are in summary.json; subtone explain shows each in full.",
            f"另有 {rest} 次变化见 summary.json；可用 subtone explain 逐一查看。",
        )
        shown += f"<p>{both(more)}</p>"
    return shown


def _change(index: int, decision: Decision, taken: StateTransition) -> str:
    basis, advice = taken.basis, decision.recommendation
    why = "".join(map(both, basis.reasons[:1]))
    go = _t("Show on the timeline", "在时间轴上显示")
    return (
        f'<details class="change" id="change-{index}"><summary>'
        f'<span class="no">{index}</span><span class="at">{clock(taken.t_event_ms)}</span>'
        f'<span class="move"><span class="pill p-{taken.from_state.value}">'
        f'{both(STATES[taken.from_state])}</span> <span aria-hidden="true">→</span>'
        f'<span class="sr">{both(_t("to", "变为"))}</span> '
        f'<span class="pill p-{taken.to_state.value}">{both(STATES[taken.to_state])}</span></span>'
        f'<span class="why">{why}</span>'
        f'<span class="figure">{taken.score:.2f}</span></summary>'
        f'<div class="basis">'
        f'<div class="column">{_reasons(basis)}{_counterfactuals(basis)}'
        f"<h3>{both(_t('Recommended', '建议'))}</h3>"
        f"<p>{both(advice.reason)}</p></div>"
        f'<div class="column">{_terms(basis)}{_evidence(basis)}</div>'
        f'<p class="foot"><button type="button" class="go" data-seek="{taken.t_event_ms}">'
        f"{both(go)}</button> <span>{both(_t('calibration', '校准版本'))} "
        f"{esc(basis.calibration_version)}</span></p></div></details>"
    )


def _reasons(basis: StateBasis) -> str:
    items = "".join(f"<li>{both(r)}</li>" for r in basis.reasons[1:])
    listed = f"<ul>{items}</ul>" if items else ""
    return (
        f"<h3>{both(_t('What was observed', '观察到什么'))}</h3>{listed}<p>{both(basis.path)}</p>"
    )


def _counterfactuals(basis: StateBasis) -> str:
    if not basis.counterfactuals:
        return ""
    items = "".join(f"<li>{both(c.sentence)}</li>" for c in basis.counterfactuals)
    title = _t("What would have changed it", "什么会改变这一结果")
    return f"<h3>{both(title)}</h3><ul>{items}</ul>"


def _terms(basis: StateBasis) -> str:
    score = basis.score
    rows = "".join(map(_term, score.contributors))
    notes: list[LocalText] = []
    if score.is_floor_applied:
        notes.append(
            _t(
                f"The floor that both channels together set, {score.floor:.2f}, stands above the "
                f"sum {score.raw:.2f}.",
                f"两个通道共同决定的下限 {score.floor:.2f} 高于总和 {score.raw:.2f}。",
            )
        )
    if score.coverage < 1.0:
        notes.append(
            _t(
                f"Signals exist for {score.coverage:.0%} of the weights.",
                f"有信号的权重占 {score.coverage:.0%}。",
            )
        )
    return (
        f"<h3>{both(_t('How the score is made', '分数如何构成'))}</h3>"
        f'<table class="terms"><tbody>{rows}</tbody><tfoot><tr>'
        f'<th scope="row">{both(_t("score", "分数"))}</th><td></td>'
        f"<td><b>{score.score:.2f}</b></td></tr></tfoot></table>"
        + "".join(f'<p class="note">{both(n)}</p>' for n in notes)
    )


def _term(c: ScoreContributor) -> str:
    details = "".join(
        f"<span>{both(named(DETAILS, d.name))} {figure(d.value)}</span>" for d in c.details
    )
    return (
        f'<tr><th scope="row">{both(SIGNALS[c.signal])}<small>{c.share:.0%}</small></th>'
        f'<td><svg aria-hidden="true" width="100%" height="10"><rect class="rail" width="100%" '
        f'height="10" rx="5"/><rect class="bar b-{c.signal.value}" width="{c.share * 100:.1f}%" '
        f'height="10" rx="5"/></svg><small class="details">{details}</small></td>'
        f"<td>{c.score:.2f} × {c.weight:.2f} = {c.contribution:.2f}</td></tr>"
    )


def _evidence(basis: StateBasis) -> str:
    parts: list[str] = []
    if basis.words:
        parts.append(f"<h3>{both(_t('The words', '相关文本'))}</h3>")
        parts += (
            f'<blockquote dir="auto"><button type="button" class="seek" data-seek="{w.t_event_ms}">'
            f"{clock(w.t_event_ms)}</button> {marked(w.quote, w.spans)}</blockquote>"
            for w in basis.words
        )
    if basis.voice:
        parts.append(f"<h3>{both(_t('The voice', '相关语音'))}</h3>")
        parts += (
            f'<p><button type="button" class="seek" data-seek="{v.t_start_ms}">'
            f"{clock(v.t_start_ms)}–{clock(v.t_end_ms)}</button> {both(v.observation)}</p>"
            for v in basis.voice
        )
    if basis.heads:
        parts.append(f"<h3>{both(_t('The models', '相关模型'))}</h3>")
        parts += (
            f"<p>{both(HEADS[h.evidence.head])} {both(phrases.head(h))}</p>" for h in basis.heads
        )
    return "".join(parts)
