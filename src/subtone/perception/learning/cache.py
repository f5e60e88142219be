"""Features of clips on disk: an interrupted run goes on where it stopped."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from subtone.perception.encoding import FloatArray
from subtone.perception.learning.clips import Clip, file_digest, load_clip
from subtone.perception.learning.features import Extractor, HalfArray, WhisperFrames
from subtone.perception.learning.renditions import Rendition, render

Progress = Callable[[int, int], None]
Stored = TypeVar("Stored", np.float32, np.float16)
_VERSION: Final = 1  # of the renditions and of this file's layout


def no_progress(done: int, total: int) -> None:
    """Nobody looks."""
    del done, total


class FeatureCache:
    """One small file per clip, rendition and extractor, written whole or not at all.

    A damaged file is made again. Args: folder: where; it is made on first use.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)

    def features(
        self,
        clips: Sequence[Clip],
        extractor: Extractor,
        rendition: Rendition,
        progress: Progress = no_progress,
    ) -> FloatArray:
        """(clips, layers, n). Raises LearningError for a clip that cannot be read."""
        return np.stack(self._all(clips, extractor, np.dtype(np.float32), rendition, progress))

    def frames(
        self,
        clips: Sequence[Clip],
        extractor: WhisperFrames,
        rendition: Rendition,
        progress: Progress = no_progress,
    ) -> tuple[HalfArray, ...]:
        """(frames, width) of each clip. Raises LearningError as ``features``."""
        return tuple(self._all(clips, extractor, np.dtype(np.float16), rendition, progress))

    def _all(
        self,
        clips: Sequence[Clip],
        extractor: Extractor | WhisperFrames,
        dtype: np.dtype[Stored],
        rendition: Rendition,
        progress: Progress,
    ) -> list[NDArray[Stored]]:
        rows = []
        for i, clip in enumerate(clips):
            progress(i, len(clips))
            rows.append(self._one(clip, extractor, dtype, rendition))
        progress(len(clips), len(clips))
        return rows

    def _one(
        self,
        clip: Clip,
        extractor: Extractor | WhisperFrames,
        dtype: np.dtype[Stored],
        rendition: Rendition,
    ) -> NDArray[Stored]:
        digest = file_digest(clip.path)
        key = f"{_VERSION}\n{extractor.name}\n{rendition}\n{digest}"
        name = hashlib.sha256(key.encode()).hexdigest()
        path = self.folder / name[:2] / f"{name}.npy"
        stored = _stored(path, dtype)
        if stored is not None:
            return stored
        made = extractor(render(load_clip(clip), rendition, digest)).astype(dtype)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{name}.{os.getpid()}.part")
        try:
            with unfinished.open("wb") as file:
                np.save(file, made, allow_pickle=False)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
        return made


def _stored(path: Path, dtype: np.dtype[Stored]) -> NDArray[Stored] | None:
    try:
        values: NDArray[Stored] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    is_whole = values.dtype == dtype and values.ndim == 2 and bool(np.isfinite(values).all())
    return values if is_whole else None
