"""One labelled recording of an emotion corpus, and how its samples are read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from subtone.perception.encoding import SAMPLE_RATE_HZ, FloatArray
from subtone.perception.learning.errors import LearningError
from subtone.perception.learning.labels import MEANINGS


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A recording of one utterance and what its corpus says about it."""

    path: Path
    corpus: str
    speaker: str  # unique within the corpus
    sentence: str | None  # which text was read; None where nobody knows, or nobody repeats it
    language: str  # ISO 639-1
    label: str  # one of MEANINGS
    is_acted: bool
    licence: str
    arousal: int | None = None  # sign, where the corpus rates it itself
    valence: int | None = None

    @property
    def voice(self) -> str:
        """The speaker among those of all corpora."""
        return f"{self.corpus}/{self.speaker}"

    @property
    def emotion(self) -> str | None:
        """One of the seven classes; None where the label is none of them."""
        return MEANINGS[self.label].emotion

    @property
    def arousal_sign(self) -> int:
        """-1, 0 or 1: rated, else of the label."""
        return MEANINGS[self.label].arousal if self.arousal is None else self.arousal

    @property
    def valence_sign(self) -> int:
        """-1, 0 or 1: rated, else of the label."""
        return MEANINGS[self.label].valence if self.valence is None else self.valence


def read_samples(path: Path) -> tuple[FloatArray, int]:
    """Mono samples in [-1, 1] and their rate; channels are averaged.

    Raises LearningError for a file libsndfile cannot read.
    """
    try:
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise LearningError(
            f"{path.name}: is no audio file libsndfile can read ({error}); convert it to wav"
        ) from error
    return samples.mean(axis=1).astype(np.float32), int(rate_hz)


def load_clip(clip: Clip) -> FloatArray:
    """Mono samples at 16 kHz. Raises LearningError as ``read_samples``."""
    samples, rate_hz = read_samples(clip.path)
    if rate_hz == SAMPLE_RATE_HZ:
        return samples
    resampled: FloatArray = soxr.resample(samples, rate_hz, SAMPLE_RATE_HZ).astype(np.float32)
    return resampled


def file_digest(path: Path) -> str:
    """SHA-256 of the file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
