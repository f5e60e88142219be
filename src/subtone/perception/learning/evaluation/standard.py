"""The evaluation as it is always made: Whisper beside acoustics, log-mel and an untrained twin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from subtone.perception.learning.cache import FeatureCache, Progress, no_progress
from subtone.perception.learning.clips import Clip
from subtone.perception.learning.evaluation.report import EvaluationReport
from subtone.perception.learning.evaluation.run import (
    FeatureSet,
    Say,
    evaluate,
    say_nothing,
)
from subtone.perception.learning.features import (
    Acoustics,
    Extractor,
    LogMel,
    WhisperLayers,
)
from subtone.perception.learning.renditions import BANDS, varied
from subtone.perception.learning.training.table import build_table


def standard_evaluation(
    corpora: Mapping[str, Sequence[Clip]],
    whisper: Extractor,
    cache: FeatureCache,
    *,
    untrained: WhisperLayers | None = None,
    untrained_on: Sequence[str] = (),
    within: Sequence[str] | None = None,
    progress: Progress = no_progress,
    say: Say = say_nothing,
) -> EvaluationReport:
    """Encode what is missing and judge everything.

    untrained: the same encoder with random weights, which shows what training gave, judged on
    the corpora ``untrained_on``.
    within: as ``evaluate`` takes it.
    """
    renditions = (*BANDS, varied(0))

    alone = tuple(corpora) if within is None else within

    def features(
        name: str, extractor: Extractor, of: tuple[str, ...], names: Sequence[str]
    ) -> FeatureSet:
        say(f"encoding: {name}")
        return FeatureSet(
            name=name,
            tables={
                corpus: build_table(corpora[corpus], extractor, of, cache, progress)
                for corpus in names
            },
        )

    main = features("whisper", whisper, renditions, tuple(corpora))
    acoustics = features("acoustics", Acoustics(), renditions, tuple(corpora))
    baselines = [acoustics, features("log-mel", LogMel(), BANDS, alone)]
    if untrained is not None:
        baselines.append(features("untrained encoder", untrained, BANDS, untrained_on))
    return evaluate(main, baselines, acoustics=acoustics, within=within, say=say)


def untrained_checkpoint(folder: Path, like: Path, seed: int = 0) -> Path:
    """A copy of an encoder's folder whose matrices are drawn anew at their own scale.

    Norms and biases keep their values. like: a folder in Hugging Face's layout.
    """
    import shutil

    import numpy as np
    from safetensors.numpy import load_file, save_file

    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(like.iterdir()):
        if path.suffix == ".json":
            shutil.copyfile(path, folder / path.name)
        elif path.suffix == ".safetensors":
            drawn = {
                name: (
                    rng.standard_normal(value.shape) * float(np.std(value.astype(np.float32)))
                ).astype(value.dtype)
                if value.ndim > 1 and "position" not in name
                else value
                for name, value in sorted(load_file(path).items())
            }
            save_file(drawn, folder / path.name)
    return folder
