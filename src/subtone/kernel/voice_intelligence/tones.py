"""Signalling tones on one track: voicemail beep, SIT, fax CNG and CED, sample by sample.

Spectrum: Hann frames of 20 ms every 10 ms, zero-padded, peak by parabola on log power.
A frame is a *tone* when the peak holds at least 80 % of the band's energy and nothing else
reaches a tenth of it (two tones: DTMF, busy). A *run* is consecutive tone frames that stay
within 15 Hz and change by at most 2 dB per frame (two close tones beat: US ringback).

Sources: beep rule SCIENCE section 6; SIT ITU-T E.180/Q.35 (950, 1400, 1800 Hz, 330 ms each);
CNG and CED ITU-T T.30 (1100 Hz for 0.5 s; 2100 Hz for 2.6-4 s), ANSam ITU-T V.8.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

FRAME_MS: Final = 20
HOP_MS: Final = 10
# A Hann frame half over an edge already fails the level rule: edges lie 8 ms beyond run centres.
_EDGE_MS: Final = 8

_BAND_HZ: Final = (60.0, 3800.0)
_BIN_HZ: Final = 31.25
_LOBE_BINS: Final = 3  # the Hann main lobe is +-100 Hz wide
_MIN_PEAK_SHARE: Final = 0.8
_MIN_BIN_SHARE: Final = 0.25  # a lobe of 80 % has a bin of 30 %: a cheap first sieve
_TINY: Final = 1e-20
_MAX_SECOND_PEAK: Final = 0.1
_MIN_LEVEL_DBFS: Final = -50.0
_MAX_DRIFT_HZ: Final = 15.0
_MAX_STEP_DB: Final = 2.0

# 5 Hz of tolerance around 440-2000 Hz; 450 Hz is dial, ringing and busy tone in China.
_BEEP_HZ: Final = (435.0, 2005.0)
_PROGRESS_HZ: Final = (442.0, 458.0)
_BEEP_MS: Final = (110, 2_000)  # 120 ms less the hop by which a length is uncertain
_SETTLE_FRAMES: Final = 2  # line filters ring after the tone
_QUIET_FRAMES: Final = 11  # by then 100 ms after the end have been heard in full
_QUIET_DB: Final = 6.0  # a beep only 10 dB above the line noise still ends

_SIT_HZ: Final = ((900.0, 1000.0), (1350.0, 1450.0), (1750.0, 1850.0))
_SIT_MS: Final = (200, 450)
_SIT_GAP_MS: Final = 60
_CNG_HZ: Final = (1062.0, 1138.0)
_CNG_MS: Final = (400, 600)
_CED_HZ: Final = (2085.0, 2115.0)
_CED_MS: Final = 300  # ANSam reverses its phase every 450 ms, which ends a run


class ToneKind(StrEnum):
    """What a tone means on a telephone line."""

    BEEP = "beep"
    SIT = "sit"
    FAX_CNG = "fax_cng"
    FAX_CED = "fax_ced"


@dataclass(frozen=True, slots=True)
class ToneEvent:
    """One recognised tone; times in milliseconds on the call's media clock.

    ``t_known_ms`` is the media time at which it could first be told: a beep needs its silence,
    and the answer tone of a fax is told while it still sounds (``t_end_ms`` is then that moment).
    ``frequency_hz`` is the mean over the run, of the last tone for SIT.
    """

    kind: ToneKind
    t_start_ms: int
    t_end_ms: int
    frequency_hz: float
    t_known_ms: int


@dataclass(frozen=True, slots=True)
class ToneRun:
    """Consecutive tone frames at one frequency."""

    t_start_ms: int
    frames: int
    low_hz: float
    high_hz: float
    sum_hz: float
    level_dbfs: float  # of the last frame: a beep stops there, a voice fades on

    @property
    def frequency_hz(self) -> float:
        """Mean frequency."""
        return self.sum_hz / self.frames

    @property
    def duration_ms(self) -> int:
        """Estimated length of the tone."""
        return (self.frames - 1) * HOP_MS + 2 * _EDGE_MS

    @property
    def t_end_ms(self) -> int:
        """Estimated end of the tone."""
        return self.t_start_ms + self.duration_ms


@dataclass(frozen=True, slots=True)
class ToneMemory:
    """State of the detector between two feeds."""

    sample_rate_hz: int
    t_start_ms: int
    frame_count: int = 0
    tail: bytes = b""  # float32 samples that have not left the last frame yet
    run: ToneRun | None = None
    candidate: ToneRun | None = None  # an ended tone that is a beep if silence follows
    candidate_age: int = 0  # frames since it ended
    sit: tuple[ToneRun, ...] = ()  # first tones of a possible SIT


def open_tones(sample_rate_hz: int, t_start_ms: int) -> ToneMemory:
    """Return a detector whose first sample lies at ``t_start_ms``.

    Raises ValueError when ``sample_rate_hz`` is neither 8000 nor 16000.
    """
    if sample_rate_hz not in (8000, 16000):
        raise ValueError(
            f"tones need 8000 or 16000 Hz, got {sample_rate_hz}: resample before the kernel"
        )
    return ToneMemory(sample_rate_hz=sample_rate_hz, t_start_ms=t_start_ms)


def feed_tones(
    memory: ToneMemory, samples: NDArray[np.float32]
) -> tuple[ToneMemory, tuple[ToneEvent, ...]]:
    """Hear the next samples (shape ``(n,)``, full scale 1.0) and return the tones they completed.

    The result does not depend on how the samples are cut into feeds. Lost audio must be fed
    as zeros, or the detector reopened, so that time stays right. Raises ValueError when the
    samples are not one finite channel.
    """
    if samples.ndim != 1 or not bool(np.isfinite(samples).all()):
        raise ValueError("tones need one channel of finite samples: fix the decoder that made them")
    waiting = np.concatenate((np.frombuffer(memory.tail, np.float32), samples.astype(np.float32)))
    hop = memory.sample_rate_hz * HOP_MS // 1000
    size = memory.sample_rate_hz * FRAME_MS // 1000
    count = max(0, (len(waiting) - size) // hop + 1)
    memory = replace(memory, tail=waiting[count * hop :].tobytes())
    if count == 0:
        return memory, ()
    frames = np.lib.stride_tricks.sliding_window_view(waiting, size)[::hop][:count]
    is_tone, frequency_hz, level_dbfs = _analyse(frames, memory.sample_rate_hz)
    events: list[ToneEvent] = []
    t_ms = memory.t_start_ms + memory.frame_count * HOP_MS
    for tonal, hz, db in zip(
        is_tone.tolist(), frequency_hz.tolist(), level_dbfs.tolist(), strict=True
    ):
        if tonal or memory.run is not None or memory.candidate is not None:
            memory, event = _step(memory, t_ms, hz if tonal else None, db)
            if event is not None:
                events.append(event)
        t_ms += HOP_MS
    return replace(memory, frame_count=memory.frame_count + count), tuple(events)


def _analyse(
    frames: NDArray[np.float32], sample_rate_hz: int
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Return per frame: is it one tone, its peak frequency in Hz, its band level in dBFS."""
    window = np.hanning(frames.shape[1] + 2)[1:-1]
    size = round(sample_rate_hz / _BIN_HZ)
    spectrum = np.fft.rfft(frames * window, size, axis=1)
    first, last = (round(hz / _BIN_HZ) for hz in _BAND_HZ)
    band = spectrum.real[:, first : last + 1] ** 2 + spectrum.imag[:, first : last + 1] ** 2
    total = band.sum(axis=1) + _TINY
    level_dbfs = 10.0 * np.log10(2.0 * total / (size * float(np.sum(window**2))))
    frequency_hz = np.zeros(len(band))
    is_tone = (level_dbfs >= _MIN_LEVEL_DBFS) & (band.max(axis=1) >= _MIN_BIN_SHARE * total)
    rows = np.flatnonzero(is_tone)  # speech rarely gets here: the rest is for these frames alone
    band, total = band[rows], total[rows]
    at = np.arange(len(rows))
    peak = np.clip(band.argmax(axis=1), 1, band.shape[1] - 2)
    distance = np.abs(np.arange(band.shape[1]) - peak[:, None])
    share = np.where(distance <= _LOBE_BINS, band, 0.0).sum(axis=1) / total
    second = np.where(distance > _LOBE_BINS + 1, band, 0.0).max(axis=1)
    is_tone[rows] = (share >= _MIN_PEAK_SHARE) & (second <= _MAX_SECOND_PEAK * band[at, peak])
    left, centre, right = (np.log(band[at, peak + d] + _TINY) for d in (-1, 0, 1))
    curvature = np.minimum(left - 2.0 * centre + right, -_TINY)
    shift = np.clip(0.5 * (left - right) / curvature, -0.5, 0.5)
    frequency_hz[rows] = (first + peak + shift) * _BIN_HZ
    return is_tone, frequency_hz, level_dbfs


