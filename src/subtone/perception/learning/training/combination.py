"""How much say each of two contrasts has, by what they said of speakers they had not heard.

A sum of log-odds weighted where it was learnt leaves all the say to the head that is nearly
perfect at home, and abroad it is not. So each is counted in its own spread, the second times
its part of the squared separation d' of both, and not at all where its d' is below 1
(bench/results/heads-across.txt).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from subtone.perception.learning.training.contrasts import ContrastFit
from subtone.perception.learning.training.linear import Reals

LEAST_SEPARATION: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class Combination:
    """joined = first / first_spread + share * second / second_spread."""

    first_spread: float
    second_spread: float
    share: float  # 0 to 1: how much the second counts beside the first

    def __call__(self, first: Reals, second: Reals) -> Reals:
        """Evidence of both, in spreads of the first's odds; larger is more of the label."""
        joined: Reals = first / self.first_spread
        return joined + self.share * second / self.second_spread if self.share else joined


def combine(first: ContrastFit, second: ContrastFit) -> Combination:
    """The rule for two fits of one contrast, trained on the same clips."""
    one, two = _separation(first), _separation(second)
    share = two**2 / (one**2 + two**2) if two >= LEAST_SEPARATION else 0.0
    return Combination(
        first_spread=float(_held_out_odds(first).std()),
        second_spread=float(_held_out_odds(second).std()),
        share=share,
    )


def _held_out_odds(fit: ContrastFit) -> Reals:
    logits = np.concatenate(list(fit.head.held_out.values()))
    odds: Reals = (logits[:, 1] - logits[:, 0]) / fit.head.temperature
    return odds


def _separation(fit: ContrastFit) -> float:
    """d': the distance of the two sides' means in their common deviation."""
    odds = _held_out_odds(fit)
    is_high = np.tile(fit.head.truth, len(fit.head.held_out)) == 1
    high, low = odds[is_high], odds[~is_high]
    return float((high.mean() - low.mean()) / np.sqrt((high.var() + low.var()) / 2.0))
