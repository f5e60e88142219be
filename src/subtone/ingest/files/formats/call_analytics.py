"""The JSON of Amazon Transcribe Call Analytics: one ``Transcript`` list of turns with items."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from subtone.ingest.files.formats.jsonl import decode_at
from subtone.ingest.files.formats.turns import (
    FormatError,
    Located,
    WordTimes,
    located_turn,
    role_of,
)

_ADVICE = "it should be as Transcribe Call Analytics wrote it"


class _Item(msgspec.Struct, rename="pascal"):
    type: str
    content: str
    begin_offset_millis: int | None = None
    end_offset_millis: int | None = None


class _Turn(msgspec.Struct, rename="pascal"):
    begin_offset_millis: int
    end_offset_millis: int
    participant_role: str
    content: str
    items: tuple[_Item, ...] = ()


class _File(msgspec.Struct, rename="pascal"):
    transcript: list[msgspec.Raw]


def is_call_analytics(data: str) -> bool:
    """Whether the whole text is one JSON object with a ``Transcript``."""
    try:
        keys = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return "Transcript" in keys


def parse_call_analytics(text: str) -> Iterator[Located]:
    """Turns of a Call Analytics file, in file order; punctuation items carry no time.

    Raises:
        FormatError: the file or one of its turns has another shape.

    """
    file = decode_at("the file", msgspec.json.Decoder(_File), text, _ADVICE)
    decoder = msgspec.json.Decoder(_Turn)
    for index, raw in enumerate(file.transcript):
        where = f"Transcript[{index}]"
        turn = decode_at(where, decoder, bytes(raw), _ADVICE)
        yield located_turn(
            where,
            role_of(turn.participant_role),
            turn.begin_offset_millis,
            turn.end_offset_millis,
            turn.content,
            _words(where, turn.items),
        )


def _words(where: str, items: tuple[_Item, ...]) -> Iterator[WordTimes]:
    for item in items:
        if item.type != "pronunciation":
            continue
        if item.begin_offset_millis is None or item.end_offset_millis is None:
            raise FormatError(where, "a pronunciation item has no times")
        yield WordTimes(item.begin_offset_millis, item.end_offset_millis, item.content)