def _step(
    memory: ToneMemory, t_frame_ms: int, hz: float | None, level_dbfs: float
) -> tuple[ToneMemory, ToneEvent | None]:
    """Advance by one frame that begins at ``t_frame_ms``; ``hz`` is None where it is no tone."""
    t_known_ms = t_frame_ms + FRAME_MS
    memory, event = _await_silence(memory, level_dbfs, t_known_ms)
    run = memory.run
    if run is not None and hz is not None and _continues(run, hz, level_dbfs):
        run = replace(
            run,
            frames=run.frames + 1,
            low_hz=min(run.low_hz, hz),
            high_hz=max(run.high_hz, hz),
            sum_hz=run.sum_hz + hz,
            level_dbfs=level_dbfs,
        )
        was_short = run.duration_ms - HOP_MS < _CED_MS
        if was_short and run.duration_ms >= _CED_MS and _within(run.frequency_hz, _CED_HZ):
            event = _event(ToneKind.FAX_CED, run, run.t_start_ms, t_known_ms)
        return replace(memory, run=run), event
    if run is not None:
        memory, ended = _end_run(memory, run, t_known_ms)
        event = ended or event
    if hz is None:
        return replace(memory, run=None), event
    t_start_ms = t_frame_ms + FRAME_MS // 2 - _EDGE_MS
    return replace(memory, run=ToneRun(t_start_ms, 1, hz, hz, hz, level_dbfs)), event


