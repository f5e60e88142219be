"""Look inside an embedding: is emotion in it, where, and tangled up with what."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from subtone.cli.common import OptionError, perception_errors, progress_bar

if TYPE_CHECKING:
    from subtone.perception.probing.vectors import Encoded


@click.command()
@click.argument("source", metavar="DIR|CSV|NPZ", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("out/probe"),
    show_default=True,
    help="Folder for probe.html and probe.json.",
)
@click.option(
    "--model", default="base", show_default=True, help="Whisper checkpoint: a name or a folder."
)
@click.option("--layer", type=click.IntRange(0), help="Which layer's states; the middle one.")
@click.option(
    "--band",
    type=click.Choice(["wide", "telephone"]),
    default="wide",
    show_default=True,
    help="telephone: through 300 to 3400 Hz, 8 kHz and mu-law first.",
)
@click.option("--language", help="Spoken in the clips of a CSV manifest.")
@click.option("--natural", is_flag=True, help="The clips of a CSV manifest are not acted.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--threads", type=click.IntRange(0), default=0, help="CPU threads; 0: one per core.")
@click.option(
    "--save",
    metavar="NPZ",
    type=click.Path(path_type=Path),
    help="Keep the encoded clips: probed again without encoding.",
)
def probe(
    source: Path,
    out: Path,
    model: str,
    layer: int | None,
    band: str,
    language: str | None,
    natural: bool,
    seed: int,
    threads: int,
    save: Path | None,
) -> None:
    """Probe labelled clips and write one report.

    Give a folder of RAVDESS or EMO-DB, a CSV manifest with the columns path, emotion, speaker,
    sentence (and gender), or vectors in an .npz file.
    """
    with perception_errors():
        from subtone.perception.probing import probe as look_inside
        from subtone.perception.probing.matrix_files import load_matrix, save_matrix
        from subtone.surfaces.probe_report import headline, write_probe

        if source.suffix.lower() == ".npz":
            if save is not None or layer is not None:
                raise OptionError(f"{source} is encoded already: leave out --save and --layer")
            encoded = load_matrix(source)
        else:
            encoded = _encode(source, model, layer, band, language, natural, seed, threads)
        if save is not None:
            save_matrix(save, encoded)
        with progress_bar("probing", is_shown=True) as on_progress:
            report = look_inside(
                encoded.data,
                encoded.baselines,
                seed=seed,
                on_progress=lambda _section, done, of: on_progress(done - 1, of),
            )
        page = write_probe(report, out)
    click.echo(headline(report))
    click.echo(f"report: {page}")


def _encode(
    source: Path,
    model: str,
    layer: int | None,
    band: str,
    language: str | None,
    natural: bool,
    seed: int,
    threads: int,
) -> Encoded:
    """Every clip through the checkpoint, and through an untrained one of the same shape."""
    from subtone.perception.checkpoints import open_checkpoint
    from subtone.perception.encoder import WhisperEncoder
    from subtone.perception.probing.recordings import read_recordings
    from subtone.perception.probing.untrained import save_untrained
    from subtone.perception.probing.vectors import encode_recordings

    recordings = read_recordings(source, language, not natural)
    checkpoint = open_checkpoint(model)
    with tempfile.TemporaryDirectory() as folder:
        encoder = WhisperEncoder(checkpoint, threads=threads)
        random = WhisperEncoder(save_untrained(checkpoint, Path(folder, "untrained"), seed),
                                threads=threads)  # fmt: skip
        with progress_bar("encoding", is_shown=True) as on_progress:
            return encode_recordings(
                recordings,
                encoder,
                random,
                encoder.n_layers // 2 if layer is None else layer,
                band,
                on_progress,
            )
