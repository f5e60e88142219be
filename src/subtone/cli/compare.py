"""Emotion models side by side on labelled speech: accuracy, time and memory."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from subtone.cli.common import OptionError, progress_bar
from subtone.cli.memory import memory_errors, model_option

if TYPE_CHECKING:
    from subtone.perception.heads.comparison import ComparisonRow, Estimate


@click.command()
@click.argument("models", nargs=-1, required=True, metavar="NAME=PATH...")
@click.option(
    "--data",
    "corpus",
    type=click.Path(path_type=Path, exists=True),
    required=True,
    help="A corpus's folder as published, or a manifest (.csv, .jsonl).",
)
@click.option("--clips", type=click.IntRange(1), help="So many clips at most, evenly chosen.")
@click.option("--json", "as_json", is_flag=True, help="The figures as JSON.")
@model_option
def compare(
    models: tuple[str, ...], corpus: Path, clips: int | None, as_json: bool, model: str
) -> None:
    """Compare emotion models on clips whose emotion is known.

    A path is a head file, which reads the shared encoding of --model, or a dedicated model:
    an ONNX file, or a folder with one.
    """
    with memory_errors():
        rows = compared(dict(map(named, models)), corpus, clips, model)
    if as_json:
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=2))
        return
    for row in rows:
        for line in lines_of(row):
            click.echo(line)


def named(given: str) -> tuple[str, Path]:
    """``NAME=PATH`` or a path, whose stem is then the name."""
    name, separator, path = given.partition("=")
    if separator and not name:
        raise OptionError(f"{given!r}: give NAME=PATH")
    return (name, Path(path)) if separator else (Path(given).stem, Path(given))


def compared(
    models: dict[str, Path], corpus: Path, limit: int | None, checkpoint: str
) -> tuple[ComparisonRow, ...]:
    """One row for each model. Raises PerceptionError for what cannot be used."""
    from subtone.perception.encoder import WhisperEncoder
    from subtone.perception.encoding import SAMPLE_RATE_HZ
    from subtone.perception.errors import PerceptionError
    from subtone.perception.heads.comparison import Candidate, LabelledClip, compare, unencoded
    from subtone.perception.heads.emotion import EMOTIONS, EmotionHead
    from subtone.perception.heads.emotion_model import EmotionModel
    from subtone.perception.heads.errors import HeadError
    from subtone.perception.heads.files import read_head
    from subtone.perception.learning.clips import load_clip
    from subtone.perception.learning.corpora import read_corpus

    encoder: WhisperEncoder | None = None
    candidates = {}
    for name, path in models.items():
        if path.suffix == ".onnx" or path.is_dir():
            dedicated = EmotionModel(path)
            candidates[name] = Candidate(
                prepare=unencoded, find=dedicated, size_bytes=dedicated.size_bytes
            )
            continue
        head = EmotionHead(read_head(path))
        if head.needs.speaker_baseline:
            raise HeadError(
                path.name,
                "is relative to the speaker's own first utterances, and clips are compared alone",
                "leave it out: its card holds its figures, and subtone evaluate has rows of such",
            )
        encoder = encoder or WhisperEncoder(checkpoint, threads=1)
        candidates[name] = Candidate(
            prepare=partial(encoder.encode, sample_rate_hz=SAMPLE_RATE_HZ),
            find=head,
            size_bytes=head.size_bytes,
            shared_bytes=encoder.checkpoint.weights_path.stat().st_size,
            tasks=("emotion", "transcription", "language", "speaker"),
        )
    known = [clip for clip in read_corpus(corpus) if clip.emotion in EMOTIONS]
    if not known:
        raise PerceptionError(f"{corpus.name}: has no clip of {', '.join(EMOTIONS)}")
    step = 1 if limit is None else max(1, -(-len(known) // limit))
    labelled = []
    with progress_bar("reading", is_shown=True) as on_progress:
        for count, clip in enumerate(known[::step]):
            labelled.append(
                LabelledClip(speaker=clip.voice, emotion=str(clip.emotion), samples=load_clip(clip))
            )
            on_progress(count, len(known[::step]))
    return compare(candidates, labelled)


def lines_of(row: ComparisonRow) -> list[str]:
    """What a person reads of one model."""

    def told(figure: Estimate) -> str:
        return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"

    answered = "-" if row.answered_accuracy is None else f"{row.answered_accuracy:.3f}"
    return [
        f"{row.head}: {row.clips} clips of {row.speakers} speakers",
        f"  UAR {told(row.unweighted_recall)}  WA {told(row.weighted_accuracy)}",
        f"  answers {row.coverage:.0%} of them, {answered} right",
        f"  CPU {row.own_cpu_ms_per_s:.1f} ms a second of its own, {row.shared_cpu_ms_per_s:.1f} "
        f"shared with {', '.join(row.tasks)}",
        f"  {row.own_bytes / 1e6:.1f} MB of its own, {row.shared_bytes / 1e6:.1f} MB shared",
    ]
