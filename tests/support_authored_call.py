"""The tables of the authored call: what happens in it, tick by tick and turn by turn."""

from __future__ import annotations

from subtone.contracts.session_state import LocalText
from subtone.contracts.vocabulary import (
    Action,
    ConflictType,
    DriftState,
    Role,
    SessionState,
    SpanKind,
)

HOP_MS = 5_000
S, D, C = SessionState, DriftState, ConflictType

# smoothed (text, voice) negativity per tick, made once with the reference state model
# fmt: off
NEGATIVITY = (
    (.060, .100), (.055, .110), (.053, .105), (.066, .113), (.063, .106), (.057, .123),
    (.063, .122), (.072, .211), (.076, .380), (.068, .520), (.059, .620), (.059, .700),
    (.055, .760), (.067, .810), (.084, .845), (.117, .863), (.168, .861), (.234, .831),
    (.267, .745), (.254, .623), (.227, .501), (.193, .391), (.157, .305), (.128, .243),
    (.104, .191), (.082, .156), (.066, .128), (.058, .104), (.049, .092), (.045, .081),
    (.037, .070), (.034, .065), (.032, .063), (.031, .056), (.030, .053), (.030, .052),
)
# fmt: on
VOICE_MISSING = range(29, 32)  # a long explanation by the agent
TEXT_MISSING = (0, 30, 31)
DRIFT_EDGES = {
    10: (D.DIVERGING, "voice_agitated"),
    16: (D.CROSS_ESCALATING, "both_worsening"),
    18: (D.CROSS_DEESCALATING, "intervention"),
    23: (D.ALIGNED_POSITIVE, "resolved"),
}
STATE_EDGES = {
    10: (S.HIDDEN_FRUSTRATION, "conflict_detected"),
    12: (S.ESCALATION_RISK, "score_gt_0.55"),
    18: (S.DEESCALATING, "score_falling"),
    25: (S.RESOLVED, "score_lt_0.15"),
}
CONFLICTS = dict.fromkeys(range(9, 17), C.TEXT_CALM_VOICE_AGITATED) | dict.fromkeys(
    range(17, 20), C.TEXT_NEUTRAL_VOICE_STRESSED
)
MASKED = range(10, 22)
DRIFT_BASE = {
    D.ALIGNED_POSITIVE: 0.0,
    D.CROSS_DEESCALATING: 0.25,
    D.DIVERGING: 0.5,
    D.ALIGNED_NEGATIVE: 0.6,
    D.CROSS_ESCALATING: 0.9,
}
ACTIONS = {
    S.HIDDEN_FRUSTRATION: Action.FLAG_FOR_REVIEW,
    S.ESCALATION_RISK: Action.SUGGEST_INTERVENTION,
    S.DEESCALATING: Action.INCREASE_MONITORING,
    S.RESOLVED: Action.LOG_RESOLUTION,
}
# start s, end s, role, English, Chinese, ((kind, English words, Chinese words), ...)
TURNS: tuple[
    tuple[float, float, Role, str, str, tuple[tuple[SpanKind, str, str], ...]], ...
] = (
    (1, 4, Role.AGENT, "Good morning, how can I help?", "您好，请问有什么可以帮您？", ()),
    (5, 14, Role.CUSTOMER, "Hi, thanks. My invoice shows the wrong plan again.",
     "你好，谢谢。我的账单又显示错误的套餐了。", ((SpanKind.POSITIVITY, "thanks", "谢谢"),)),
    (15, 22, Role.AGENT, "Let me look at the account.", "我帮您看一下账户。", ()),
    (24, 33, Role.CUSTOMER, "Sure, take your time.", "好的，您慢慢看。",
     ((SpanKind.CALM, "take your time", "慢慢看"),)),
    (35, 41, Role.AGENT, "It was changed in March. I would have to open a new case.",
     "三月份改过。需要重新提交一个工单。", ()),
    (42, 52, Role.CUSTOMER, "Right. It's fine. I already opened two.",
     "行吧。没事。我已经提交过两次了。",
     ((SpanKind.SUPPRESSION, "It's fine", "没事"),)),
    (53, 57, Role.AGENT, "Could you give me the number once more?", "请再提供一下编号好吗？", ()),
    (58, 70, Role.CUSTOMER, "Whatever. It is in your system. For the third time.",
     "算了。你们系统里有。第三次了。",
     ((SpanKind.SUPPRESSION, "Whatever", "算了"),
      (SpanKind.EMPHASIS, "For the third time", "第三次了"))),
    (72, 90, Role.CUSTOMER, "No, it's fine!! Just tell me when. Or give me a supervisor.",
     "真的没事！！告诉我什么时候就行。不然让我找主管。",
     ((SpanKind.SUPPRESSION, "it's fine", "没事"), (SpanKind.EMPHASIS, "!!", "！！"),
      (SpanKind.ESCALATION_REQUEST, "supervisor", "主管"))),
    (91, 103, Role.AGENT, "I am sorry. My supervisor is here, and we correct it today.",
     "非常抱歉。我的主管在这里，我们今天就更正。", ()),
    (104, 114, Role.CUSTOMER, "Okay. Today. Thank you.", "好。今天。谢谢。",
     ((SpanKind.POSITIVITY, "Thank you", "谢谢"),)),
    (118, 130, Role.CUSTOMER, "That works for me, perfect.", "这样可以，很好。",
     ((SpanKind.POSITIVITY, "perfect", "很好"),)),
    (134, 162, Role.AGENT, "The corrected invoice is on its way; I will read it to you in full.",
     "更正后的账单已经发出，我给您完整读一遍。", ()),
    (165, 174, Role.CUSTOMER, "Thanks, have a good day.", "谢谢，再见。",
     ((SpanKind.POSITIVITY, "Thanks", "谢谢"),)),
)  # fmt: skip


REASONS = {
    10: LocalText(
        en="The words scored 0.06 and the voice 0.62, twice in a row: words calm, voice agitated.",
        zh="文本得分 0.06，语音得分 0.62，连续两个时刻：文本平静而语音激动。",
    ),
    12: LocalText(
        en="The escalation score rose to 0.63, above 0.55, while words and voice disagreed.",
        zh="升级分数升至 0.63，高于 0.55，同时文本与语音不一致。",
    ),
    18: LocalText(
        en="A supervisor stepped in and the score fell to 0.40, below 0.50.",
        zh="主管介入，分数降至 0.40，低于 0.50。",
    ),
    25: LocalText(
        en="The score stayed below 0.15 for three moments and no conflict is confirmed.",
        zh="分数连续三个时刻低于 0.15，且没有已确认的冲突。",
    ),
}  # fmt: skip
