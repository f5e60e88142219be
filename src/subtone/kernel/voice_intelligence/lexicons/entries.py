"""The shape of a lexicon: groups of terms that share one class and one weight.

A term is written as people write it: several words, or several characters. Case,
apostrophes and width do not matter. ``#`` stands for any number ("waiting # days",
第#次). Terms are separated by ``|`` or line ends. All terms were written for this
project; nothing is taken from a published lexicon.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from subtone.contracts.vocabulary import SpanKind


class Cue(StrEnum):
    """Terms that make no score themselves but change or frame the others."""

    EXTREME = "extreme"  # degree words, from strongest to weakest
    VERY = "very"
    MORE = "more"
    SLIGHT = "slight"
    AFTERTHOUGHT = "afterthought"  # extreme degree behind its word: 死了, "as hell"
    EXPLETIVE = "expletive"  # extreme degree before a word, frustration on its own
    NEGATION = "negation"  # weight is its reach in units
    PROHIBITION = "prohibition"  # a negation, but "Don't lie to me" denies nothing
    CONTRAST = "contrast"  # but, 但是
    CONSEQUENCE = "consequence"  # 就, "I will": no denial reaches past it
    REQUEST = "request"  # verbs that ask for somebody
    AUTHORITY = "authority"  # somebody above the agent: an escalation once asked for
    SOFTENER = "softener"  # words that may stand beside a phrase that stands alone
    SHADOW = "shadow"  # no effect; keeps a shorter term inside it from matching


class Position(StrEnum):
    """Where in its clause a term counts."""

    ANYWHERE = "anywhere"
    CLAUSE_END = "clause_end"  # only softeners may follow
    WHOLE_CLAUSE = "whole_clause"  # only softeners may stand beside it


@dataclass(frozen=True, slots=True)
class Group:
    """Terms of one class and weight (0 to 4 for scores; reach for negations)."""

    kind: SpanKind | Cue
    weight: float
    terms: str
    position: Position = Position.ANYWHERE
    provenance: str = "authored"

    def each(self) -> Iterator[str]:
        """Every term of the group, trimmed."""
        for line in self.terms.splitlines():
            for term in line.split("|"):
                if trimmed := term.strip():
                    yield trimmed


def words(text: str) -> frozenset[str]:
    """A word set from white-space separated text."""
    return frozenset(text.split())
