"""The command line. Heavy parts load inside the command that needs them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

import click

import subtone

if TYPE_CHECKING:
    from rich.console import Console

    from subtone.contracts.analysis import CallAnalysis
    from subtone.contracts.vocabulary import Role
    from subtone.runtime.analysis import Progress
    from subtone.surfaces.report.words import UiLanguage

TEXT_SUFFIXES = frozenset({".jsonl", ".csv", ".vtt", ".srt", ".json", ".txt"})
DEMO_CALL = "hidden_frustration.en"

language_option = click.option(
    "--lang",
    "language",
    type=click.Choice(["en", "zh"]),
    default="en",
    show_default=True,
    help="Language of the output. Both languages of speech are always understood.",
)


class OptionError(click.ClickException):
    """An option's value that cannot be read: one line, without the usage."""

    exit_code = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(subtone.__version__, prog_name="subtone")
def main() -> None:
    """Hear what the words leave out: calls and chats to an explained session state."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # what a terminal cannot print must not end us


@main.command()
@click.argument("call", type=click.Path(path_type=Path))
@click.option(
    "--roles",
    metavar="ROLE,ROLE",
    help="Who is on each channel, in order: customer, agent or unknown. Without it nobody's "
    "voice is scored.",
)
@click.option(
    "--text",
    type=click.Path(path_type=Path),
    help="Transcript or chat of the same call: JSONL, CSV, VTT, SRT or Transcribe Call "
    "Analytics JSON.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the result files.")
@click.option("--json", "as_json", is_flag=True, help="Print summary.json instead of a timeline.")
@click.option(
    "--direction",
    type=click.Choice(["auto", "inbound", "outbound"]),
    default="auto",
    show_default=True,
    help="Answering machines are looked for on outbound calls; auto: where the customer speaks "
    "first.",
)
@click.option(
    "--score-agent-voice",
    is_flag=True,
    help="Score the agent's voice too. Only for a stated lawful purpose: emotion recognition of "
    "employees is prohibited in the EU (AI Act, Article 5).",
)
@click.option(
    "--calibration",
    "calibration_file",
    type=click.Path(path_type=Path),
    help="JSON of a Calibration (`subtone schema Calibration`): what it leaves out keeps its "
    "default.",
)
@language_option
def analyze(
    call: Path,
    roles: str | None,
    text: Path | None,
    out: Path | None,
    as_json: bool,
    direction: str,
    score_agent_voice: bool,
    calibration_file: Path | None,
    language: UiLanguage,
) -> None:
    """Analyse CALL, a recording with one channel per speaker or a chat file."""
    from subtone.runtime.analysis import Direction, analyse_files
    from subtone.runtime.calibrations import read_calibration
    from subtone.surfaces.results import require_replaceable, write_results

    with plain_errors():
        if out is not None:
            require_replaceable(out)
        calibration = None if calibration_file is None else read_calibration(calibration_file)
        audio: Path | None = call
        if text is None and call.suffix.lower() in TEXT_SUFFIXES:
            audio, text = None, call
        with progress_bar(call.name, is_shown=not as_json) as on_progress:
            analysis = analyse_files(
                audio,
                text,
                parse_roles(roles),
                direction=Direction(direction),
                is_agent_voice_scored=score_agent_voice,
                calibration=calibration,
                on_progress=on_progress,
            )
        if out is not None:
            write_results(analysis, out, language)
    show(analysis, as_json, language)
    if out is not None and not as_json:
        show_report(stdout(), out, language)


@main.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--at", "at", metavar="MM:SS", help="Moment to explain; the peak without it.")
@language_option
def explain(folder: Path, at: str | None, language: UiLanguage) -> None:
    """Explain one moment of an analysis in DIR: score, evidence, and what would change it."""
    from subtone.surfaces.results import read_results
    from subtone.surfaces.terminal import render_moment

    with plain_errors():
        analysis = read_results(folder)
        render_moment(stdout(), analysis, None if at is None else parse_clock(at), language)


@main.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("out/demo"),
    show_default=True,
    help="Folder for the result files.",
)
@language_option
def demo(out: Path, language: UiLanguage) -> None:
    """Analyse the sample call in which the words say fine and the voice does not."""
    from subtone.contracts.vocabulary import Role
    from subtone.runtime.analysis import analyse_files
    from subtone.runtime.samples import sample_call
    from subtone.surfaces.results import write_results
    from subtone.surfaces.terminal import render_moment, render_timeline

    with plain_errors():
        audio, text = sample_call(DEMO_CALL)
        with progress_bar(audio.name, is_shown=True) as on_progress:
            analysis = analyse_files(
                audio, text, [Role.AGENT, Role.CUSTOMER], on_progress=on_progress
            )
        write_results(analysis, out, language)
    console = stdout()
    render_timeline(console, analysis, language)
    hidden = next((d for d in analysis.decisions if d.transition and d.transition.masked), None)
    if hidden is not None:
        console.rule()
        render_moment(console, analysis, hidden.moment.t_event_ms, language)
    show_report(console, out, language)


@main.command()
def doctor() -> None:
    """Check this installation and say what to do about anything that is missing."""
    from subtone.runtime.doctor import examine

    is_well = True
    for finding in examine():
        mark = "ok  " if finding.is_well else "FAIL" if finding.is_required else "note"
        is_well = is_well and (finding.is_well or not finding.is_required)
        click.echo(f"{mark}  {finding.name}: {finding.observed}")
        if finding.advice:
            click.echo(f"      {finding.advice}")
    sys.exit(0 if is_well else 1)


@main.command()
@click.argument("contract", required=False)
def schema(contract: str | None) -> None:
    """Print the JSON Schema of every contract, or of one CONTRACT."""
    import msgspec

    from subtone.contracts.registry import json_schema

    document = json_schema()
    if contract is not None:
        if contract not in document["$defs"]:
            raise click.ClickException(f"no contract {contract!r}; `subtone schema` lists them all")
        document = {"$ref": f"#/$defs/{contract}", **document}
    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2))


@main.command()
@click.argument("protocol", type=click.Choice(["twilio", "audiohook", "rtp", "siprec", "chat"]))
@click.argument("call", type=click.Path(path_type=Path))
@click.argument("target")
@click.option("--roles", metavar="ROLE,ROLE", default="agent,customer", show_default=True)
@click.option("--text", type=click.Path(path_type=Path), help="Transcript to post (chat).")
@click.option("--copies", type=click.IntRange(1, 1000), default=1, show_default=True)
@click.option("--speed", type=click.FloatRange(0.1, 100.0), default=1.0, show_default=True)
@click.option("--loss", type=click.FloatRange(0, 0.9), default=0.0, help="Share of packets lost.")
@click.option("--duplicate", type=click.FloatRange(0, 0.9), default=0.0, help="Share sent twice.")
@click.option("--reorder", type=click.FloatRange(0, 0.9), default=0.0, help="Share sent late.")
@click.option("--jitter-ms", type=click.FloatRange(0, 500), default=0.0, help="Random delay.")
@click.option("--reconnect-s", type=click.FloatRange(1), help="Leave and come back (twilio).")
@click.option("--token", envvar="SUBTONE_TOKEN", help="Bearer token for the server.")
def simulate(
    protocol: str,
    call: Path,
    target: str,
    roles: str,
    text: Path | None,
    copies: int,
    speed: float,
    loss: float,
    duplicate: float,
    reorder: float,
    jitter_ms: float,
    reconnect_s: float | None,
    token: str | None,
) -> None:
    """Play CALL into TARGET as a live peer would: a URL, or HOST:PORT for rtp and siprec."""
    import asyncio

    try:
        from subtone.runtime.simulate.packets import Network
        from subtone.runtime.simulate.play import Play, PlayError, Protocol, play_all
    except ImportError as error:
        raise click.ClickException(
            f"{error.name} is missing: install subtone[live] to simulate"
        ) from error

    wanted = Play(
        protocol=Protocol(protocol),
        call=call,
        target=target,
        roles=tuple(parse_roles(roles) or ()),
        text=text,
        copies=copies,
        speed=speed,
        network=Network(loss=loss, duplicate=duplicate, reorder=reorder, jitter_ms=jitter_ms),
        reconnect_s=reconnect_s,
        token=token,
    )
    with plain_errors():
        try:
            for call_id in asyncio.run(play_all(wanted)):
                click.echo(call_id)
        except PlayError as error:
            raise click.ClickException(" ".join(str(error).split())) from error


@main.command(context_settings={"ignore_unknown_options": True})
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    help="TOML file; without it the one SUBTONE_CONFIG names.",
)
@click.option("--host", help="Address to listen on (http.host).")
@click.option("--port", help="Port to listen on, 0 lets the system choose (http.port).")
@click.option("--data", metavar="DIR", help="Folder of the journal (journal.path).")
@click.argument("settings", nargs=-1, type=click.UNPROCESSED, metavar="[--SECTION-NAME VALUE]...")
def serve(
    config_file: Path | None,
    host: str | None,
    port: str | None,
    data: str | None,
    settings: tuple[str, ...],
) -> None:
    """Take calls and chats as they happen; every setting of docs/configuration.md is a flag."""
    try:
        from subtone.runtime.config import ConfigError, load_config
        from subtone.runtime.journal import JournalError
        from subtone.runtime.live.server import serve as run
    except ImportError as error:
        raise click.ClickException(
            f"{error.name} is missing: install subtone[live] to serve"
        ) from error

    named = {"http.host": host, "http.port": port, "journal.path": data}
    flags = {path: value for path, value in named.items() if value is not None}
    with plain_errors():
        try:
            run(load_config(config_file, None, flags | parse_settings(settings)), click.echo)
        except (ConfigError, JournalError) as error:
            raise click.ClickException(" ".join(str(error).split())) from error


def parse_settings(words: tuple[str, ...]) -> dict[str, str]:
    """``--http-port 9000`` or ``--http-port=9000`` to texts by setting; OptionError otherwise."""
    from difflib import get_close_matches

    from subtone.runtime.config import settings

    paths = {setting.flag: setting.path for setting in settings()}
    found, rest = {}, list(words)
    while rest:
        flag, separator, value = rest.pop(0).partition("=")
        if flag not in paths:
            near = get_close_matches(flag, paths, 1)
            advice = f"; did you mean {near[0]}?" if near else ", see docs/configuration.md"
            raise OptionError(f"{flag!r} is no setting{advice}")
        if not separator and not rest:
            raise OptionError(f"{flag} needs a value")
        found[paths[flag]] = value if separator else rest.pop(0)
    return found


def parse_roles(given: str | None) -> list[Role] | None:
    """``"agent,customer"`` to roles; raises OptionError naming the allowed words."""
    from subtone.contracts.vocabulary import Role

    if given is None:
        return None
    try:
        return [Role(word.strip().lower()) for word in given.split(",")]
    except ValueError as error:
        allowed = ", ".join(Role)
        raise OptionError(f"--roles {given!r}: use one of {allowed} per channel") from error


def parse_clock(given: str) -> int:
    """``"1:05"`` or ``"1:02:05"`` to milliseconds; raises OptionError for anything else."""
    try:
        parts = [int(part) for part in given.split(":")]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or any(p < 0 for p in parts) or any(p > 59 for p in parts[1:]):
        raise OptionError(f"--at {given!r}: give minutes and seconds, for example 1:05")
    seconds = 0
    for part in parts:
        seconds = 60 * seconds + part
    return seconds * 1000


def show(analysis: CallAnalysis, as_json: bool, language: UiLanguage) -> None:
    """Print the summary as JSON, or the timeline for a person."""
    from subtone.surfaces.results import summary
    from subtone.surfaces.terminal import render_timeline

    if as_json:
        import msgspec

        encoded = msgspec.json.encode(summary(analysis))
        click.echo(msgspec.json.format(encoded, indent=2))
    else:
        render_timeline(stdout(), analysis, language)


def show_report(console: Console, out: Path, language: UiLanguage) -> None:
    """Say where the report is, on one line that can be copied."""
    label = {"en": "report: ", "zh": "报告："}[language]
    console.print(f"{label}{out / 'report.html'}", soft_wrap=True, highlight=False)


def stdout() -> Console:
    """The terminal, or the pipe, as Rich sees it."""
    from rich.console import Console

    return Console(markup=False)  # a bracket in a file name is not a style


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn what a file or a folder did wrong into one line and exit status 1."""
    from subtone.ingest.errors import IngestError
    from subtone.surfaces.results import ResultsError

    try:
        yield
    except (IngestError, ResultsError) as error:
        raise click.ClickException(" ".join(str(error).split())) from error
    except OSError as error:
        place = error.filename or "a file"
        raise click.ClickException(f"{place}: {error.strerror or error}") from error


@contextmanager
def progress_bar(name: str, *, is_shown: bool) -> Iterator[Progress]:
    """A bar on standard error, only on a terminal and gone when done."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not (is_shown and console.is_terminal),
    ) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done_ms, total_ms: bar.update(task, completed=done_ms, total=total_ms)
