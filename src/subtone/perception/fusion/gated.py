"""Gated fusion: a softmax over the modalities that are there decides whose vector counts.

    g = softmax(W [h_a; h_t; h_i; mask] + b),   z = sum over m of g_m tanh(P_m h_m + p_m)

(after Arevalo et al. 2017). The gate of a missing modality is exactly 0 and its vector is no
term of any sum; nothing stands in for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from subtone.contracts.memory import EmotionFinding
from subtone.perception.encoding import FloatArray
from subtone.perception.heads.emotion import emotion_finding, silent_finding
from subtone.perception.heads.errors import HeadError
from subtone.perception.heads.networks import softmax

Reals = NDArray[np.float64]
MODEL = "gated-fusion"
DEFAULT_TRUST = 0.5


@dataclass(frozen=True, eq=False, kw_only=True)
class Batch:
    """Vectors of several examples. Rows of a modality that is not there are never read.

    vectors: (rows, width) per modality; is_there: (rows, modalities) in the mapping's order.
    """

    vectors: Mapping[str, FloatArray]
    is_there: NDArray[np.bool_]


@dataclass(frozen=True, eq=False, kw_only=True)
class Activations:
    """What one pass leaves for the gradients."""

    inputs: Mapping[str, Reals]  # standardised; rows of what is missing are 0
    hidden: Mapping[str, Reals]  # (rows, hidden)
    gates: Reals  # (rows, modalities)
    joint: Reals  # (rows, hidden)
    logits: Reals  # (rows, labels)


@dataclass(frozen=True, eq=False, kw_only=True)
class GatedFinding:
    """The joint finding, and the gate of each modality that was there; gates sum to 1."""

    finding: EmotionFinding
    gates: Mapping[str, float]


@dataclass(frozen=True, eq=False, kw_only=True)
class GatedFusion:
    """A trained gate and classifier; ``gated_training.train_gated`` makes one.

    parameters, for each modality m of width d: ``m.mean``, ``m.scale`` (d), ``m.weight``
    (hidden, d), ``m.bias`` (hidden), ``m.gate`` (modalities, d); and ``gate.mask``
    (modalities, modalities), ``gate.bias`` (modalities), ``output.weight`` (labels, hidden),
    ``output.bias`` (labels).
    """

    modalities: tuple[str, ...]
    labels: tuple[str, ...]
    parameters: Mapping[str, Reals]

    def find(
        self,
        vectors: Mapping[str, FloatArray | None],
        threshold: float = 0.0,
        trust: float = DEFAULT_TRUST,
    ) -> GatedFinding:
        """Fuse what is there; None and a name left out are the same. Abstains without any.

        trust: the finding's reliability; a gate keeps no statistics of its training domain.
        Raises HeadError for a modality it was not trained with, or a vector that does not fit.
        """
        there = {name: vector for name, vector in vectors.items() if vector is not None}
        for name, vector in there.items():
            self._require_fit(name, vector)
        if not there:
            return GatedFinding(finding=silent_finding(MODEL, is_calibrated=False), gates={})
        widths = {name: len(self.parameters[f"{name}.mean"]) for name in self.modalities}
        batch = Batch(
            vectors={
                name: there.get(name, np.empty(widths[name], np.float32))[None]
                for name in self.modalities
            },
            is_there=np.array([[name in there for name in self.modalities]]),
        )
        passed = self.activations(batch)
        gates = dict(zip(self.modalities, passed.gates[0].tolist(), strict=True))
        finding = emotion_finding(
            self.labels,
            softmax(passed.logits[0]),
            threshold=threshold,
            reliability=trust,
            is_calibrated=False,
            model=MODEL,
        )
        return GatedFinding(finding=finding, gates={name: gates[name] for name in there})

    def activations(self, batch: Batch) -> Activations:
        """One pass; every row needs at least one modality."""
        p = self.parameters
        there = batch.is_there.astype(np.float64)
        inputs, hidden = {}, {}
        scores = p["gate.bias"] + there @ p["gate.mask"].T
        for column, name in enumerate(self.modalities):
            present = batch.is_there[:, column, None]
            raw = np.where(present, batch.vectors[name], p[f"{name}.mean"])
            inputs[name] = (raw - p[f"{name}.mean"]) / p[f"{name}.scale"]
            hidden[name] = np.tanh(inputs[name] @ p[f"{name}.weight"].T + p[f"{name}.bias"])
            scores = scores + inputs[name] @ p[f"{name}.gate"].T
        gates = softmax(np.where(batch.is_there, scores, -np.inf))
        joint = sum(
            (gates[:, [i]] * hidden[name] for i, name in enumerate(self.modalities)),
            start=np.zeros_like(hidden[self.modalities[0]]),
        )
        logits = joint @ p["output.weight"].T + p["output.bias"]
        return Activations(inputs=inputs, hidden=hidden, gates=gates, joint=joint, logits=logits)

    def _require_fit(self, name: str, vector: FloatArray) -> None:
        if name not in self.modalities:
            known = ", ".join(self.modalities)
            raise HeadError(name, "is no modality this fusion was trained with", f"give {known}")
        if vector.shape != self.parameters[f"{name}.mean"].shape or not np.isfinite(vector).all():
            raise HeadError(
                f"{name} vector", "has another width than in training, or is not finite", "check it"
            )
