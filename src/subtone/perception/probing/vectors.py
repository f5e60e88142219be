"""Recordings to vectors: the encoder's layer, and the baselines it is measured over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import soundfile

from subtone.kernel.voice_intelligence.acoustics import (
    concat,
    feed_samples,
    flush,
    measure_window,
    open_track,
)
from subtone.perception.encoder.audio import at_16_khz
from subtone.perception.encoder.log_mel import log_mel
from subtone.perception.encoding import SAMPLE_RATE_HZ, EncodedAudio, FloatArray
from subtone.perception.errors import AudioError
from subtone.perception.probing.data import ProbeData, ProbeError
from subtone.perception.probing.recordings import Recordings
from subtone.perception.probing.telephone import LINE_RATE_HZ, over_telephone

LOG_MEL, ACOUSTICS, UNTRAINED = "log-mel, mean and std", "acoustic features", "untrained encoder"
_FEATURES = (
    "energy_mean", "energy_variance", "intensity_drift", "pitch_mean_semitones",
    "pitch_variance", "speaking_rate", "articulation_rate", "silence_ratio", "pause_count",
    "pause_mean_ms", "speech_continuity", "tilt_db", "snr_db",
)  # fmt: skip
_N_MELS = 80


class Encoder(Protocol):
    """What turns samples into every layer's states."""

    @property
    def n_layers(self) -> int:
        """States of one pass."""

    @property
    def name(self) -> str:
        """Checkpoint, digest and precision."""

    @property
    def space(self) -> str:
        """Stem of the space."""

    def encode(self, samples: FloatArray, sample_rate_hz: int) -> EncodedAudio:
        """One recording."""


class Encoded(NamedTuple):
    """A labelled matrix and the baselines' rows for the same clips."""

    data: ProbeData
    baselines: dict[str, FloatArray]


def encode_recordings(
    recordings: Recordings,
    encoder: Encoder,
    untrained: Encoder | None,
    layer: int,
    band: str,
    on_progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Encoded:
    """Pooled vectors of ``layer`` for every clip that holds speech; others are counted.

    Raises ProbeError for a layer there is not, AudioError for a clip that is no audio,
    OSError for one that is not there.
    """
    if not 0 <= layer < encoder.n_layers:
        raise ProbeError(f"layer {layer}: this checkpoint has 0 to {encoder.n_layers - 1}")
    rows: dict[str, list[FloatArray]] = {}
    kept = []
    for done, clip in enumerate(recordings.clips):
        on_progress(done, len(recordings.clips))
        samples, rate_hz = read_clip(clip.path, band)
        encoded = encoder.encode(samples, rate_hz)
        if not encoded.windows:
            continue
        kept.append(clip)
        found = {"": encoded.pooled[layer], LOG_MEL: log_mel_statistics(samples, rate_hz)}
        found[ACOUSTICS] = acoustic_features(samples, rate_hz)
        if untrained is not None:
            found[UNTRAINED] = untrained.encode(samples, rate_hz).pooled[layer]
        for name, row in found.items():
            rows.setdefault(name, []).append(row)
    if not kept:
        raise ProbeError(f"{recordings.corpus}: no clip holds speech; nothing can be probed")
    matrices = {name: _filled(np.stack(stacked)) for name, stacked in rows.items()}
    data = ProbeData(
        vectors=matrices.pop(""),
        emotion=tuple(clip.emotion for clip in kept),
        speaker=tuple(clip.speaker for clip in kept),
        sentence=tuple(clip.sentence for clip in kept),
        gender=tuple(clip.gender for clip in kept),
        corpus=recordings.corpus,
        language=recordings.language,
        band=band,
        is_acted=recordings.is_acted,
        space=f"{encoder.space}/L{layer}",
        encoder=encoder.name,
        left_out=len(recordings.clips) - len(kept),
    )
    return Encoded(data, matrices)


def read_clip(path: Path, band: str) -> tuple[FloatArray, int]:
    """Mono samples and their rate: 16 kHz wide, or 8 kHz over a telephone line."""
    try:
        with path.open("rb") as file:
            samples, rate_hz = soundfile.read(file, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{path}: is no audio file libsndfile can read") from error
    wide = np.concatenate(list(at_16_khz([samples.mean(axis=1)], rate_hz)))
    if band == "telephone":
        return over_telephone(wide, SAMPLE_RATE_HZ), LINE_RATE_HZ
    return wide, SAMPLE_RATE_HZ


def log_mel_statistics(samples: FloatArray, sample_rate_hz: int) -> FloatArray:
    """(160,) mean and deviation over time of Whisper's own input."""
    wide = np.concatenate(list(at_16_khz([samples], sample_rate_hz)))
    mel = log_mel(wide, _N_MELS)
    return np.concatenate([mel.mean(axis=1), mel.std(axis=1)])


def acoustic_features(samples: FloatArray, sample_rate_hz: int) -> FloatArray:
    """(13,) the kernel's features of the whole clip; NaN where there was nothing to measure."""
    track, first = feed_samples(open_track(sample_rate_hz, 0), samples)
    _, last = flush(track)
    parts = [part for part in (first, last) if part is not None]
    if not parts:
        return np.full(len(_FEATURES), np.nan, np.float32)
    frames = parts[0] if len(parts) == 1 else concat(*parts)
    duration_ms = max(1000 * len(samples) // sample_rate_hz // 10 * 10, 10)
    features = measure_window(frames, "clip", 0, duration_ms, sample_rate_hz)
    values = [getattr(features, name) for name in _FEATURES]
    return np.array([np.nan if value is None else value for value in values], np.float32)


def _filled(matrix: FloatArray) -> FloatArray:
    """NaN becomes its column's mean: neither high nor low."""
    is_missing = np.isnan(matrix)
    known = np.where(is_missing, 0.0, matrix).sum(axis=0)
    mean = known / np.maximum((~is_missing).sum(axis=0), 1)
    return np.where(is_missing, mean, matrix).astype(np.float32)
