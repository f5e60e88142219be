"""Fit the weights of telephone agitation to labelled clips, judged on unheard speakers.

Each clip is brought to 8 kHz, measured by the product's own acoustics and compared with a
baseline learnt from other calm clips of its speaker, never from itself. The weights are a
ridge logistic regression pulled towards the present ones, so that clips which say nothing
change nothing; offset and slope of S(u) stay, and the weights keep their sum of sizes, so that
a caller at the baseline still scores 0.2. Acted or read speech teaches the manner of its
speakers: use clips of the calls the result is for.
"""

from __future__ import annotations

import csv
import zlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from subtone.contracts.calibration import Calibration, FeatureWeight, VoiceCalibration
from subtone.contracts.vocabulary import ChannelStatus, VoiceFeature
from subtone.contracts.voice_intelligence import AcousticFeatures, SpeakerBaseline
from subtone.ingest.errors import IngestError
from subtone.ingest.files.audio import read_blocks
from subtone.kernel.voice_intelligence.acoustics import (
    Frames,
    concat,
    feed_samples,
    flush,
    measure_window,
    open_track,
)
from subtone.kernel.voice_intelligence.baseline import (
    BaselineMemory,
    is_established,
    learn_baseline,
    speaker_baseline,
)
from subtone.kernel.voice_intelligence.voice_emotion import deviations, voice_status

RATE_HZ = 8_000
CANDIDATES = (
    VoiceFeature.F0_MEDIAN,
    VoiceFeature.F0_SLOPE,
    VoiceFeature.F0_SD,
    VoiceFeature.ENERGY_P95,
    VoiceFeature.TILT_P80,
    VoiceFeature.FLUX,
    VoiceFeature.RATE,
)
RIDGE = 2.0  # towards the present weights, in clips
MIN_SPEAKERS = 3
_LABELS = {"calm": False, "neutral": False, "agitated": True, "angry": True}
_BLOCK_MS = 500
_SILENCE_MS = 500  # in front of and behind each clip, as between turns
_STEPS = 500
_DECIMALS = 3

Floats = NDArray[np.float64]
Report = Callable[[int, int], None]


@dataclass(frozen=True)
class LabelledClip:
    """One clip of one speaker, calm or agitated."""

    path: Path
    speaker: str
    is_agitated: bool


@dataclass(frozen=True)
class Scored:
    """Deviations of one clip from its speaker's calm ones."""

    speaker: str
    is_agitated: bool
    z: Mapping[VoiceFeature, float]


@dataclass(frozen=True)
class Judgement:
    """What one set of weights does on speakers it was not fitted to."""

    auc: float  # agitated against calm
    calm_above_half: float
    agitated_above_half: float


@dataclass(frozen=True)
class VoiceFit:
    """Both judgements over all held-out speakers, and the calibration fitted to everyone."""

    speakers: int
    calm: int
    agitated: int
    unusable: int  # too little voice, too poor a signal, or no other calm clip of the speaker
    before: Judgement
    after: Judgement
    calibration: Calibration


