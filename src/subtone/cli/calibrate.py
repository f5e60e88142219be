"""Calibrations: fit one to labelled material of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from subtone.cli.common import plain_errors, progress_bar

if TYPE_CHECKING:
    from subtone.runtime.voice_fitting import Judgement


@click.group()
def calibrate() -> None:
    """Fit a calibration to labelled material."""


@calibrate.command()
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="Where the fitted calibration goes, as JSON for `analyze --calibration`.",
)
@click.option(
    "--calibration",
    "calibration_file",
    type=click.Path(path_type=Path),
    help="Start from this calibration instead of the default.",
)
def voice(manifest: Path, output: Path, calibration_file: Path | None) -> None:
    """Fit telephone agitation to the clips of MANIFEST, judged on unheard speakers.

    MANIFEST is a CSV file with the columns path, speaker and label (calm or agitated).
    """
    import zlib

    import msgspec

    from subtone.contracts.calibration import Calibration
    from subtone.runtime.calibrations import read_calibration
    from subtone.runtime.voice_fitting import fit_voice, read_manifest

    with plain_errors():
        start = Calibration() if calibration_file is None else read_calibration(calibration_file)
        clips = read_manifest(manifest)
        identity = zlib.crc32(manifest.read_bytes() + start.version.encode())
        with progress_bar(manifest.name, is_shown=True) as report:
            fit = fit_voice(clips, start, f"voice-{identity:08x}", report)
        click.echo(
            f"{fit.speakers} speakers, {fit.calm} calm and {fit.agitated} agitated clips "
            f"({fit.unusable} unusable); each speaker judged by a fit to the others"
        )
        click.echo(f"{'':<8} {'AUC':>6}  calm > .5  agitated > .5")
        _show("before", fit.before)
        _show("after", fit.after)
        if fit.after.auc < fit.before.auc:
            raise click.ClickException(
                "the fit ranks unheard speakers worse than the present weights; nothing was "
                "written. Label more speakers, or keep the weights"
            )
        output.write_bytes(msgspec.json.format(msgspec.json.encode(fit.calibration)) + b"\n")
    for term in fit.calibration.voice.agitation_telephone:
        click.echo(f"{term.feature.value:<26} {term.weight:.3f}")
    click.echo(f"{output}: calibration {fit.calibration.version}")


def _show(name: str, judged: Judgement) -> None:
    click.echo(
        f"{name:<8} {judged.auc:>6.3f} {judged.calm_above_half:>9.1%} "
        f"{judged.agitated_above_half:>13.1%}"
    )
