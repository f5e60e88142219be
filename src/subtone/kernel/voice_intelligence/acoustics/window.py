"""One window of frames to AcousticFeatures, before any baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from subtone.contracts.vocabulary import PitchContour
from subtone.contracts.voice_intelligence import AcousticFeatures
from subtone.kernel.statistics import clamp
from subtone.kernel.voice_intelligence.acoustics.activity import FLOOR_MIN_DB
from subtone.kernel.voice_intelligence.acoustics.arrays import Bool, FloatArray
from subtone.kernel.voice_intelligence.acoustics.frames import HOP_MS, Frames

TURN_GAP_MS = 1200  # a longer silence ends the turn
PAUSE_MS = 250  # a shorter silence is articulation
MIN_TURN_MS = 2000  # rates depend on turn length below this (Yuan 2006)
_OTHER_SPEAKS_MS = 100  # this much of the other side makes a silence a change of turn
_OUTLIER_SEMITONES = 11.0  # just under an octave: octave errors go, expression stays
_CONTOUR_SEMITONES = 1.5  # least change over the window that is a direction
_JUMP_SEMITONES = 2.0  # no voice moves so far within 10 ms
_MIN_SLOPE_MS = 300  # less speech than this has no trend
_REFERENCE_HZ = 27.5
_MAX_RATE_HZ = 50.0


@dataclass(frozen=True, slots=True)
class _Turn:
    """Rows [start, end) of one own turn and the lengths of the silences inside it."""

    start: int
    end: int
    silences: tuple[int, ...]


class _Pitch(NamedTuple):
    """Semitones above 27.5 Hz: mean and variance without octave errors, and where it goes."""

    mean: float | None = None  # None throughout: no frame is voiced
    median: float | None = None
    variance: float | None = None
    contour: PitchContour | None = None
    slope: float | None = None  # mean size of the movement per second; None without a step


def measure_window(
    frames: Frames,
    track_id: str,
    t_start_ms: int,
    t_end_ms: int,
    sample_rate_hz: int,
    other_is_speech: Bool | None = None,
    *,
    min_turn_ms: int = MIN_TURN_MS,
) -> AcousticFeatures:
    """Return the features of [t_start_ms, t_end_ms); rows that frames lack count as lost.

    other_is_speech says for each row of the window whether the other side talks
    (``other.covering(t_start_ms, t_end_ms).is_speech``). The noise floor is the window's
    own silence, never what came later, so that chunks cannot change it. A window without
    speech has zeros, and None where the contract allows it.
    Raises ValueError when the window is empty or other_is_speech has another length.
    """
    if t_end_ms <= t_start_ms:
        raise ValueError(f"window [{t_start_ms}, {t_end_ms}) ms is empty: its end must come later")
    rows = frames.covering(t_start_ms, t_end_ms)
    if other_is_speech is not None and len(other_is_speech) != rows.n:
        raise ValueError(
            f"other_is_speech has {len(other_is_speech)} rows for a window of {rows.n}: "
            "cut it with covering() to the same window"
        )
    usable = ~rows.is_concealed
    speech = rows.is_speech & usable
    voiced = speech & (rows.f0_hz > 0.0)
    level = np.asarray(rows.level_db[speech], np.float64)
    at_s = np.flatnonzero(speech) * (HOP_MS / 1000.0)
    turns = _turns(rows, other_is_speech)
    floor_rows = sum(turn.end - turn.start for turn in turns)
    silences = [length for turn in turns for length in turn.silences]
    pauses = [length * HOP_MS for length in silences if length * HOP_MS >= PAUSE_MS]
    voiced_ms = int(voiced.sum()) * HOP_MS
    speech_ms = int(speech.sum()) * HOP_MS
    speaking_rate, articulation_rate = _rates(rows.is_nucleus & speech, turns, min_turn_ms)
    pitch = _pitch(rows, voiced)
    return AcousticFeatures(
        track_id=track_id,
        t_start_ms=t_start_ms,
        t_event_ms=t_end_ms,
        sample_rate_hz=sample_rate_hz,
        energy_mean=float(level.mean()) if speech_ms else 0.0,
        energy_variance=float(level.var()) if speech_ms else 0.0,
        energy_p95=_percentile(level, 95),
        intensity_drift=clamp(_slope(at_s, level), -1000.0, 1000.0),
        pitch_mean_hz=None if pitch.mean is None else _REFERENCE_HZ * 2.0 ** (pitch.mean / 12.0),
        pitch_mean_semitones=pitch.mean,
        pitch_median_semitones=pitch.median,
        pitch_variance=pitch.variance,
        pitch_contour=pitch.contour,
        pitch_slope=pitch.slope,
        speaking_rate=speaking_rate,
        articulation_rate=articulation_rate,
        silence_ratio=sum(silences) / floor_rows if floor_rows else 0.0,
        pause_count=len(pauses),
        pause_mean_ms=round(sum(pauses) / len(pauses)) if pauses else 0,
        speech_continuity=voiced_ms / (voiced_ms + sum(pauses)) if voiced_ms else 0.0,
        tilt_db=float(rows.tilt_db[voiced].mean(dtype=np.float64)) if voiced_ms else None,
        tilt_p80_db=_percentile(rows.tilt_db[voiced], 80),
        spectral_flux=_percentile(rows.flux[1:][voiced[1:] & voiced[:-1]], 50),
        voiced_ms=voiced_ms,
        speech_ms=speech_ms,
        snr_db=float(level.mean()) - _floor_db(rows) if speech_ms else 0.0,
        concealed_ratio=float(rows.is_concealed.mean()) if rows.n else 1.0,
    )


def _turns(rows: Frames, other_is_speech: Bool | None) -> list[_Turn]:
    """Own turns: speech runs joined over short silences in which nobody else talks."""
    edges = np.flatnonzero(np.diff(np.pad(rows.is_speech, 1).astype(np.int8))).tolist()
    turns: list[_Turn] = []
    for start, end in zip(edges[0::2], edges[1::2], strict=True):
        if turns and _is_pause(rows, other_is_speech, turns[-1].end, start):
            last = turns[-1]
            turns[-1] = _Turn(last.start, end, (*last.silences, start - last.end))
        else:
            turns.append(_Turn(start, end, ()))
    return turns


def _is_pause(rows: Frames, other_is_speech: Bool | None, start: int, end: int) -> bool:
    if (end - start) * HOP_MS > TURN_GAP_MS or rows.is_concealed[start:end].any():
        return False
    if other_is_speech is None:
        return True
    return int(other_is_speech[start:end].sum()) * HOP_MS < _OTHER_SPEAKS_MS


def _rates(is_nucleus: Bool, turns: list[_Turn], min_turn_ms: int) -> tuple[float, float]:
    """Nuclei per second of floor time and of phonation, over long turns if there are any."""
    long = [turn for turn in turns if (turn.end - turn.start) * HOP_MS >= min_turn_ms] or turns
    floor = sum(turn.end - turn.start for turn in long)
    if not floor:
        return 0.0, 0.0
    nuclei = sum(int(is_nucleus[turn.start : turn.end].sum()) for turn in long)
    phonation = floor - sum(sum(turn.silences) for turn in long)
    per_s = 1000.0 / HOP_MS
    return (
        min(nuclei * per_s / floor, _MAX_RATE_HZ),
        min(nuclei * per_s / phonation, _MAX_RATE_HZ),
    )


def _percentile(values: FloatArray, rank: float) -> float | None:
    return float(np.percentile(values, rank)) if len(values) else None


def _pitch(rows: Frames, voiced: Bool) -> _Pitch:
    if not voiced.any():
        return _Pitch()
    semitones: FloatArray = 12.0 * np.log2(rows.f0_hz[voiced].astype(np.float64) / _REFERENCE_HZ)
    median = float(np.median(semitones))
    kept = np.abs(semitones - median) <= _OUTLIER_SEMITONES
    if not kept.any():  # half the frames an octave off: neither half is the error
        kept[:] = True
    semitones = semitones[kept]
    at_s = np.flatnonzero(voiced)[kept] * (HOP_MS / 1000.0)
    change = _slope(at_s, semitones) * float(at_s[-1] - at_s[0])
    contour = PitchContour.FLAT
    if abs(change) >= _CONTOUR_SEMITONES:
        contour = PitchContour.RISING if change > 0.0 else PitchContour.FALLING
    return _Pitch(
        mean=float(semitones.mean()),
        median=median,
        variance=float(semitones.var()),
        contour=contour,
        slope=_movement(at_s, semitones),
    )


def _movement(at_s: FloatArray, semitones: FloatArray) -> float | None:
    """Mean size of the step to the next frame in semitones per second; None without one.

    Frames of two voiced stretches are no neighbours, and a jump is an error of the tracker.
    """
    hop_s = HOP_MS / 1000.0
    steps = np.abs(np.diff(semitones))[np.diff(at_s) < 1.5 * hop_s]
    steps = steps[steps < _JUMP_SEMITONES]
    return float(steps.mean()) / hop_s if len(steps) else None


def _slope(at_s: FloatArray, values: FloatArray) -> float:
    """Least-squares slope per second; 0 over less than 300 ms of values."""
    if len(values) * HOP_MS < _MIN_SLOPE_MS:
        return 0.0
    centred = at_s - at_s.mean()
    return float(centred @ (values - values.mean()) / (centred @ centred))


def _floor_db(rows: Frames) -> float:
    """Noise floor: the window's own silence, or its quietest speech; -75 dB at the least."""
    silent = rows.level_db[~rows.is_speech & ~rows.is_concealed]
    heard = silent if len(silent) else rows.level_db[rows.is_speech & ~rows.is_concealed]
    return max(float(np.percentile(heard, 10)), FLOOR_MIN_DB)
