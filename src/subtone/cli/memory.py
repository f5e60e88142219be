"""Audio memory: remember recordings, find them again, forget them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from subtone.cli.common import OptionError, parse_roles, plain_errors

if TYPE_CHECKING:
    from subtone.contracts.memory import MemoryFilter, MemoryHit, MemoryRecord
    from subtone.memory.store import SqliteMemoryStore
    from subtone.runtime.audio_memory.importing import Remembered

KEY_BYTES = 32

data_option = click.option(
    "--data",
    "folder",
    type=click.Path(path_type=Path),
    default=Path("subtone-memory"),
    show_default=True,
    help="Folder of the memory.",
)
key_option = click.option(
    "--key-file",
    type=click.Path(path_type=Path),
    envvar="SUBTONE_MEMORY_KEY_FILE",
    help="32 random bytes that encrypt the memory; given once, needed for ever.",
)
model_option = click.option(
    "--model", default="base", show_default=True, help="Whisper checkpoint: a name or a folder."
)
filter_options = (
    click.option("--call", "call_id", help="Only of this call or file name."),
    click.option("--speaker", "speaker_id", help="Only of this speaker."),
    click.option("--emotion", help="Only what sounded so."),
    click.option("--spoken", "spoken", metavar="CODE", help="Only in this language: en, zh ..."),
    click.option("--role", type=click.Choice(["customer", "agent", "unknown"]), help="Only of it."),
    click.option("--since", metavar="DATE", help="Only seen from then on: 2026-01-31[T12:00]."),
    click.option("--until", metavar="DATE", help="Only seen before then."),
)


def filtered(command: Any) -> Any:
    """Add the options that make a MemoryFilter."""
    for option in reversed(filter_options):
        command = option(command)
    return command


@click.command()
@click.argument(
    "paths", nargs=-1, required=True, metavar="FILE|DIR...", type=click.Path(path_type=Path)
)
@click.option(
    "--tasks",
    default="transcription,language",
    show_default=True,
    help="What to find out, separated by commas: transcription, language, emotion, speaker.",
)
@click.option("--roles", metavar="ROLE,ROLE", help="Who is on each channel; unknown without it.")
@click.option("--emotion-model", type=click.Path(path_type=Path), help="Head file or ONNX model.")
@click.option("--speaker-model", type=click.Path(path_type=Path), help="ONNX model or voice head.")
@click.option(
    "--allow-voiceprints",
    is_flag=True,
    help="Recognise voices: biometric data, only with a lawful purpose and consent.",
)
@click.option(
    "--consent", is_flag=True, help="The speakers agreed to be remembered; nothing goes without."
)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each file.")
@data_option
@key_option
@model_option
def remember(
    paths: tuple[Path, ...],
    tasks: str,
    roles: str | None,
    emotion_model: Path | None,
    speaker_model: Path | None,
    allow_voiceprints: bool,
    consent: bool,
    as_json: bool,
    folder: Path,
    key_file: Path | None,
    model: str,
) -> None:
    """Remember recordings: each stretch of speech with its encoding and what was found in it.

    Stopped half-way, the same command goes on with the first file that was not done.
    """
    if not consent:
        raise OptionError("nothing is remembered without --consent of those who speak")
    with memory_errors():
        from subtone.runtime.audio_memory import AudioMemorySystem
        from subtone.runtime.audio_memory.importing import audio_files, remember_files

        models = {"emotion": emotion_model, "speaker": speaker_model}
        files = list(audio_files(paths))
        with opened(folder, key_file, is_voiceprint_allowed=allow_voiceprints) as store:
            system = AudioMemorySystem(
                model,
                store=store,
                models={task: path for task, path in models.items() if path is not None},
                is_voiceprint_allowed=allow_voiceprints,
            )
            told = _Told(len(files), as_json=as_json)
            with told:
                remember_files(
                    system,
                    store,
                    files,
                    tuple(task.strip() for task in tasks.split(",") if task.strip()),
                    roles=parse_roles(roles),
                    has_consent=consent,
                    on_file=told.file,
                )
    sys.exit(told.finish())


@click.command()
@click.argument("speaker_id", metavar="NAME")
@click.argument(
    "paths", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path)
)
@click.option("--speaker-model", type=click.Path(path_type=Path), help="ONNX model or voice head.")
@click.option("--allow-voiceprints", is_flag=True, help="As for remember; nothing goes without.")
@data_option
@key_option
@model_option
def enrol(
    speaker_id: str,
    paths: tuple[Path, ...],
    speaker_model: Path | None,
    allow_voiceprints: bool,
    folder: Path,
    key_file: Path | None,
    model: str,
) -> None:
    """Remember what NAME sounds like, from recordings in which nobody else speaks."""
    with memory_errors():
        from subtone.runtime.audio_memory import AudioMemorySystem

        with opened(folder, key_file, is_voiceprint_allowed=allow_voiceprints) as store:
            AudioMemorySystem(
                model,
                store=store,
                models={} if speaker_model is None else {"speaker": speaker_model},
                is_voiceprint_allowed=allow_voiceprints,
            ).enrol(speaker_id, paths)
    click.echo(f"{speaker_id} is known by {len(paths)} recordings")


@click.command()
@click.argument("query", required=False)
@click.option("--audio", type=click.Path(path_type=Path), help="A recording that sounds like it.")
@click.option("--limit", type=click.IntRange(1, 1_000), default=10, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Hits with their records as JSON.")
@filtered
@data_option
@key_option
@model_option
def recall(
    query: str | None,
    audio: Path | None,
    limit: int,
    as_json: bool,
    folder: Path,
    key_file: Path | None,
    model: str,
    **wanted: str | None,
) -> None:
    """Find memories by words (QUERY), by a sounding example, by filters, or by all of them."""
    with memory_errors():
        from subtone.runtime.audio_memory import AudioMemorySystem

        with opened(folder, key_file, is_read_only=True) as store:
            hits = AudioMemorySystem(model, store=store).search(
                text=query, audio=audio, where=filter_of(wanted), limit=limit
            )
            records = {r.record_id: r for r in store.get(hit.record_id for hit in hits)}
    show_hits([(hit, records[hit.record_id]) for hit in hits], as_json=as_json)


@click.command()
@filtered
@click.option("--everything", is_flag=True, help="All of it, voiceprints too.")
@data_option
@key_option
def forget(everything: bool, folder: Path, key_file: Path | None, **wanted: str | None) -> None:
    """Erase what the filters name, for good; the receipt is printed as JSON."""
    import msgspec

    with memory_errors(), opened(folder, key_file) as store:
        receipt = store.erase(filter_of(wanted), everything=everything)
    click.echo(msgspec.json.format(msgspec.json.encode(receipt), indent=2))


@contextmanager
def memory_errors() -> Iterator[None]:
    """Turn what perception or the memory refuses into one line and exit status 1."""
    try:
        from subtone.memory.errors import MemoryStoreError
        from subtone.perception.errors import PerceptionError
        from subtone.perception.heads.errors import HeadError, VoiceprintError
    except ImportError as error:
        raise click.ClickException(
            f"{error.name} is missing: install subtone[memory] for audio memory"
        ) from error
    with plain_errors():
        try:
            yield
        except (HeadError, MemoryStoreError, PerceptionError, VoiceprintError) as error:
            raise click.ClickException(" ".join(str(error).split())) from error


@contextmanager
def opened(
    folder: Path,
    key_file: Path | None,
    *,
    is_read_only: bool = False,
    is_voiceprint_allowed: bool = False,
) -> Iterator[SqliteMemoryStore]:
    """The memory of a folder. Raises MemoryStoreError, OSError or OptionError."""
    from subtone.memory.store import SqliteMemoryStore

    key = None if key_file is None else key_file.read_bytes()
    if key is not None and len(key) != KEY_BYTES:
        raise OptionError(f"{key_file}: a key is {KEY_BYTES} bytes, this file holds {len(key)}")
    with SqliteMemoryStore(
        folder, key=key, is_read_only=is_read_only, is_voiceprint_allowed=is_voiceprint_allowed
    ) as store:
        yield store


def filter_of(wanted: dict[str, str | None]) -> MemoryFilter:
    """The filter that the options name. Raises OptionError for a date that is none."""
    from subtone.contracts.memory import MemoryFilter
    from subtone.contracts.vocabulary import Role

    role = wanted["role"]
    return MemoryFilter(
        call_id=wanted["call_id"],
        speaker_id=wanted["speaker_id"],
        emotion=wanted["emotion"],
        language=wanted["spoken"],
        role=None if role is None else Role(role),
        t_seen_from_ms=unix_ms("--since", wanted["since"]),
        t_seen_until_ms=unix_ms("--until", wanted["until"]),
    )


def unix_ms(option: str, given: str | None) -> int | None:
    """A date or time of day in UTC as Unix milliseconds. Raises OptionError."""
    if given is None:
        return None
    try:
        then = datetime.fromisoformat(given)
    except ValueError as error:
        raise OptionError(f"{option} {given!r}: give a date such as 2026-01-31") from error
    return int((then if then.tzinfo else then.replace(tzinfo=UTC)).timestamp() * 1000.0)


def show_hits(hits: list[tuple[MemoryHit, MemoryRecord]], *, as_json: bool) -> None:
    """Lines for a person, or JSON without vectors for a program."""
    import msgspec

    if as_json:
        rows = [
            {
                "hit": hit,
                "record": {
                    **msgspec.structs.asdict(record),
                    "encodings": [e.space for e in record.encodings],
                },
            }
            for hit, record in hits
        ]
        click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=2))
        return
    if not hits:
        click.echo("nothing found")
        return
    for hit, record in hits:
        facts = [f for f in (record.emotion, record.speaker_id, record.language) if f]
        click.echo(
            f"{hit.rank + 1:>3}  {hit.route:<10} {hit.score:.3g}  {record.call_id}  "
            f"{record.t_event_ms // 60_000:02d}:{record.t_event_ms // 1000 % 60:02d}"
            + (f"  [{', '.join(facts)}]" if facts else "")
        )
        if record.transcript:
            click.echo(f"     {record.transcript}")


class _Told:
    """Says what becomes of each file: a bar and failures for a person, lines for a program."""

    def __init__(self, total: int, *, as_json: bool) -> None:
        from rich.console import Console
        from rich.progress import Progress

        console = Console(stderr=True)
        is_bar = console.is_terminal and not as_json
        self._bar = Progress(console=console, transient=True, disable=not is_bar)
        self._task = self._bar.add_task("remembering", total=total)
        self._as_json = as_json
        self._counts = {"files": 0, "known": 0, "failed": 0, "records": 0}

    def __enter__(self) -> None:
        self._bar.start()

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def file(self, done: Remembered) -> None:
        """One file is done."""
        import msgspec

        self._counts["files"] += 1
        self._counts["known"] += done.is_known
        self._counts["failed"] += done.failure is not None
        self._counts["records"] += done.records
        self._bar.advance(self._task)
        if self._as_json:
            line = {
                "file": str(done.path),
                "records": done.records,
                "known": done.is_known,
                "failure": done.failure,
            }
            click.echo(msgspec.json.encode(line))
        elif done.failure is not None:
            click.echo(f"{done.path}: {done.failure}", err=True)

    def finish(self) -> int:
        """The totals, and the exit status: 1 where any file failed."""
        if not self._as_json:
            c = self._counts
            click.echo(
                f"{c['records']} memories of {c['files'] - c['known'] - c['failed']} files, "
                f"{c['known']} known before, {c['failed']} failed"
            )
        return 1 if self._counts["failed"] else 0
