"""Fitted terms: weak evidence of many words, beside the authored lexicon (SCIENCE section 3).

An additive logistic model over words, word pairs and Chinese terms of one to three characters:
each term found adds its weight once, for or against. Where an authored term of complaint stands
they correct it; inside a phrase that is calm or glad they are silent. The tables are fitted
and written by ``bench.fit_text`` and rebuilt by it bit for bit.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from subtone.contracts.calibration import TextCalibration
from subtone.contracts.vocabulary import SpanKind
from subtone.kernel.voice_intelligence.lexicons import fitted_chinese, fitted_english
from subtone.kernel.voice_intelligence.text_rules import Hit
from subtone.kernel.voice_intelligence.text_tokens import Token

FRUSTRATION_KINDS = (SpanKind.FRUSTRATION, SpanKind.RHETORICAL_QUESTION)
AT_EASE = (SpanKind.POSITIVITY, SpanKind.CALM)
_MAX_WORDS = 2
_MAX_CHARACTERS = 3
_MAX_WORD_LENGTH = 24
_NOTHING = 1e-9  # a phrase that its words make up for
_HAN = ("\u3400", "\u9fff")

Place: TypeAlias = tuple[str, int, int]  # a term and its first and last token

WEIGHTS: Mapping[str, float] = {
    term: group.weight
    for table in (fitted_english, fitted_chinese)
    for group in table.GROUPS
    for term in group.each()
}


def candidate_terms(tokens: Sequence[Token]) -> Iterator[Place]:
    """Every term with its first and last token: words, and neighbours of one script."""
    for first, token in enumerate(tokens):
        is_han = _is_han(token.norm)
        longest = _MAX_CHARACTERS if is_han else _MAX_WORDS
        term = ""
        for last in range(first, min(first + longest, len(tokens))):
            norm = tokens[last].norm
            if not _is_word(norm) or _is_han(norm) is not is_han:
                break
            term += norm if is_han or not term else f" {norm}"
            yield term, first, last


def uneased(candidates: Iterable[Place], hits: Iterable[Hit]) -> Iterator[Place]:
    """Candidates less those inside what is calm or glad in so many words.

    Such a phrase begins with what modifies it: neither half of "no problem" complains, nor the
    "not" of "not bad".
    """
    eased = frozenset(
        i
        for hit in hits
        if hit.kind in AT_EASE and hit.begins < hit.last
        for i in range(hit.begins, hit.last + 1)
    )
    for term, first, last in candidates:
        if not eased.issuperset(range(first, last + 1)):
            yield term, first, last


def fitted_hits(
    tokens: Sequence[Token],
    hits: Sequence[Hit],
    calibration: TextCalibration,
    weights: Mapping[str, float],
) -> list[Hit]:
    """Fitted terms of a message, each once; nothing where they would change nothing.

    They change nothing within the margin, nor where they speak against a frustration that
    nobody found, or for one in a message too glad or calm for it. A phrase speaks for the
    terms inside it: their weights are in its own. A hit's ``strength`` is signed: below 0 it
    speaks against frustration.
    """
    found: dict[str, tuple[int, int]] = {}
    for term, first, last in uneased(candidate_terms(tokens), hits):
        if term in weights:
            found.setdefault(term, (first, last))
    strengths: dict[tuple[int, int], float] = defaultdict(float)
    places = set(found.values())
    for term, (first, last) in found.items():
        strengths[_phrase_around(first, last, places)] += weights[term]
    share = fitted_share(sum(strengths.values()), calibration)
    is_frustrated = any(hit.kind in FRUSTRATION_KINDS for hit in hits)
    ease = sum(hit.strength for hit in hits if hit.kind in AT_EASE)
    is_telling = (share > 0.0 and ease < 1.0) or (is_frustrated and share < 0.0)
    if not is_telling:
        return []
    return [
        Hit(SpanKind.FITTED, strengths[place], *place, f"fitted:{term}", place[0])
        for term, place in found.items()
        if abs(strengths[place]) > _NOTHING
    ]


def _phrase_around(first: int, last: int, places: Container[tuple[int, int]]) -> tuple[int, int]:
    """The longest of the places that hold these tokens."""
    around = (
        (begin, end)
        for length in range(_MAX_CHARACTERS - 1, last - first - 1, -1)
        for begin in range(last - length, first + 1)
        if (end := begin + length) >= last
    )
    return next(place for place in around if place in places)


def fitted_share(strength: float, calibration: TextCalibration) -> float:
    """Share of their bound that a signed sum of fitted strengths takes, in (-1, 1).

    Nothing within the margin; beyond it the share grows with the square at first.
    """
    beyond = max(0.0, abs(strength) - calibration.fitted_margin)
    whole = beyond**2 + calibration.fitted_half**2
    return math.copysign(beyond**2 / whole, strength) if beyond else 0.0


def _is_word(norm: str) -> bool:
    return norm.isalpha() and len(norm) <= _MAX_WORD_LENGTH


def _is_han(norm: str) -> bool:
    return len(norm) == 1 and _HAN[0] <= norm <= _HAN[1]
