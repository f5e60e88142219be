"""JSON Lines: one turn per line.

``{"t_ms": 0, "end_ms": 900, "role": "customer", "text": "...", "words": [...]}``, where
``end_ms`` and ``words`` (of ``{"t_ms", "end_ms", "text"}``) may be absent; other keys are
ignored. Times are whole milliseconds. What happened beside words is a line of its own:
``{"t_ms": 61000, "event": "intervention"}``, or ``paused``, ``resumed``,
``consent_withdrawn``, ``consent_given``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import msgspec

from subtone.ingest.files.formats.turns import (
    FormatError,
    Located,
    MarkKind,
    WordTimes,
    located_mark,
    located_turn,
    role_of,
)

_ADVICE = "each line is one JSON object with t_ms, role and text"
_Value = TypeVar("_Value")


class _Word(msgspec.Struct):
    t_ms: int
    end_ms: int
    text: str


class _Record(msgspec.Struct):
    t_ms: int
    role: str | None = None
    text: str | None = None
    event: MarkKind | None = None
    end_ms: int | None = None
    words: tuple[_Word, ...] = ()


def parse_jsonl(text: str) -> Iterator[Located]:
    """Turns of a JSON Lines transcript, in file order.

    Raises:
        FormatError: a line is no such object.

    """
    decoder = msgspec.json.Decoder(_Record)
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"line {number}"
        record = decode_at(where, decoder, line, _ADVICE)
        if record.event is not None:
            yield located_mark(where, record.event, record.t_ms)
            continue
        if record.role is None or record.text is None:
            raise FormatError(where, "role or text is missing", _ADVICE)
        words = (WordTimes(word.t_ms, word.end_ms, word.text) for word in record.words)
        role = role_of(record.role)
        yield located_turn(where, role, record.t_ms, record.end_ms, record.text, words)


def decode_at(
    where: str, decoder: msgspec.json.Decoder[_Value], data: str | bytes, advice: str
) -> _Value:
    """Decode one JSON value; msgspec's messages name paths and types, never values."""
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        cause = "is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise FormatError(where, cause, advice) from error
