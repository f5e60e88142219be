"""Whisper's tokens: prompts, text, words, timestamps."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from subtone.perception.errors import CheckpointError, memory_extra

TIMESTAMP_STEP_MS = 20
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# Written without spaces between words; Korean and Vietnamese have them.
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "MYANMAR", "KHMER")
_OPENING = frozenset("\"'“¿([{-「『（《")
_CLOSING = frozenset("\"'.。,，!！?？:：”)]}、」』）》；;…")


@dataclass(frozen=True)
class TokenWord:
    """One word and the tokens it is made of, of consecutive words."""

    text: str  # with the space before it
    n_tokens: int


def is_unspaced(character: str) -> bool:
    """Whether the character's script writes no spaces, so that it is a word of its own."""
    return unicodedata.name(character, "").startswith(_UNSPACED)


def _goes_on(before: str, text: str) -> bool:
    """Whether the text goes on with the word before it."""
    ahead, bare = set(before.strip()), text.strip()
    is_spaced = text.startswith(" ")
    is_opening = is_spaced and set(bare) <= _OPENING
    if ahead <= _OPENING or (set(bare) <= _CLOSING and not is_opening):
        return True
    return not (is_spaced or is_unspaced(bare[0]) or any(map(is_unspaced, ahead)))


class WhisperTokens:
    """A checkpoint's ``tokenizer.json``; safe to share between threads.

    Raises CheckpointError when the file is missing, damaged or not Whisper's.
    """

    def __init__(self, folder: Path) -> None:
        with memory_extra():
            from tokenizers import Tokenizer
        path = folder / "tokenizer.json"
        if not path.is_file():
            raise CheckpointError(f"{path}: is missing; transcription needs it, pull again")
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the package raises the bare base class
            raise CheckpointError(f"{path}: cannot be read; pull again") from error
        self._path = path
        self.end = self._special("<|endoftext|>")
        self.start = self._special("<|startoftranscript|>")
        self.transcribe = self._special("<|transcribe|>")
        self.without_timestamps = self._special("<|notimestamps|>")
        self.first_timestamp = self.without_timestamps + 1

    def _special(self, token: str) -> int:
        found = self._tokenizer.token_to_id(token)
        if found is None:
            raise CheckpointError(f"{self._path}: has no {token}; it is no Whisper tokenizer")
        return int(found)

    def start_sequence(self, language: str | None) -> list[int]:
        """What stands before the text; an English-only model (language None) is told nothing."""
        if language is None:
            return [self.start]
        return [self.start, self._special(f"<|{language}|>"), self.transcribe]

    def prompt(self, language: str | None, *, has_timestamps: bool) -> list[int]:
        """The decoder's prompt."""
        start = self.start_sequence(language)
        return start if has_timestamps else [*start, self.without_timestamps]

    def text(self, tokens: Sequence[int]) -> str:
        """Text of the tokens below the special ones."""
        text: str = self._tokenizer.decode([token for token in tokens if token < self.end])
        return text

    def words(self, tokens: Sequence[int]) -> list[TokenWord]:
        """Tokens to words: at spaces, and by token where the script writes none.

        Punctuation belongs to the word it touches. The texts joined are the text of all
        tokens; no token and no character of several tokens is torn.
        """
        words: list[TokenWord] = []
        for piece in self._characters(tokens):
            if words and _goes_on(words[-1].text, piece.text):
                last = words[-1]
                words[-1] = TokenWord(last.text + piece.text, last.n_tokens + piece.n_tokens)
            else:
                words.append(piece)
        return words

    def _characters(self, tokens: Sequence[int]) -> list[TokenWord]:
        """The smallest groups of tokens that decode to whole characters."""
        pieces: list[TokenWord] = []
        waiting: list[int] = []
        for token in tokens:
            waiting.append(token)
            text = self.text(waiting)
            if _REPLACEMENT not in text:
                pieces.append(TokenWord(text, len(waiting)))
                waiting = []
        if waiting:
            pieces.append(TokenWord(self.text(waiting), len(waiting)))
        return pieces
