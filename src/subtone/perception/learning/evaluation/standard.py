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
    described_corpus,
    evaluate_across,
    evaluate_within,
    say_nothing,
)
from subtone.perception.learning.features import (
    Acoustics,
    Extractor,
    LogMel,
)
from subtone.perception.learning.renditions import BANDS, varied
from subtone.perception.learning.training.table import build_table


def standard_evaluation(
    corpora: Mapping[str, Sequence[Clip]],
    whisper: Extractor,
    cache: FeatureCache,
    *,
    untrained: Extractor | None = None,
    within: Sequence[str] | None = None,
    alone: Sequence[str] | None = None,
    progress: Progress = no_progress,
    say: Say = say_nothing,
) -> EvaluationReport:
    """Encode what is missing and judge everything.

    untrained: the same encoder with random weights, which shows what training gave. within:
    corpora judged by folds of their own; alone: those that teach a head by themselves for the
    others. All by default.
    """
    renditions = (*BANDS, varied(0))
    within = tuple(corpora) if within is None else within
    alone = tuple(corpora) if alone is None else alone
    names = tuple(corpora) if alone else within

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

    main = features("whisper", whisper, renditions, names)
    acoustics = features("acoustics", Acoustics(), renditions, names)
    baselines = [acoustics, features("log-mel", LogMel(), BANDS, within)]
    if untrained is not None:
        baselines.append(features("untrained encoder", untrained, BANDS, within))
    classes = evaluate_within(main, baselines, within, say)
    across, contrasts = evaluate_across(main, acoustics, alone, say) if alone else ([], [])
    return EvaluationReport(
        data=tuple(described_corpus(main.tables[name].clips) for name in names),
        classes=(*classes, *across),
        contrasts=tuple(contrasts),
    )


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
