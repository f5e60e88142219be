"""Train the shipped heads again: ``python scripts/make_heads.py --data EMODB --encoder DIR``.

The same clips, encoder and versions of ``requirements.lock`` give the same bytes on the same
machine; other machines may round differently in the last digits.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from subtone.perception.encoder.whisper import WhisperEncoder
from subtone.perception.heads.files import write_head
from subtone.perception.heads.shipped import SHIPPED, shipped_path
from subtone.perception.learning.cache import FeatureCache
from subtone.perception.learning.corpora import read_corpus
from subtone.perception.learning.features import Acoustics, WhisperLayers
from subtone.perception.learning.recipes import LearningTask, train_head


def main() -> None:
    """Write every shipped head, or those named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*SHIPPED, []], help="heads; all by default")
    parser.add_argument("--data", type=Path, required=True, help="folder of EMO-DB")
    parser.add_argument("--encoder", required=True, help="whisper-base: a name or a folder")
    parser.add_argument("--cache", type=Path, default=Path("out") / "features")
    parser.add_argument("--into", type=Path, help="another folder than the package's")
    options = parser.parse_args()
    clips = read_corpus(options.data)
    whisper = WhisperLayers(WhisperEncoder(options.encoder, threads=1))
    for name in options.names or SHIPPED:
        features, _, task = name.rpartition("-")
        extractor = Acoustics() if features == "acoustics" else whisper
        head = train_head(
            clips, LearningTask(task), extractor, FeatureCache(options.cache), name=name
        )
        path = shipped_path(name) if options.into is None else options.into / f"{name}.safetensors"
        write_head(path, head)
        print(f"{head.model}: {path.stat().st_size} bytes, {head.card.figures}", flush=True)


if __name__ == "__main__":
    main()
