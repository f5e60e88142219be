"""Whole sentences about one analysis, in both languages, shared by page and terminal."""

from __future__ import annotations

from subtone.contracts.analysis import CallAnalysis, TrackSummary
from subtone.contracts.outputs import Decision, Notice
from subtone.contracts.session_state import LocalText
from subtone.contracts.signal_correlation import (
    EmotionCorrelation,
    HeadShare,
    TimelineAlignment,
)
from subtone.contracts.vocabulary import AmdCause, AmdVerdict, Role, SessionState
from subtone.contracts.voice_intelligence import AmdResult
from subtone.surfaces.report.findings import (
    ConflictSpan,
    final_state,
    models,
    peak_decision,
    state_spans,
    transitions,
)
from subtone.surfaces.report.words import (
    AMD_CAUSES,
    AMD_VERDICTS,
    CONFLICTS,
    DRIFTS,
    ROLES,
    SEVERITIES,
    STATES,
    clock,
    notice,
)

_DISAGREE = LocalText(
    en="From {t} the words stayed mild while the voice did not",
    zh="从 {t} 起，话语温和而语音并非如此",
)
_PEAKS = {
    SessionState.RISING_TENSION: LocalText(en="Tension rose at {t}", zh="从 {t} 起，通话渐趋紧张"),
    SessionState.HIDDEN_FRUSTRATION: _DISAGREE,
    SessionState.ESCALATION_RISK: LocalText(
        en="From {t} the call was at risk of escalating", zh="从 {t} 起，通话有升级风险"
    ),
    SessionState.ACTIVE_ESCALATION: LocalText(
        en="From {t} the call was escalating openly", zh="从 {t} 起，通话进入主动升级"
    ),
}

# causes that no person's way of answering can give, unlike silence or a long greeting
_HEARD_A_MACHINE = (AmdCause.BEEP, AmdCause.FAX_TONE, AmdCause.SIT_TONES, AmdCause.TEXT_HINT)

TIMING_ONLY = LocalText(
    en="Talk and silence only: no state is claimed for this call.",
    zh="仅有说话与静音信息：不对此通话给出状态。",
)
HOW_TO_GET_A_STATE = LocalText(
    en="No customer voice and no customer words were scored. To get a state, say who speaks: "
    "analyse again with --roles customer (one channel) or --roles customer,agent (two channels).",
    zh="没有对客户语音或客户文本评分。要得到状态，请说明谁在说话：重新分析并加上 "
    "--roles customer（单声道）或 --roles customer,agent（双声道）。",
)
EVIDENCE_NOT_PROOF = LocalText(
    en="A conflict between words and voice is evidence to listen to that stretch, not proof of a "
    "feeling. Agitation is arousal measured against this caller's own baseline; by itself it "
    "cannot tell anger from joy.",
    zh="话语与语音的冲突是值得去听这一段的证据，并不证明某种情绪。激动度是相对来电者自身基线的"
    "唤醒程度，仅凭它无法区分愤怒与喜悦。",
)


def headline(analysis: CallAnalysis) -> LocalText:
    """What the call was, in one or two plain sentences."""
    peak, final = peak_decision(analysis), final_state(analysis)
    if analysis.is_timing_only:
        return TIMING_ONLY
    if peak is None or final is None:
        return LocalText(
            en="Nothing of the customer was long or clear enough to score; no state is claimed.",
            zh="客户的话语和语音都不够长或不够清楚，无法评分；不给出状态。",
        )
    amd = analysis.amd
    if amd and amd.verdict is not AmdVerdict.HUMAN and amd.cause in _HEARD_A_MACHINE:
        who = AMD_VERDICTS[amd.verdict]
        return LocalText(
            en=f"{who.en}: what was scored is its greeting, not a customer.",
            zh=f"{who.zh}：所评的是其问候语，并非客户。",
        )
    reached = peak.snapshot.state
    if reached not in _PEAKS:
        return LocalText(en="Calm from start to end.", zh="自始至终平静。")
    at = clock(peak.moment.t_event_ms)
    en, zh = _PEAKS[reached].en.format(t=at), _PEAKS[reached].zh.format(t=at)
    hidden = _hidden_before(analysis, peak.moment.t_event_ms)
    if hidden is not None:
        since = clock(hidden)
        en = f"{_DISAGREE.en.format(t=since)}; {en[0].lower()}{en[1:]}"
        zh = f"{_DISAGREE.zh.format(t=since)}；{zh}"
    again = sum(span.state is reached for span in state_spans(analysis)) - 1
    if again:
        en += f", and {again} more {'time' if again == 1 else 'times'}"
        zh += f"，此后又出现 {again} 次"
    elif final is reached:
        return LocalText(en=f"{en}, until the end.", zh=f"{zh}，直到结束。")
    ended = f"in {STATES[final].en}" if final in _PEAKS else STATES[final].en
    return LocalText(en=f"{en}. It ended {ended}.", zh=f"{zh}。结束时：{STATES[final].zh}。")


def _hidden_before(analysis: CallAnalysis, t_ms: int) -> int | None:
    """When the last hidden_frustration before a moment began, if there was one."""
    began = [
        t.t_event_ms
        for _, t in transitions(analysis)
        if t.to_state is SessionState.HIDDEN_FRUSTRATION and t.t_event_ms < t_ms
    ]
    return began[-1] if began else None


