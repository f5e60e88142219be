"""Vectors of one space in memory, a byte a dimension: enough to say which may be nearest.

With u a vector and q the query, both at length 1, and m the mean of the space,

    u·q = u·m + (u - m)·(q - m) + m·(q - m)

where only u - m is rounded, divided by its spread per dimension, and u·m is kept. Whisper's
states differ little from one another and have dimensions a hundred times larger than the rest:
rounded as they are, those would take all of the eight bits, and the error would be as large as
the differences. Mean and spread come from a sample; a poor sample costs time, not results,
because the search asks for upper bounds and checks the exact values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from subtone.memory.rows import FloatArray

KeyArray = NDArray[np.int64]
DoubleArray = NDArray[np.float64]

BLOCK_ROWS: Final = 4_096  # 8 MiB of float32 at 512 dimensions while one block is compared
SAMPLE_ROWS: Final = 4_096
_LEVELS: Final = 127
# rounding errors of the dimensions are independent and uniform: their sum is near normal
_BOUND_SIGMAS: Final = 6.0
_FLOAT32_ERROR: Final = 2e-6  # of sums of terms up to 1


class QuantisedVectors:
    """Width + 24 bytes a vector; keys grow."""

    def __init__(self, sample: FloatArray) -> None:
        """``sample`` is (n, width), n > 0: vectors as stored."""
        unit = units(sample)
        self._mean = unit.mean(axis=0)
        spread = unit.std(axis=0)
        typical = max(float(np.median(spread)), 1e-6)
        self._spread = np.maximum(spread, 1e-2 * typical)
        self.sampled = len(sample)
        self.keys: KeyArray = np.zeros(0, np.int64)
        self.records: KeyArray = np.zeros(0, np.int64)
        self._scales: FloatArray = np.zeros(0, np.float32)
        self._offsets: FloatArray = np.zeros(0, np.float32)  # u·m
        self._blocks: list[NDArray[np.int8]] = []

    @property
    def n_bytes(self) -> int:
        """Memory held."""
        codes = sum(block.nbytes for block in self._blocks)
        named = (self.keys.nbytes, self.records.nbytes, self._scales.nbytes, self._offsets.nbytes)
        return codes + sum(named)

    def append(self, keys: Sequence[int], records: Sequence[int], vectors: FloatArray) -> None:
        """``vectors`` is (n, width), n at most BLOCK_ROWS; keys above every one before."""
        unit = units(vectors)
        shifted = (unit - self._mean) / self._spread
        scales = np.maximum(np.abs(shifted).max(axis=1), 1e-12) / _LEVELS
        codes = np.rint(shifted / scales[:, None]).astype(np.int8)
        self.keys = np.concatenate([self.keys, np.asarray(keys, np.int64)])
        self.records = np.concatenate([self.records, np.asarray(records, np.int64)])
        self._scales = np.concatenate([self._scales, scales.astype(np.float32)])
        offsets = (unit @ self._mean).astype(np.float32)
        self._offsets = np.concatenate([self._offsets, offsets])
        if self._blocks and len(self._blocks[-1]) + len(codes) <= BLOCK_ROWS:
            self._blocks[-1] = np.concatenate([self._blocks[-1], codes])
        else:
            self._blocks.append(codes)

    def keep(self, keys: KeyArray) -> None:
        """Forget every vector whose key is not among these."""
        is_kept = np.isin(self.keys, keys, assume_unique=True)
        if is_kept.all():
            return
        ends = np.cumsum([len(block) for block in self._blocks])[:-1]
        kept = zip(self._blocks, np.split(is_kept, ends), strict=True)
        self._blocks = [block[flags] for block, flags in kept if flags.any()]
        self.keys, self.records = self.keys[is_kept], self.records[is_kept]
        self._scales, self._offsets = self._scales[is_kept], self._offsets[is_kept]

    def upper_bounds(self, query: DoubleArray) -> FloatArray:
        """(n,): no cosine with the unit-length query is above, but for one in about a billion."""
        beside = query - self._mean
        scaled = (beside * self._spread).astype(np.float32)
        bounds = np.empty(len(self.keys), np.float32)
        wide = np.empty((BLOCK_ROWS, len(scaled)), np.float32)
        start = 0
        for block in self._blocks:
            rows = wide[: len(block)]
            np.copyto(rows, block)
            np.dot(rows, scaled, out=bounds[start : start + len(block)])
            start += len(block)
        bounds += _BOUND_SIGMAS / np.sqrt(12.0) * float(np.linalg.norm(scaled))
        bounds *= self._scales
        bounds += self._offsets
        bounds += float(beside @ self._mean) + _FLOAT32_ERROR
        return bounds


def units(vectors: FloatArray) -> DoubleArray:
    """The vectors at length 1, a zero vector as it is; float64, row by row the same."""
    wide = vectors.astype(np.float64)
    norms = np.sqrt((wide * wide).sum(axis=1, keepdims=True))
    return np.asarray(wide / np.where(norms > 0.0, norms, 1.0))
