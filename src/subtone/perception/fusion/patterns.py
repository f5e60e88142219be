"""How well a fusion does at every pattern of missing modalities."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from subtone.contracts.memory import EmotionFinding
from subtone.perception.encoding import FloatArray
from subtone.perception.heads.comparison import unweighted_recall

Vectors = Mapping[str, FloatArray | None]
Predictor = Callable[[Vectors], EmotionFinding]


@dataclass(frozen=True, kw_only=True)
class PatternRow:
    """One fusion under one pattern; abstentions count as wrong."""

    fusion: str
    present: tuple[str, ...]
    examples: int  # those that have all of these modalities
    unweighted_recall: float
    coverage: float


def patterns(modalities: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Every non-empty set of modalities, the full one first."""
    for size in range(len(modalities), 0, -1):
        yield from itertools.combinations(modalities, size)


def compare_patterns(
    predictors: Mapping[str, Predictor],
    examples: Sequence[Vectors],
    labels: Sequence[str],
    modalities: Sequence[str],
) -> tuple[PatternRow, ...]:
    """A row per pattern and fusion; a pattern that no example can show has none."""
    rows = []
    for present in patterns(modalities):
        kept = [
            (index, {name: example[name] for name in present})
            for index, example in enumerate(examples)
            if all(example.get(name) is not None for name in present)
        ]
        if not kept:
            continue
        truth = np.array([labels[index] for index, _ in kept])
        for name, predict in predictors.items():
            found = [predict(vectors).emotion for _, vectors in kept]
            is_right = np.array([e == t for e, t in zip(found, truth, strict=True)])
            rows.append(
                PatternRow(
                    fusion=name,
                    present=present,
                    examples=len(kept),
                    unweighted_recall=unweighted_recall(is_right, truth),
                    coverage=sum(e is not None for e in found) / len(found),
                )
            )
    return tuple(rows)
