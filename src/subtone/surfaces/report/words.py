"""The product's vocabulary in words, English and Chinese: one table per contract enum.

Every surface names a state, a signal or a notice through these tables, so that the page,
the terminal and the documents say the same thing in both languages.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Literal

from subtone.contracts.session_state import LocalText
from subtone.contracts.vocabulary import (
    AmdCause,
    AmdVerdict,
    ChannelStatus,
    ConflictType,
    DriftState,
    HeadKind,
    Role,
    SessionState,
    Severity,
    Signal,
    SpanKind,
)
from subtone.kernel.session_state import phrases as kernel_phrases

UiLanguage = Literal["en", "zh"]


def _t(en: str, zh: str) -> LocalText:
    return LocalText(en=en, zh=zh)


def say(text: LocalText, language: UiLanguage) -> str:
    """One language of a sentence."""
    return text.zh if language == "zh" else text.en


# the names the kernel's own sentences use, so that a page never calls one thing two names
STATES: Mapping[SessionState, LocalText] = kernel_phrases.STATES
CONFLICTS: Mapping[ConflictType, LocalText] = kernel_phrases.CONFLICTS
SIGNALS: Mapping[Signal, LocalText] = kernel_phrases.SIGNALS
HEADS: Mapping[HeadKind, LocalText] = kernel_phrases.HEADS
clock = kernel_phrases.clock

DRIFTS: Mapping[DriftState, LocalText] = {
    DriftState.ALIGNED_POSITIVE: _t("both at ease", "正向一致"),
    DriftState.ALIGNED_NEGATIVE: _t("both negative", "负向一致"),
    DriftState.DIVERGING: _t("words and voice diverge", "分歧中"),
    DriftState.CROSS_ESCALATING: _t("both worsening", "交叉升级"),
    DriftState.CROSS_DEESCALATING: _t("both easing", "交叉降级"),
}

SEVERITIES: Mapping[Severity, LocalText] = {
    Severity.HIGH: _t("high", "高"),
    Severity.MEDIUM: _t("medium", "中"),
}

ROLES: Mapping[Role, LocalText] = {
    Role.CUSTOMER: _t("customer", "客户"),
    Role.AGENT: _t("agent", "坐席"),
    Role.UNKNOWN: _t("unknown speaker", "未知说话人"),
}

STATUSES: Mapping[ChannelStatus, LocalText] = {
    ChannelStatus.OK: _t("scored", "已评分"),
    ChannelStatus.INSUFFICIENT: _t("too little evidence", "证据不足"),
    ChannelStatus.UNAVAILABLE: _t("nothing fresh", "无近期数据"),
    ChannelStatus.NOT_PERMITTED: _t("not permitted", "未获许可"),
}

KINDS: Mapping[SpanKind, LocalText] = {
    SpanKind.FRUSTRATION: _t("frustration", "沮丧"),
    SpanKind.CONFUSION: _t("confusion", "困惑"),
    SpanKind.URGENCY: _t("urgency", "紧急"),
    SpanKind.CALM: _t("calm", "平静"),
    SpanKind.POSITIVITY: _t("positive", "正面"),
    SpanKind.SUPPRESSION: _t("suppression", "压抑"),
    SpanKind.ESCALATION_REQUEST: _t("asks to escalate", "要求升级"),
    SpanKind.RHETORICAL_QUESTION: _t("rhetorical", "反问"),
    SpanKind.EMPHASIS: _t("emphasis", "强调"),
    SpanKind.FITTED: _t("complaint word", "投诉用语"),
}

RARE_IN_COMPLAINTS = _t("rare in complaints", "投诉中少见")

AMD_VERDICTS: Mapping[AmdVerdict, LocalText] = {
    AmdVerdict.HUMAN: _t("A person answered", "由真人接听"),
    AmdVerdict.MACHINE: _t("A machine answered", "由机器应答"),
    AmdVerdict.FAX: _t("A fax machine answered", "由传真机应答"),
    AmdVerdict.UNKNOWN: _t("It is not clear who answered", "无法判断接听者"),
}

AMD_CAUSES: Mapping[AmdCause, LocalText] = {
    AmdCause.INITIAL_SILENCE: _t("long silence at the start", "开头长时间静音"),
    AmdCause.LONG_GREETING: _t("long greeting", "问候语过长"),
    AmdCause.MAX_WORDS: _t("too many words in the greeting", "问候语词数过多"),
    AmdCause.LONG_WORD: _t("one very long stretch of sound", "单段声音过长"),
    AmdCause.HUMAN_PAUSE: _t("a short greeting, then a pause", "简短问候后停顿"),
    AmdCause.BEEP: _t("a beep", "提示音"),
    AmdCause.SIT_TONES: _t("network information tones", "网络信息音"),
    AmdCause.FAX_TONE: _t("a fax tone", "传真音"),
    AmdCause.TEXT_HINT: _t("the words of the greeting", "问候语的内容"),
    AmdCause.TWILIO: _t("Twilio's own detection", "电话平台自身的检测"),
    AmdCause.TOO_LONG: _t("no decision in time", "未在时限内判定"),
    AmdCause.NO_AUDIO: _t("no audio", "没有音频"),
}

DETAILS: Mapping[str, LocalText] = {
    "base": _t("base of the drift state", "漂移状态基值"),
    "level": _t("mean negativity", "平均负面度"),
    "severity": _t("weight of the severity", "严重度权重"),
    "gap": _t("voice minus words", "语音减文本"),
    "on_ticks": _t("moments in a row", "连续时刻数"),
    "text_negativity": _t("words", "文本"),
    "voice_negativity": _t("voice", "语音"),
}

# {n} is the notice's count where the count is a quantity and not a number of times
NOTICES: Mapping[str, LocalText] = {
    "audio_gap": _t("{n} ms of audio are missing", "缺失 {n} 毫秒音频"),
    "duplicate_audio": _t("audio was sent twice and is counted once", "音频重复发送，只计一次"),
    "source_below_8_khz_upsampled": _t(
        "the recording is sampled below 8 kHz and was raised to it",
        "录音采样率低于 8 kHz，已升至 8 kHz",
    ),
    "late_text": _t(
        "words arrived after their moment was closed; they are shown, the history stands",
        "文本在其时刻关闭之后才到达：仍然显示，历史不变",
    ),
    "transcript_out_of_order": _t(
        "turns of the transcript were out of order and were sorted by time",
        "转写文本的轮次顺序有误，已按时间排序",
    ),
    "transcript_empty_turn": _t(
        "turns of the transcript held no words and were left out",
        "转写文本中的空轮次已略去",
    ),
    "models_silent": _t(
        "the models of the voice had no say: they speak after three utterances of the customer",
        "语音模型未参与判断：它们要先听过客户的三段话",
    ),
    "unknown_role": _t(
        "nobody said who speaks on a track, so its emotion was not scored",
        "未说明某音轨的说话人，因此未对其情绪评分",
    ),
    "paused": _t("analysis was paused; the pause stays a gap", "分析被暂停：该段保持空缺"),
    "resumed": _t("analysis went on after a pause", "暂停后分析继续"),
    "text_while_paused": _t(
        "words that came during a pause were not read", "暂停期间到达的文本未被读取"
    ),
    "consent_changed": _t(
        "the customer's consent to voice analysis changed", "客户对语音分析的许可发生变化"
    ),
}


def notice(code: str, count: int) -> LocalText:
    """What one notice means, with its count; an unknown code is named, never hidden."""
    text = NOTICES.get(code) or _t(f"note of the analysis: {code}", f"分析提示：{code}")
    if "{n}" in text.en:
        return _t(text.en.format(n=count), text.zh.format(n=count))
    if count == 1:
        return text
    return _t(f"{text.en} ({count} times)", f"{text.zh}（{count} 次）")


def named(table: Mapping[str, LocalText], name: str) -> LocalText:
    """The words for an open name; an unknown one stands for itself."""
    return table.get(name) or _t(name.replace("_", " "), name.replace("_", " "))


def figure(value: float) -> str:
    """A number inside a sentence: two decimals, none where it is whole."""
    return f"{value:.2f}".removesuffix(".00")


_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
_JOINERS = "\u200c\u200d\n\t"  # emoji and Indic scripts need the joiners


def visible(text: str) -> str:
    """Text whose controls can be seen and do nothing.

    Transcripts are foreign input: a bidi override reorders a line, an escape sequence
    drives a terminal. Each such character is shown as its code point in brackets.
    """
    return "".join(
        f"[U+{ord(c):04X}]" if unicodedata.category(c) in _INVISIBLE and c not in _JOINERS else c
        for c in text
    )
