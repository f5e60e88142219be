"""Fit the weights of single words and phrases: ``python -m bench.fit_text``.

Per language one additive logistic model over words, word pairs and short Chinese terms
(``candidate_terms``), of two questions at once: were the annotators dissatisfied with a
helpdesk dialogue (its last two customer turns, a soft label around the median), and did they
call a comment (GoEmotions) or a line of a television dialogue (CPED) anger-like? A term has one
weight for both. Each source has an intercept and weights for the authored scores of its own,
so that terms explain only what is left. Ridge penalty, accelerated full-batch gradient descent,
no randomness; weights are rounded, so that the last bits of a machine's arithmetic do not show.

What keeps terms general: a source must hold a term under several keys, television in several
series; a term of one source alone is penalised more; names and bare grammar have no weight;
everyday words share the weight of their class (``bench.fit_classes``). Only the fitted part is
read (``bench.text_corpora``). ``--check`` fits again and says whether the committed tables are
what comes out.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.fit_classes import CLASSES
from bench.text_corpora import CORPORA, DATA, dialogues, labelled
from subtone.contracts.calibration import TextCalibration
from subtone.contracts.vocabulary import Language, Role
from subtone.contracts.voice_intelligence import TextTurn
from subtone.kernel.voice_intelligence.lexicons.entries import words
from subtone.kernel.voice_intelligence.text_emotion import score_text
from subtone.kernel.voice_intelligence.text_features import measure_text, strength_of
from subtone.kernel.voice_intelligence.text_fitted import candidate_terms, uneased
from subtone.kernel.voice_intelligence.text_matcher import LEXICON
from subtone.kernel.voice_intelligence.text_rules import apply_rules
from subtone.kernel.voice_intelligence.text_tokens import fold, tokenise

TABLES = Path(__file__).parents[1] / "src/subtone/kernel/voice_intelligence/lexicons"
HELPDESK = "helpdesk"
NAMES = {"en": "english", "zh": "chinese"}
LAST_TURNS = 2
# All found by cross-validation inside the fitted part.
MIN_ORIGINS = 4  # of one source hold a term: plots of one television series are no language
MIN_HELPDESK = 2  # dialogues hold it too: what nobody says to a helpdesk is a subject of others
SAME_NEIGHBOUR = 0.7  # share of a term's places from which it is a piece of a longer word
RIDGE = 10.0  # of a term that both sources hold often enough
RIDGE_ALONE = 20.0  # of a term that one source alone holds often enough
RIDGE_CLASS = 3.0
STEPS = 600
SATISFACTION_SLOPE = 3.0  # of the soft label, per step of satisfaction
STRENGTH = 2.0  # log-odds to lexicon weight: what the fit gives the authored strengths
DIGITS = 1  # of a weight, behind the point
LEAST, MOST = 0.1, 1.0  # absolute weight; smaller ones are left out, larger ones cut
LAST_LATIN = "\u2e7f"
LINE = 92  # display columns of one line of terms

# Names say whom somebody wrote to or about, not how they feel.
NAMED = words(
    "china unicom telecom mobile letv xiaomi huawei samsung apple alibaba taobao jd tmall mi "
    "guangdong beijing shanghai shandong guangzhou shenzhen henan sichuan trump reddit "
    "联通 电信 移动 中国 国联 国电 国移 乐视 小米 华为 京东 淘宝 天猫 阿里 支付宝 苹果 三星 腾讯 "
    "广东 北京 上海 山东 广州 深圳 河南 四川 江苏 浙江 春晓 老师"
)

# What any call is about says nothing of the caller either.
MATTERS = words(
    "account address bill bills call calls called calling company contact customer customers email "
    "id message messages name number office order orders phone telephone text "
    "公司 地址 电话 号码 联系 姓名 名字 订单 账号 手机 短信 账单 私信 用户 客户"
)

# Grammar alone: who is meant, when and how, in every sentence of every mood.
GRAMMAR = words(
    "i me my you your he him his she her we us our they them their it its this that these those "
    "the a an and or of to in on at for from with by as is am are was were be been being do does "
    "did done has have had will would shall should can could may might must there here then than "
    "so if when what which who whom whose how where say says said tell told make made get got want "
    "wants wanted s t "
    "我们 你们 他们 她们 咱们 这个 那个 这些 那些 这样 那样 这么 那么 这里 那里 这是 那是 我是 "
    "你是 就是 一个 一下 一次 一天 我说 你说 他说 说了 我的 你的 他的 有一 是一 也是 都是 还是 不是"
)

# Chinese characters that are words by themselves; any other alone is a piece of some word.
ONE_CHARACTER = frozenset(
    "谁吗呢吧啊呀嘛哦呵唉哎哼喂嗯哈别不没就都还又才也再真太很更最只已要想能会敢该得"
    "怎哪啥这那滚呸骂烦傻蠢死鬼屁钱累怕爱好行请笑哭快慢急错"
)

# Characters that begin or end no word of their own: terms cut through a word by them.
NO_START = frozenset("了的着过吗呢吧啊们么得地")
NO_END = frozenset("我你他她它您的一这那在把给被跟和与")

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Example:
    """One text: its terms, what the authored lexicon says of it, and the label to explain."""

    source: str
    key: str
    origin: str
    terms: frozenset[str]
    authored: tuple[float, ...]
    label: float


def terms_of(text: str, language: str) -> frozenset[str]:
    """Terms of a text that may have a weight in this language's table."""
    tokens = tokenise(fold(text))
    hits = apply_rules(tokens, LEXICON.units(tokens), TextCalibration())
    return frozenset(
        term
        for term, _, _ in uneased(candidate_terms(tokens), hits)
        if (term[0] > LAST_LATIN) is (language == "zh")
        and not _names(term)
        and not all(part in GRAMMAR for part in term.split())
        and (language != "zh" or _is_whole(term))
    )


