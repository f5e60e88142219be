"""Folders into memory: every file once, each whole or not at all, resumable after any stop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from subtone.contracts.ports import MemoryStore
from subtone.contracts.vocabulary import Role
from subtone.ingest.errors import IngestError
from subtone.ingest.files import probe_audio
from subtone.perception.errors import PerceptionError
from subtone.runtime.audio_memory.keeping import Keep
from subtone.runtime.audio_memory.recordings import Recording
from subtone.runtime.audio_memory.system import AudioMemorySystem

AUDIO_SUFFIXES: Final = frozenset(
    [
        ".aac",
        ".aif",
        ".aiff",
        ".amr",
        ".au",
        ".caf",
        ".flac",
        ".m4a",
        ".mp3",
        ".mp4",
        ".oga",
        ".ogg",
        ".opus",
        ".wav",
        ".webm",
        ".wma",
    ]
)


@dataclass(frozen=True, slots=True)
class Remembered:
    """What became of one file."""

    path: Path
    records: int = 0
    is_known: bool = False  # it was remembered before
    failure: str | None = None  # one line, whose fault and what to do


def audio_files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files named, and the audio files under the folders named, each folder in order.

    Raises FileNotFoundError for a path that is not there.
    """
    for path in paths:
        if path.is_dir():
            yield from sorted(
                p for p in path.rglob("*") if p.suffix.lower() in AUDIO_SUFFIXES and p.is_file()
            )
        elif path.exists():
            yield path
        else:
            raise FileNotFoundError(2, "is not there", str(path))


def remember_files(
    system: AudioMemorySystem,
    store: MemoryStore,
    paths: Sequence[Path],
    tasks: Sequence[str],
    *,
    roles: Sequence[Role] | None,
    has_consent: bool,
    on_file: Callable[[Remembered], None],
) -> None:
    """Remember every file that is not known yet; one file's failure stops no other.

    Args:
        system: what encodes and understands.
        store: its memory.
        paths: files, in order.
        tasks: of ``TASKS``.
        roles: who is on each channel; None takes every channel as an unknown speaker's.
        has_consent: whether the speakers agreed to be remembered.
        on_file: told what became of each file, in order.

    A file is done when all its channels are stored. The same content under the same name is
    known by that; so whoever is stopped begins again with the first file that was not done.

    """
    system.require_known(tasks)
    for path in paths:
        try:
            on_file(_remember(system, store, path, tasks, roles, has_consent))
        except (IngestError, PerceptionError) as error:
            on_file(Remembered(path, failure=" ".join(str(error).split())))
        except OSError as error:
            on_file(Remembered(path, failure=f"{path}: {error.strerror or error}"))


def _remember(
    system: AudioMemorySystem,
    store: MemoryStore,
    path: Path,
    tasks: Sequence[str],
    roles: Sequence[Role] | None,
    has_consent: bool,
) -> Remembered:
    channels = probe_audio(path).channel_count
    if roles is not None and len(roles) != channels:
        raise IngestError(
            path.name,
            f"has {channels} channels and {len(roles)} roles were given",
            "give one role per channel",
        )
    sources = [Recording.of(path, channel=channel).source for channel in range(channels)]
    if store.known_sources(sources) == frozenset(sources):
        return Remembered(path, is_known=True)
    records = 0
    for channel in range(channels):
        records += len(
            system.remember(
                path,
                tasks,
                channel=channel,
                keep=Keep(
                    has_consent=has_consent,
                    role=Role.UNKNOWN if roles is None else roles[channel],
                ),
            )
        )
    return Remembered(path, records=records)
