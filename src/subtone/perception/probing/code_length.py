"""How easily emotion is read: minimum description length by the online code.

Labels are sent in growing blocks, each coded by a probe of all before it (Voita and Titov
2020); the first block is uniform. In the speaker order each block is one speaker, so every
label but the first speaker's is coded for a voice never heard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from subtone.contracts.probing import CodeLength
from subtone.perception.encoding import FloatArray
from subtone.perception.probing.data import F64, Index
from subtone.perception.probing.logistic import Design
from subtone.perception.probing.scoring import estimate, round6
from subtone.perception.probing.workbench import Workbench

FRACTIONS = (0.001, 0.002, 0.004, 0.008, 0.016, 0.031, 0.062, 0.125, 0.25, 0.5, 1.0)


def online_code(
    vectors: FloatArray, labels: Index, order: Index, ends: Sequence[int], n_classes: int
) -> F64:
    """(n,) bits of each row's label; ``order`` is cut at ``ends``, the last of which is n."""
    bits = np.full(len(labels), np.log2(n_classes))
    for start, end in pairwise(ends):
        known, next_block = order[:start], order[start:end]
        design = Design(vectors[known])
        probe = design.fit(labels[known], n_classes, is_balanced=False)
        logits = probe.logits(design.standardise(vectors[next_block]))
        top = logits.max(axis=1, keepdims=True)
        total = np.log(np.exp(logits - top).sum(axis=1)) + top[:, 0]
        own = logits[np.arange(len(next_block)), labels[next_block]]
        bits[next_block] = (total - own) / np.log(2.0)
    return bits


def block_ends(n: int, n_classes: int) -> list[int]:
    """Where the blocks of the published fractions end; the first holds two clips a class."""
    least = min(2 * n_classes, n)
    return sorted({max(least, round(share * n)) for share in FRACTIONS})


def code_lengths(
    bench: Workbench, baselines: Mapping[str, FloatArray], orders: int
) -> tuple[CodeLength, ...]:
    """The probed vectors in clip order and speaker order, then each baseline in speaker order."""
    n = len(bench.emotion)
    rng = np.random.default_rng([bench.seed, 41])
    ends = block_ends(n, bench.n_classes)
    by_clip = [(rng.permutation(n), ends) for _ in range(orders)]
    by_speaker = [_speaker_order(bench.speaker, rng) for _ in range(orders)]
    kinds = [("clips at random", bench.vectors, by_clip)]
    kinds += [
        (f"speaker by speaker, {name}" if name else "speaker by speaker", vectors, by_speaker)
        for name, vectors in ({"": bench.vectors} | dict(baselines)).items()
    ]
    return tuple(_code_length(bench, *kind) for kind in kinds)


def _speaker_order(speakers: Index, rng: np.random.Generator) -> tuple[Index, list[int]]:
    turn = rng.permutation(int(speakers.max()) + 1)
    place = turn[speakers]
    order: Index = np.argsort(place, kind="stable")
    return order, np.cumsum(np.bincount(place)).tolist()


def _code_length(
    bench: Workbench, name: str, vectors: FloatArray, orders: Sequence[tuple[Index, list[int]]]
) -> CodeLength:
    uniform = float(np.log2(bench.n_classes))
    coded = [online_code(vectors, bench.emotion, *order, bench.n_classes) for order in orders]
    bits = np.mean(coded, axis=0)
    order, ends = orders[0]
    return CodeLength(
        name=name,
        bits=round6(bits.sum()),
        uniform_bits=round6(uniform * len(bits)),
        compression=estimate(uniform / bench.bootstrap.mean(bits)),
        curve=tuple((a, round6(coded[0][order[a:b]].mean())) for a, b in pairwise([0, *ends])),
    )
