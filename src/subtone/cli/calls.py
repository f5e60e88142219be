"""Recorded calls: analyse one, explain a moment of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from subtone.cli.common import (
    OptionError,
    language_option,
    parse_roles,
    perception_errors,
    plain_errors,
    progress_bar,
    stdout,
)

if TYPE_CHECKING:
    from rich.console import Console

    from subtone.contracts.analysis import CallAnalysis
    from subtone.contracts.vocabulary import Role
    from subtone.ingest.files import Transcript
    from subtone.runtime.listening.listener import Listener
    from subtone.surfaces.report.words import UiLanguage

TEXT_SUFFIXES = frozenset({".jsonl", ".csv", ".vtt", ".srt", ".json", ".txt"})


@click.command()
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
@click.option(
    "--transcribe",
    "checkpoint",
    metavar="MODEL",
    help="Recognise the words with this Whisper checkpoint, a name or a folder (needs "
    "subtone[memory]).",
)
@click.option(
    "--encoder",
    "encoder",
    metavar="MODEL",
    help="Hear the customer's arousal and valence too, with this Whisper checkpoint, a name or a "
    "folder, and the heads shipped for it (needs subtone[memory]).",
)
@click.option(
    "--padding",
    type=click.Choice(["none", "window"]),
    default="none",
    show_default=True,
    help="With --encoder: silence up to 30 s behind each utterance, for heads trained so.",
)
@click.option(
    "--arousal-head",
    metavar="FILE",
    default="shipped",
    show_default=True,
    help="With --encoder: the arousal head's file, or none.",
)
@click.option(
    "--valence-head",
    metavar="FILE",
    default="shipped",
    show_default=True,
    help="With --encoder: the valence head's file, or none.",
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
    checkpoint: str | None,
    encoder: str | None,
    padding: str,
    arousal_head: str,
    valence_head: str,
    language: UiLanguage,
) -> None:
    """Analyse CALL, a recording with one channel per speaker or a chat file."""
    from subtone.runtime.analysis import Direction, analyse_files
    from subtone.runtime.calibrations import read_calibration
    from subtone.surfaces.results import require_replaceable, write_results

    with perception_errors():
        if out is not None:
            require_replaceable(out)
        calibration = None if calibration_file is None else read_calibration(calibration_file)
        audio: Path | None = call
        if text is None and call.suffix.lower() in TEXT_SUFFIXES:
            audio, text = None, call
        given_roles = parse_roles(roles)
        listener = None
        if encoder is not None:
            require_customer(audio, given_roles)
            listener = opened_listener(encoder, padding, arousal_head, valence_head)
        elif (padding, arousal_head, valence_head) != ("none", "shipped", "shipped"):
            raise OptionError("--padding, --arousal-head and --valence-head need --encoder")
        transcript = None
        if checkpoint is not None:
            if text is not None or audio is None or given_roles is None:
                raise OptionError("--transcribe needs a recording and --roles, and no --text")
            transcript = transcribed(audio, given_roles, checkpoint)
        with progress_bar(call.name, is_shown=not as_json) as on_progress:
            analysis = analyse_files(
                audio,
                text,
                given_roles,
                direction=Direction(direction),
                is_agent_voice_scored=score_agent_voice,
                calibration=calibration,
                transcript=transcript,
                listener=listener,
                on_progress=on_progress,
            )
        if out is not None:
            write_results(analysis, out, language)
    show(analysis, as_json, language)
    if out is not None and not as_json:
        show_report(stdout(), out, language)


@click.command()
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


def transcribed(call: Path, roles: list[Role], checkpoint: str) -> Transcript:
    """The words of a recording, recognised; ClickException where that cannot be."""
    from subtone.cli.memory import memory_errors

    with memory_errors():
        from subtone.runtime.audio_memory import AudioMemorySystem
        from subtone.runtime.audio_memory.transcribing import transcribe_call

        with progress_bar(f"words of {call.name}", is_shown=True) as on_progress:
            return transcribe_call(
                AudioMemorySystem(checkpoint), call, roles, lambda t_ms: on_progress(t_ms, None)
            )


def require_customer(audio: Path | None, roles: list[Role] | None) -> None:
    """Raise OptionError or IngestError where there is no voice of a customer to listen to."""
    from subtone.ingest.files import tracks_of

    if audio is None:
        raise OptionError("--encoder listens to a recording: a chat has no voice")
    if "customer" not in (roles or ()):
        raise OptionError(
            "--encoder listens to the customer's channel alone: say which it is, for example "
            "--roles agent,customer"
        )
    tracks_of(audio, roles)


def opened_listener(encoder: str, padding: str, arousal_head: str, valence_head: str) -> Listener:
    """What hears the customer. Raises PerceptionError."""
    from subtone.perception.errors import memory_extra

    with memory_extra():
        from subtone.runtime.audio_memory import AudioMemorySystem
        from subtone.runtime.listening.contrasts import contrast_heads
        from subtone.runtime.listening.listener import Listener

        system = AudioMemorySystem(encoder, encoder_options={"padding": padding})
        return Listener(system, contrast_heads(system, arousal_head, valence_head))


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
