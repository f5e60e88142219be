"""The best path through pitch candidates, decided a fixed time behind the audio."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from subtone.kernel.voice_intelligence.acoustics.arrays import F32, I64

UNVOICED = 0  # column of the unvoiced candidate


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """Open end of a search: candidates whose choice later frames may still change.

    octaves [n, k] is log2 of each candidate's frequency; origin [n, k] is the best
    predecessor of each candidate; score [k] is the best total ending in each
    candidate of the last frame.
    """

    octaves: F32
    origin: I64
    score: F32


@dataclass(frozen=True, slots=True)
class StepCosts:
    """What a step costs between frames (Boersma 1993, section 5)."""

    octave_jump: float  # per octave between voiced candidates
    voicing: float  # between voiced and unvoiced


def open_path(n: int, k: int) -> Path:
    """Return a path through n frames of silence, for k candidates a frame."""
    score = np.full(k, -1e9, np.float32)
    score[UNVOICED] = 0.0
    return Path(np.zeros((n, k), np.float32), np.zeros((n, k), np.int64), score)


def extend(path: Path, octaves: F32, strength: F32, costs: StepCosts) -> Path:
    """Return path with n more frames of candidates; octaves and strength are [n, k]."""
    joined = np.concatenate([path.octaves[-1:], octaves])
    step = np.abs(joined[:-1, :, None] - joined[1:, None, :])
    step *= np.float32(-costs.octave_jump)
    step[:, UNVOICED, :] = -costs.voicing
    step[:, :, UNVOICED] = -costs.voicing
    step[:, UNVOICED, UNVOICED] = 0.0
    n, k = octaves.shape
    origin = np.empty((n, k), np.int64)
    score = path.score
    total = np.empty((k, k), np.float32)
    for i in range(n):
        np.add(score[:, None], step[i], out=total)
        total.argmax(axis=0, out=origin[i])
        score = total.max(axis=0) + strength[i]
    return Path(
        np.concatenate([path.octaves, octaves]),
        np.concatenate([path.origin, origin]),
        np.maximum(score - score.max(), np.float32(-1e9)),
    )


def best_hz(path: Path) -> F32:
    """Return the frequency chosen in each frame of path, as seen from its end; 0 unvoiced."""
    origin = path.origin.tolist()
    at = int(path.score.argmax())
    chosen = [0] * len(origin)
    for i in range(len(origin) - 1, -1, -1):
        chosen[i] = at
        at = origin[i][at]
    octaves = path.octaves[np.arange(len(chosen)), chosen]
    return np.where(octaves > 0.0, np.exp2(octaves), np.float32(0.0))


def forget(path: Path, keep: int) -> Path:
    """Return path with only its last keep frames open."""
    return Path(path.octaves[-keep:].copy(), path.origin[-keep:].copy(), path.score)
