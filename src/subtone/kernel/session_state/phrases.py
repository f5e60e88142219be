"""Every sentence the session state speaks, in English and Chinese.

A phrase says what was observed: words, seconds, deviations, thresholds. It never says what
a person feels; a mismatch of words and voice is a reason to look, and says so.
"""

from __future__ import annotations

from subtone.contracts.session_state import LocalText
from subtone.contracts.vocabulary import (
    Action,
    Channel,
    ChannelStatus,
    ConflictType,
    DriftState,
    HeadKind,
    SessionState,
    Signal,
    SpanKind,
    TextDimension,
    VoiceDimension,
    VoiceFeature,
)


def _text(en: str, zh: str) -> LocalText:
    return LocalText(en=en, zh=zh)


def fill(template: LocalText, **parts: LocalText | str) -> LocalText:
    """Fill a phrase; a part that is itself a phrase enters each language in that language."""
    en = {name: p.en if isinstance(p, LocalText) else p for name, p in parts.items()}
    zh = {name: p.zh if isinstance(p, LocalText) else p for name, p in parts.items()}
    return LocalText(en=template.en.format_map(en), zh=template.zh.format_map(zh))


def join(parts: list[LocalText], separator: LocalText) -> LocalText:
    """Join phrases language by language."""
    return LocalText(
        en=separator.en.join(p.en for p in parts), zh=separator.zh.join(p.zh for p in parts)
    )


