"""One track's way from samples to frames: fixed blocks, fixed delay, no hidden state.

Samples wait until a whole block and its surroundings are there, so how they were cut
into chunks can never change a result. Frames are decided DELAY behind the newest block,
when the pitch path, the speech runs and the syllable peaks around them are known.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from subtone.kernel.voice_intelligence.acoustics.activity import Levels
from subtone.kernel.voice_intelligence.acoustics.arrays import F32, Bool
from subtone.kernel.voice_intelligence.acoustics.block import AROUND, advance
from subtone.kernel.voice_intelligence.acoustics.frames import HOP_MS, Frames, concat
from subtone.kernel.voice_intelligence.acoustics.state import (
    BLOCK,
    DELAY,
    MARGIN,
    AcousticState,
    opened,
)

LATENCY_MS = (BLOCK + MARGIN + DELAY) * HOP_MS  # the most a frame is behind the audio fed
_TOO_LOUD = 16.0  # far beyond full scale 1.0: someone else's unit


def open_track(
    sample_rate_hz: int, t_start_ms: int, *, is_pitch_tracked: bool = True
) -> AcousticState:
    """Return the state of a track whose first sample lies at t_start_ms (to the next 10 ms).

    Without pitch there are level and speech only; f0, tilt, flux and nuclei stay zero.
    Raises ValueError for a rate other than 8000 or 16000.
    """
    if sample_rate_hz not in (8000, 16000):
        raise ValueError(
            f"sample rate {sample_rate_hz} Hz is not supported: resample to 8000 or 16000 first"
        )
    return opened(sample_rate_hz, _frame_at(t_start_ms), is_pitch_tracked, Levels())


def reopen_track(state: AcousticState, t_start_ms: int) -> AcousticState:
    """Return a flushed track that goes on at t_start_ms after a gap; its levels are kept.

    Raises ValueError when t_start_ms lies before frames already given.
    """
    first = _frame_at(t_start_ms)
    if first < state.first_frame:
        raise ValueError(
            f"cannot go back to {t_start_ms} ms: frames up to "
            f"{state.first_frame * HOP_MS} ms were given already"
        )
    return opened(state.sample_rate_hz, first, state.is_pitch_tracked, state.levels)


def _frame_at(t_ms: int) -> int:
    return (t_ms + HOP_MS // 2) // HOP_MS


def feed_samples(
    state: AcousticState, samples: F32, is_concealed: bool = False
) -> tuple[AcousticState, Frames | None]:
    """Return the state after consecutive samples [n >= 0] and the frames now decided.

    samples are float32 with full scale 1.0. How a stream is cut into calls changes no
    result, bit for bit. Raises ValueError for anything but one finite channel in range.
    """
    samples = np.asarray(samples, np.float32)
    if samples.ndim != 1:
        raise ValueError(f"samples must be one channel, shape [n], got shape {samples.shape}")
    if samples.size and not bool((np.abs(samples) <= _TOO_LOUD).all()):
        raise ValueError(
            "samples hold NaN, infinity or values far beyond full scale 1.0: the decoder is "
            "broken or integers were not scaled; divide 16-bit samples by 32768"
        )
    state = replace(
        state,
        waiting=np.concatenate([state.waiting, samples]),
        waiting_is_concealed=np.concatenate(
            [state.waiting_is_concealed, np.full(samples.size, is_concealed)]
        ),
    )
    return _work(state, len(state.waiting))


def flush(state: AcousticState) -> tuple[AcousticState, Frames | None]:
    """Return the state at the end of a stream or before a gap, and the remaining frames.

    A last piece shorter than 10 ms is dropped. Go on with reopen_track.
    """
    hop = state.sample_rate_hz // 100
    heard = len(state.waiting) // hop * hop
    end = state.next_frame + DELAY + heard // hop - MARGIN
    padding = (MARGIN + BLOCK + DELAY) * hop
    state, frames = _work(
        replace(
            state,
            waiting=np.pad(state.waiting[:heard], (0, padding)),
            waiting_is_concealed=np.pad(state.waiting_is_concealed[:heard], (0, padding)),
        ),
        heard,
    )
    ended = opened(state.sample_rate_hz, end, state.is_pitch_tracked, state.levels)
    remaining = frames.between(0, end * HOP_MS) if frames else None
    return ended, remaining if remaining and remaining.n else None


def _work(state: AcousticState, heard: int) -> tuple[AcousticState, Frames | None]:
    """Work on every whole block that waits; of the waiting samples the first heard are real."""
    hop = state.sample_rate_hz // 100
    waiting, is_concealed = state.waiting, state.waiting_is_concealed
    blocks = max((len(waiting) // hop - 2 * MARGIN) // BLOCK, 0)
    if not blocks:
        return state, None
    decided = []
    for at in range(0, blocks * BLOCK * hop, BLOCK * hop):
        inner = slice(at + MARGIN * hop, at + (MARGIN + BLOCK) * hop)
        lost: Bool = np.any(is_concealed[inner].reshape(BLOCK, hop), axis=1)
        state, frames = advance(
            state, waiting[at : at + AROUND * hop], lost, (heard - inner.start) // hop
        )
        decided.append(frames)
    used = blocks * BLOCK * hop
    state = replace(
        state,
        waiting=waiting[used:].copy(),
        waiting_is_concealed=is_concealed[used:].copy(),
    )
    frames = concat(*decided)
    frames = frames.between(state.first_frame * HOP_MS, frames.t_end_ms)
    return state, frames if frames.n else None
