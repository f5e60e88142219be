"""Does attentive pooling hear more than mean and deviation? ``python -m bench.attention``.

UAR of speakers that were not heard, wide and by telephone, on the folds of the small network in
``bench.heads``: frames of the middle layer pooled as it is learnt, and, beside it, the same
layer's mean and deviation under logistic regression. Acted speech.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from bench.corpora import DEFAULT_DATA
from bench.heads import CACHE, ENCODER, NETWORK_FOLDS, TEACHERS
from subtone.perception.encoder.whisper import WhisperEncoder
from subtone.perception.learning.cache import FeatureCache
from subtone.perception.learning.corpora import read_corpus
from subtone.perception.learning.evaluation.protocol import judge_attention, judge_within
from subtone.perception.learning.evaluation.run import own_label
from subtone.perception.learning.features import WhisperFrames, WhisperLayers
from subtone.perception.learning.recipes import RENDITIONS
from subtone.perception.learning.splits import speaker_folds
from subtone.perception.learning.training.frames import build_frames
from subtone.perception.learning.training.settings import class_search, middle_layer
from subtone.perception.learning.training.table import build_table


def main() -> None:
    """Encode what the cache lacks, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of the corpora")
    parser.add_argument("--encoder", type=Path, default=ENCODER, help="folder of the encoder")
    parser.add_argument("--cache", type=Path, default=CACHE, help="encoded clips, kept")
    parser.add_argument("--seeds", type=int, default=1, help="of the attention")
    options = parser.parse_args()
    encoder, cache = WhisperEncoder(options.encoder, threads=1), FeatureCache(options.cache)
    layer = middle_layer(encoder.n_layers)
    for name in TEACHERS:
        clips = read_corpus(options.data / name)
        table = build_table(clips, WhisperLayers(encoder), RENDITIONS, cache)
        even = judge_within(
            table,
            own_label,
            [setting for setting in class_search(table.n_layers) if setting.layers == (layer,)],
            speaker_folds(clips, NETWORK_FOLDS),
            features="mean and deviation",
            test=name,
        )
        frames = build_frames(clips, WhisperFrames(encoder, layer), RENDITIONS, cache)
        attentive = judge_attention(frames, own_label, NETWORK_FOLDS, range(options.seeds))
        print(f"{name}: layer {layer}, {len(clips)} clips, {NETWORK_FOLDS} folds, UAR")
        for result in even:
            uar = result.figures["uar"]
            recalls = attentive[result.band]
            print(
                f"  {result.band:9} mean and deviation {uar.value:.3f} "
                f"[{uar.low:.3f}, {uar.high:.3f}], attentive {np.mean(recalls):.3f}, "
                f"deviation over {options.seeds} seeds {np.std(recalls):.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
