"""Arousal and valence against the caller's own first utterances.

Classes collapse across corpora, contrasts transfer (SCIENCE sections 1 and 5.5): a linear
head reads the difference between an utterance and the mean of the caller's first three,
which is causal and needs no label. Its logit is evidence for the kernel, never a verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from subtone.contracts.inbound import HeadResult, HeadValue
from subtone.perception.encoding import FRAMES_PER_SECOND, EncodedAudio
from subtone.perception.heads.card import CONTRASTS
from subtone.perception.heads.centre import SpeakerCentre, heard_vector, spoken_frames
from subtone.perception.heads.domain import TrainingDomain
from subtone.perception.heads.errors import HeadError
from subtone.perception.heads.files import StoredHead
from subtone.perception.tasks import Needs

FULL_FRAMES: Final = 3 * FRAMES_PER_SECOND // 2  # confidence 1 from 1.5 s, as the kernel's voice


@dataclass(frozen=True, kw_only=True)
class ContrastFinding:
    """One contrast of one utterance: what a ``HeadResult`` needs from a model."""

    head: str
    values: tuple[HeadValue, ...]  # one logit; larger is more of its label
    confidence: float
    reliability: float
    model: str

    def result(
        self, *, call_id: str, track_id: str, t_start_ms: int, t_event_ms: int, t_seen_ms: int
    ) -> HeadResult:
        """The event that goes back to the kernel; ``t_event_ms`` is the utterance's end."""
        return HeadResult(
            call_id=call_id,
            track_id=track_id,
            t_start_ms=t_start_ms,
            t_event_ms=t_event_ms,
            t_seen_ms=t_seen_ms,
            head=self.head,
            values=self.values,
            confidence=self.confidence,
            reliability=self.reliability,
            model=self.model,
        )


class ContrastHead:
    """A logit relative to the caller. Raises HeadError for a head of another task."""

    def __init__(self, head: StoredHead) -> None:
        if head.card.task not in CONTRASTS or head.domain is None:
            raise HeadError(
                head.card.name,
                f"is a head for {head.card.task}, not for {' or '.join(CONTRASTS)}",
                "give a contrast head's file",
            )
        self._head = head
        self._domain: TrainingDomain = head.domain
        self.name = head.card.task
        self.needs = Needs(layers=head.layers, speaker_baseline=True)
        self.size_bytes = head.size_bytes

    @property
    def model(self) -> str:
        """Name and digest."""
        return self._head.model

    def __call__(self, audio: EncodedAudio, centre: SpeakerCentre) -> ContrastFinding | None:
        """The contrast of one utterance; None without speech or before there is a baseline.

        Raises HeadError where the recording was encoded by another encoder.
        """
        moved = heard_vector(self._head, audio, centre)
        if moved is None:
            return None
        card = self._head.card
        logit = float(self._head.outputs(moved[None])[0, 0]) / (card.temperature or 1.0)
        return ContrastFinding(
            head=card.task,
            values=(HeadValue(label=card.labels[0], value=logit),),
            confidence=min(1.0, spoken_frames(audio) / FULL_FRAMES),
            reliability=self._domain.reliability(self._head.standardise(moved)),
            model=self.model,
        )
