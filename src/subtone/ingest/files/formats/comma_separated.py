"""CSV (RFC 4180) with a header: t_ms, end_ms (may be absent), role, text; others ignored."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

from subtone.ingest.files.formats.turns import FormatError, Located, located_turn, role_of

REQUIRED_COLUMNS = ("t_ms", "role", "text")
_WHOLE = re.compile(r"\s*(-?[0-9]{1,15})(?:\.0+)?\s*", re.ASCII)


def is_csv_header(line: str) -> bool:
    """Whether a first line names the required columns."""
    names = {name.strip().strip('"').casefold() for name in line.split(",")}
    return names.issuperset(REQUIRED_COLUMNS)


def parse_csv(text: str) -> Iterator[Located]:
    """Turns of a CSV transcript, in file order.

    Raises:
        FormatError: a row is broken, too short, or has a time that is no whole number.

    """
    reader = csv.reader((f"{line}\n" for line in text.split("\n")), strict=True)
    header: list[str] | None = None
    where = "line 1"
    try:
        for row in reader:
            if any(row) and header is None:
                header = _header(where, row)
            elif any(row) and header is not None:
                yield _turn(where, header, row)
            where = f"line {reader.line_num + 1}"  # a quoted text may span lines
    except csv.Error as error:
        raise FormatError(where, f"is not CSV ({error})", 'quote texts with "') from error


def _header(where: str, row: list[str]) -> list[str]:
    names = [name.strip().casefold() for name in row]
    if not set(names).issuperset(REQUIRED_COLUMNS) or len(set(names)) != len(names):
        raise FormatError(
            where,
            "the header is not clear",
            "name t_ms, role, text, and end_ms if known, once each",
        )
    return names


def _turn(where: str, header: list[str], row: list[str]) -> Located:
    if len(row) != len(header):
        raise FormatError(
            where, f"has {len(row)} cells, the header has {len(header)}", 'quote texts with "'
        )
    cells = dict(zip(header, row, strict=True))
    end = cells.get("end_ms", "").strip()
    return located_turn(
        where,
        role_of(cells["role"]),
        _whole_ms(where, "t_ms", cells["t_ms"]),
        _whole_ms(where, "end_ms", end) if end else None,
        cells["text"],
    )


def _whole_ms(where: str, column: str, cell: str) -> int:
    number = _WHOLE.fullmatch(cell)
    if number is None:
        raise FormatError(
            where, f"{column} is not a whole number", "times are whole milliseconds from the start"
        )
    return int(number[1])
