"""The seven-class emotion head over the shared encoding: for memory and display."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from subtone.contracts.memory import EmotionFinding, LabelProbability
from subtone.perception.encoding import EncodedAudio
from subtone.perception.heads.card import EMOTIONS
from subtone.perception.heads.centre import SpeakerCentre, heard_vector
from subtone.perception.heads.domain import TrainingDomain, tempered_shares
from subtone.perception.heads.errors import HeadError
from subtone.perception.heads.files import StoredHead
from subtone.perception.tasks import Needs

__all__ = ["EMOTIONS", "EmotionHead", "emotion_finding"]


class EmotionHead:
    """Calibrated probabilities, evener far from the training, abstaining below a threshold.

    One that is relative to the speaker is silent until the caller's own normal is known.
    Raises HeadError for a head of another task.
    """

    def __init__(self, head: StoredHead) -> None:
        if head.card.task != "emotion" or head.domain is None:
            raise HeadError(
                head.card.name,
                f"is a head for {head.card.task}, not one for emotion",
                "give a head file whose card says so",
            )
        self._head = head
        self._domain: TrainingDomain = head.domain
        self.name = "emotion"
        self.needs = Needs(layers=head.layers, speaker_baseline=head.card.is_relative_to_speaker)
        self.size_bytes = head.size_bytes

    @property
    def model(self) -> str:
        """Name and digest."""
        return self._head.model

    def __call__(self, audio: EncodedAudio, centre: SpeakerCentre | None = None) -> EmotionFinding:
        """How a recording sounded; abstains below half a second of speech.

        centre: the caller's normal, for a head that is relative to it; without, it abstains.
        Raises HeadError where the recording was encoded by another encoder.
        """
        card = self._head.card
        heard = heard_vector(self._head, audio, centre)
        if heard is None:
            return silent_finding(self.model, is_calibrated=card.temperature is not None)
        logits = self._head.outputs(heard[None])[0].astype(np.float64)
        reliability = self._domain.reliability(self._head.standardise(heard))
        return emotion_finding(
            card.labels,
            tempered_shares(logits, card.temperature or 1.0, reliability),
            threshold=card.abstention_threshold,
            reliability=reliability,
            is_calibrated=card.temperature is not None,
            model=self.model,
        )


def silent_finding(model: str, *, is_calibrated: bool) -> EmotionFinding:
    """What is found where there is nothing to hear: no emotion, and no shares either."""
    return EmotionFinding(
        emotion=None,
        confidence=0.0,
        probabilities=(),
        reliability=0.0,
        is_calibrated=is_calibrated,
        model=model,
    )


def emotion_finding(
    labels: tuple[str, ...],
    shares: NDArray[np.float64],
    *,
    threshold: float,
    reliability: float,
    is_calibrated: bool,
    model: str,
) -> EmotionFinding:
    """The contract from shares (labels) that sum to 1; abstains below ``threshold``."""
    best = int(shares.argmax())
    confidence = min(float(shares[best]), 1.0)
    return EmotionFinding(
        emotion=labels[best] if confidence >= threshold else None,
        confidence=confidence,
        probabilities=tuple(
            LabelProbability(label=label, probability=min(float(share), 1.0))
            for label, share in zip(labels, shares, strict=True)
        ),
        reliability=reliability,
        is_calibrated=is_calibrated,
        model=model,
    )
