"""Text to tokens: width, script and apostrophes folded, offsets kept.

Every fold maps one character to one character, so a token's offsets point into the
text as it was written. A Latin word is one token, a Chinese character is one token,
and every other visible character is one token: one stream serves both languages and
messages that mix them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from subtone.contracts.vocabulary import Language
from subtone.kernel.voice_intelligence.lexicons.entries import words
from subtone.kernel.voice_intelligence.lexicons.script import SIMPLIFIED, TRADITIONAL

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_FOLDS = {
    **_FULL_WIDTH,
    **{ord(t): ord(s) for t, s in zip(TRADITIONAL, SIMPLIFIED, strict=True)},
    0x3000: ord(" "),
    ord("’"): ord("'"),
    ord("‘"): ord("'"),
    ord("ʼ"): ord("'"),
    ord("`"): ord("'"),
    ord("。"): ord("."),
    ord("、"): ord(","),
}
_LATIN = "a-zA-Z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f"
_TOKEN = re.compile(
    rf"https?://\S+|@\w+|\[\w{{1,4}}\]|[{_LATIN}]+(?:'[{_LATIN}]+)*|\d+(?:[.,]\d+)*|\n|\S"
)
_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff]")
_KANA_OR_HANGUL = re.compile("[\u3041-\u30ff\uac00-\ud7af]")
_LATIN_WORD = re.compile(rf"[{_LATIN}]+(?:'[{_LATIN}]+)*")
_LENGTHENED = re.compile(r"([^\W\d_])\1{2,}")
_NUMERALS = frozenset("一二两三四五六七八九十几百多半") | words(
    "one two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty "
    "a an couple few several many"
)
_ENGLISH_FUNCTION_WORDS = words(
    "the i you is are was be been to of and it my your this that for on with have has not do "
    "does did don't it's i'm can will would what why how when at we they please thanks in"
)
_MINORITY_SHARE = 0.2  # a brand name inside a Chinese sentence is not code-switching
_PASSABLE_WORDS = 5  # fewer Latin words than this are too few to call them foreign

SENTENCE_ENDS = frozenset(".!?…\n")
CLAUSE_ENDS = SENTENCE_ENDS | frozenset(',;:—~()"“”/|')


@dataclass(frozen=True, slots=True)
class Token:
    """One token; ``norm`` is what lexicons are matched against."""

    norm: str  # lower case, without apostrophes
    start: int  # character offset into the original text
    end: int  # exclusive

    @property
    def is_numeral(self) -> bool:
        """Whether it may stand for ``#`` in a term."""
        return self.norm in _NUMERALS or self.norm[:1].isdigit()


def fold(text: str) -> str:
    """Same length as ``text``: half width, simplified characters, straight apostrophes."""
    return text.translate(_FOLDS)


def tokenise(folded: str) -> tuple[Token, ...]:
    """Tokens of folded text, in order; white space other than line ends is dropped."""
    return tuple(
        Token(m.group().lower().replace("'", ""), m.start(), m.end())
        for m in _TOKEN.finditer(folded)
    )


def shortened(norm: str) -> tuple[str, ...]:
    """Spellings behind a lengthened word: "soooo" -> "soo", "so"; nothing for other words."""
    if not _LENGTHENED.search(norm):
        return ()
    return _LENGTHENED.sub(r"\1\1", norm), _LENGTHENED.sub(r"\1", norm)


def detect_language(text: str) -> Language:
    """Chinese, English, both in one message, or undetermined.

    Two Chinese characters count as one word; the smaller language must make at least a
    fifth of the words to count. Kana or Hangul, and longer Latin text without a single
    English function word, are undetermined: no lexicon here speaks them.
    """
    folded = fold(text)
    if _KANA_OR_HANGUL.search(folded):
        return Language.UNDETERMINED
    han = len(_HAN.findall(folded)) / 2
    words = [w.lower() for w in _LATIN_WORD.findall(folded)]
    total = han + len(words)
    if total == 0:
        return Language.UNDETERMINED
    if min(han, len(words)) / total >= _MINORITY_SHARE:
        return Language.MIXED
    if han > len(words):
        return Language.ZH
    is_foreign = len(words) >= _PASSABLE_WORDS and _ENGLISH_FUNCTION_WORDS.isdisjoint(words)
    return Language.UNDETERMINED if is_foreign else Language.EN