def _continues(run: ToneRun, hz: float, level_dbfs: float) -> bool:
    drift_hz = max(run.high_hz, hz) - min(run.low_hz, hz)
    return drift_hz < _MAX_DRIFT_HZ and abs(level_dbfs - run.level_dbfs) <= _MAX_STEP_DB


def _end_run(
    memory: ToneMemory, run: ToneRun, t_known_ms: int
) -> tuple[ToneMemory, ToneEvent | None]:
    """Decide what an ended run was, or make it wait for the silence that makes it a beep."""
    if run.duration_ms < _BEEP_MS[0]:
        return memory, None
    hz = run.frequency_hz
    if _within(hz, _CNG_HZ) and _within(run.duration_ms, _CNG_MS):
        return memory, _event(ToneKind.FAX_CNG, run, run.t_start_ms, t_known_ms)
    sit = _extend_sit(memory.sit, run)
    if len(sit) == len(_SIT_HZ):
        return replace(memory, sit=()), _event(ToneKind.SIT, run, sit[0].t_start_ms, t_known_ms)
    memory = replace(memory, sit=sit)
    is_beep = (
        _within(hz, _BEEP_HZ)
        and not _within(hz, _PROGRESS_HZ)
        and _within(run.duration_ms, _BEEP_MS)
    )
    return (replace(memory, candidate=run, candidate_age=1) if is_beep else memory), None


def _extend_sit(sit: tuple[ToneRun, ...], run: ToneRun) -> tuple[ToneRun, ...]:
    """Return the longest start of a SIT that ends with this run."""
    for start in (sit, ()):
        tones = (*start, run)
        if all(
            _within(tone.frequency_hz, hz) and _within(tone.duration_ms, _SIT_MS)
            for tone, hz in zip(tones, _SIT_HZ, strict=False)
        ) and all(b.t_start_ms - a.t_end_ms <= _SIT_GAP_MS for a, b in pairwise(tones)):
            return tones
    return ()


def _await_silence(
    memory: ToneMemory, level_dbfs: float, t_known_ms: int
) -> tuple[ToneMemory, ToneEvent | None]:
    candidate = memory.candidate
    if candidate is None:
        return memory, None
    age = memory.candidate_age + 1
    if age > _SETTLE_FRAMES and level_dbfs > candidate.level_dbfs - _QUIET_DB:
        return replace(memory, candidate=None, candidate_age=0), None
    if age < _QUIET_FRAMES:
        return replace(memory, candidate_age=age), None
    event = _event(ToneKind.BEEP, candidate, candidate.t_start_ms, t_known_ms)
    return replace(memory, candidate=None, candidate_age=0), event


def _event(kind: ToneKind, run: ToneRun, t_start_ms: int, t_known_ms: int) -> ToneEvent:
    return ToneEvent(kind, t_start_ms, run.t_end_ms, run.frequency_hz, t_known_ms)


def _within(value: float, bounds: tuple[float, float]) -> bool:
    return bounds[0] <= value <= bounds[1]
