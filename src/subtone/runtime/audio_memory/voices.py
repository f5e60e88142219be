"""The voices one memory knows: read from it when recognition is loaded, kept as they are met."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from subtone.contracts.memory import SpeakerFinding
from subtone.contracts.ports import VoiceprintStore
from subtone.perception.encoding import FloatArray
from subtone.perception.heads.speaker import VoiceClusters


class KnownVoices:
    """Voiceprints of one model in a store; only where the store may hold any.

    Args:
        store: where they lie.
        model: file of the speaker model or voice head, None for pooled Whisper.
        encoder_space: of the encoder, whose vectors pooled Whisper compares.

    Raises MemoryRefusedError where voiceprints are switched off, OSError for no such file.

    """

    def __init__(
        self, store: VoiceprintStore, model: Path | str | None, encoder_space: str
    ) -> None:
        self._store = store
        self.space = f"voice/{_named(model)}/{encoder_space}"[:200]
        self._clusters = VoiceClusters()
        self._enrolled: dict[str, FloatArray] = {}
        for voice in store.voiceprints(self.space):
            mean = np.mean(np.asarray(voice.vectors, np.float32), axis=0)
            known = self._enrolled if voice.is_enrolled else self._clusters.leaders
            known[voice.speaker_id] = mean

    @property
    def settings(self) -> Mapping[str, Any]:
        """What a SpeakerHead is made with."""
        return {"voiceprints": self._enrolled, "clusters": self._clusters}

    def keep(self, finding: SpeakerFinding) -> None:
        """Store the unknown voice that was just met, so that it has the same id tomorrow."""
        if finding.speaker_id is not None and not finding.is_enrolled:
            leader = self._clusters.leaders[finding.speaker_id]
            self._store.enrol(finding.speaker_id, [leader.tolist()], self.space, is_enrolled=False)

    def enrol(self, speaker_id: str, voiceprint: FloatArray) -> None:
        """Store what a person sounds like; the same id replaces."""
        self._store.enrol(speaker_id, [voiceprint.tolist()], self.space)


def _named(model: Path | str | None) -> str:
    """Its content too: a head trained again makes other voiceprints under the same name."""
    if model is None:
        return "pooled"
    with Path(model).open("rb") as file:
        return f"{Path(model).name}@{hashlib.file_digest(file, 'sha256').hexdigest()[:12]}"
