"""Late fusion: what each modality found, joined as weighted log-odds.

    l = sum(r c l_m) / sum(r c)

over the modalities that found something, r their reliability, c their confidence, l_m their
log-odds: for K classes the logarithms of the shares, of which the softmax is again a share
(a logarithmic opinion pool; Genest and Zidek 1986). A missing modality is no term, so it is
exactly as if it had never been there; one modality alone comes out as it went in.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from subtone.contracts.memory import EmotionFinding
from subtone.perception.heads.emotion import emotion_finding, silent_finding
from subtone.perception.heads.errors import HeadError
from subtone.perception.heads.networks import softmax

SMALLEST_SHARE: Final = 1e-6  # one modality may not veto a class for ever
MODEL: Final = "late-fusion"


@dataclass(frozen=True, kw_only=True)
class ModalityFinding:
    """What one modality found: "audio", "text", "image", or any other name."""

    modality: str
    finding: EmotionFinding


@dataclass(frozen=True, kw_only=True)
class ModalityShare:
    """Why the fusion said what it said, for one modality.

    ``share`` of the say, the shares sum to 1; ``log_odds``: by how much this modality moved
    the fused emotion against the mean of all classes, so these add up to the fused value.
    """

    modality: str
    reliability: float
    confidence: float
    share: float
    log_odds: float


@dataclass(frozen=True, kw_only=True)
class FusedEmotion:
    """The joint finding and who it came from; modalities without a say are not listed."""

    finding: EmotionFinding
    shares: tuple[ModalityShare, ...]  # by modality name


def fuse(findings: Iterable[ModalityFinding | None], threshold: float = 0.0) -> FusedEmotion:
    """Join the modalities; the order they come in does not matter.

    None, an abstention, and a modality whose reliability or confidence is 0 have no say;
    without any say left the fusion abstains. It also abstains below ``threshold``.

    Raises HeadError for two findings of one modality, or findings over other labels.
    """
    given = sorted((f for f in findings if f is not None), key=lambda f: f.modality)
    _refuse_twice(given)
    heard = [f for f in given if f.finding.emotion is not None and _weight(f) > 0.0]
    if not heard:
        return FusedEmotion(finding=silent_finding(MODEL, is_calibrated=False), shares=())
    labels = _labels(heard)
    weights = [_weight(f) for f in heard]
    total = math.fsum(weights)
    shares = [weight / total for weight in weights]
    odds = np.array([_log_odds(f.finding) for f in heard])
    fused = np.array([math.fsum(s * o for s, o in zip(shares, c, strict=True)) for c in odds.T])
    finding = emotion_finding(
        labels,
        softmax(fused),
        threshold=threshold,
        reliability=min(
            1.0,
            math.fsum(s * f.finding.reliability for s, f in zip(shares, heard, strict=True)),
        ),
        is_calibrated=all(f.finding.is_calibrated for f in heard),
        model=MODEL,
    )
    best = int(fused.argmax())
    return FusedEmotion(
        finding=finding,
        shares=tuple(
            ModalityShare(
                modality=f.modality,
                reliability=f.finding.reliability,
                confidence=f.finding.confidence,
                share=share,
                log_odds=share * float(row[best] - row.mean()),
            )
            for f, share, row in zip(heard, shares, odds, strict=True)
        ),
    )


def _weight(given: ModalityFinding) -> float:
    return given.finding.reliability * given.finding.confidence


def _log_odds(finding: EmotionFinding) -> list[float]:
    return [math.log(max(p.probability, SMALLEST_SHARE)) for p in finding.probabilities]


def _labels(heard: Sequence[ModalityFinding]) -> tuple[str, ...]:
    first = tuple(p.label for p in heard[0].finding.probabilities)
    for other in heard[1:]:
        if tuple(p.label for p in other.finding.probabilities) != first:
            raise HeadError(
                other.modality,
                f"speaks of other labels, or in another order, than {heard[0].modality}",
                "give heads that share their labels",
            )
    return first


def _refuse_twice(given: Sequence[ModalityFinding]) -> None:
    for before, after in itertools.pairwise(given):
        if before.modality == after.modality:
            raise HeadError(after.modality, "was given twice", "give one finding per modality")