def read_manifest(path: Path) -> list[LabelledClip]:
    """Clips of a CSV file with the columns path, speaker, label; paths are relative to it.

    Raises IngestError when it cannot be read, a column is missing, a label is none of calm,
    neutral, agitated and angry, or fewer than three speakers have both kinds.
    """
    advice = "write a CSV file with the columns path, speaker and label"
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(lines))
    except OSError as error:
        raise IngestError(
            path.name, f"cannot be read ({error.strerror})", "check the path"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise IngestError(path.name, "is no CSV text in UTF-8", advice) from error
    clips = []
    for number, row in enumerate(rows, start=2):
        named = [row.get(column) for column in ("path", "speaker", "label")]
        place, speaker, label = ((value or "").strip() for value in named)
        if not place or not speaker:
            raise IngestError(path.name, f"line {number} lacks a path or a speaker", advice)
        if label.lower() not in _LABELS:
            raise IngestError(
                path.name,
                f"line {number} has the label {label!r}",
                f"use one of {', '.join(_LABELS)}",
            )
        clips.append(LabelledClip(path.parent / place, speaker, _LABELS[label.lower()]))
    kinds: dict[str, set[bool]] = defaultdict(set)
    for clip in clips:
        kinds[clip.speaker].add(clip.is_agitated)
    if sum(len(found) == 2 for found in kinds.values()) < MIN_SPEAKERS:
        raise IngestError(
            path.name,
            f"fewer than {MIN_SPEAKERS} speakers have calm and agitated clips",
            "label more speakers: weights are judged on speakers they were not fitted to",
        )
    return clips


def fit_voice(
    clips: Sequence[LabelledClip], calibration: Calibration, version: str, report: Report
) -> VoiceFit:
    """Measure, fit leaving each speaker out in turn, then fit to everyone.

    ``report`` gets (clips done, clips in all). Raises IngestError for a clip that cannot be
    read, and when too few speakers are left after unusable clips.
    """
    scored = _score(clips, calibration.voice, report)
    kinds: dict[str, set[bool]] = defaultdict(set)
    for clip in scored:
        kinds[clip.speaker].add(clip.is_agitated)
    speakers = sorted(name for name, found in kinds.items() if len(found) == 2)
    if len(speakers) < MIN_SPEAKERS:
        raise IngestError(
            "the clips", "too few are usable", "each speaker needs two calm clips and clear voice"
        )
    scored = [clip for clip in scored if clip.speaker in speakers]
    present = {term.feature: term.weight for term in calibration.voice.agitation_telephone}
    before, after = [], []
    for speaker in speakers:
        rest = [clip for clip in scored if clip.speaker != speaker]
        fitted = fit_weights(rest, present, calibration.voice)
        held_out = [clip for clip in scored if clip.speaker == speaker]
        before += [agitation(clip.z, present, calibration.voice) for clip in held_out]
        after += [agitation(clip.z, fitted, calibration.voice) for clip in held_out]
    truth = np.array(
        [clip.is_agitated for s in speakers for clip in scored if clip.speaker == s], np.bool_
    )
    weights = fit_weights(scored, present, calibration.voice)
    formula = tuple(
        FeatureWeight(feature=feature, weight=round(weight, _DECIMALS))
        for feature, weight in weights.items()
        if round(weight, _DECIMALS) != 0.0
    )
    voice = msgspec.structs.replace(calibration.voice, agitation_telephone=formula)
    return VoiceFit(
        speakers=len(speakers),
        calm=int((~truth).sum()),
        agitated=int(truth.sum()),
        unusable=len(clips) - len(scored),
        before=judge(truth, np.array(before)),
        after=judge(truth, np.array(after)),
        calibration=msgspec.structs.replace(calibration, version=version, voice=voice),
    )


def fit_weights(
    scored: Sequence[Scored], present: Mapping[VoiceFeature, float], calibration: VoiceCalibration
) -> dict[VoiceFeature, float]:
    """Weights of the candidates that separate the clips, with the present sum of sizes.

    Both classes weigh alike. Gradient descent on the logistic loss of S(u) with its own
    offset free, since what separates matters here and the offset stays as calibrated.
    """
    z = np.array([[clip.z.get(feature, 0.0) for feature in CANDIDATES] for clip in scored])
    label = np.array([float(clip.is_agitated) for clip in scored])
    share = np.where(label > 0.0, 0.5 / label.mean(), 0.5 / (1.0 - label.mean()))
    start = np.array([present.get(feature, 0.0) for feature in CANDIDATES])
    weights, offset = start.copy(), -calibration.logistic_offset
    slope = calibration.logistic_slope
    inputs = slope * z
    curvature = 0.25 * float(np.linalg.norm(inputs, 2) ** 2 * share.max()) + RIDGE
    for _ in range(_STEPS):
        error = share * (1.0 / (1.0 + np.exp(-(inputs @ weights + offset))) - label)
        weights -= (inputs.T @ error + RIDGE * (weights - start)) / curvature
        weights = np.maximum(weights, 0.0)  # more arousal is never less agitation
        offset -= 4.0 * float(error.mean())
    size = sum(abs(weight) for weight in present.values())
    weights *= size / max(float(weights.sum()), 1e-9)
    return dict(zip(CANDIDATES, weights.tolist(), strict=True))


def agitation(
    z: Mapping[VoiceFeature, float],
    weights: Mapping[VoiceFeature, float],
    calibration: VoiceCalibration,
) -> float:
    """Agitation of deviations under the weights, in [0, 1]."""
    u = sum(weight * z.get(feature, 0.0) for feature, weight in weights.items())
    return float(1.0 / (1.0 + np.exp(calibration.logistic_offset - calibration.logistic_slope * u)))


def judge(is_agitated: NDArray[np.bool_], values: Floats) -> Judgement:
    """Area under the ROC curve (ties count half) and how often each kind passes one half."""
    ahead = np.subtract.outer(values[is_agitated], values[~is_agitated])
    return Judgement(
        auc=float(((ahead > 0) + 0.5 * (ahead == 0)).mean()),
        calm_above_half=float((values[~is_agitated] > 0.5).mean()),
        agitated_above_half=float((values[is_agitated] > 0.5).mean()),
    )


def _score(
    clips: Sequence[LabelledClip], calibration: VoiceCalibration, report: Report
) -> list[Scored]:
    by_speaker: dict[str, list[tuple[LabelledClip, AcousticFeatures]]] = defaultdict(list)
    for done, clip in enumerate(clips, start=1):
        features = _measure(clip.path)
        if voice_status(features, calibration) is ChannelStatus.OK:
            by_speaker[clip.speaker].append((clip, features))
        report(done, len(clips))
    found = []
    for speaker in sorted(by_speaker):
        for clip, features in by_speaker[speaker]:
            others = [f for c, f in by_speaker[speaker] if c is not clip and not c.is_agitated]
            if others:
                z = deviations(features, _baseline(others, speaker, calibration), calibration)
                found.append(Scored(speaker, clip.is_agitated, z))
    return found


def _baseline(
    calm: Sequence[AcousticFeatures], speaker: str, calibration: VoiceCalibration
) -> SpeakerBaseline:
    """As a call would learn it: clip by clip, in an order of no meaning, until established."""
    memory = BaselineMemory()
    for features in sorted(calm, key=lambda f: zlib.crc32(repr(f).encode())):
        if is_established(memory, calibration):
            break
        memory = learn_baseline(memory, features, features.voiced_ms, 0.0, calibration)
    return speaker_baseline(memory, speaker, calibration)


def _measure(path: Path) -> AcousticFeatures:
    silence = np.zeros(RATE_HZ * _SILENCE_MS // 1000, np.float32)
    blocks = [np.asarray(b, np.float32).mean(axis=1) for b in read_blocks(path, RATE_HZ, _BLOCK_MS)]
    samples = np.concatenate([silence, *blocks, silence])
    state, first = feed_samples(open_track(RATE_HZ, 0), samples)
    _, last = flush(state)
    parts: list[Frames] = [part for part in (first, last) if part is not None]
    end_ms = len(samples) * 1000 // RATE_HZ // 10 * 10
    return measure_window(concat(*parts), "customer", 0, end_ms, RATE_HZ)