def _is_whole(term: str) -> bool:
    if len(term) == 1:
        return term in ONE_CHARACTER
    return term[0] not in NO_START and term[-1] not in NO_END


def _names(term: str) -> bool:
    parts = parts_of(term)
    return not parts.isdisjoint(NAMED) or not parts.isdisjoint(MATTERS)


def parts_of(term: str) -> frozenset[str]:
    """Words of an English term; pairs of characters of a Chinese one."""
    if term[0] <= LAST_LATIN:
        return frozenset(term.split())
    return frozenset(term[i : i + 2] for i in range(len(term) - 1))


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


def pieces(texts: Iterable[str]) -> frozenset[str]:
    """Chinese terms that are mostly cut out of one longer word: one neighbour, always the same.

    Branching of neighbours is how new words are told from pieces (Feng et al. 2004,
    accessor variety).
    """
    before: dict[str, Counter[str]] = defaultdict(Counter)
    behind: dict[str, Counter[str]] = defaultdict(Counter)
    for i, text in enumerate(texts):
        tokens = tokenise(fold(text))
        norms = [f"^{i}", *(token.norm for token in tokens), f"${i}"]  # ends differ from all
        for term, first, last in candidate_terms(tokens):
            if term[0] > LAST_LATIN and last > first:
                before[term][norms[first]] += 1
                behind[term][norms[last + 2]] += 1
    return frozenset(
        term
        for sides in (before, behind)
        for term, found in sides.items()
        if max(found.values()) >= SAME_NEIGHBOUR * found.total()
    )


def examples(data: Path, language: str, *, is_swapped: bool = False) -> list[Example]:
    """Customer turns, comments and lines of the fitted part of one language.

    ``is_swapped`` reads the comments and lines that are held out, in place of the others.
    """
    talks = [talk for talk in dialogues(data, language) if not talk.is_held_out]
    median = float(np.median([talk.satisfaction for talk in talks]))
    texts = [
        (HELPDESK, talk.key, talk.key, text, _dissatisfied(talk.satisfaction - median))
        for talk in talks
        for text in talk.turns[-LAST_TURNS:]
    ]
    texts += [
        (CORPORA[language], row.key, row.origin, row.text, float(row.is_angry))
        for row in labelled(data, language)
        if row.is_held_out is is_swapped
    ]
    cut = pieces(text for _, _, _, text, _ in texts)
    return [
        Example(source, key, origin, terms_of(text, language) - cut, authored_scores(text), label)
        for source, key, origin, text, label in texts
    ]


def _dissatisfied(above_median: float) -> float:
    return float(1.0 / (1.0 + np.exp(SATISFACTION_SLOPE * above_median)))


def penalties(rows: Iterable[Example]) -> dict[str, float]:
    """Ridge penalty of every term that may have a weight of its own."""
    origins: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        for term in row.terms:
            origins[term][row.source].add(row.origin)
    found = {}
    for term, where in sorted(origins.items()):
        count = sum(len(some) >= MIN_ORIGINS for some in where.values())
        if count and len(where[HELPDESK]) >= MIN_HELPDESK:
            found[term] = RIDGE if count > 1 else RIDGE_ALONE
    return found


