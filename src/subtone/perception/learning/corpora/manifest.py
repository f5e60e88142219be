"""A plain list of labelled clips: CSV with a header line, or one JSON object a line.

``path``, ``speaker`` and ``emotion`` are required; ``sentence``, ``language`` (default
"en"), ``acted`` (default false), ``licence`` (default "none stated"), ``corpus`` (default the
file's stem), ``arousal`` and ``valence`` (-1, 0, 1) are optional. Paths are relative to the list.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from subtone.perception.learning.clips import Clip
from subtone.perception.learning.errors import LearningError
from subtone.perception.learning.labels import MEANINGS, label_of

SUFFIXES: Final = (".csv", ".jsonl")
_TRUE: Final = ("1", "true", "yes")
_FALSE: Final = ("0", "false", "no", "")


def read_manifest(path: Path) -> list[Clip]:
    """The clips of a list, in its order.

    Raises LearningError with the line at fault.
    """
    try:
        rows = list(_csv(path) if path.suffix == ".csv" else _jsonl(path))
    except (OSError, UnicodeDecodeError) as error:
        raise LearningError(f"{path.name}: cannot be read ({error}); give UTF-8") from error
    return [_clip(path, line, row) for line, row in rows]


def _csv(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in (reader := csv.DictReader(file)):
            yield reader.line_num, row


def _jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if line.strip():
            try:
                yield number, msgspec.json.decode(line, type=dict[str, Any])
            except msgspec.DecodeError as error:
                raise LearningError(f"{path.name} line {number}: {error}") from error


def _clip(manifest: Path, line: int, row: dict[str, Any]) -> Clip:
    where = f"{manifest.name} line {line}"
    given = {k: str(v).strip() for k, v in row.items() if k is not None and v not in (None, "")}
    if missing := [name for name in ("path", "speaker", "emotion") if name not in given]:
        raise LearningError(f"{where}: lacks {', '.join(missing)}")
    label = label_of(given["emotion"])
    if label is None:
        raise LearningError(
            f"{where}: no such emotion {given['emotion']!r}; use one of {', '.join(MEANINGS)}"
        )
    acted = given.get("acted", "").lower()
    if acted not in _TRUE + _FALSE:
        raise LearningError(f"{where}: acted is true or false, not {acted!r}")
    return Clip(
        path=manifest.parent / given["path"],
        corpus=given.get("corpus", manifest.stem),
        speaker=given["speaker"],
        sentence=given.get("sentence"),
        language=given.get("language", "en"),
        label=label,
        is_acted=acted in _TRUE,
        licence=given.get("licence", "none stated"),
        arousal=_sign(where, given, "arousal"),
        valence=_sign(where, given, "valence"),
    )


def _sign(where: str, given: dict[str, str], name: str) -> int | None:
    value = given.get(name)
    if value not in (None, "-1", "0", "1"):
        raise LearningError(f"{where}: {name} is -1, 0 or 1, not {value!r}")
    return None if value is None else int(value)
