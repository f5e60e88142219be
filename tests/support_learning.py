"""Made-up corpora: sounds in folders, and tables of features whose answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from subtone.perception.encoding import FloatArray
from subtone.perception.learning.clips import Clip
from subtone.perception.learning.training.table import Table

EMOTIONS = ("neutral", "happy", "angry")
WIDTH = 12
LAYERS = 3


def clip(speaker: str, label: str, number: int = 0, **changes: object) -> Clip:
    given: dict[str, object] = {
        "path": Path(f"{speaker}-{label}-{number}.wav"),
        "corpus": "made-up",
        "speaker": speaker,
        "sentence": str(number % 2),
        "language": "en",
        "label": label,
        "is_acted": True,
        "licence": "CC0-1.0",
    }
    return Clip(**(given | changes))  # type: ignore[arg-type]  # the fields by name


def table(speakers: int = 6, each: int = 6, noise: float = 0.6, corpus: str = "made-up") -> Table:
    """Every label has a direction, every speaker an offset; layer 1 hears best, the band little."""
    rng = np.random.default_rng(0)
    ways = {
        "neutral": np.zeros(WIDTH),
        "happy": np.eye(WIDTH)[0] * 3,
        "angry": np.eye(WIDTH)[1] * 3,
    }
    clips, rows = [], []
    for s in range(speakers):
        offset = rng.normal(0.0, 0.5, WIDTH)
        for label in EMOTIONS:
            for number in range(each):
                clips.append(clip(f"s{s}", label, number, corpus=corpus))
                clean = ways[label] + offset
                rows.append(
                    [
                        clean + rng.normal(0, noise * (1 + abs(at - 1)), WIDTH)
                        for at in range(LAYERS)
                    ]
                )
    wide: FloatArray = np.array(rows, np.float32)
    heard = wide + rng.normal(0.0, 0.2, wide.shape).astype(np.float32)
    return Table(tuple(clips), {"wide": wide, "telephone": heard})


def voice(
    seconds: float = 1.0, f0_hz: float = 140.0, rate_hz: int = 16_000, seed: int = 0
) -> FloatArray:
    """A buzz of harmonics in syllables, with a little silence at both ends."""
    at = np.arange(int(seconds * rate_hz)) / rate_hz
    rng = np.random.default_rng(seed)
    orders = np.arange(1, 12)[:, None]
    buzz = (np.sin(2 * np.pi * f0_hz * orders * at) / orders).sum(axis=0)
    syllables = 0.5 + 0.5 * np.sin(2 * np.pi * 4.0 * at)
    edges = np.minimum(1.0, np.minimum(at, at[::-1]) / 0.1)
    sound = 0.1 * buzz * syllables * edges**2 + rng.normal(0.0, 1e-4, len(at))
    heard: FloatArray = sound.astype(np.float32)
    return heard


def write_wav(path: Path, samples: FloatArray | None = None, rate_hz: int = 16_000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, voice() if samples is None else samples, rate_hz)
    return path
