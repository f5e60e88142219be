"""Emphasis by writing: exclamation marks, question marks, capitals, repetition.

Emphasis makes no score. It multiplies what frustration and urgency already have
(P of SCIENCE section 3), so that "Hello!!!" stays a greeting.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from subtone.contracts.calibration import TextCalibration
from subtone.kernel.voice_intelligence.lexicons.english import ACRONYMS
from subtone.kernel.voice_intelligence.text_tokens import Token, shortened

_EXCLAMATIONS = re.compile("!+")
_QUESTIONS = re.compile(r"\?+")
_HAN_REPEATED = re.compile("([\u3400-\u9fff]{2,4})\\1|([\u3400-\u9fff])\\2{2,}")
_MIN_QUESTIONS = 2
_MIN_SHOUTED_LETTERS = 2
_HAN_DIGITS = frozenset("零〇一二两三四五六七八九十")
# doubled without emphasis: grammar, farewells, and digits spelt out one by one
_UNSTRESSED = frozenset(
    (
        *("had", "that", "bye", "ha", "haha", "oh", "double"),
        *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    )
)


@dataclass(frozen=True, slots=True)
class Stress:
    """One stressed stretch and what it adds to the multiplier P."""

    start: int
    end: int
    bonus: float
    rule: str


@dataclass(frozen=True, slots=True)
class Emphasis:
    """Counts and stresses of one message; P = 1 + the sum of all bonuses."""

    exclamation_count: int
    question_count: int
    caps_ratio: float
    is_mixed_caps: bool
    repetition_count: int
    stresses: tuple[Stress, ...]


def measure_emphasis(
    folded: str, tokens: Sequence[Token], calibration: TextCalibration
) -> Emphasis:
    """Emphasis of one folded message."""
    exclamations = [m.span() for m in _EXCLAMATIONS.finditer(folded)]
    questions = [m.span() for m in _QUESTIONS.finditer(folded)]
    exclamation_count = folded.count("!")
    question_count = folded.count("?")
    cased = [c for c in folded if c.isupper() or c.islower()]
    shouted = [t for t in tokens if _is_shouted(folded, t)]
    is_mixed_caps = bool(shouted) and any(folded[t.start : t.end].islower() for t in tokens)
    repetitions = list(_repetitions(folded, tokens))
    exclaimed = calibration.exclamation * min(exclamation_count, calibration.exclamation_max)
    parts = [_shared(exclamations, exclaimed, None)]
    if question_count >= _MIN_QUESTIONS:
        parts.append(_shared(questions, calibration.repeated_question, None))
    if is_mixed_caps:
        spans = [(t.start, t.end) for t in shouted]
        parts.append(_shared(spans, calibration.mixed_caps, "mixed_caps"))
    parts.append(_shared(repetitions, calibration.repetition, "repetition"))
    return Emphasis(
        exclamation_count=exclamation_count,
        question_count=question_count,
        caps_ratio=sum(c.isupper() for c in cased) / len(cased) if cased else 0.0,
        is_mixed_caps=is_mixed_caps,
        repetition_count=len(repetitions),
        stresses=tuple(
            Stress(start, end, bonus, folded[start : min(end, start + 4)] if rule is None else rule)
            for part in parts
            for start, end, bonus, rule in part
        ),
    )


def _shared(
    spans: Sequence[tuple[int, int]], bonus: float, rule: str | None
) -> list[tuple[int, int, float, str | None]]:
    """The bonus divided over the spans by their length."""
    total = sum(end - start for start, end in spans)
    return [(start, end, bonus * (end - start) / total, rule) for start, end in spans]


def _is_shouted(folded: str, token: Token) -> bool:
    word = folded[token.start : token.end]
    return (
        len(word) >= _MIN_SHOUTED_LETTERS
        and word.isupper()
        and word[0].isalpha()  # "[NAME]" stands for a word that nobody shouted
        and token.norm not in ACRONYMS
    )


def _repetitions(folded: str, tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """Words said twice running, lengthened words (soooo), repeated characters (快点快点)."""
    previous: Token | None = None
    for token in tokens:
        is_word = token.norm.isalpha() and len(token.norm) > 1
        if is_word and previous is not None and previous.norm == token.norm:
            if token.norm not in _UNSTRESSED:
                yield previous.start, token.end
        elif is_word and shortened(token.norm):
            yield token.start, token.end
        previous = token
    for match in _HAN_REPEATED.finditer(folded):
        if not _HAN_DIGITS.issuperset(match.group()):
            yield match.span()
