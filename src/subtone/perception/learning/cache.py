"""Features of clips on disk: an interrupted run goes on where it stopped."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from subtone.perception.encoding import FloatArray
from subtone.perception.learning.clips import Clip, file_digest, load_clip
from subtone.perception.learning.features import Extractor
from subtone.perception.learning.renditions import Rendition, render

Progress = Callable[[int, int], None]
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
        rows = []
        for i, clip in enumerate(clips):
            progress(i, len(clips))
            rows.append(self._one(clip, extractor, rendition))
        progress(len(clips), len(clips))
        return np.stack(rows)

    def _one(self, clip: Clip, extractor: Extractor, rendition: Rendition) -> FloatArray:
        digest = file_digest(clip.path)
        key = f"{_VERSION}\n{extractor.name}\n{rendition}\n{digest}"
        name = hashlib.sha256(key.encode()).hexdigest()
        path = self.folder / name[:2] / f"{name}.npy"
        stored = _stored(path)
        if stored is not None:
            return stored
        made = extractor(render(load_clip(clip), rendition, digest)).astype(np.float32)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{name}.{os.getpid()}.part")
        try:
            with unfinished.open("wb") as file:
                np.save(file, made, allow_pickle=False)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
        return made


def _stored(path: Path) -> FloatArray | None:
    try:
        values: NDArray[np.float32] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    is_whole = values.dtype == np.float32 and values.ndim == 2 and bool(np.isfinite(values).all())
    return values if is_whole else None
