"""What is wrong with a data set, before anybody learns from it."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from subtone.perception.encoding import FloatArray
from subtone.perception.learning.cache import Progress, no_progress
from subtone.perception.learning.clips import Clip, read_samples
from subtone.perception.learning.errors import LearningError
from subtone.perception.learning.telephone.room import speech_level_db

MIN_DURATION_S: Final = 0.5  # half a second of voice is what the heads ask for
SILENT_BELOW_DB: Final = -70.0
EDGE_S: Final = 0.02
EDGE_WITHIN_DB: Final = 15.0  # of the speech level: the recording starts or ends inside a word
CLIPPED_RUN: Final = 3  # equal samples at the peak, in a row
CLIPPED_SHARE: Final = 1e-3
MIN_SPEAKERS: Final = 5  # fewer, and an interval over speakers says nothing


@dataclass(frozen=True, kw_only=True)
class DataFinding:
    """One thing that is wrong, or should be known, and where."""

    kind: str
    cause: str
    advice: str
    clips: tuple[Path, ...] = ()
    is_fault: bool = True


@dataclass(frozen=True, kw_only=True)
class DataReport:
    """What a data set holds, and what is wrong with it."""

    clips: int
    speakers: int
    seconds: float
    labels: dict[str, int]
    rates_hz: dict[int, int]
    findings: tuple[DataFinding, ...]

    @property
    def is_well(self) -> bool:
        """Whether nothing is at fault."""
        return not any(finding.is_fault for finding in self.findings)


def check_clips(
    clips: Sequence[Clip],
    unnamed: Sequence[Path] = (),
    progress: Progress = no_progress,
) -> DataReport:
    """Read every clip and say what is wrong; ``unnamed`` are files no reader took."""
    found: dict[str, list[Path]] = defaultdict(list)
    contents: dict[str, list[Clip]] = defaultdict(list)
    rates: Counter[int] = Counter()
    seconds = 0.0
    for i, clip in enumerate(clips):
        progress(i, len(clips))
        try:
            samples, rate_hz = read_samples(clip.path)
        except LearningError:
            found["unreadable"].append(clip.path)
            continue
        rates[rate_hz] += 1
        seconds += len(samples) / rate_hz
        contents[hashlib.sha256(samples.tobytes()).hexdigest()].append(clip)
        for kind in faults_of(samples, rate_hz):
            found[kind].append(clip.path)
    progress(len(clips), len(clips))
    findings = [_finding(kind, found[kind]) for kind in _CAUSES if found[kind]]
    findings += _copies(contents.values())
    findings += _labels(clips)
    if len(rates) > 1:
        findings.append(
            DataFinding(
                kind="mixed_rates",
                cause=f"sample rates differ: {', '.join(map(str, sorted(rates)))} Hz",
                advice="see that the rate does not tell the label: high bands would give it away",
            )
        )
    if unnamed:
        findings.append(
            DataFinding(
                kind="unnamed",
                cause=f"{len(unnamed)} audio files fit no label and are left out",
                advice="list them in a manifest if they belong to the data",
                clips=tuple(unnamed),
                is_fault=False,
            )
        )
    return DataReport(
        clips=len(clips),
        speakers=len({clip.voice for clip in clips}),
        seconds=seconds,
        labels=dict(sorted(Counter(clip.label for clip in clips).items())),
        rates_hz=dict(sorted(rates.items())),
        findings=tuple(findings),
    )


def faults_of(samples: FloatArray, rate_hz: int) -> Iterable[str]:
    """Names of what is wrong with one recording, mono, [-1, 1]."""
    if len(samples) < MIN_DURATION_S * rate_hz:
        yield "too_short"
    if not len(samples) or not np.isfinite(samples).all():
        return
    speech_db = speech_level_db(samples)
    if speech_db < SILENT_BELOW_DB:
        yield "silent"
        return
    edge = max(int(EDGE_S * rate_hz), 1)
    for kind, part in (("starts_inside", samples[:edge]), ("ends_inside", samples[-edge:])):
        power = float((part.astype(np.float64) ** 2).mean())
        if power > 0.0 and 10.0 * np.log10(power) > speech_db - EDGE_WITHIN_DB:
            yield kind
    if _is_clipped(samples):
        yield "clipped"


def _is_clipped(samples: FloatArray) -> bool:
    peak = float(np.abs(samples).max())
    at_peak = np.abs(samples) >= 0.999 * peak
    runs = np.flatnonzero(np.diff(np.pad(at_peak, 1).astype(np.int8))).reshape(-1, 2)
    lengths = np.diff(runs, axis=1)
    return float(lengths[lengths >= CLIPPED_RUN].sum()) > CLIPPED_SHARE * len(samples)


_CAUSES: Final = {
    "unreadable": ("cannot be read", "convert them to wav or flac, or fetch them again"),
    "too_short": (f"are shorter than {MIN_DURATION_S} s", "leave them out"),
    "silent": (f"hold nothing above {SILENT_BELOW_DB:.0f} dB", "leave them out"),
    "starts_inside": ("start inside speech", "cut them again, or expect a lost first sound"),
    "ends_inside": ("end inside speech", "cut them again, or expect a lost last sound"),
    "clipped": ("are clipped at their peak", "record them again; loudness means nothing there"),
}


def _finding(kind: str, paths: Sequence[Path]) -> DataFinding:
    cause, advice = _CAUSES[kind]
    # an edge inside speech is how some corpora were cut: to be known, no reason to stop
    return DataFinding(
        kind=kind,
        cause=f"{len(paths)} clips {cause}",
        advice=advice,
        clips=tuple(paths),
        is_fault=not kind.endswith("_inside"),
    )


def _copies(contents: Iterable[Sequence[Clip]]) -> Iterable[DataFinding]:
    copies = [group for group in contents if len(group) > 1]
    for kind, groups, cause, advice in (
        (
            "contradicting",
            [g for g in copies if len({c.label for c in g}) > 1],
            "recordings stand under several labels",
            "keep the right one",
        ),
        (
            "across_speakers",
            [g for g in copies if len({c.voice for c in g}) > 1],
            "recordings stand under several speakers, so a split by speaker leaks",
            "keep the right one",
        ),
        ("duplicate", copies, "recordings are there more than once", "keep one of each"),
    ):
        if groups:
            yield DataFinding(
                kind=kind,
                cause=f"{len(groups)} {cause}",
                advice=advice,
                clips=tuple(clip.path for group in groups for clip in group),
            )


def _labels(clips: Sequence[Clip]) -> Iterable[DataFinding]:
    of_voice: dict[str, set[str]] = defaultdict(set)
    of_label: dict[str, set[str]] = defaultdict(set)
    for clip in clips:
        of_voice[clip.voice].add(clip.label)
        of_label[clip.label].add(clip.voice)
    rare = sorted(label for label, voices in of_label.items() if len(voices) < MIN_SPEAKERS)
    if rare:
        yield DataFinding(
            kind="few_speakers",
            cause=f"fewer than {MIN_SPEAKERS} speakers say: {', '.join(rare)}",
            advice="a head would learn the people; add speakers or leave the label out",
        )
    single = sorted(voice for voice, labels in of_voice.items() if len(labels) == 1)
    if single and len(of_label) > 1:
        yield DataFinding(
            kind="one_label_speakers",
            cause=f"{len(single)} of {len(of_voice)} speakers have one label only",
            advice="who speaks gives the label away, and a speaker's baseline erases it",
        )
