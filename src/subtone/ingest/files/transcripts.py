"""Transcript files: bytes to text, text to its format by content, format to turns."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from subtone.ingest.errors import IngestError
from subtone.ingest.files.formats.call_analytics import is_call_analytics, parse_call_analytics
from subtone.ingest.files.formats.comma_separated import is_csv_header, parse_csv
from subtone.ingest.files.formats.cues import looks_like_cues, parse_cues
from subtone.ingest.files.formats.jsonl import parse_jsonl
from subtone.ingest.files.formats.turns import FormatError, Located, Transcript, assemble
from subtone.ingest.files.opening import open_regular

MAX_FILE_BYTES = 256 * 1024 * 1024
MAX_LINE_CHARS = 1_000_000

_KNOWN = "a transcript is JSON Lines, CSV, WebVTT, SubRip or Transcribe Call Analytics JSON"
_GB18030_ADVICE = "it may be GB18030 (GBK); convert it: iconv -f GB18030 -t UTF-8 in > out"


def read_transcript(path: Path | str, audio_duration_ms: int | None = None) -> Transcript:
    """Read one transcript or chat; the content decides the format, not the name.

    Args:
        path: JSON Lines, CSV, WebVTT, SubRip or Transcribe Call Analytics JSON, in UTF-8
            (or UTF-16 with a byte order mark).
        audio_duration_ms: end of the call's audio, where it is known: a turn more than 2 s
            after it is refused.

    Raises:
        IngestError: with the line, but never a word of the text.

    """
    path = Path(path)
    with open_regular(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > MAX_FILE_BYTES:
            raise IngestError(
                path.name,
                f"has {size} bytes, {MAX_FILE_BYTES} allowed for text",
                "check that it is a transcript, or split it into calls",
            )
        data = stream.read()
    return parse_transcript(path.name, data, audio_duration_ms)


def parse_transcript(name: str, data: bytes, audio_duration_ms: int | None) -> Transcript:
    """``read_transcript`` for bytes already at hand; ``name`` is for messages only."""
    text = _decoded(name, data)
    try:
        parser = _parser_for(name, text)
        if parser is not parse_call_analytics:  # one JSON document may well be one line
            _refuse_long_lines(text)
        return assemble(parser(text), audio_duration_ms)
    except FormatError as error:
        raise IngestError(name, str(error), error.advice) from error


def _decoded(name: str, data: bytes) -> str:
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding = "utf-16" if is_utf16 else "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        advice = "save it as UTF-8" if is_utf16 or not _is_gb18030(data) else _GB18030_ADVICE
        cause = f"is not valid {encoding.upper()} at byte {error.start}"
        raise IngestError(name, cause, advice) from error
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _is_gb18030(data: bytes) -> bool:
    """Whether the bytes also read as Chinese; a sample is enough for a hint."""
    sample = data[:4096].decode("gb18030", "ignore")
    han = len(re.findall(r"[\u4e00-\u9fff]", sample))
    return han * 4 > len([character for character in sample if not character.isascii()])


def _refuse_long_lines(text: str) -> None:
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > MAX_LINE_CHARS:
            raise FormatError(
                f"line {number}", f"has {len(line)} characters, {MAX_LINE_CHARS} allowed"
            )


def _parser_for(name: str, text: str) -> Callable[[str], Iterator[Located]]:
    start = text.lstrip()
    if not start:
        raise IngestError(name, "holds no text", "check how it was exported")
    if start.startswith("{"):
        return parse_call_analytics if is_call_analytics(text) else parse_jsonl
    if is_csv_header(start.split("\n", 1)[0]):
        return parse_csv
    if re.match(r"WEBVTT(?:\s|$)", text) or looks_like_cues(text):
        return parse_cues
    raise IngestError(
        name, "is in no transcript format subtone knows", f"{_KNOWN}; CSV needs t_ms, role, text"
    )
