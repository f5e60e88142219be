"""Fitted terms: weak evidence of many words, beside the authored lexicon (SCIENCE section 3).

An additive logistic model over words, word pairs and Chinese terms of one to three characters:
each term found adds its weight once, for or against. Where an authored term stands they correct
it. The tables are fitted and written by ``bench.fit_text`` and rebuilt by it bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from subtone.contracts.calibration import TextCalibration
from subtone.contracts.vocabulary import SpanKind
from subtone.kernel.voice_intelligence.lexicons import fitted_chinese, fitted_english
from subtone.kernel.voice_intelligence.text_rules import Hit
from subtone.kernel.voice_intelligence.text_tokens import Token

FRUSTRATION_KINDS = (SpanKind.FRUSTRATION, SpanKind.RHETORICAL_QUESTION)
_MAX_WORDS = 2
_MAX_CHARACTERS = 3
_MAX_WORD_LENGTH = 24
_HAN = ("\u3400", "\u9fff")

_WEIGHTS = {
    term: group.weight
    for table in (fitted_english, fitted_chinese)
    for group in table.GROUPS
    for term in group.each()
}


def candidate_terms(tokens: Sequence[Token]) -> Iterator[tuple[str, int, int]]:
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


def fitted_hits(
    tokens: Sequence[Token], hits: Sequence[Hit], calibration: TextCalibration
) -> list[Hit]:
    """Fitted terms of a message, each once; nothing where they would change nothing.

    They change nothing within the margin, nor where they speak against a frustration that
    nobody found. A hit's ``strength`` is signed: below 0 it speaks against frustration.
    """
    found: dict[str, Hit] = {}
    for term, first, last in candidate_terms(tokens):
        if term not in found and (weight := _WEIGHTS.get(term)) is not None:
            found[term] = Hit(SpanKind.FITTED, weight, first, last, f"fitted:{term}")
    share = fitted_share(sum(hit.strength for hit in found.values()), calibration)
    is_frustrated = any(hit.kind in FRUSTRATION_KINDS for hit in hits)
    is_telling = share > 0.0 or (is_frustrated and share < 0.0)
    return list(found.values()) if is_telling else []


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
