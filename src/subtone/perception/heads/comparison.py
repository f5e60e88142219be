"""Emotion heads side by side: what each costs and how well it does, on the same clips.

Every head hears every clip. Accuracy is judged on the likeliest emotion, abstaining or not;
coverage and answered accuracy say what abstaining does. A class that a head cannot name
counts as never recalled. Intervals are bootstrapped over speakers, never over clips.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from subtone.contracts.memory import EmotionFinding
from subtone.perception.encoding import (
    FRAMES_PER_SECOND,
    SAMPLE_RATE_HZ,
    EncodedAudio,
    EncodedWindow,
    FloatArray,
)

RESAMPLES: Final = 1_000
INTERVAL: Final = (0.025, 0.975)


@dataclass(frozen=True, eq=False, kw_only=True)
class LabelledClip:
    """One recording whose emotion is known."""

    speaker: str
    emotion: str
    samples: FloatArray  # mono, 16 kHz, [-1, 1], not empty


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One head under comparison.

    ``prepare`` is what it shares with other tasks (the encoder pass; for a dedicated model
    the wrapping of samples only), ``find`` is its own work; they are timed apart.
    """

    prepare: Callable[[FloatArray], EncodedAudio]
    find: Callable[[EncodedAudio], EmotionFinding]
    size_bytes: int  # of its own weights
    shared_bytes: int = 0  # of what other tasks use too
    tasks: tuple[str, ...] = ("emotion",)  # what the shared pass serves


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A figure with its 95 % interval over speakers."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class ComparisonRow:
    """One head's figures. Costs are CPU milliseconds per second of audio, all threads."""

    head: str
    clips: int
    speakers: int
    unweighted_recall: Estimate  # UAR: mean recall over the classes of the clips
    weighted_accuracy: Estimate  # WA: share of clips
    coverage: float  # share of clips on which it did not abstain
    answered_accuracy: float | None  # of those; None where it always abstains
    shared_cpu_ms_per_s: float
    own_cpu_ms_per_s: float
    own_bytes: int
    shared_bytes: int
    tasks: tuple[str, ...]


def unencoded(samples: FloatArray) -> EncodedAudio:
    """A recording as a dedicated model wants it: its samples, and no states of any encoder."""
    frames = max(1, len(samples) * FRAMES_PER_SECOND // SAMPLE_RATE_HZ)
    duration_ms = round(1000 * len(samples) / SAMPLE_RATE_HZ)
    window = EncodedWindow(
        t_event_ms=0,
        t_end_ms=duration_ms,
        samples=samples,
        states=np.zeros((1, frames, 1), np.float32),
        decoder_states=np.zeros((0, 1), np.float32),
    )
    return EncodedAudio(encoder="none", space="none", duration_ms=duration_ms, windows=(window,))


def compare(
    candidates: Mapping[str, Candidate], clips: Sequence[LabelledClip], seed: int = 0
) -> tuple[ComparisonRow, ...]:
    """One row per head, in the order given. Raises ValueError without clips."""
    if not clips:
        raise ValueError("a comparison needs at least one labelled clip")
    return tuple(_row(name, candidate, clips, seed) for name, candidate in candidates.items())


def _row(
    name: str, candidate: Candidate, clips: Sequence[LabelledClip], seed: int
) -> ComparisonRow:
    shared_s = own_s = 0.0
    findings = []
    for clip in clips:
        begun = time.process_time()
        audio = candidate.prepare(clip.samples)
        prepared = time.process_time()
        findings.append(candidate.find(audio))
        own_s += time.process_time() - prepared
        shared_s += prepared - begun
    is_right = np.array([_best(f) == c.emotion for f, c in zip(findings, clips, strict=True)])
    is_answered = np.array([f.emotion is not None for f in findings])
    seconds = sum(len(clip.samples) for clip in clips) / SAMPLE_RATE_HZ
    speakers = np.array([clip.speaker for clip in clips])
    labels = np.array([clip.emotion for clip in clips])
    recall, accuracy = _estimates(is_right, labels, speakers, seed)
    return ComparisonRow(
        head=name,
        clips=len(clips),
        speakers=len(set(speakers.tolist())),
        unweighted_recall=recall,
        weighted_accuracy=accuracy,
        coverage=float(is_answered.mean()),
        answered_accuracy=float(is_right[is_answered].mean()) if is_answered.any() else None,
        shared_cpu_ms_per_s=1000.0 * shared_s / seconds,
        own_cpu_ms_per_s=1000.0 * own_s / seconds,
        own_bytes=candidate.size_bytes,
        shared_bytes=candidate.shared_bytes,
        tasks=candidate.tasks,
    )


def _best(finding: EmotionFinding) -> str | None:
    likeliest = max(finding.probabilities, key=lambda p: p.probability, default=None)
    return None if likeliest is None else likeliest.label


def unweighted_recall(is_right: NDArray[np.bool_], labels: NDArray[np.str_]) -> float:
    """UAR: the mean over classes of the share that was recognised."""
    return float(np.mean([is_right[labels == label].mean() for label in np.unique(labels)]))


def _estimates(
    is_right: NDArray[np.bool_], labels: NDArray[np.str_], speakers: NDArray[np.str_], seed: int
) -> tuple[Estimate, Estimate]:
    clips_of = [np.flatnonzero(speakers == speaker) for speaker in np.unique(speakers)]
    generator = np.random.default_rng(seed)
    drawn = generator.integers(len(clips_of), size=(RESAMPLES, len(clips_of)))
    samples = [np.concatenate([clips_of[i] for i in draw]) for draw in drawn]
    recalls = [unweighted_recall(is_right[s], labels[s]) for s in samples]
    accuracies = [float(is_right[s].mean()) for s in samples]
    return (
        _estimate(unweighted_recall(is_right, labels), recalls),
        _estimate(float(is_right.mean()), accuracies),
    )


def _estimate(value: float, resampled: Sequence[float]) -> Estimate:
    low, high = np.quantile(resampled, INTERVAL)
    return Estimate(value=value, low=float(low), high=float(high))
