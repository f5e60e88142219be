"""A folder or a list to clips, whichever corpus it is."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from subtone.perception.learning.clips import Clip
from subtone.perception.learning.corpora.manifest import SUFFIXES, read_manifest
from subtone.perception.learning.corpora.naming import NAMINGS, Naming
from subtone.perception.learning.corpora.tables import TABLES
from subtone.perception.learning.errors import LearningError

AUDIO_SUFFIXES: Final = (".wav", ".flac", ".ogg", ".mp3")
CORPORA: Final = (*(naming.corpus for naming in NAMINGS), *TABLES)


def read_corpus(place: Path | str, corpus: str | None = None) -> list[Clip]:
    """The labelled clips of a corpus's folder, or of a manifest file, sorted by path.

    Without a name, the corpus is the one whose naming fits the most files. Files that fit no
    naming, and labels that mean no emotion, are left out; ``data check`` counts them.
    Raises LearningError for a folder that holds none of the corpora.
    """
    place = Path(place)
    if corpus is not None and corpus not in CORPORA:
        raise LearningError(f"no corpus {corpus!r}; use one of {', '.join(CORPORA)}, or a manifest")
    if place.is_file():
        if place.suffix not in SUFFIXES:
            raise LearningError(f"{place.name}: a list of clips is {' or '.join(SUFFIXES)}")
        return read_manifest(place)
    if not place.is_dir():
        raise LearningError(f"{place.name}: no such folder or manifest")
    found = [
        clips
        for name in (CORPORA if corpus is None else (corpus,))
        if (clips := _read(place, name))
    ]
    if not found:
        wanted = "any known corpus" if corpus is None else corpus
        raise LearningError(
            f"{place.name}: holds no clips named as {wanted} names them; "
            "unpack it as published, or list the clips in a manifest"
        )
    return max(found, key=len)


def audio_files(place: Path) -> list[Path]:
    """All files below the folder that look like audio."""
    return sorted(p for p in place.rglob("*") if p.suffix.lower() in AUDIO_SUFFIXES)


def _read(place: Path, corpus: str) -> list[Clip]:
    if corpus in TABLES:
        return sorted(TABLES[corpus](place), key=lambda clip: clip.path)
    naming = next(n for n in NAMINGS if n.corpus == corpus)
    clips = (_named(naming, path, path.relative_to(place.parent)) for path in audio_files(place))
    return [clip for clip in clips if clip is not None]


def _named(naming: Naming, path: Path, below: Path) -> Clip | None:
    match = naming.pattern.search(below.as_posix())
    if match is None:
        return None
    return Clip(
        path=path,
        corpus=naming.corpus,
        speaker=naming.speaker(match),
        sentence=naming.sentence(match),
        language=naming.language(match),
        label=naming.labels[match["emotion"]],
        is_acted=True,
        licence=naming.licence,
    )
