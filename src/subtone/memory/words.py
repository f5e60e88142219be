"""Text as full-text search sees it: Latin words as they are, CJK as characters and pairs.

FTS5's own tokenizer makes one token of a whole Chinese sentence. So every run of CJK is
written as its characters followed by its overlapping pairs before it is indexed; a query asks
for the pairs, or for the character where it is alone (Nie, Brisebois, Ren, "On Chinese Text
Retrieval", SIGIR 1996). What is written here lies in indexes: another way of writing needs a
migration that builds them anew.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# Han with extensions, kana, bopomofo, Hangul; after NFKC, so no half-width forms
_CJK: Final = (
    r"\u3005-\u3007\u3041-\u3096\u30a1-\u30ff\u3105-\u312f\u31f0-\u31ff\u3400-\u4dbf"
    r"\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U000323af"
)
_RUN: Final = re.compile(f"[{_CJK}]+")
_WORD: Final = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+")
MAX_QUERY_WORDS: Final = 64


def index_text(text: str) -> str:
    """The text to hand to FTS5."""
    return _RUN.sub(lambda run: f" {' '.join([*run[0], *_pairs(run[0])])} ", _normal(text))


def query_words(text: str) -> tuple[str, ...]:
    """The distinct words to look for, in order, at most 64; letters and digits only."""
    words: dict[str, None] = {}
    for match in _WORD.finditer(_normal(text)):
        word = match[0]
        is_cjk = _RUN.match(word) is not None
        for part in (_pairs(word) or [word]) if is_cjk else [word]:
            words[part] = None
    return tuple(words)[:MAX_QUERY_WORDS]


def _normal(text: str) -> str:
    # SQLite ends a text at a zero character
    return unicodedata.normalize("NFKC", text).replace("\0", " ").casefold()


def _pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)]
