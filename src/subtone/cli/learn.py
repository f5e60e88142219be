"""Check labelled speech, train heads on it, and measure them: ``data``, ``train``, ``evaluate``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from subtone.cli.common import plain_errors, progress_bar, stdout

if TYPE_CHECKING:
    from subtone.perception.learning.clips import Clip
    from subtone.perception.learning.features import Acoustics, WhisperLayers

_SHOWN_CLIPS = 3
_BIOMETRIC = (
    "This head makes voiceprints, biometric data: it runs only where an operator with a lawful "
    "purpose and the speakers' consent allows them"
)

_corpora = click.option(
    "--data",
    "places",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    required=True,
    help="A corpus's folder as published, or a manifest (.csv, .jsonl). Repeat for several.",
)
_cache = click.option(
    "--cache",
    type=click.Path(path_type=Path),
    default=Path("subtone-features"),
    show_default=True,
    help="Where encoded clips are kept, so that an interrupted run goes on.",
)
_encoder = click.option(
    "--encoder",
    default="base",
    show_default=True,
    metavar="NAME_OR_DIR",
    help="Whisper checkpoint.",
)
_padding = click.option(
    "--padding",
    type=click.Choice(["none", "window"]),
    default="none",
    show_default=True,
    help="What follows speech in the encoder: nothing, or silence up to 30 s, as Whisper was "
    "trained, for about nine times the time. A head serves the one it was trained with.",
)


@click.group()
def data() -> None:
    """Labelled speech to learn from."""


@data.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.option("--corpus", help="Read it as this corpus; found out by the names without.")
def check(folder: Path, corpus: str | None) -> None:
    """Say what is wrong with the clips of FOLDER, or of a manifest."""
    from subtone.perception.learning.checking import check_clips
    from subtone.perception.learning.corpora import audio_files, read_corpus

    with _learning_errors():
        clips = read_corpus(folder, corpus)
        named = {clip.path for clip in clips}
        unnamed = [path for path in audio_files(folder) if path not in named]
        with progress_bar("reading", is_shown=True) as progress:
            report = check_clips(clips, unnamed, progress)
    click.echo(
        f"{clips[0].corpus}: {report.clips} clips of {report.speakers} speakers, "
        f"{report.seconds / 60:.1f} min, {'/'.join(f'{r} Hz' for r in report.rates_hz)}"
    )
    click.echo("  " + ", ".join(f"{label} {count}" for label, count in report.labels.items()))
    for finding in report.findings:
        click.echo(f"{'FAIL' if finding.is_fault else 'note'}  {finding.cause}; {finding.advice}")
        for path in finding.clips[:_SHOWN_CLIPS]:
            click.echo(f"        {path}")
        if len(finding.clips) > _SHOWN_CLIPS:
            click.echo(f"        and {len(finding.clips) - _SHOWN_CLIPS} more")
    if not report.is_well:
        raise click.ClickException(f"{folder.name}: not fit to learn from as it is, see above")


@click.command()
@_corpora
@click.option(
    "--task",
    type=click.Choice(["emotion", "arousal", "valence", "language", "speaker"]),
    required=True,
    help="speaker: makes voiceprints, biometric data; used only where they are allowed.",
)
@click.option(
    "--features",
    type=click.Choice(["whisper", "acoustics"]),
    default="whisper",
    show_default=True,
    help="Layers of the encoder, or the acoustic window, which needs no model.",
)
@click.option(
    "--network",
    type=click.Choice(["linear", "mlp"]),
    default="linear",
    show_default=True,
    help="Of emotion and language heads; the linear one is judged beside the other.",
)
@click.option(
    "--pooling",
    type=click.Choice(["mean_std", "attentive"]),
    default="mean_std",
    show_default=True,
    help="Of emotion and language heads: from frames to one vector, evenly or as it is learnt; "
    "attentive is for corpora above some 2000 clips.",
)
@click.option(
    "--baseline",
    type=click.Choice(["none", "speaker"]),
    default="none",
    show_default=True,
    help="speaker: an emotion head that reads utterances less half of the speaker's own normal; "
    "it is silent for a caller's first three. Contrasts take all of it off always.",
)
@_encoder
@_padding
@_cache
@click.option("--name", help="The head's name on its card; the file's stem without.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The head file.")
def train(
    places: tuple[Path, ...],
    task: str,
    features: str,
    network: str,
    pooling: str,
    baseline: str,
    encoder: str,
    padding: str,
    cache: Path,
    name: str | None,
    out: Path,
) -> None:
    """Train one head and write it with its card; the same clips give the same file."""
    from subtone.perception.heads.files import write_head
    from subtone.perception.heads.networks import Network
    from subtone.perception.heads.pooling import Pooling
    from subtone.perception.learning.cache import FeatureCache
    from subtone.perception.learning.recipes import LearningTask, train_head

    with _learning_errors(), progress_bar("encoding", is_shown=True) as progress:
        clips = [clip for corpus in _read(places).values() for clip in corpus]
        head = train_head(
            clips,
            LearningTask(task),
            _extractor(features, encoder, padding),
            FeatureCache(cache),
            name=name or out.stem,
            network=Network(network),
            pooling=Pooling(pooling),
            is_against_normal=baseline == "speaker",
            progress=progress,
        )
        out.parent.mkdir(parents=True, exist_ok=True)
        write_head(out, head)
    click.echo(f"{head.model}: {out.stat().st_size} bytes, trained on {head.card.data}")
    for figure, value in head.card.figures.items():
        click.echo(f"  {figure}: {value:g}")
    if task == "speaker":
        click.echo(f"{_BIOMETRIC}: --speaker-model {out} --allow-voiceprints")


@click.command()
@_corpora
@_encoder
@_padding
@_cache
@click.option("--page", type=click.Path(path_type=Path), help="Write an HTML page too.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write figures too.")
def evaluate(
    places: tuple[Path, ...],
    encoder: str,
    padding: str,
    cache: Path,
    page: Path | None,
    json_file: Path | None,
) -> None:
    """Measure heads on speakers, sentences and corpora they have not heard, beside baselines."""
    import msgspec

    from subtone.perception.learning.cache import FeatureCache
    from subtone.perception.learning.evaluation.page import page as drawn
    from subtone.perception.learning.evaluation.report import lines, plain
    from subtone.perception.learning.evaluation.standard import standard_evaluation

    with _learning_errors(), progress_bar("encoding", is_shown=True) as progress:
        report = standard_evaluation(
            _read(places),
            _extractor("whisper", encoder, padding),
            FeatureCache(cache),
            progress=progress,
            say=_timed(),
        )
        if page is not None:
            page.write_text(drawn(report), "utf-8")
        if json_file is not None:
            json_file.write_bytes(msgspec.json.format(msgspec.json.encode(plain(report)), indent=1))
    for line in lines(report):
        stdout().print(line, soft_wrap=True, highlight=False)


def _timed() -> Callable[[str], None]:
    begun = time.monotonic()
    return lambda line: click.echo(f"[{time.monotonic() - begun:6.1f} s] {line}", err=True)


def _read(places: tuple[Path, ...]) -> dict[str, list[Clip]]:
    """Clips by corpus; two places of one corpus are one."""
    from subtone.perception.learning.corpora import read_corpus

    found: dict[str, list[Clip]] = {}
    for place in places:
        clips = read_corpus(place)
        found.setdefault(clips[0].corpus, []).extend(clips)
    return found


def _extractor(features: str, encoder: str, padding: str) -> WhisperLayers | Acoustics:
    from subtone.perception.encoder.whisper import Padding, WhisperEncoder
    from subtone.perception.learning.features import Acoustics, WhisperLayers

    if features == "acoustics":
        return Acoustics()
    return WhisperLayers(WhisperEncoder(encoder, padding=Padding(padding)))


@contextmanager
def _learning_errors() -> Iterator[None]:
    from subtone.perception.errors import PerceptionError
    from subtone.perception.heads.errors import HeadError

    with plain_errors():
        try:
            yield
        except (PerceptionError, HeadError) as error:
            raise click.ClickException(str(error)) from error
