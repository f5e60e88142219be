"""Whose voice it is: enrolled people, and voices that come back without a name.

Everything here makes or compares voiceprints, biometric data in many laws, so nothing runs
unless the operator allowed it. Vectors are taken and returned; keeping them is not done here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from subtone.contracts.memory import SpeakerFinding
from subtone.perception.encoding import EncodedAudio, FloatArray
from subtone.perception.heads.errors import HeadError, VoiceprintError
from subtone.perception.heads.networks import unit_rows
from subtone.perception.heads.voices import VoiceEmbedder, speech_ms

UNKNOWN_PREFIX: Final = "unknown-"


@dataclass(eq=False)
class VoiceClusters:
    """Unknown voices, found one after another: a voice joins the nearest cluster or leads one.

    Leader clustering: deterministic in the order of arrival; an id once given never changes
    and is never given again. ``leaders`` can be kept and given back.
    """

    leaders: dict[str, FloatArray] = field(default_factory=dict)  # sums of unit vectors

    def assign(self, vector: FloatArray, threshold: float) -> tuple[str, float]:
        """Id and cosine to the cluster's mean; 1 for a voice that leads a new one."""
        cluster, similarity = nearest(vector, self.leaders)
        if cluster is None or similarity < threshold:
            cluster, similarity = f"{UNKNOWN_PREFIX}{self._next():04d}", 1.0
            self.leaders[cluster] = np.zeros_like(vector)
        self.leaders[cluster] = self.leaders[cluster] + vector
        return cluster, similarity

    def _next(self) -> int:
        return max((int(name.removeprefix(UNKNOWN_PREFIX)) for name in self.leaders), default=0) + 1


class SpeakerHead:
    """Enrols and identifies voices, and clusters those nobody enrolled.

    embedder: a speaker model, or the pooled baseline. is_voiceprint_allowed: the operator's
    switch; while it is off every method raises VoiceprintError. Raises HeadError for an
    enrolled id that looks like an unknown voice's.
    """

    def __init__(
        self,
        embedder: VoiceEmbedder,
        *,
        is_voiceprint_allowed: bool = False,
        voiceprints: Mapping[str, FloatArray] | None = None,
        clusters: VoiceClusters | None = None,
    ) -> None:
        if any(name.startswith(UNKNOWN_PREFIX) for name in voiceprints or ()):
            raise HeadError(
                "voiceprint", f"has an id that begins with {UNKNOWN_PREFIX}", "give it another id"
            )
        self.name = "speaker"
        self.needs = replace(embedder.needs, voiceprints=True)
        self._embedder = embedder
        self._is_allowed = is_voiceprint_allowed
        self._voiceprints = dict(voiceprints or {})
        self._clusters = clusters

    @property
    def model(self) -> str:
        """The model whose vectors are compared."""
        return self._embedder.model

    @property
    def size_bytes(self) -> int:
        """Memory the model takes."""
        return int(getattr(self._embedder, "size_bytes", 0))

    def enrol(self, recordings: Sequence[EncodedAudio]) -> FloatArray:
        """The voiceprint of one person: the mean voice of their recordings, length 1.

        Raises VoiceprintError where it is not allowed, HeadError where none of the
        recordings holds enough speech.
        """
        self._require_allowed()
        vectors = [self._embedder.embed(audio) for audio in recordings if self._is_enough(audio)]
        if not vectors:
            raise HeadError(
                "enrolment",
                f"no recording has {self._embedder.min_speech_ms} ms of speech",
                "record the person for longer",
            )
        return unit_rows(np.mean(vectors, axis=0)).astype(np.float32)

    def __call__(self, audio: EncodedAudio) -> SpeakerFinding:
        """Who speaks: someone enrolled, a known or new unknown voice, or nobody.

        Abstains on too little speech, and on strangers where no clusters are kept.
        Raises VoiceprintError where it is not allowed, HeadError for voiceprints of another
        model.
        """
        self._require_allowed()
        if not self._is_enough(audio):
            return self._finding(None, 0.0, is_enrolled=False)
        vector = self._embedder.embed(audio)
        person, similarity = nearest(vector, self._voiceprints)
        if person is not None and similarity >= self._embedder.threshold:
            return self._finding(person, similarity, is_enrolled=True)
        if self._clusters is None:
            return self._finding(None, similarity, is_enrolled=False)
        cluster, similarity = self._clusters.assign(vector, self._embedder.threshold)
        return self._finding(cluster, similarity, is_enrolled=False)

    def _finding(
        self, speaker: str | None, similarity: float, *, is_enrolled: bool
    ) -> SpeakerFinding:
        return SpeakerFinding(
            speaker_id=speaker, is_enrolled=is_enrolled, similarity=similarity, model=self.model
        )

    def _is_enough(self, audio: EncodedAudio) -> bool:
        return bool(audio.windows) and speech_ms(audio) >= self._embedder.min_speech_ms

    def _require_allowed(self) -> None:
        if not self._is_allowed:
            raise VoiceprintError(
                "voices are not recognised here: an operator with a lawful purpose and the "
                "speakers' consent must allow voiceprints first"
            )


def nearest(vector: FloatArray, voices: Mapping[str, FloatArray]) -> tuple[str | None, float]:
    """The voice with the largest cosine to a vector of length 1; the first name wins a tie.

    Raises HeadError where a voice has another width.
    """
    best: tuple[str | None, float] = (None, 0.0)
    for name in sorted(voices):
        voice = voices[name]
        if voice.shape != vector.shape or not np.isfinite(voice).all():
            raise HeadError(
                "voiceprint", "was made by another model, or is damaged", "enrol the person again"
            )
        cosine = float(np.clip(vector @ unit_rows(voice), -1.0, 1.0))
        if best[0] is None or cosine > best[1]:
            best = (name, cosine)
    return best
