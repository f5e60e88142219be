"""Outputs of the kernel with everything said in them redacted, as JSON in and JSON out."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from subtone.surfaces.redaction import redact

WORDS: Final = frozenset({"text", "quote", "en", "zh", "hint", "transcript"})
"""Fields of the contracts that hold, or may quote, what somebody said."""


_SPAN: Final = frozenset({"start", "end", "text"})


def redacted_output(body: bytes) -> bytes:
    """One output, a contract as JSON, without what identifies a person.

    A turn of which something was taken away loses the list of its timed words, which could tell
    it word by word. A span with digits in it keeps its place alone, for it may be a piece of a
    number that only the whole turn shows; offsets count the characters as they were said.
    """
    return msgspec.json.encode(_redacted(msgspec.json.decode(body)))


def _redacted(value: Any) -> Any:
    if isinstance(value, list):
        return [_redacted(item) for item in value]
    if not isinstance(value, dict):
        return value
    shown = {
        name: redact(item) if name in WORDS and isinstance(item, str) else _redacted(item)
        for name, item in value.items()
    }
    if value.keys() >= _SPAN and any(c.isdecimal() for c in value["text"]):
        shown["text"] = ""
    if "words" in value and "text" in value and shown["text"] != value["text"]:
        shown["words"] = []
    return shown
