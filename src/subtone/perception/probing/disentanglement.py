"""DCI: whether a dimension codes one factor, and a factor is coded in one dimension.

D_i = 1 - H(P_i.) over factors and C_j = 1 - H(P_.j) over dimensions, each weighted by its
share of importance (Eastwood and Williams 2018). Importance is the norm of a sparse probe's
weights, each factor's summing to 1. It depends on the basis, and a sparse probe among many
redundant dimensions looks disentangled by itself, so the same vectors turned to their
principal axes and turned at random stand beside it: only what exceeds them means anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from subtone.contracts.probing import DisentanglementReport, Estimate, FactorCode
from subtone.perception.probing.data import F64, Index, codes
from subtone.perception.probing.folds import seen_folds, unseen_folds
from subtone.perception.probing.geometry import principal_axes
from subtone.perception.probing.logistic import Design, sparse_importance
from subtone.perception.probing.scoring import estimate, round6
from subtone.perception.probing.workbench import Workbench, is_right, split


class _Factor(NamedTuple):
    name: str
    labels: Index
    held_out: tuple[tuple[str, Index], ...]


def dci(importances: F64) -> tuple[float, F64]:
    """D, and C of each factor, of importances (d, factors) whose columns sum to 1 or 0."""
    d, factors = importances.shape
    total = importances.sum(axis=1)
    shares = importances / np.where(total > 0.0, total, 1.0)[:, None]
    one_factor = 1.0 - _entropy(shares, axis=1) / np.log(max(factors, 2))
    disentanglement = float((total / max(total.sum(), 1e-12)) @ one_factor)
    completeness: F64 = 1.0 - _entropy(importances, axis=0) / np.log(max(d, 2))
    return disentanglement, np.where(importances.sum(axis=0) > 0.0, completeness, 0.0)


def _entropy(shares: F64, axis: int) -> F64:
    logs = np.log(np.where(shares > 0.0, shares, 1.0))
    entropy: F64 = -(shares * logs).sum(axis=axis)
    return entropy


def disentanglement(bench: Workbench, most_groups: int) -> tuple[DisentanglementReport, ...]:
    """The basis as learned, turned to its principal axes, and turned at random."""
    factors = _factors(bench)
    informativeness = [_informativeness(bench, factor) for factor in factors]
    rows = bench.standardised
    bases = {
        "as learned": rows,
        "principal axes": rows @ principal_axes(rows),
        "random axes": rows @ _random_axes(rows.shape[1], bench.seed),
    }
    return tuple(
        _report(bench, name, Design(vectors).rows, factors, informativeness, most_groups)
        for name, vectors in bases.items()
    )


def _random_axes(width: int, seed: int) -> F64:
    """(width, width) orthonormal, uniform among rotations (Stewart 1980)."""
    drawn = np.random.default_rng([seed, 82]).standard_normal((width, width))
    axes, triangle = np.linalg.qr(drawn)
    turned: F64 = axes * np.sign(np.diagonal(triangle))
    return turned


def _factors(bench: Workbench) -> list[_Factor]:
    speaker, sentence = ("speaker", bench.speaker), ("sentence", bench.sentence)
    has_sentences = len(bench.data.sentences) > 1
    known = (sentence,) if has_sentences else ()
    found = [
        _Factor("emotion", bench.emotion, (speaker, *known)),
        _Factor("speaker", bench.speaker, known),
    ]
    if bench.data.has_known_gender:
        found.append(_Factor("gender", codes(bench.data.gender), (speaker, *known)))
    if has_sentences:
        found.append(_Factor("sentence", bench.sentence, (speaker,)))
    return found


def _informativeness(bench: Workbench, factor: _Factor) -> Estimate:
    folds = unseen_folds([values for _, values in factor.held_out], bench.seed)
    if not factor.held_out:
        folds = seen_folds(factor.labels, bench.seed)
    right = is_right(split(bench.vectors, folds), factor.labels)
    return estimate(bench.bootstrap.recall(right, factor.labels))


def _report(
    bench: Workbench,
    name: str,
    rows: F64,
    factors: Sequence[_Factor],
    informativeness: Sequence[Estimate],
    most_groups: int,
) -> DisentanglementReport:
    importances = _importances(rows, factors)
    d, c = dci(importances)
    rng = np.random.default_rng([bench.seed, 81])
    groups = rng.permutation(len(np.unique(bench.speaker)))[bench.speaker] % most_groups
    without = []
    for group in np.unique(groups):
        kept = np.flatnonzero(groups != group)
        part = [_Factor(f.name, f.labels[kept], ()) for f in factors]
        d_without, c_without = dci(_importances(rows[kept], part))
        without.append((d_without, float(c_without.mean())))
    spread = _jackknife_spread(np.array(without))
    used = importances > 0.0
    return DisentanglementReport(
        basis=name,
        disentanglement=_around(d, float(spread[0])),
        completeness=_around(float(c.mean()), float(spread[1])),
        used_dimensions=int(used.any(axis=1).sum()),
        factors=tuple(
            FactorCode(
                factor=factor.name,
                completeness=round6(np.clip(c[at], 0.0, 1.0)),
                informativeness=informativeness[at],
                classes=len(np.unique(factor.labels)),
                held_out=" and ".join(n for n, _ in factor.held_out) or "clips",
            )
            for at, factor in enumerate(factors)
        ),
    )


def _jackknife_spread(without: F64) -> F64:
    """(figures,) standard error of figures (groups, figures), each without one group.

    A bootstrap would not do: clips drawn twice make a sparse probe sparser than it is.
    """
    groups = len(without)
    deviation = without - without.mean(axis=0)
    spread: F64 = np.sqrt((groups - 1) / groups * (deviation**2).sum(axis=0))
    return spread


def _around(value: float, spread: float) -> Estimate:
    return Estimate(
        value=round6(value),
        low=round6(max(value - 1.96 * spread, 0.0)),
        high=round6(min(value + 1.96 * spread, 1.0)),
    )


def _importances(rows: F64, factors: Sequence[_Factor]) -> F64:
    columns = []
    for factor in factors:
        labels = np.unique(factor.labels, return_inverse=True)[1]
        column = sparse_importance(rows, labels, int(labels.max()) + 1)
        columns.append(column / max(float(column.sum()), 1e-12))
    return np.stack(columns, axis=1)
