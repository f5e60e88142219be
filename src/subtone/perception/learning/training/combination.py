"""How much say each of two contrasts has: by what they said about speakers they had not heard."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from subtone.perception.learning.training.contrasts import ContrastFit
from subtone.perception.learning.training.linear import Integers, Reals

_STEPS = np.linspace(0.0, 1.0, 11)
_TEMPERATURES = np.exp(np.linspace(np.log(0.1), np.log(10.0), 61))


def evidence_shares(fits: Sequence[ContrastFit]) -> tuple[float, ...]:
    """The say of each fit in a weighted mean of log-odds; they sum to 1.

    One fit has it all. Of two, trained on the same clips, the second gets the least share
    among those within a thousandth of the best likelihood of the held-out logits: evidence
    that adds nothing at home is not trusted abroad.
    """
    if len(fits) == 1:
        return (1.0,)
    first, second = fits
    truth = np.tile(first.head.truth, len(first.head.held_out))
    odds = [_held_out_odds(fit) for fit in (first, second)]
    losses = np.array([_loss((1.0 - a) * odds[0] + a * odds[1], truth) for a in _STEPS])
    share = float(_STEPS[int(np.flatnonzero(losses <= losses.min() + 1e-3)[0])])
    return (1.0 - share, share)


def _held_out_odds(fit: ContrastFit) -> Reals:
    logits = np.concatenate(list(fit.head.held_out.values()))
    odds: Reals = (logits[:, 1] - logits[:, 0]) / fit.head.temperature
    return odds


def _loss(odds: Reals, truth: Integers) -> float:
    """Mean of -ln of the share given to the truth, at the best temperature, balanced."""
    signed = np.where(truth == 1, odds, -odds)
    weight = 1.0 / np.bincount(truth)[truth]
    weight /= weight.sum()
    return min(float((weight * np.logaddexp(0.0, -signed / t)).sum()) for t in _TEMPERATURES)
