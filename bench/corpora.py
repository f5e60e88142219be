"""Readers of acted emotion corpora: one clip type, one vocabulary of emotions.

Corpora are read where they lie and never copied; every figure made with them is about
acted speech and must be reported with its speakers, band and licence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

CORPUS_RATE_HZ = 16_000
DEFAULT_DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "emotion"

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Clip:
    """One acted utterance."""

    path: Path
    corpus: str
    speaker: str
    emotion: str
    language: str  # ISO 639-1
    is_strong: bool | None = None  # None: the corpus does not grade intensity


_RAVDESS_EMOTIONS = dict(
    zip(
        ("01", "02", "03", "04", "05", "06", "07", "08"),
        ("neutral", "calm", "happy", "sad", "angry", "fear", "disgust", "surprise"),
        strict=True,
    )
)


def _ravdess(path: Path) -> Clip:
    _, _, emotion, intensity, _, _, actor = path.stem.split("-")
    return Clip(
        path, "ravdess", actor, _RAVDESS_EMOTIONS[emotion], "en", is_strong=intensity == "02"
    )


def _emodb(path: Path) -> Clip:
    speaker, emotion, _ = path.stem.split("_")
    return Clip(path, "emodb", speaker, emotion, "de")


def _nemo(path: Path) -> Clip:
    speaker, emotion, *_ = path.stem.split("_")
    return Clip(path, "nemo", speaker, emotion, "pl")


def _emotale(path: Path) -> Clip:
    speaker, emotion, country, *_ = path.stem.split("_")
    return Clip(path, "emotale", speaker, emotion, {"DK": "da", "EN": "en"}[country])


READERS: dict[str, Callable[[Path], Clip]] = {
    "ravdess": _ravdess,
    "emodb": _emodb,
    "nemo": _nemo,
    "emotale": _emotale,
}


def read_corpus(name: str, data: Path = DEFAULT_DATA) -> list[Clip]:
    """All clips of one corpus, sorted by file name.

    Raises FileNotFoundError when ``data/name`` holds no clips.
    """
    paths = sorted((data / name).glob("*.flac"))
    if not paths:
        raise FileNotFoundError(
            f"no .flac clips in {data / name}; pass --data DIR with the corpora as subfolders"
        )
    return [READERS[name](path) for path in paths]


def by_speaker(clips: Iterable[Clip]) -> dict[str, list[Clip]]:
    """Clips of each speaker, speakers in sorted order."""
    groups: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        groups[clip.speaker].append(clip)
    return dict(sorted(groups.items()))


@lru_cache(maxsize=2_000)
def load(path: Path) -> Samples:
    """Mono samples in [-1, 1] at 16 kHz, without the silence at both ends."""
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    if rate_hz != CORPUS_RATE_HZ:
        mono = soxr.resample(mono, rate_hz, CORPUS_RATE_HZ)
    return trim(mono, CORPUS_RATE_HZ)


def frame_levels_db(samples: Samples, rate_hz: int, frame_ms: int = 10) -> NDArray[np.float64]:
    """RMS level of consecutive frames in dB re full scale, floored at -120 dB."""
    size = rate_hz * frame_ms // 1000
    count = len(samples) // size
    frames = samples[: count * size].astype(np.float64).reshape(count, size)
    levels: NDArray[np.float64] = 10.0 * np.log10(np.maximum((frames**2).mean(axis=1), 1e-12))
    return levels


def speech_level_db(samples: Samples, rate_hz: int) -> float:
    """Median level of the frames within 30 dB of the 95th percentile."""
    levels = frame_levels_db(samples, rate_hz)
    return float(np.median(levels[levels > np.percentile(levels, 95) - 30.0]))


def trim(samples: Samples, rate_hz: int, range_db: float = 35.0, margin_ms: int = 80) -> Samples:
    """Cut both ends where the level stays ``range_db`` below the loud parts, keeping a margin."""
    levels = frame_levels_db(samples, rate_hz)
    if not len(levels):
        return samples
    loud = np.flatnonzero(levels > np.percentile(levels, 95) - range_db)
    frame = rate_hz // 100
    margin = rate_hz * margin_ms // 1000
    start = max(0, int(loud[0]) * frame - margin)
    return samples[start : (int(loud[-1]) + 1) * frame + margin]
