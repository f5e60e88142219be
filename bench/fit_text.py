"""Fit the weights of single words and phrases: ``python -m bench.fit_text``.

Per language one additive logistic model over the terms that the authored lexicon did not
claim (``candidate_terms``): were the annotators dissatisfied with a helpdesk dialogue (its
last two customer turns, a soft label around the median)? The authored scores stand beside
the terms with weights of their own, so that terms explain only what is left. Ridge penalty,
accelerated full-batch gradient descent, no randomness; weights are rounded, so that the last
bits of a machine's arithmetic do not show.

Only dialogues of the fitted part are read (``bench.text_corpora``). GoEmotions and CPED take
no part: comments and television would teach their own subjects, and stay a test across
corpora. ``--check`` fits again and says whether the committed tables are what comes out.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.text_corpora import DATA, dialogues, is_held_out
from subtone.contracts.calibration import TextCalibration
from subtone.contracts.vocabulary import Language, Role
from subtone.contracts.voice_intelligence import TextTurn
from subtone.kernel.voice_intelligence.lexicons.entries import words
from subtone.kernel.voice_intelligence.text_emotion import score_text
from subtone.kernel.voice_intelligence.text_features import measure_text, strength_of
from subtone.kernel.voice_intelligence.text_fitted import candidate_terms
from subtone.kernel.voice_intelligence.text_matcher import LEXICON
from subtone.kernel.voice_intelligence.text_rules import apply_rules
from subtone.kernel.voice_intelligence.text_tokens import fold, tokenise

TABLES = Path(__file__).parents[1] / "src/subtone/kernel/voice_intelligence/lexicons"
NAMES = {"en": "english", "zh": "chinese"}
LAST_TURNS = 2
MIN_KEYS = 6  # a term is in texts of at least so many comments or dialogues
RIDGE = 10.0  # by cross-validation inside the fitted part, as MIN_KEYS and STRENGTH
STEPS = 300
SATISFACTION_SLOPE = 3.0  # of the soft label, per step of satisfaction
STRENGTH = 8.0  # log-odds to lexicon weight; more changed nothing in cross-validation
STEP = 0.1  # weights are multiples of it
LEAST, MOST = 0.2, 2.0  # absolute weight; smaller ones are left out
LAST_LATIN = "\u2e7f"
LINE = 92  # display columns of one line of terms

# Names say whom somebody wrote to or about, not how they feel.
NAMED = words(
    "china unicom telecom mobile letv xiaomi huawei samsung apple alibaba taobao jd tmall mi "
    "guangdong beijing shanghai shandong guangzhou shenzhen henan sichuan trump reddit "
    "联通 电信 移动 中国 国联 国电 国移 乐视 小米 华为 京东 淘宝 天猫 阿里 支付宝 苹果 三星 腾讯 "
    "广东 北京 上海 山东 广州 深圳 河南 四川 江苏 浙江 春晓 老师"
)

# Grammar alone: who is meant, when and how, in every sentence of every mood.
GRAMMAR = words(
    "i me my you your he him his she her we us our they them their it its this that these those "
    "the a an and or of to in on at for from with by as is am are was were be been being do does "
    "did done has have had will would shall should can could may might must there here then than "
    "so if when what which who whom whose how where say says said tell told make made get got s t "
    "我们 你们 他们 她们 咱们 这个 那个 这些 那些 这样 那样 这么 那么 这里 那里 这是 那是 我是 "
    "你是 就是 一个 一下 一次 一天 我说 你说 他说 说了 我的 你的 他的 有一 是一 也是 都是 还是 不是"
)

# Characters that begin or end no word of their own: terms cut through a word by them.
NO_START = frozenset("了的着过吗呢吧啊们么得地")
NO_END = frozenset("我你他她它您的一这那在把给被跟和与")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Example:
    """One text: its terms, what the authored lexicon says of it, and the label to explain."""

    key: str
    terms: frozenset[str]
    authored: tuple[float, ...]
    label: float


def terms_of(text: str, language: str) -> frozenset[str]:
    """Terms of a text that may have a weight in this language's table."""
    tokens = tokenise(fold(text))
    hits = apply_rules(tokens, LEXICON.units(tokens), TextCalibration())
    found = (term for term, _, _ in candidate_terms(tokens, hits))
    return frozenset(
        term
        for term in found
        if (term[0] > LAST_LATIN) is (language == "zh")
        and not _names_somebody(term)
        and not all(part in GRAMMAR for part in term.split())
        and term[0] not in NO_START
        and term[-1] not in NO_END
    )


def _names_somebody(term: str) -> bool:
    return any(part in NAMED for part in term.split()) or any(
        term[i : i + 2] in NAMED for i in range(len(term) - 1)
    )


def turn_of(text: str) -> TextTurn:
    """One message of a customer."""
    return TextTurn(
        turn_id="t",
        role=Role.CUSTOMER,
        t_event_ms=0,
        t_end_ms=0,
        t_seen_ms=0,
        text=text,
        language=Language.UNDETERMINED,
    )


def authored_scores(text: str) -> tuple[float, ...]:
    """Strengths and scores of the authored lexicon alone."""
    calibration = TextCalibration(fitted_max=0.0, fitted_relief=0.0)
    scores = score_text(turn_of(text), measure_text(turn_of(text), calibration), calibration)
    strengths = (strength_of(min(s, 0.999)) for s in (scores.frustration, scores.positivity))
    return (*strengths, scores.calm, scores.confusion)


