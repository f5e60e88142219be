"""Labelled recordings: from the file names of two published corpora, or from a manifest.

RAVDESS (Livingstone and Russo 2018) names ``03-01-EE-II-SS-RR-AA``; EMO-DB (Burkhardt et al.
2005) ``03a01Wa``, or with speaker and emotion written out before it, ``03_angry_03a01Wa``.
A manifest is a CSV file with the columns path, emotion, speaker and sentence, and gender
where it is known; paths are relative to it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from subtone.perception.probing.data import ProbeError

SUFFIXES = frozenset({".flac", ".wav", ".ogg", ".mp3"})
_RAVDESS = re.compile(r"\d\d-\d\d-(?P<e>0[1-8])-\d\d-(?P<s>\d\d)-\d\d-(?P<a>\d\d)")
_EMODB = re.compile(r"(?:\d\d_[a-z]+_)?(?P<v>\d\d)(?P<s>[ab]\d\d)(?P<e>[WLEAFTN])[a-z]?")
_RAVDESS_EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fear", "disgust", "surprise")
_EMODB_EMOTIONS = {
    "W": "angry", "L": "boredom", "E": "disgust", "A": "fear", "F": "happy", "T": "sad",
    "N": "neutral",
}  # fmt: skip
_EMODB_MEN = frozenset({"03", "10", "11", "12", "15"})
_COLUMNS = ("path", "emotion", "speaker", "sentence")


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One clip of one voice."""

    path: Path
    emotion: str
    speaker: str
    sentence: str
    gender: str | None


@dataclass(frozen=True, kw_only=True)
class Recordings:
    """Clips of one corpus, sorted by path."""

    clips: tuple[Recording, ...]
    corpus: str
    language: str
    is_acted: bool


def read_recordings(source: Path, language: str | None, is_acted: bool) -> Recordings:
    """A folder of either corpus, or a CSV manifest.

    ``language`` and ``is_acted`` describe a manifest; a published corpus is known.
    Raises ProbeError naming the file and line that cannot be read.
    """
    if source.is_dir():
        return _published(source)
    if source.suffix.lower() != ".csv":
        raise ProbeError(f"{source}: give a folder of RAVDESS or EMO-DB, a .csv or an .npz")
    return Recordings(
        clips=tuple(_manifest(source)),
        corpus=source.stem,
        language=language or "unknown",
        is_acted=is_acted,
    )


def _published(folder: Path) -> Recordings:
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    if not paths:
        raise ProbeError(f"{folder}: holds no recordings ({', '.join(sorted(SUFFIXES))})")
    readers: tuple[tuple[str, str, Callable[[Path], Recording | None]], ...] = (
        ("RAVDESS", "English", _ravdess),
        ("EMO-DB", "German", _emodb),
    )
    for corpus, language, read in readers:
        found = [read(path) for path in paths]
        clips = [clip for clip in found if clip is not None]
        if len(clips) == len(paths):
            return Recordings(clips=tuple(clips), corpus=corpus, language=language, is_acted=True)
        if clips:
            odd = next(path for path, clip in zip(paths, found, strict=True) if clip is None)
            raise ProbeError(
                f"{odd}: is not named as the other clips of {corpus}; move it away, or describe "
                "the folder with a CSV manifest"
            )
    raise ProbeError(
        f"{paths[0]}: is named neither as RAVDESS nor as EMO-DB; describe the folder with a CSV "
        f"manifest ({', '.join(_COLUMNS)})"
    )


def _ravdess(path: Path) -> Recording | None:
    name = _RAVDESS.fullmatch(path.stem)
    return name and Recording(
        path=path,
        emotion=_RAVDESS_EMOTIONS[int(name["e"]) - 1],
        speaker=name["a"],
        sentence=name["s"],
        gender="male" if int(name["a"]) % 2 else "female",
    )


def _emodb(path: Path) -> Recording | None:
    name = _EMODB.fullmatch(path.stem)
    return name and Recording(
        path=path,
        emotion=_EMODB_EMOTIONS[name["e"]],
        speaker=name["v"],
        sentence=name["s"],
        gender="male" if name["v"] in _EMODB_MEN else "female",
    )


def _manifest(path: Path) -> Iterator[Recording]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            reader = csv.DictReader(file, strict=True)
            missing = [c for c in _COLUMNS if c not in (reader.fieldnames or ())]
            if missing:
                raise ProbeError(f"{path}: has no column {missing[0]}; give {', '.join(_COLUMNS)}")
            for row in reader:
                values = {c: (row[c] or "").strip() for c in _COLUMNS}
                empty = [c for c in ("path", "emotion", "speaker") if not values[c]]
                if empty:
                    raise ProbeError(f"{path}: line {reader.line_num} has no {empty[0]}; add it")
                yield Recording(
                    path=path.parent / values["path"],
                    emotion=values["emotion"],
                    speaker=values["speaker"],
                    sentence=values["sentence"],
                    gender=(row.get("gender") or "").strip() or None,
                )
        except (csv.Error, UnicodeDecodeError) as error:
            raise ProbeError(f"{path}: is no CSV file in UTF-8 ({error})") from error