def track_scoring(track: TrackSummary) -> LocalText:
    """Whether a track's emotion was scored, and why not."""
    if track.is_emotion_scored:
        return LocalText(en="voice emotion scored", zh="已评语音情绪")
    if track.role is Role.UNKNOWN:
        return LocalText(en="timing only: role unknown", zh="仅时间信息：角色未知")
    if track.role is Role.AGENT:
        return LocalText(
            en="timing only: agents are not emotion-scored", zh="仅时间信息：不评坐席情绪"
        )
    return LocalText(
        en="timing only: not permitted, or another customer is the one scored",
        zh="仅时间信息：未获许可，或已对另一位客户评分",
    )


def coverage(alignment: TimelineAlignment) -> LocalText:
    """How much of the call could be read, in plain words."""
    n, text, voice = (
        alignment.moment_count,
        alignment.text_moment_count,
        alignment.voice_moment_count,
    )
    en = f"Words could be used at {text} of {n} moments, the voice at {voice} of {n}"
    zh = f"{n} 个时刻中，文本可用 {text} 个，语音可用 {voice} 个"
    if alignment.gap_ms:
        en += f"; {alignment.gap_ms / 1000:.0f} s of audio are missing"
        zh += f"；缺失音频 {alignment.gap_ms / 1000:.0f} 秒"
    share = f"{alignment.coverage:.0%}"
    return LocalText(en=f"{en} (coverage {share}).", zh=f"{zh}（覆盖率 {share}）。")


def heard_by(analysis: CallAnalysis) -> LocalText | None:
    """Which models had a say in the voice channel beside the acoustics; None without any."""
    named = models(analysis)
    if not named:
        return None
    return LocalText(
        en=f"Models that heard the voice too: {', '.join(named)}.",
        zh=f"同时听取语音的模型：{'、'.join(named)}。",
    )


def head(share: HeadShare) -> LocalText:
    """What one model read at one moment, and what it did to the voice channel."""
    found, effect = share.evidence, f"{share.effect:+.2f}"
    value, weight = f"{found.value:.2f}", f"{found.weight:.2f}"
    return LocalText(
        en=f"reads {value}, weight {weight}: voice negativity {effect} ({found.model})",
        zh=f"读数 {value}，权重 {weight}：语音负面度 {effect}（{found.model}）",
    )


def correlation(found: EmotionCorrelation) -> LocalText:
    """Whether words and voice move together."""
    if not found.is_significant or found.r is None:
        return LocalText(
            en=f"Whether words and voice move together cannot be said ({found.pair_count} pairs).",
            zh=f"无法判断文本与语音是否同步变化（{found.pair_count} 对数据）。",
        )
    lag_s = (found.lag_ms or 0) / 1000
    if lag_s > 0:
        lag = (f"; the words follow the voice by {lag_s:.0f} s", f"；文本滞后语音 {lag_s:.0f} 秒")
    elif lag_s < 0:
        lag = (
            f"; the voice follows the words by {-lag_s:.0f} s",
            f"；语音滞后文本 {-lag_s:.0f} 秒",
        )
    else:
        lag = ("", "")
    return LocalText(
        en=f"Words and voice move together (r {found.r:.2f}){lag[0]}.",
        zh=f"文本与语音同步变化（r {found.r:.2f}）{lag[1]}。",
    )


def conflict(span: ConflictSpan) -> LocalText:
    """One stretch of disagreement, in plain words."""
    kind, severity = CONFLICTS[span.type], SEVERITIES[span.severity]
    at = f"{clock(span.start_ms)}–{clock(span.end_ms)}"
    gap = f"{abs(span.peak_gap):.2f}"
    side_en, side_zh = ("above", "高出") if span.peak_gap >= 0 else ("below", "低于")
    sure_en, sure_zh = (
        ("confirmed", "已确认")
        if span.is_confirmed
        else ("raised, not confirmed", "曾出现，未确认")
    )
    return LocalText(
        en=f"{at} {kind.en}: {severity.en} severity, {sure_en}; "
        f"the voice at most {gap} {side_en} the words",
        zh=f"{at} {kind.zh}：严重度{severity.zh}，{sure_zh}；语音最多{side_zh}文本 {gap}",
    )


def drift(decision: Decision) -> LocalText:
    """How words and voice stand to each other; only both together can say."""
    m = decision.moment
    if m.text_negativity is None or m.voice_negativity is None:
        return LocalText(en="–", zh="–")
    return DRIFTS[decision.drift.state]


def answered(amd: AmdResult) -> LocalText:
    """Who or what answered, and the rule that decided."""
    verdict, cause = AMD_VERDICTS[amd.verdict], AMD_CAUSES[amd.cause]
    at = clock(amd.t_event_ms)
    en = f"{verdict.en}: {cause.en} (decided at {at}, confidence {amd.confidence:.2f})"
    zh = f"{verdict.zh}：{cause.zh}（{at} 判定，置信度 {amd.confidence:.2f}）"
    if amd.beep_ms is not None:
        en += f"; the beep ended at {clock(amd.beep_ms)}"
        zh += f"；提示音于 {clock(amd.beep_ms)} 结束"
    return LocalText(en=f"{en}.", zh=f"{zh}。")


def noticed(found: Notice) -> LocalText:
    """One notice with its time and count."""
    text, at = notice(found.code, found.count), clock(found.t_event_ms)
    return LocalText(en=f"{at} {text.en}.", zh=f"{at} {text.zh}。")


def speaker(role: Role) -> LocalText:
    """A role with its first letter as a heading has it."""
    name = ROLES[role]
    return LocalText(en=name.en.capitalize(), zh=name.zh)