def clock(t_ms: int) -> str:
    """Media time as mm:ss, or h:mm:ss from one hour on."""
    minutes, seconds = divmod(t_ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"


SEMICOLON = _text("; ", "；")
AND = _text(" and ", "、")

# --- names ---------------------------------------------------------------------------------

STATES: dict[SessionState, LocalText] = {
    SessionState.CALM: _text("calm", "平静"),
    SessionState.RISING_TENSION: _text("rising tension", "渐趋紧张"),
    SessionState.HIDDEN_FRUSTRATION: _text("hidden frustration", "隐藏不满"),
    SessionState.ESCALATION_RISK: _text("escalation risk", "升级风险"),
    SessionState.ACTIVE_ESCALATION: _text("active escalation", "主动升级"),
    SessionState.DEESCALATING: _text("de-escalating", "降级中"),
    SessionState.RESOLVED: _text("resolved", "已解决"),
}

CHANNELS: dict[Channel, LocalText] = {
    Channel.TEXT: _text("the words'", "文本"),
    Channel.VOICE: _text("the voice's", "语音"),
}

DIMENSIONS: dict[TextDimension | VoiceDimension, LocalText] = {
    TextDimension.FRUSTRATION: _text("frustration", "沮丧度"),
    TextDimension.CONFUSION: _text("confusion", "困惑度"),
    TextDimension.URGENCY: _text("urgency", "紧迫度"),
    TextDimension.CALM: _text("calm", "平静度"),
    VoiceDimension.AGITATION: _text("agitation", "激动度"),
    VoiceDimension.STRESS: _text("stress", "压力度"),
    VoiceDimension.HESITATION: _text("hesitation", "犹豫度"),
    VoiceDimension.CALM: _text("calm", "平静度"),
}

SIGNALS: dict[Signal, LocalText] = {
    Signal.DRIFT: _text("drift", "漂移"),
    Signal.CONFLICT: _text("conflict", "冲突"),
    Signal.EMOTION: _text("emotion", "情绪"),
}

SPAN_KINDS: dict[SpanKind, LocalText] = {
    SpanKind.FRUSTRATION: _text("frustration words", "沮丧词"),
    SpanKind.CONFUSION: _text("confusion words", "困惑词"),
    SpanKind.URGENCY: _text("urgency markers", "紧急标记"),
    SpanKind.CALM: _text("calm markers", "平静标记"),
    SpanKind.POSITIVITY: _text("positive words", "正面词"),
    SpanKind.SUPPRESSION: _text(
        "a suppression phrase, never counted as calm", "压抑性用语，不计为平静"
    ),
    SpanKind.ESCALATION_REQUEST: _text("an explicit escalation request", "明确的升级诉求"),
    SpanKind.RHETORICAL_QUESTION: _text("a rhetorical question", "反问"),
    SpanKind.EMPHASIS: _text("emphasis", "强调"),
    SpanKind.FITTED: _text("words common in complaints", "投诉中常见的说法"),
}
NO_MARKERS = _text("no marked words", "无标记词")
LIST_COMMA = _text(", ", "、")

# --- the path: which edge, and what held it ---------------------------------------------------

MOVED = _text(
    "{from_state} → {to_state} on edge {edge}: {cause}; {observed}",
    "{from_state} → {to_state}，经由 {edge}：{cause}；{observed}",
)
STAYED = _text(
    "stays {to_state} ({edge}): {cause}; {observed}",
    "保持{to_state}（{edge}）：{cause}；{observed}",
)

EDGES: dict[str, LocalText] = {
    "hold": _text(
        "score {score} meets no condition for a change", "分数 {score} 不满足任何转换条件"
    ),
    "dwell": _text(
        "score {score}; the minimum stay of {dwell_ticks} moments is not over",
        "分数 {score}；未满 {dwell_ticks} 个时刻的最短停留",
    ),
    "no_evidence": _text(
        "nothing was heard or read that could move the state", "没有可据以改变状态的话语或语音"
    ),
    "conflict_detected": _text(
        "words and voice disagree, and the mismatch is confirmed; score {score}",
        "文本与语音不一致且已确认；分数 {score}",
    ),
    "score_gt_0.25": _text("score {score} is above {rising}", "分数 {score} 高于 {rising}"),
    "score_gt_0.55": _text("score {score} is above {risk}", "分数 {score} 高于 {risk}"),
    "score_gt_0.75": _text(
        "score {score} is above {active} and stayed in the top band for {active_ticks} moments",
        "分数 {score} 高于 {active}，并在最高档保持 {active_ticks} 个时刻",
    ),
    "tension_eased": _text(
        "score {score} is back in the lowest band (at most {rising_exit})",
        "分数 {score} 回到最低档（不高于 {rising_exit}）",
    ),
    "conflict_cleared": _text(
        "the mismatch of words and voice is no longer confirmed; score {score}",
        "文本与语音的不一致已解除；分数 {score}",
    ),
    "score_falling": _text(
        "score {score} fell to the exit threshold of {from_state} or below",
        "分数 {score} 已降至{from_state}的退出阈值或以下",
    ),
    "score_lt_0.15": _text(
        "score {score} stayed below {resolved} for {resolved_ticks} moments and no mismatch stands",
        "分数 {score} 连续 {resolved_ticks} 个时刻低于 {resolved}，且无未解除的不一致",
    ),
    "stalled_high": _text(
        "no new low for {stall_ticks} moments while score {score} stays in the risk band",
        "{stall_ticks} 个时刻内未出现新低，分数 {score} 仍在风险档",
    ),
    "residual_conflict": _text(
        "no new low for {stall_ticks} moments and words and voice still disagree; score {score}",
        "{stall_ticks} 个时刻内未出现新低，文本与语音仍不一致；分数 {score}",
    ),
    "residual_tension": _text(
        "no new low for {stall_ticks} moments; score {score} rests above the lowest band",
        "{stall_ticks} 个时刻内未出现新低；分数 {score} 仍高于最低档",
    ),
    "settled": _text(
        "no new low for {stall_ticks} moments; score {score} rests in the lowest band",
        "{stall_ticks} 个时刻内未出现新低；分数 {score} 稳定在最低档",
    ),
    "reopened_conflict": _text(
        "after resolution words and voice disagree again, and the mismatch is confirmed; "
        "score {score}",
        "解决之后文本与语音再度不一致且已确认；分数 {score}",
    ),
    "reopened": _text(
        "after resolution score {score} is above {rising} again",
        "解决之后分数 {score} 再次高于 {rising}",
    ),
}

# --- what was observed ------------------------------------------------------------------------

BOTH = _text("{words} while {voice}", "{words}，而{voice}")
WORDS_READ = _text("the words read {level} ({negativity})", "文本读来{level}（{negativity}）")
VOICE_IS = _text("the voice is {deviations} ({negativity})", "语音{deviations}（{negativity}）")
ONLY_WORDS = _text(
    "{words}; {missing_voice}; judged by words alone, coverage {coverage} %",
    "{words}；{missing_voice}；仅依据文本判断，覆盖率 {coverage} %",
)
ONLY_VOICE = _text(
    "{missing_words}; {voice}; judged by voice alone, coverage {coverage} %",
    "{missing_words}；{voice}；仅依据语音判断，覆盖率 {coverage} %",
)
NEITHER = _text(
    "{missing_words}; {missing_voice}; nothing to judge by, coverage {coverage} %",
    "{missing_words}；{missing_voice}；没有可依据的信号，覆盖率 {coverage} %",
)
MASKING_HELD = _text("masking held since {since}", "掩饰性不一致自 {since} 起持续")

LEVEL_CALM = _text("calm", "平静")
LEVEL_NEUTRAL = _text("neutral", "中性")
LEVEL_NEGATIVE = _text("negative", "负面")

MISSING: dict[tuple[Channel, ChannelStatus], LocalText] = {
    (Channel.TEXT, ChannelStatus.OK): _text("the words gave no score yet", "文本尚无评分"),
    (Channel.VOICE, ChannelStatus.OK): _text("the voice gave no score yet", "语音尚无评分"),
    (Channel.TEXT, ChannelStatus.UNAVAILABLE): _text("no words were available", "没有可用的文本"),
    (Channel.TEXT, ChannelStatus.INSUFFICIENT): _text(
        "the words gave too little evidence", "文本证据不足"
    ),
    (Channel.TEXT, ChannelStatus.NOT_PERMITTED): _text(
        "words may not be scored on this call", "本次通话不允许对文本评分"
    ),
    (Channel.VOICE, ChannelStatus.UNAVAILABLE): _text("no voice was available", "没有可用的语音"),
    (Channel.VOICE, ChannelStatus.INSUFFICIENT): _text(
        "the voice gave too little clear speech", "语音的清晰有效时长不足"
    ),
    (Channel.VOICE, ChannelStatus.NOT_PERMITTED): _text(
        "voice may not be scored on this call", "本次通话不允许对语音评分"
    ),
}

VOICE_HELD = _text(
    "the voice stands at its last reading ({negativity})", "语音沿用最近一次读数（{negativity}）"
)
DEVIATION = _text("{amount} sd {direction}", "{direction} {amount} 个标准差")
AT_LEAST = _text("at least {amount}", "≥{amount}")
VS_BASELINE = _text("{deviations} than this caller's baseline", "较来电者自身基线{deviations}")
USUAL = _text("within this caller's usual range", "处于来电者的惯常范围内")
# before the caller's own baseline stands, the comparison is with people in general
VS_TYPICAL = _text(
    "{deviations} than a typical caller (this caller's own baseline is not established yet)",
    "较一般来电者{deviations}（尚未建立该来电者自身的基线）",
)
TYPICAL = _text(
    "within a typical caller's range (this caller's own baseline is not established yet)",
    "处于一般来电者的范围内（尚未建立该来电者自身的基线）",
)

# feature -> (above the baseline, below it)
DIRECTIONS: dict[VoiceFeature, tuple[LocalText, LocalText]] = {
    VoiceFeature.F0_MEAN: (
        _text("higher in pitch", "音高偏高"),
        _text("lower in pitch", "音高偏低"),
    ),
    VoiceFeature.F0_MEDIAN: (
        _text("higher in pitch", "音高偏高"),
        _text("lower in pitch", "音高偏低"),
    ),
    VoiceFeature.F0_SD: (
        _text("more varied in pitch", "音高起伏偏大"),
        _text("less varied in pitch", "音高起伏偏小"),
    ),
    VoiceFeature.F0_SLOPE: (
        _text("quicker in its pitch movement", "音高变化偏快"),
        _text("slower in its pitch movement", "音高变化偏慢"),
    ),
    VoiceFeature.ENERGY: (_text("louder", "音量偏大"), _text("quieter", "音量偏小")),
    VoiceFeature.ENERGY_P95: (
        _text("louder at its peaks", "峰值音量偏大"),
        _text("quieter at its peaks", "峰值音量偏小"),
    ),
    VoiceFeature.ENERGY_SD: (
        _text("less even in loudness", "音量起伏偏大"),
        _text("more even in loudness", "音量起伏偏小"),
    ),
    VoiceFeature.TILT: (_text("brighter", "音色偏亮"), _text("darker", "音色偏暗")),
    VoiceFeature.TILT_P80: (_text("brighter", "音色偏亮"), _text("darker", "音色偏暗")),
    VoiceFeature.FLUX: (
        _text("quicker in its changes of sound", "音色变化偏快"),
        _text("slower in its changes of sound", "音色变化偏慢"),
    ),
    VoiceFeature.RATE: (_text("faster", "语速偏快"), _text("slower", "语速偏慢")),
    VoiceFeature.SILENCE: (_text("more silent", "静默偏多"), _text("less silent", "静默偏少")),
    VoiceFeature.PAUSE: (
        _text("longer in its pauses", "停顿偏长"),
        _text("shorter in its pauses", "停顿偏短"),
    ),
    VoiceFeature.FRAGMENT: (
        _text("more broken up", "断续偏多"),
        _text("more continuous", "更为连贯"),
    ),
}

# --- reasons ----------------------------------------------------------------------------------

STATE_REASONS: dict[SessionState, LocalText] = {
    SessionState.CALM: _text(
        "the score is low and no mismatch is confirmed",
        "分数较低，且没有已确认的不一致",
    ),
    SessionState.RISING_TENSION: _text(
        "the score is above its calm band and no mismatch is confirmed",
        "分数高于平静档，且没有已确认的不一致",
    ),
    SessionState.HIDDEN_FRUSTRATION: _text(
        "a mismatch was confirmed, the voice standing out more than the words",
        "已确认不一致，语音比文本更突出",
    ),
    SessionState.ESCALATION_RISK: _text(
        "the score went above the risk threshold",
        "分数升过风险阈值",
    ),
    SessionState.ACTIVE_ESCALATION: _text(
        "the score held above the highest threshold",
        "分数持续高于最高阈值",
    ),
    SessionState.DEESCALATING: _text(
        "the score fell from risk or active escalation and is being watched",
        "分数已从升级风险或主动升级回落，仍在观察",
    ),
    SessionState.RESOLVED: _text("the score fell and stayed low", "分数回落并保持在低位"),
}

SCORE_SUM = _text(
    "score {score} = {terms}; largest: {dominant} ({share} %)",
    "分数 {score} = {terms}；最大项：{dominant}（{share} %）",
)
SCORE_FLOOR = _text(
    "score {score}: words and voice are negative together, and the floor {floor} that both set "
    "stands above the weighted sum {raw} ({terms})",
    "分数 {score}：文本与语音同时为负面，两者共同决定的下限 {floor} 高于加权和 {raw}（{terms}）",
)
SCORE_NOTHING = _text("score {score}: no signal contributes", "分数 {score}：没有信号作出贡献")
SCORE_TERM = _text("{signal} {contribution}", "{signal} {contribution}")
PLUS = _text(" + ", " + ")

DRIFT_REASONS: dict[DriftState, LocalText] = {
    DriftState.ALIGNED_POSITIVE: _text(
        "drift: nothing negative has lasted in words or voice",
        "漂移：文本与语音均无持续的负面表现",
    ),
    DriftState.ALIGNED_NEGATIVE: _text(
        "drift: words and voice are both high in negativity",
        "漂移：文本与语音的负面程度均较高",
    ),
    DriftState.DIVERGING: _text("drift: words and voice moved apart", "漂移：文本与语音走向分离"),
    DriftState.CROSS_ESCALATING: _text(
        "drift: words and voice worsened together",
        "漂移：文本与语音同时恶化",
    ),
    DriftState.CROSS_DEESCALATING: _text(
        "drift: words and voice are easing together",
        "漂移：文本与语音同时缓和",
    ),
}

CONFLICTS: dict[ConflictType, LocalText] = {
    ConflictType.TEXT_POSITIVE_VOICE_NEGATIVE: _text(
        "words positive, voice negative", "文本正面而语音负面"
    ),
    ConflictType.TEXT_CALM_VOICE_AGITATED: _text(
        "words calm, voice agitated", "文本平静而语音激动"
    ),
    ConflictType.TEXT_NEUTRAL_VOICE_STRESSED: _text(
        "words neutral, voice stressed", "文本中性而语音紧绷"
    ),
    ConflictType.VOICE_CALM_TEXT_FRUSTRATED: _text(
        "words frustrated, voice calm", "文本沮丧而语音平静"
    ),
}
CONFLICT_REASON = _text(
    "{type} ({words_negativity} against {voice_negativity}): {quotes} disagree with {seconds}; "
    "{confirmation}; a conflict is evidence to look, not proof of a hidden feeling",
    "{type}（{words_negativity} 对 {voice_negativity}）：{quotes}与{seconds}不一致；"
    "{confirmation}；冲突只是值得查看的线索，不能证明存在隐藏的情绪",
)
CONFLICT_STANDING = _text(
    "a mismatch first seen at {since} was confirmed and stands; moments without it: {off_ticks}",
    "首次出现于 {since} 的不一致已确认且尚未解除；未再出现的时刻数：{off_ticks}",
)
CONFIRMED = _text("confirmed, first seen at {since}", "已确认，首次出现于 {since}")
UNCONFIRMED = _text("not yet confirmed, so not scored", "尚未确认，因此不计分")
OPEN_CONFLICT = _text("not a masking pattern", "不属于掩饰模式")
WORDS_QUOTED = _text("the words “{quote}” at {at}", "{at} 的话“{quote}”")
NO_QUOTE = _text("the words (none fresh to quote)", "文本（无可引用的新内容）")
VOICE_SECONDS = _text("the voice of {start}–{end}", "语音（{start}–{end}）")
NO_SECONDS = _text("the voice (its last reading)", "语音（最近一次读数）")
WORDS_REASON = _text("words at {at}: “{quote}” ({markers})", "{at} 的文本：“{quote}”（{markers}）")
VOICE_REASON = _text("voice {start}–{end}: {observation}", "{start}–{end} 的语音：{observation}")
HEAD_REASON = _text(
    "{head} model: voice negativity {effect} (reads {value}, weight {weight} beside the acoustics)",
    "{head}模型：语音负面度{effect}（读数 {value}，相对声学的权重 {weight}）",
)
HEADS = {
    HeadKind.AROUSAL: _text("arousal", "唤醒度"),
    HeadKind.VALENCE: _text("valence", "效价"),
    HeadKind.EMOTION: _text("emotion", "情绪"),
}

WOULD_HAVE_STAYED = _text(
    "would not have left {from_state} had {channel} {dimension} stayed at or below {ceiling} "
    "(peak {observed})",
    "若{channel}{dimension}保持在 {ceiling} 或以下（峰值 {observed}），则不会离开{from_state}",
)

# --- advice -----------------------------------------------------------------------------------

ADVICE: dict[Action, LocalText] = {
    Action.NONE: _text("no action", "无需操作"),
    Action.INCREASE_MONITORING: _text("watch this session more closely", "增加监控"),
    Action.FLAG_FOR_REVIEW: _text("flag this session for review", "标记审查"),
    Action.SUGGEST_INTERVENTION: _text("suggest that a supervisor looks in", "建议主管介入"),
    Action.ESCALATE_NOW: _text("bring in a person now", "立即升级处理"),
    Action.LOG_RESOLUTION: _text("log the resolution for review", "记录解决情况供审查"),
}
ADVISED = _text("{advice} ({state})", "{advice}（{state}）")
BECAUSE = _text("{advised}: {reasons}", "{advised}：{reasons}")
REQUESTED = _text(
    "the customer asked for a supervisor, a complaint or a legal step",
    "客户明确提出了找主管、投诉或法律途径的要求",
)
