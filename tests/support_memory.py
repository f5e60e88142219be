"""Records and memories the memory's tests share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from subtone.contracts.memory import Encoding, MemoryRecord, VectorQuery
from subtone.contracts.vocabulary import Role

KEY = bytes(range(32))
SPACE = "test/L1"
WIDTH = 24

FloatArray = NDArray[np.float32]


def vectors(n: int, seed: int = 0, width: int = WIDTH) -> FloatArray:
    """(n, width): close groups around one mean, as encodings of voices are."""
    rng = np.random.default_rng(seed)
    centres = 5.0 + rng.standard_normal((7, width))
    noise = 0.2 * rng.standard_normal((n, width))
    return (centres[rng.integers(0, 7, n)] + noise).astype(np.float32)


def encoding(vector: Sequence[float] | FloatArray, space: str = SPACE) -> Encoding:
    """One vector of four seconds of audio."""
    return Encoding(
        encoder="encoder-a",
        space=space,
        layer=1,
        t_event_ms=0,
        t_end_ms=4_000,
        valid_frames=200,
        vector=tuple(float(value) for value in vector),
    )


def record(
    number: int = 0,
    *encodings: Encoding,
    record_id: str | None = None,
    transcript: str | None = None,
    call_id: str | None = None,
    speaker_id: str | None = None,
    emotion: str | None = None,
    language: str | None = None,
    role: Role = Role.CUSTOMER,
    source: str | None = None,
    t_seen_ms: int | None = None,
    has_consent: bool = True,
) -> MemoryRecord:
    """A record that differs by its number; ten of them make a call."""
    return MemoryRecord(
        record_id=record_id or f"record-{number}",
        call_id=call_id or f"call-{number // 10}",
        role=role,
        t_event_ms=4_000 * number,
        t_end_ms=4_000 * number + 4_000,
        t_seen_ms=1_000_000 + number if t_seen_ms is None else t_seen_ms,
        transcript=transcript,
        language=language,
        emotion=emotion,
        emotion_confidence=0.5,
        speaker_id=speaker_id,
        source=source or f"call-{number // 10}.wav",
        has_consent=has_consent,
        encodings=encodings,
    )


def query(vector: FloatArray, space: str = SPACE, route: str = "audio") -> VectorQuery:
    """A search by this vector."""
    return VectorQuery(space=space, vector=tuple(vector.tolist()), route=route)


def bytes_of(folder: Path) -> bytes:
    """Every byte of every file in the folder."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))
