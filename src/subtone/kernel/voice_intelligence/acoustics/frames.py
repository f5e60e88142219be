"""Frames: what the acoustic stage knows about each 10 ms of one track."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from subtone.kernel.voice_intelligence.acoustics.arrays import F32, Bool

HOP_MS = 10
LEVEL_FLOOR_DB = -100.0


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """Columns with one row per 10 ms; row i covers [first+i, first+i+1) * 10 ms of the call."""

    first: int
    level_db: F32  # frame level re full scale, -100 at the least
    f0_hz: F32  # 0 where unvoiced; 60 to 500, half a sample of period beyond at most
    is_speech: Bool
    tilt_db: F32  # alpha ratio, 1 kHz and up over 50-1000 Hz; brighter is higher
    flux: F32  # distance of the spectrum from the frame before's, 0 to 1.41
    is_nucleus: Bool  # a syllable nucleus peaks here
    is_concealed: Bool  # lost, or made up by a decoder

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.level_db)

    @property
    def t_start_ms(self) -> int:
        """Where the first row begins on the call's media clock."""
        return self.first * HOP_MS

    @property
    def t_end_ms(self) -> int:
        """Where the last row ends on the call's media clock."""
        return (self.first + self.n) * HOP_MS

    def between(self, t_start_ms: int, t_end_ms: int) -> Frames:
        """Return the rows that begin inside [t_start_ms, t_end_ms), as views."""
        low = min(max(row_at(t_start_ms) - self.first, 0), self.n)
        high = min(max(row_at(t_end_ms) - self.first, low), self.n)
        columns = {name: getattr(self, name)[low:high] for name in COLUMNS}
        return Frames(first=self.first + low, **columns)

    def covering(self, t_start_ms: int, t_end_ms: int) -> Frames:
        """Return every row of [t_start_ms, t_end_ms); where nothing is known it is lost."""
        first, end = row_at(t_start_ms), row_at(t_end_ms)
        inside = self.between(t_start_ms, t_end_ms)
        if not inside.n:
            return lost(first, max(end - first, 0))
        after = inside.first + inside.n
        return concat(lost(first, inside.first - first), inside, lost(after, end - after))


def row_at(t_ms: int) -> int:
    """Return the first row that begins at or after t_ms."""
    return -(-t_ms // HOP_MS)


COLUMNS = tuple(f.name for f in fields(Frames) if f.name != "first")


def lost(first: int, n: int) -> Frames:
    """Return n rows of lost audio: silent and concealed."""
    return Frames(
        first=first,
        level_db=np.full(n, LEVEL_FLOOR_DB, np.float32),
        f0_hz=np.zeros(n, np.float32),
        is_speech=np.zeros(n, np.bool_),
        tilt_db=np.zeros(n, np.float32),
        flux=np.zeros(n, np.float32),
        is_nucleus=np.zeros(n, np.bool_),
        is_concealed=np.ones(n, np.bool_),
    )


def concat(earliest: Frames, *later: Frames) -> Frames:
    """Return consecutive frames in one; gaps between them become lost rows.

    Raises ValueError when a part begins before the one ahead of it ends.
    """
    filled = [earliest]
    for part in later:
        end = filled[-1].first + filled[-1].n
        if part.first < end:
            raise ValueError(
                f"frames overlap by {(end - part.first) * HOP_MS} ms: they must begin at or "
                f"after {end * HOP_MS} ms, where the earlier ones end"
            )
        if part.first > end:
            filled.append(lost(end, part.first - end))
        filled.append(part)
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in filled]) for name in COLUMNS
    }
    return Frames(first=earliest.first, **columns)