def examples(data: Path, language: str) -> Iterator[Example]:
    """Customer turns of the fitted dialogues of one language."""
    talks = [talk for talk in dialogues(data, language) if not is_held_out(talk.key)]
    median = float(np.median([talk.satisfaction for talk in talks]))
    for talk in talks:
        label = 1.0 / (1.0 + np.exp(SATISFACTION_SLOPE * (talk.satisfaction - median)))
        for text in talk.turns[-LAST_TURNS:]:
            yield Example(talk.key, terms_of(text, language), authored_scores(text), float(label))


def fit(rows: Sequence[Example]) -> dict[str, float]:
    """Weight of every frequent term, in lexicon strength, for (above 0) or against."""
    keys: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        for term in row.terms:
            keys[term].add(row.key)
    frequent = sorted(term for term, where in keys.items() if len(where) >= MIN_KEYS)
    column = {term: i for i, term in enumerate(frequent)}
    cells = [(i, column[t]) for i, row in enumerate(rows) for t in sorted(row.terms & set(column))]
    row_at, term_at = np.array(cells, np.int64).T
    side = np.array([(*row.authored, 1.0) for row in rows])
    label = np.array([row.label for row in rows])
    n, k = len(rows), len(frequent)
    penalty = np.r_[np.full(k, RIDGE), np.full(side.shape[1], 1e-3)]

    def log_odds(weights: Floats) -> Floats:
        found: Floats = np.bincount(row_at, weights[:k][term_at], n) + side @ weights[k:]
        return found

    def back(errors: Floats) -> Floats:
        found: Floats = np.r_[np.bincount(term_at, errors[row_at], k), side.T @ errors]
        return found

    direction = np.ones(len(penalty))
    for _ in range(30):  # power iteration: the steepest curvature bounds the step
        direction = back(log_odds(direction))
        curvature = float(np.linalg.norm(direction))
        direction /= curvature
    rate = 1.0 / (0.25 * 1.05 * curvature + RIDGE)
    weights = ahead = np.zeros(len(penalty))
    pace = 1.0
    for _ in range(STEPS):
        said = 1.0 / (1.0 + np.exp(-log_odds(ahead)))
        new = ahead - rate * (back(said - label) + penalty * ahead)
        faster = (1.0 + np.sqrt(1.0 + 4.0 * pace**2)) / 2.0
        if float((ahead - new) @ (new - weights)) > 0.0:
            faster = 1.0  # restart where momentum points uphill
        ahead = new + (pace - 1.0) / faster * (new - weights)
        weights, pace = new, faster
    return dict(zip(frequent, (STRENGTH * weights[:k]).tolist(), strict=True))


def table(language: str, weights: dict[str, float]) -> str:
    """The Python module that holds the weights."""
    groups: dict[int, list[str]] = defaultdict(list)
    for term, weight in sorted(weights.items()):
        if abs(weight) >= LEAST:
            groups[round(max(-MOST, min(MOST, weight)) / STEP)].append(term)
    parts = [
        f'"""Weights of {NAMES[language].capitalize()} terms, fitted.',
        "",
        "Written by ``python -m bench.fit_text``; ``--check`` compares.",
        f"Source: {_SOURCES[language]} of NTCIR STC-3 with annotated",
        "satisfaction (Zeng, Luo, Shang, Li and Sakai), CC BY 4.0; the part that",
        "``bench.text_corpora`` does not hold out. Ridge logistic regression, one weight a term,",
        "in the unit of the authored lexicon's; names of companies and places were left out.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "from subtone.contracts.vocabulary import SpanKind",
        "from subtone.kernel.voice_intelligence.lexicons.entries import Group",
        "",
        "",
        "def _group(weight: float, terms: str) -> Group:",
        '    return Group(SpanKind.FITTED, weight, terms, provenance="fitted-1")',
        "",
        "",
        "GROUPS = (",
    ]
    for step in sorted(groups, reverse=True):
        lines = _wrapped(groups[step])
        parts += [
            "    _group(",
            f"        {step * STEP:.1f},",
            '        """',
            *lines,
            '    """,',
            "    ),",
        ]
    return "\n".join([*parts, ")", ""])


_SOURCES = {
    "en": "English translation of the customer-helpdesk dialogues",
    "zh": "The customer-helpdesk dialogues",
}


def _wrapped(terms: Sequence[str]) -> Iterator[str]:
    line = ""
    for term in terms:
        joined = f"{line} | {term}" if line else term
        if sum(2 if c > LAST_LATIN else 1 for c in joined) > LINE - 8 and line:
            yield " " * 8 + line
            joined = term
        line = joined
    yield " " * 8 + line


def main() -> int:
    """Fit both languages; write the tables, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder that holds text/")
    parser.add_argument("--check", action="store_true", help="only compare")
    arguments = parser.parse_args()
    is_fresh = True
    for language, name in NAMES.items():
        rows = list(examples(arguments.data, language))
        weights = fit(rows)
        text = table(language, weights)
        path = TABLES / f"fitted_{name}.py"
        counts = Counter(np.sign(w) for w in weights.values() if abs(w) >= LEAST)
        print(
            f"{language}: {len(rows)} helpdesk turns, "
            f"{counts[1.0]} terms for, {counts[-1.0]} against"
        )
        if arguments.check:
            is_fresh &= path.read_text(encoding="utf-8") == text
        else:
            path.write_text(text, encoding="utf-8")
    return 0 if is_fresh else 1


if __name__ == "__main__":
    sys.exit(main())
