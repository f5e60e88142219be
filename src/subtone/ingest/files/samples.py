"""Sample arithmetic of files: analysis rate, streaming resampling, equal blocks, 16-bit PCM."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import soxr
from numpy.typing import NDArray

FloatBlock = NDArray[np.float32]  # (frames, channels), full scale is 1.0

NARROW_HZ = 8_000
WIDE_HZ = 16_000


def analysis_rate_hz(source_rate_hz: int) -> int:
    """The rate a source is analysed at: 16000 Hz where it has that much, else 8000 Hz."""
    return WIDE_HZ if source_rate_hz >= WIDE_HZ else NARROW_HZ


def resample(
    blocks: Iterator[FloatBlock], source_rate_hz: int, target_rate_hz: int, channel_count: int
) -> Iterator[FloatBlock]:
    """Change the rate of a stream of blocks; the total length keeps the duration to a sample.

    The samples do not depend on how the source was cut into blocks (soxr, HQ recipe).
    """
    if source_rate_hz == target_rate_hz:
        yield from blocks
        return
    stream = soxr.ResampleStream(source_rate_hz, target_rate_hz, channel_count, dtype="float32")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros((0, channel_count), np.float32), last=True)


def regroup(blocks: Iterator[FloatBlock], frame_count: int) -> Iterator[FloatBlock]:
    """The same samples in blocks of exactly ``frame_count`` frames; the last may be shorter."""
    held: list[FloatBlock] = []
    held_count = 0
    for block in blocks:
        held.append(block)
        held_count += len(block)
        if held_count < frame_count:
            continue
        joined = np.concatenate(held)
        whole = held_count - held_count % frame_count
        for start in range(0, whole, frame_count):
            yield joined[start : start + frame_count]
        held = [joined[whole:].copy()]  # a view would keep the whole block alive
        held_count -= whole
    if held_count:
        yield np.concatenate(held)


def pcm_s16le(samples: NDArray[np.float32]) -> bytes:
    """16-bit little-endian PCM of samples in [-1, 1]; louder ones are clipped, not wrapped."""
    scaled = np.rint(samples * np.float32(32_768.0))
    clipped: NDArray[np.int16] = np.clip(scaled, -32_768, 32_767).astype("<i2")
    return clipped.tobytes()
