"""Clips with their features in several renditions: what a head is trained on and judged by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from subtone.perception.encoding import FloatArray
from subtone.perception.learning.cache import FeatureCache, Progress, no_progress
from subtone.perception.learning.clips import Clip
from subtone.perception.learning.features import Extractor
from subtone.perception.learning.renditions import Rendition

Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Table:
    """values[rendition]: (clips, layers, n)."""

    clips: tuple[Clip, ...]
    values: dict[Rendition, FloatArray]

    @property
    def voices(self) -> NDArray[np.str_]:
        """(clips) who speaks."""
        return np.array([clip.voice for clip in self.clips])

    @property
    def n_layers(self) -> int:
        """Hidden states, or 1 for features that have no layers."""
        return int(next(iter(self.values.values())).shape[1])

    def take(self, rows: Indices) -> Table:
        """Some of the clips, in that order."""
        return Table(
            tuple(self.clips[i] for i in rows),
            {name: values[rows] for name, values in self.values.items()},
        )

    def where(self, is_wanted: Callable[[Clip], bool]) -> Table:
        """The clips for which it holds."""
        return self.take(np.flatnonzero([is_wanted(clip) for clip in self.clips]))

    def mapped(self, change: Callable[[FloatArray, Sequence[Clip]], FloatArray]) -> Table:
        """The same clips with every rendition changed, as by a speaker's baseline."""
        return Table(
            self.clips, {name: change(values, self.clips) for name, values in self.values.items()}
        )


def build_table(
    clips: Sequence[Clip],
    extractor: Extractor,
    renditions: Sequence[Rendition],
    cache: FeatureCache,
    progress: Progress = no_progress,
) -> Table:
    """Encode what the cache does not hold yet; ``progress`` counts clips over all renditions."""
    values = {
        rendition: cache.features(clips, extractor, rendition, advance)
        for rendition, advance in counted(renditions, len(clips), progress)
    }
    return Table(tuple(clips), values)


def counted(
    renditions: Sequence[Rendition], clips: int, progress: Progress
) -> Iterator[tuple[Rendition, Progress]]:
    """Each rendition with a progress of its clips that counts on over all of them."""
    for k, rendition in enumerate(renditions):

        def advance(done: int, _: int, begun: int = k * clips) -> None:
            progress(begun + done, clips * len(renditions))

        yield rendition, advance
