"""Fitted terms: weak evidence of many words, beside the authored lexicon (SCIENCE section 3).

An additive logistic model over words, word pairs and Chinese 2- and 3-character terms that
the authored lexicon did not claim: each term found adds its weight once, for or against.
The tables are fitted and written by ``bench.fit_text`` and rebuilt by it bit for bit.
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
_LEAST_WORDS = 4.0  # covered by terms; a phrase of everyday speech is no evidence
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


def candidate_terms(tokens: Sequence[Token], hits: Sequence[Hit]) -> Iterator[tuple[str, int, int]]:
    """Every term with its first and last token: neighbours that no authored hit covers."""
    is_claimed = [not _is_word(token.norm) for token in tokens]
    for hit in hits:
        for i in range(hit.first, hit.last + 1):
            is_claimed[i] = True
    for first, token in enumerate(tokens):
        is_han = _is_han(token.norm)
        longest = _MAX_CHARACTERS if is_han else _MAX_WORDS
        term = ""
        for last in range(first, min(first + longest, len(tokens))):
            norm = tokens[last].norm
            if is_claimed[last] or _is_han(norm) is not is_han:
                break
            term += norm if is_han or not term else f" {norm}"
            if not is_han or last > first:  # one character says too little
                yield term, first, last


def fitted_hits(
    tokens: Sequence[Token], hits: Sequence[Hit], calibration: TextCalibration
) -> list[Hit]:
    """Fitted terms of a message, each once; nothing where they would change nothing.

    They change nothing within the margin, when they are few, nor where they speak against a
    frustration that nobody found. A hit's ``strength`` is signed: below 0 it speaks against
    frustration.
    """
    found: dict[str, Hit] = {}
    for term, first, last in candidate_terms(tokens, hits):
        if term not in found and (weight := _WEIGHTS.get(term)) is not None:
            found[term] = Hit(SpanKind.FITTED, weight, first, last, f"fitted:{term}")
    beyond = beyond_margin(sum(hit.strength for hit in found.values()), calibration)
    is_frustrated = any(hit.kind in FRUSTRATION_KINDS for hit in hits)
    covered = {i for hit in found.values() for i in range(hit.first, hit.last + 1)}
    word_count = sum(0.5 if _is_han(tokens[i].norm) else 1.0 for i in covered)
    is_telling = word_count >= _LEAST_WORDS and (beyond > 0.0 or (is_frustrated and beyond < 0.0))
    return list(found.values()) if is_telling else []


def beyond_margin(strength: float, calibration: TextCalibration) -> float:
    """What of a signed sum of fitted strengths counts; 0 within the margin."""
    return math.copysign(max(0.0, abs(strength) - calibration.fitted_margin), strength)


def _is_word(norm: str) -> bool:
    return norm.isalpha() and len(norm) <= _MAX_WORD_LENGTH


def _is_han(norm: str) -> bool:
    return len(norm) == 1 and _HAN[0] <= norm <= _HAN[1]
