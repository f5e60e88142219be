"""WebVTT (W3C) and SubRip: blocks of a timing line and a text, parted by blank lines.

A speaker is a WebVTT voice tag (``<v Agent>``) or a prefix (``Agent: ``, ``客服：``). Other tags
and cue settings are dropped, NOTE, STYLE and REGION blocks skipped; the comma of SubRip times
and the missing hours of WebVTT are accepted in both.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from subtone.contracts.vocabulary import Role
from subtone.ingest.files.formats.turns import (
    FormatError,
    Located,
    located_turn,
    role_of,
    split_label,
)

_TIME = r"(-?)(?:([0-9]{1,3}):)?([0-5]?[0-9]):([0-5]?[0-9])[.,]([0-9]{3})"
_TIMING = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?", re.ASCII)
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]*)>")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<[0-9:.]+>|\{\\[^}]*\}")
_SKIPPED = re.compile(r"(?:NOTE|STYLE|REGION)(?:\s|$)")


def looks_like_cues(text: str) -> bool:
    """Whether one of the first lines is a timing line, as in SubRip."""
    return any("-->" in line for line in text.lstrip("\n").split("\n", 4)[:4])


def parse_cues(text: str) -> Iterator[Located]:
    """Turns of WebVTT or SubRip text, in file order; a cue with two voices gives two turns.

    Raises:
        FormatError: a block without a readable timing line.

    """
    for number, block in _blocks(text):
        if block[0].startswith("WEBVTT") and number == 1:
            continue
        if _SKIPPED.match(block[0]):
            continue
        at = next((i for i, line in enumerate(block[:2]) if "-->" in line), None)
        if at is None:
            raise FormatError(
                f"line {number}",
                "has no times",
                "a cue starts with: start --> end, after its number",
            )
        where = f"line {number + at}"
        start_ms, end_ms = _times(where, block[at])
        for role, words in _voices("\n".join(block[at + 1 :])):
            yield located_turn(where, role, start_ms, end_ms, words)


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Runs of non-blank lines with the number of their first line."""
    held: list[str] = []
    lines = text.split("\n")
    for number, line in enumerate([*lines, ""], start=1):
        if line.strip():
            held.append(line)
        elif held:
            yield number - len(held), held
            held = []


def _times(where: str, line: str) -> tuple[int, int]:
    timing = _TIMING.fullmatch(line)
    if timing is None:
        raise FormatError(
            where, "the times cannot be read", "write them as 00:01:02.345 --> 00:01:04.000"
        )
    groups = timing.groups()
    return _milliseconds(groups[:5]), _milliseconds(groups[5:])


def _milliseconds(parts: tuple[str | None, ...]) -> int:
    sign, hours, minutes, seconds, fraction = parts
    whole_s = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    total = whole_s * 1000 + int(fraction or 0)
    return -total if sign else total


def _voices(payload: str) -> Iterator[tuple[Role, str]]:
    """Each speaker's words in one cue, in order."""
    pieces = _VOICE.split(payload)
    if len(pieces) == 1 or pieces[0].strip():
        yield from _labelled(pieces[0].split("\n"))
    for label, words in zip(pieces[1::2], pieces[2::2], strict=True):
        yield role_of(html.unescape(label)), _plain(words)


def _labelled(lines: list[str]) -> Iterator[tuple[Role, str]]:
    """Runs of lines that one "Agent: " prefix or none stands before."""
    role, held = Role.UNKNOWN, ""
    for line in lines:
        found, words = split_label(_plain(line))
        if found is not Role.UNKNOWN and held:
            yield role, held
            held = ""
        role = role if found is Role.UNKNOWN else found
        held = f"{held} {words}".strip()
    yield role, held


def _plain(text: str) -> str:
    return " ".join(html.unescape(_TAG.sub("", text)).split())
