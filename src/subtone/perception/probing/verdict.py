"""The questions answered in one word each; the rules are stated, the figures stand beside them.

- Present: the UAR on unseen speakers and sentences exceeds chance and every control task's,
  with the whole 95 % interval of the difference above zero. Otherwise nothing else is judged.
- Where: gain is UAR over chance. One dimension: the best alone keeps 90 % of it. Few: at most
  one in 16 keep 90 %, and without them half of it is lost. Distributed: of a random quarter of
  the dimensions 85 % is kept, and without the best eighth at most 15 % is lost. Otherwise
  between.
- Entangled: erasing the speaker costs more emotion than random directions of equal rank, the
  interval above zero, and at least 5 % of the gain, for speakers known to the eraser or not.
  Separable: both intervals lie below that.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from subtone.contracts.probing import (
    Concentration,
    ControlTask,
    Entanglement,
    Presence,
    RemovalReport,
    Verdict,
)
from subtone.perception.probing.concentration import Curves
from subtone.perception.probing.data import F64
from subtone.perception.probing.scoring import estimate

MOST_OF_GAIN = 0.9
FEW_SHARE, FEW_LOSS = 16, 0.5
RANDOM_SHARE, RANDOM_KEPT = 4, 0.85
LOST_SHARE, LOSS_BORNE = 8, 0.15
ENTANGLED_COST = 0.05


def judge(
    chance: float,
    curves: Curves,
    controls: Sequence[ControlTask],
    removal: Sequence[RemovalReport],
) -> Verdict:
    """The verdict on what was found; see the module for its rules."""
    gain = curves.top[-1] - chance
    usable = np.maximum(gain, 0.01)
    is_present = estimate(gain).low > 0.0 and all(c.selectivity_unseen.low > 0.0 for c in controls)
    if not is_present:
        return Verdict(
            presence=Presence.NOT_SHOWN,
            concentration=Concentration.NOT_JUDGED,
            entanglement=Entanglement.NOT_JUDGED,
            k_for_most=None,
            top_dimension_share=None,
        )
    shares = [(top - chance) / usable for top in curves.top]
    k_for_most = next(
        k for k, share in zip(curves.ks, shares, strict=True) if share[0] >= MOST_OF_GAIN
    )
    return Verdict(
        presence=Presence.PRESENT,
        concentration=_concentration(chance, curves, float(gain[0]), k_for_most),
        entanglement=_entanglement(removal[0], float(gain[0])),
        k_for_most=k_for_most,
        top_dimension_share=estimate(shares[0]),
    )


def _concentration(chance: float, curves: Curves, gain: float, k_for_most: int) -> Concentration:
    width = curves.ks[-1]

    def kept(figures: Sequence[F64], k: int) -> float:
        at = max(i for i, known in enumerate(curves.ks) if known <= max(k, 1))
        return float(figures[at][0] - chance) / gain

    if k_for_most == 1 and width > 1:
        return Concentration.ONE_DIMENSION
    is_few = k_for_most * FEW_SHARE <= width
    if is_few and kept(curves.rest, k_for_most) <= 1.0 - FEW_LOSS:
        return Concentration.FEW_DIMENSIONS
    is_random_enough = kept(curves.random, width // RANDOM_SHARE) >= RANDOM_KEPT
    is_loss_borne = kept(curves.rest, width // LOST_SHARE) >= 1.0 - LOSS_BORNE
    if is_random_enough and is_loss_borne:
        return Concentration.DISTRIBUTED
    return Concentration.BETWEEN


def _entanglement(speaker: RemovalReport, gain: float) -> Entanglement:
    costs = [effect.cost for effect in speaker.effects if effect.factor == "emotion"]
    least = ENTANGLED_COST * gain
    if any(cost.low > 0.0 and cost.value >= least for cost in costs):
        return Entanglement.ENTANGLED
    is_small = all(cost.high < least for cost in costs)
    return Entanglement.SEPARABLE if is_small else Entanglement.UNCLEAR
