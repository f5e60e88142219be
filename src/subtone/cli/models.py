"""Whisper checkpoints: which there are, fetch one, check its files and its embeddings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from subtone.cli.common import perception_errors

if TYPE_CHECKING:
    from subtone.perception.checkpoints import Checkpoint, Finding
    from subtone.perception.encoding import FloatArray

_NAME = click.argument("name", metavar="NAME_OR_DIR")


@click.group()
def models() -> None:
    """Whisper checkpoints: list, fetch, verify and check them."""


@models.command("list")
def list_() -> None:
    """Show the checkpoints that can be had by name, and which are on this machine."""
    from subtone.perception.checkpoints import CHECKPOINTS, find_local

    with perception_errors():
        click.echo(f"{'name':<18} {'layers':>6} {'width':>5} {'MB':>5}  languages  here")
        for row in CHECKPOINTS.values():
            languages = "many" if row.is_multilingual else "English"
            here = "yes" if find_local(row.name) else "-"
            click.echo(
                f"{row.name:<18} {row.blocks + 1:>6} {row.width:>5} {row.download_mb:>5}  "
                f"{languages:<9}  {here}"
            )


@models.command()
@click.argument("name")
def pull(name: str) -> None:
    """Fetch the checkpoint NAME and record its digests; a broken download goes on."""
    from subtone.perception.checkpoints import pull as fetch

    with perception_errors():
        checkpoint = fetch(name)
    click.echo(f"{checkpoint.name}: {checkpoint.folder}")


@models.command()
@_NAME
def where(name: str) -> None:
    """Say in which folder a checkpoint lies; never fetches."""
    with perception_errors():
        checkpoint = _local(name)
    click.echo(str(checkpoint.folder))


@models.command()
@_NAME
def verify(name: str) -> None:
    """Recompute the digests of a checkpoint's files and read its weights."""
    from subtone.perception.checkpoints import Finding
    from subtone.perception.checkpoints import verify as compare
    from subtone.perception.encoder.loading import load_weights

    def findings(checkpoint: Checkpoint) -> Iterator[Finding]:
        yield from compare(checkpoint)
        weights = load_weights(checkpoint)
        observed = f"{len(weights.blocks)} blocks of width {weights.width}"
        half = "and a decoder" if checkpoint.has_decoder else "without a decoder"
        yield Finding("weights", f"{observed}, {half}", is_well=True)

    with perception_errors():
        is_well = _show(findings(_local(name)))
    if not is_well:
        raise click.ClickException(f"{name}: not as it should be, see above")


@models.command()
@_NAME
@click.option(
    "--wav",
    type=click.Path(path_type=Path),
    help="Measure on the first 10 s of this mono recording instead of a synthetic voice.",
)
@click.option("--threads", type=click.IntRange(0), default=0, help="CPU threads; 0: one per core.")
def check(name: str, wav: Path | None, threads: int) -> None:
    """Measure a checkpoint's embeddings: a probe, padding, and int8 against float32."""
    from subtone.perception.encoder.quality import check_encoder

    with perception_errors():
        samples = None if wav is None else _read_mono(wav)
        is_well = _show(check_encoder(_local(name), samples, threads))
    if not is_well:
        raise click.ClickException(f"{name}: its embeddings are not as they should be, see above")


def _show(findings: Iterable[Finding]) -> bool:
    is_well = True
    for finding in findings:
        is_well = is_well and finding.is_well
        click.echo(
            f"{'ok  ' if finding.is_well else 'FAIL'}  {finding.subject}: {finding.observed}"
        )
    return is_well


def _local(name: str) -> Checkpoint:
    from subtone.perception.checkpoints import CHECKPOINTS, find_local, open_folder

    if name not in CHECKPOINTS and Path(name).exists():
        return open_folder(Path(name))
    checkpoint = find_local(name)
    if checkpoint is None:
        raise click.ClickException(f"{name}: is not on this machine; run `subtone models pull`")
    return checkpoint


def _read_mono(wav: Path) -> FloatArray:
    import numpy as np
    import soundfile

    from subtone.perception.encoder.audio import at_16_khz
    from subtone.perception.errors import AudioError

    try:
        samples, rate_hz = soundfile.read(wav, dtype="float32")
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{wav}: is no audio file libsndfile can read") from error
    return np.concatenate(list(at_16_khz([samples], rate_hz)))
