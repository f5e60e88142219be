"""Longest match of lexicon terms over tokens, both languages in one trie."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from subtone.contracts.vocabulary import SpanKind
from subtone.kernel.voice_intelligence.lexicons import chinese, english
from subtone.kernel.voice_intelligence.lexicons.entries import Cue, Group, Position
from subtone.kernel.voice_intelligence.text_tokens import Token, fold, shortened, tokenise

_NUMBER = "#"
_MAX_NUMERALS = 4  # 二十五 and "twenty five"; bounds the walk on hostile digits


@dataclass(frozen=True, slots=True)
class Entry:
    """One term of a lexicon."""

    term: str
    kind: SpanKind | Cue
    weight: float
    position: Position


@dataclass(frozen=True, slots=True)
class Unit:
    """A matched term (or one unmatched token): what rules count distances in."""

    first: int  # index of its first token
    last: int  # index of its last token
    entry: Entry | None


@dataclass(slots=True)
class _Node:
    children: dict[str, _Node] = field(default_factory=dict)
    entry: Entry | None = None


class Lexicon:
    """Compiled terms. Built once; matching never changes it."""

    def __init__(self, groups: Iterable[Group]) -> None:
        self._root = _Node()
        for group in groups:
            for term in group.each():
                node = self._root
                for token in tokenise(fold(term)):
                    node = node.children.setdefault(token.norm, _Node())
                if node.entry is not None:
                    raise ValueError(
                        f"lexicon term {term!r} is listed twice: as {node.entry.kind.value} "
                        f"and as {group.kind.value}; keep one"
                    )
                node.entry = Entry(term, group.kind, group.weight, group.position)

    def units(self, tokens: Sequence[Token]) -> list[Unit]:
        """Cut tokens into units, longest term first from left to right."""
        found = []
        index = 0
        while index < len(tokens):
            end, entry = self._longest(self._root, tokens, index)
            last = index if entry is None else end - 1
            found.append(Unit(index, last, entry))
            index = last + 1
        return found

    def _longest(
        self, node: _Node, tokens: Sequence[Token], index: int
    ) -> tuple[int, Entry | None]:
        best: tuple[int, Entry | None] = (index, node.entry)
        if index == len(tokens):
            return best
        token = tokens[index]
        for norm in (token.norm, *shortened(token.norm)):
            if (child := node.children.get(norm)) is not None:
                best = max(best, self._longest(child, tokens, index + 1), key=_reach)
        if (child := node.children.get(_NUMBER)) is not None and token.is_numeral:
            end = index + 1
            while end < min(len(tokens), index + _MAX_NUMERALS) and tokens[end].is_numeral:
                end += 1
            best = max(best, self._longest(child, tokens, end), key=_reach)
        return best


def _reach(found: tuple[int, Entry | None]) -> tuple[bool, int]:
    end, entry = found
    return entry is not None, end


LEXICON = Lexicon((*english.GROUPS, *chinese.GROUPS))
