"""What a layer holds of emotion, for unseen speakers and sentences: ``python -m bench.probe``.

The main figures of ``subtone probe`` on two acted corpora; the rest is in its report. CPU time
is of the whole: encoding with two encoders (the checkpoint and an untrained one), and probing.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.corpora import DEFAULT_DATA
from subtone.contracts.probing import ProbeReport
from subtone.perception.checkpoints import open_checkpoint
from subtone.perception.encoder import WhisperEncoder
from subtone.perception.probing import probe
from subtone.perception.probing.recordings import read_recordings
from subtone.perception.probing.untrained import save_untrained
from subtone.perception.probing.vectors import encode_recordings
from subtone.surfaces.probe_report import headline
from subtone.surfaces.probe_report.words import figure, plain

DEFAULT_MODEL = DEFAULT_DATA.parents[1] / "models" / "whisper-base-encoder"
SHOWN_K = (1, 8, 64, 256, 1024)


def lines(report: ProbeReport) -> Iterator[str]:
    """One corpus; every interval is 95 % over speakers."""
    s = report.subject
    speech = "acted" if s.is_acted else "natural"
    yield (
        f"{s.corpus}, {s.language}, {speech}, {s.band} band, {s.space}: {s.clips} clips, "
        f"{s.speakers} speakers, {s.sentences} sentences, {len(s.emotions)} emotions"
    )
    yield f"  {headline(report)}"
    yield f"  UAR, unseen speakers and sentences (chance {report.chance:.3f})"
    for score in report.scores:
        yield f"    {score.name:24} {figure(score.unseen)}  same speakers {figure(score.seen)}"
    if report.words_alone is not None:
        yield f"    {'the sentence alone':24} {figure(report.words_alone)}"
    for control in report.controls:
        yield (
            f"  random labels fixed to {control.fixed_to}: same speakers {figure(control.seen)}, "
            f"selectivity {figure(control.selectivity_seen)}; unseen "
            f"{figure(control.selectivity_unseen)}"
        )
    for length in report.code_lengths:
        yield f"  compression, {length.name}: {figure(length.compression)}"
    for point in report.concentration:
        if point.k in SHOWN_K:
            left = "" if point.without_top is None else f", without {figure(point.without_top)}"
            yield (
                f"  {point.k:4} dimensions: best {figure(point.top)}, random "
                f"{figure(point.random)}{left}"
            )
    for removal in report.removal:
        for effect in removal.effects:
            yield (
                f"  {removal.removed} erased ({removal.rank:.0f} directions): {effect.factor}, "
                f"unseen {effect.held_out}: {figure(effect.before)} to {figure(effect.after)}, "
                f"random {figure(effect.random)}"
            )
    for basis in report.disentanglement:
        yield (
            f"  DCI, {basis.basis}: D {figure(basis.disentanglement)}, "
            f"C {figure(basis.completeness)}"
        )
    i = report.importance
    yield (
        f"  importance: {i.beyond_null} dimensions and {i.clusters_beyond_null} of {i.clusters} "
        f"clusters beyond the max-statistic null; top {i.top_size} shared by halves of the "
        f"speakers {100 * i.split_half_top_shared:.0f} % (chance "
        f"{100 * i.chance_top_shared:.0f} %), rank correlation "
        f"{plain(i.split_half_correlation)}, over folds {plain(i.seed_correlation)}"
    )
    silhouettes = ", ".join(f"{x.factor} {figure(x.value)}" for x in report.geometry.silhouettes)
    yield f"  silhouette: {silhouettes}"


def main() -> None:
    """Probe both corpora."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of the corpora")
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL, help="Whisper checkpoint")
    parser.add_argument("--layer", type=int, default=3)
    parser.add_argument("--band", choices=["wide", "telephone"], default="wide")
    parser.add_argument("--corpora", nargs="+", default=["emodb", "ravdess"])
    options = parser.parse_args()
    checkpoint = open_checkpoint(options.model)
    with tempfile.TemporaryDirectory() as folder:
        encoder = WhisperEncoder(checkpoint, threads=1)
        untrained = WhisperEncoder(save_untrained(checkpoint, Path(folder), 0), threads=1)
        for corpus in options.corpora:
            started = time.process_time()
            recordings = read_recordings(options.data / corpus, None, True)
            encoded = encode_recordings(recordings, encoder, untrained, options.layer, options.band)
            at = time.process_time()
            report = probe(encoded.data, encoded.baselines)
            print("\n".join(lines(report)), flush=True)
            print(
                f"  CPU: {at - started:.0f} s to encode, {time.process_time() - at:.0f} s to probe"
            )


if __name__ == "__main__":
    main()
