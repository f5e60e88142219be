"""How well do heads hear people they have not heard? ``python -m bench.heads emodb``.

Speaker-disjoint and nested: layers, fit, calibration and threshold are chosen on the training
part of every fold. Beside Whisper's layers: acoustics, a log-mel, and the same encoder with
random matrices. Then unseen sentences, every corpus on every other (telephone band, causal
baseline of three utterances), and the small network beside the linear heads. Acted speech.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from bench.corpora import DEFAULT_DATA, READERS
from subtone.perception.encoder.whisper import Padding, WhisperEncoder
from subtone.perception.learning.cache import FeatureCache
from subtone.perception.learning.corpora import read_corpus
from subtone.perception.learning.evaluation.page import page
from subtone.perception.learning.evaluation.protocol import judge_networks
from subtone.perception.learning.evaluation.report import confusion_lines, lines, plain
from subtone.perception.learning.evaluation.run import own_label
from subtone.perception.learning.evaluation.standard import (
    standard_evaluation,
    untrained_checkpoint,
)
from subtone.perception.learning.features import WhisperLayers
from subtone.perception.learning.renditions import BANDS, varied
from subtone.perception.learning.training.table import Table, build_table

ENCODER = DEFAULT_DATA.parents[1] / "models" / "whisper-base-encoder"
CACHE = Path("out") / "features"
TEACHERS = ("emodb", "ravdess")  # the others have too few clips per speaker to learn from
NETWORK_FOLDS = 5


def network_lines(table: Table, seeds: int) -> Iterator[str]:
    """UAR of the small network on unseen speakers, mean and deviation over seeds."""
    judged = judge_networks(table, own_label, NETWORK_FOLDS, range(seeds))
    for band, recalls in judged.items():
        yield (
            f"{band:9} small network at layer 3, {NETWORK_FOLDS} folds, {seeds} seeds: "
            f"UAR {np.mean(recalls):.3f}, deviation {np.std(recalls):.3f}"
        )


def main() -> None:
    """Encode what the cache lacks, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=[*TEACHERS, "across"], help="what is measured")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of the corpora")
    parser.add_argument("--encoder", type=Path, default=ENCODER, help="folder of the encoder")
    parser.add_argument("--padding", type=Padding, default=Padding.NONE, help="none or window")
    parser.add_argument("--cache", type=Path, default=CACHE, help="encoded clips, kept")
    parser.add_argument("--seeds", type=int, default=0, help="of the small network")
    parser.add_argument("--untrained", action="store_true", help="random weights beside it")
    parser.add_argument("--page", type=Path, help="write an HTML page too")
    parser.add_argument("--out", type=Path, help="write results as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        cache = FeatureCache(options.cache)
        corpora = {name: read_corpus(options.data / name) for name in READERS}
        whisper = WhisperLayers(WhisperEncoder(options.encoder, padding=options.padding, threads=1))
        twin = None
        if options.untrained:
            folder = untrained_checkpoint(Path(scratch) / "untrained", options.encoder)
            twin = WhisperLayers(WhisperEncoder(folder, padding=options.padding, threads=1))
        is_across = options.part == "across"
        report = standard_evaluation(
            corpora,
            whisper,
            cache,
            untrained=twin,
            within=() if is_across else (options.part,),
            alone=TEACHERS if is_across else (),
            say=lambda line: print(line, file=sys.stderr, flush=True),
        )
        for line in lines(report):
            print(line)
        for result in report.classes:
            if (result.features, result.tested_on) == ("whisper", options.part):
                print(f"{result.tested_on}, {result.band}: rows are the truth")
                for line in confusion_lines(result):
                    print(line)
        if options.seeds:
            table = build_table(corpora[options.part], whisper, (*BANDS, varied(0)), cache)
            for line in network_lines(table, options.seeds):
                print(line, flush=True)
    if options.page:
        options.page.write_text(page(report), encoding="utf-8")
    if options.out:
        options.out.write_bytes(msgspec.json.format(msgspec.json.encode(plain(report)), indent=1))


if __name__ == "__main__":
    main()