def fit(rows: Sequence[Example], classes: Mapping[str, frozenset[str]]) -> dict[str, float]:
    """Weight of every frequent term and class member, in lexicon strength, for or against."""
    terms = penalties(rows)
    groups = [frozenset({term}) for term in terms] + [classes[name] for name in sorted(classes)]
    columns: dict[str, list[int]] = defaultdict(list)
    for i, group in enumerate(groups):
        for term in sorted(group):
            columns[term].append(i)
    cells = [
        (i, j) for i, row in enumerate(rows) for t in sorted(row.terms) for j in columns.get(t, ())
    ]
    sources = sorted({row.source for row in rows})
    side = np.zeros((len(rows), len(sources), len(rows[0].authored) + 1))
    for i, row in enumerate(rows):
        side[i, sources.index(row.source)] = *row.authored, 1.0
    ridge = np.r_[list(terms.values()), np.full(len(classes), RIDGE_CLASS)]
    label = np.array([row.label for row in rows])
    weights = regress(
        np.array(cells, np.int64).reshape(-1, 2).T, side.reshape(len(rows), -1), label, ridge
    )
    return {term: STRENGTH * float(weights[where].sum()) for term, where in sorted(columns.items())}


def regress(cells: Integers, side: Floats, label: Floats, ridge: Floats) -> Floats:
    """Logistic weights of the columns that ``cells`` (row, column) count, beside ``side``."""
    row_at, column_at = cells
    n, k = len(label), len(ridge)
    penalty = np.r_[ridge, np.full(side.shape[1], 1e-3)]

    def log_odds(weights: Floats) -> Floats:
        found: Floats = np.bincount(row_at, weights[:k][column_at], n) + side @ weights[k:]
        return found

    def back(errors: Floats) -> Floats:
        found: Floats = np.r_[np.bincount(column_at, errors[row_at], k), side.T @ errors]
        return found

    direction = np.ones(len(penalty))
    for _ in range(30):  # power iteration: the steepest curvature bounds the step
        direction = back(log_odds(direction))
        curvature = float(np.linalg.norm(direction))
        direction /= curvature
    rate = 1.0 / (0.25 * 1.05 * curvature + float(penalty.max()))
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
    return weights[:k]


def rounded(weights: Mapping[str, float]) -> dict[str, float]:
    """Weights as the table holds them."""
    return {
        term: round(max(-MOST, min(MOST, weight)), DIGITS)
        for term, weight in weights.items()
        if abs(weight) >= LEAST
    }


def table(language: str, weights: dict[str, float]) -> str:
    """The Python module that holds the weights."""
    groups: dict[float, list[str]] = defaultdict(list)
    for term, weight in sorted(rounded(weights).items()):
        groups[weight].append(term)
    parts = [
        f'"""Weights of {NAMES[language].capitalize()} terms, fitted.',
        "",
        "Written by ``python -m bench.fit_text``; ``--check`` compares.",
        "Sources, of each the part that ``bench.text_corpora`` does not hold out:",
        *_SOURCES[language],
        "Ridge logistic regression, one weight a term, in the unit of the authored lexicon's;",
        "names of companies and places were left out.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "from subtone.contracts.vocabulary import SpanKind",
        "from subtone.kernel.voice_intelligence.lexicons.entries import Group",
        "",
        "",
        "def _group(weight: float, terms: str) -> Group:",
        '    return Group(SpanKind.FITTED, weight, terms, provenance="fitted-3")',
        "",
        "",
        "GROUPS = (",
    ]
    for weight in sorted(groups, reverse=True):
        lines = _wrapped(groups[weight])
        parts += [
            "    _group(",
            f"        {weight:.1f},",
            '        """',
            *lines,
            '    """,',
            "    ),",
        ]
    return "\n".join([*parts, ")", ""])


_SOURCES = {
    "en": (
        "the English translation of the customer-helpdesk dialogues of NTCIR STC-3 with annotated",
        "satisfaction (Zeng, Luo, Shang, Li and Sakai), CC BY 4.0; the comments of GoEmotions",
        "(Demszky et al. 2020), Apache-2.0.",
    ),
    "zh": (
        "the customer-helpdesk dialogues of NTCIR STC-3 with annotated satisfaction (Zeng, Luo,",
        "Shang, Li and Sakai), CC BY 4.0; the television dialogues of CPED (Chen et al. 2022),",
        "Apache-2.0.",
    ),
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
        rows = examples(arguments.data, language)
        weights = fit(rows, CLASSES[language])
        text = table(language, weights)
        path = TABLES / f"fitted_{name}.py"
        counts = Counter(np.sign(weight) for weight in rounded(weights).values())
        print(f"{language}: {len(rows)} texts, {counts[1]} terms for, {counts[-1]} against")
        if arguments.check:
            is_fresh &= path.read_text(encoding="utf-8") == text
        else:
            path.write_text(text, encoding="utf-8")
    return 0 if is_fresh else 1


if __name__ == "__main__":
    sys.exit(main())
