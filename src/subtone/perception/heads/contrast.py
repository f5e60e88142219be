"""Arousal and valence against the caller's own first utterances.

Classes collapse across corpora, contrasts transfer (SCIENCE sections 1 and 5.5): a linear
head reads the difference between an utterance and the mean of the caller's first three,
which is causal and needs no label. Its logit is evidence for the kernel, never a verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from subtone.contracts.inbound import HeadResult, HeadValue
from subtone.perception.encoding import FRAMES_PER_SECOND, EncodedAudio, FloatArray
from subtone.perception.heads.card import CONTRASTS
from subtone.perception.heads.domain import TrainingDomain
from subtone.perception.heads.emotion import MIN_FRAMES
from subtone.perception.heads.errors import HeadError
from subtone.perception.heads.files import StoredHead
from subtone.perception.tasks import Needs

BASELINE_UTTERANCES: Final = 3
BASELINE_FRAMES: Final = 4 * FRAMES_PER_SECOND  # as much voice as the kernel's baseline asks for
FULL_FRAMES: Final = 3 * FRAMES_PER_SECOND // 2  # confidence 1 from 1.5 s, as the kernel's voice


@dataclass(frozen=True, eq=False, kw_only=True)
class SpeakerCentre:
    """The mean pooled encoding of one caller's first utterances; a value, so it can be kept.

    Utterances weigh by their length: three short answers are nobody's normal.
    mean: (blocks + 1, 2 * width), None before the first utterance.
    """

    utterances: int = 0
    frames: int = 0
    mean: FloatArray | None = None

    @property
    def is_established(self) -> bool:
        """Whether the caller's own normal is known; from then on it stands."""
        return self.utterances >= BASELINE_UTTERANCES and self.frames >= BASELINE_FRAMES

    def add(self, audio: EncodedAudio) -> SpeakerCentre:
        """Include one utterance; too short ones and those after the baseline change nothing."""
        frames = _frames(audio)
        if self.is_established or frames < MIN_FRAMES:
            return self
        if self.mean is None:
            return SpeakerCentre(utterances=1, frames=frames, mean=audio.pooled)
        if self.mean.shape != audio.pooled.shape:
            raise HeadError(
                "speaker baseline",
                "was begun with another encoder",
                "begin a new baseline when the encoder changes",
            )
        total = self.frames + frames
        share = np.float32(frames / total)
        return SpeakerCentre(
            utterances=self.utterances + 1,
            frames=total,
            mean=self.mean + (audio.pooled - self.mean) * share,
        )


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
        frames = _frames(audio)
        if not centre.is_established or centre.mean is None or frames < MIN_FRAMES:
            return None
        card = self._head.card
        moved = self._head.pool(audio) - self._head.select(centre.mean)
        logit = float(self._head.outputs(moved[None])[0, 0]) / (card.temperature or 1.0)
        return ContrastFinding(
            head=card.task,
            values=(HeadValue(label=card.labels[0], value=logit),),
            confidence=min(1.0, frames / FULL_FRAMES),
            reliability=self._domain.reliability(self._head.standardise(moved)),
            model=self.model,
        )


def _frames(audio: EncodedAudio) -> int:
    return sum(window.valid_frames for window in audio.windows)
