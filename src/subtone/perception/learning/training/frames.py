"""Clips with the frames of one layer in several renditions: what learnt pooling is taught by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from subtone.perception.learning.cache import FeatureCache, Progress, no_progress
from subtone.perception.learning.clips import Clip
from subtone.perception.learning.features import HalfArray, WhisperFrames
from subtone.perception.learning.renditions import Rendition
from subtone.perception.learning.training.table import Indices, counted


@dataclass(frozen=True, eq=False)
class FrameTable:
    """frames[rendition][clip]: (frames, width) of ``layer``.

    All of it is in memory: 50 KB for a second at width 512, times the renditions.
    """

    clips: tuple[Clip, ...]
    frames: dict[Rendition, tuple[HalfArray, ...]]
    layer: int

    @property
    def voices(self) -> NDArray[np.str_]:
        """(clips) who speaks."""
        return np.array([clip.voice for clip in self.clips])

    def take(self, rows: Indices) -> FrameTable:
        """Some of the clips, in that order."""
        return FrameTable(
            tuple(self.clips[i] for i in rows),
            {name: tuple(frames[i] for i in rows) for name, frames in self.frames.items()},
            self.layer,
        )

    def where(self, is_wanted: Callable[[Clip], bool]) -> FrameTable:
        """The clips for which it holds."""
        return self.take(np.flatnonzero([is_wanted(clip) for clip in self.clips]))


def build_frames(
    clips: Sequence[Clip],
    extractor: WhisperFrames,
    renditions: Sequence[Rendition],
    cache: FeatureCache,
    progress: Progress = no_progress,
) -> FrameTable:
    """Encode what the cache does not hold yet; ``progress`` counts clips over all renditions."""
    frames = {
        rendition: cache.frames(clips, extractor, rendition, advance)
        for rendition, advance in counted(renditions, len(clips), progress)
    }
    return FrameTable(tuple(clips), frames, extractor.layer)
