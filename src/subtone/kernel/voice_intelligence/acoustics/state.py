"""What one track carries from chunk to chunk."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from subtone.kernel.voice_intelligence.acoustics import pitch, viterbi
from subtone.kernel.voice_intelligence.acoustics.activity import Levels
from subtone.kernel.voice_intelligence.acoustics.arrays import F32, Bool
from subtone.kernel.voice_intelligence.acoustics.frames import LEVEL_FLOOR_DB
from subtone.kernel.voice_intelligence.acoustics.nuclei import Contour

BLOCK = 50  # frames worked on at once
MARGIN = 6  # frames of audio a block needs on either side
DELAY = 30  # frames between the newest measured and the newest decided


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Frames as measured: DELAY decided ones, then the open ones; each column [n]."""

    level_db: F32
    smoothed_db: F32
    f0_hz: F32  # final in the decided part, provisional after it
    tilt_db: F32
    flux: F32
    is_peak: Bool
    is_concealed: Bool


@dataclass(frozen=True, slots=True, eq=False)
class AcousticState:
    """Everything one track carries; arrays in it never change."""

    sample_rate_hz: int
    is_pitch_tracked: bool
    first_frame: int  # of the track, on the call's 10 ms grid
    next_frame: int  # to be emitted; before first_frame until DELAY frames were measured
    waiting: F32  # samples from MARGIN before the next block on
    waiting_is_concealed: Bool
    levels: Levels
    contour: Contour
    path: viterbi.Path
    recent: Measured  # 2 * DELAY frames up to the newest measured

    @property
    def noise_floor_db(self) -> float:
        """Tracked noise floor of the line, re full scale."""
        return self.levels.floor_db

    @property
    def nbytes(self) -> int:
        """Bytes held in arrays."""
        held = [self.waiting, self.waiting_is_concealed]
        held += [self.path.octaves, self.path.origin, self.path.score]
        held += [getattr(self.recent, f.name) for f in fields(Measured)]
        return sum(array.nbytes for array in held)


def opened(
    sample_rate_hz: int, first_frame: int, is_pitch_tracked: bool, levels: Levels
) -> AcousticState:
    """Return the state of a track before its first sample: silence all around.

    Blocks lie on the call's own grid, so that what a whole half second needs is decided as
    soon as it can be, wherever the track began.
    """
    early = (first_frame - DELAY) % BLOCK  # silent frames before the track, to reach the grid
    padding = (MARGIN + early) * sample_rate_hz // 100
    silent = np.full(2 * DELAY, LEVEL_FLOOR_DB, np.float32)
    zeros, unset = np.zeros(2 * DELAY, np.float32), np.zeros(2 * DELAY, np.bool_)
    return AcousticState(
        sample_rate_hz=sample_rate_hz,
        is_pitch_tracked=is_pitch_tracked,
        first_frame=first_frame,
        next_frame=first_frame - early - DELAY,
        waiting=np.zeros(padding, np.float32),
        waiting_is_concealed=np.zeros(padding, np.bool_),
        levels=levels,
        contour=Contour(),
        path=viterbi.open_path(DELAY, pitch.CANDIDATES),
        recent=Measured(silent, silent, zeros, zeros, zeros, unset, unset),
    )
