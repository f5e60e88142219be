"""Does agitation rise with anger, for speakers it has never heard? ``python -m bench.agitation``.

Each neutral and angry clip goes down a telephone line after two other neutral clips of its
speaker, is measured by the product's own acoustics, and is scored against a baseline learnt
from neutral clips of the same speaker without the tested one. Printed per corpus: the area
under the ROC curve of agitation (angry against neutral), how often each passes .5, and the
same area for every single feature. In EMO-DB every file was peak-normalised by its makers, and
in nEMO anger is no louder than neutral, so energy there means nothing.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.corpora import (
    CORPUS_RATE_HZ,
    DEFAULT_DATA,
    READERS,
    Clip,
    by_speaker,
    load,
    read_corpus,
    speech_level_db,
)
from bench.telephone import LINE_RATE_HZ, decode, encode, to_line
from subtone.contracts.calibration import VoiceCalibration
from subtone.contracts.vocabulary import AudioEncoding, ChannelStatus, VoiceFeature
from subtone.contracts.voice_intelligence import AcousticFeatures, SpeakerBaseline
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
from subtone.kernel.voice_intelligence.voice_emotion import (
    deviations,
    score_voice,
    voice_status,
)

TRACK = "customer"
GAP_S = 0.5
WARM_UP_CLIPS = 2  # so that floor and speech level are as in a running call
LEVEL_DB = (-34.0, -22.0)
NOISE_DB = -66.0

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Scored:
    """One tested clip."""

    speaker: str
    is_angry: bool
    is_strong: bool | None
    agitation: float | None  # None: too little voice or too poor a signal
    z: dict[VoiceFeature, float]


@dataclass(frozen=True)
class CorpusResult:
    """One corpus on one line."""

    corpus: str
    speakers: int
    neutral: int
    angry: int
    abstained: int
    auc: float
    neutral_above_half: float
    angry_above_half: float
    feature_auc: dict[str, float]


def auc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Area under the ROC curve: the share of pairs in the right order, ties count half."""
    wins = np.subtract.outer(np.asarray(positive), np.asarray(negative))
    return float(((wins > 0) + 0.5 * (wins == 0)).mean())


def _measure(before: Sequence[Clip], clip: Clip, gain: float) -> AcousticFeatures:
    """The clip's window at the end of a line that carried the clips before it."""
    rng = np.random.default_rng(zlib.crc32(clip.path.name.encode()))
    gap = np.zeros(int(GAP_S * CORPUS_RATE_HZ), np.float32)
    parts = [gap]
    for warm_up in before:
        parts += [load(warm_up.path) * np.float32(gain), gap]
    start = sum(map(len, parts))
    parts += [load(clip.path) * np.float32(gain), gap]
    samples = np.concatenate(parts)
    samples += rng.normal(0.0, 10.0 ** (NOISE_DB / 20.0), len(samples)).astype(np.float32)
    payload = encode(to_line(samples, CORPUS_RATE_HZ), AudioEncoding.MULAW)
    frames = _frames(decode(payload, AudioEncoding.MULAW))
    start_ms = start * 1000 // CORPUS_RATE_HZ
    end_ms = (len(samples) * 1000 // CORPUS_RATE_HZ) // 10 * 10
    no_agent = np.zeros((end_ms - start_ms // 10 * 10) // 10, np.bool_)
    return measure_window(frames, TRACK, start_ms // 10 * 10, end_ms, LINE_RATE_HZ, no_agent)


def _frames(samples: Samples) -> Frames:
    state, first = feed_samples(open_track(LINE_RATE_HZ, 0), samples)
    _, last = flush(state)
    parts = [part for part in (first, last) if part is not None]
    if not parts:
        raise ValueError("a clip shorter than one block cannot be measured")
    return parts[0] if len(parts) == 1 else concat(*parts)


def _score_speaker(clips: Sequence[Clip], calibration: VoiceCalibration) -> Iterator[Scored]:
    neutral = [c for c in clips if c.emotion == "neutral"]
    angry = [c for c in clips if c.emotion == "angry"]
    if len(neutral) <= WARM_UP_CLIPS:
        return
    rng = np.random.default_rng(zlib.crc32(f"{clips[0].corpus}/{clips[0].speaker}".encode()))
    level_db = np.median([speech_level_db(load(c.path), CORPUS_RATE_HZ) for c in neutral])
    gain = float(10.0 ** ((rng.uniform(*LEVEL_DB) - level_db) / 20.0))
    measured: dict[Path, AcousticFeatures] = {}
    for clip in neutral + angry:
        others = [c for c in neutral if c is not clip]
        measured[clip.path] = _measure(others[:WARM_UP_CLIPS], clip, gain)
    for clip in neutral + angry:
        order = [c for c in neutral if c is not clip]
        normal = _baseline(
            [measured[order[i].path] for i in rng.permutation(len(order))], calibration
        )
        features = measured[clip.path]
        is_ok = voice_status(features, calibration) is ChannelStatus.OK
        scores = score_voice(features, normal, calibration)
        yield Scored(
            clip.speaker,
            clip.emotion == "angry",
            clip.is_strong,
            scores.agitation if is_ok else None,
            deviations(features, normal, calibration),
        )


def _baseline(
    windows: Sequence[AcousticFeatures], calibration: VoiceCalibration
) -> SpeakerBaseline:
    """Learn from neutral windows until the baseline is established, as a call would."""
    memory = BaselineMemory()
    for features in windows:
        if is_established(memory, calibration):
            break
        memory = learn_baseline(memory, features, features.voiced_ms, 0.0, calibration)
    return speaker_baseline(memory, TRACK, calibration)


def score_corpus(clips: Sequence[Clip], calibration: VoiceCalibration) -> list[Scored]:
    """Every neutral and angry clip of every speaker with enough neutral ones."""
    return [s for group in by_speaker(clips).values() for s in _score_speaker(group, calibration)]


def summarise(corpus: str, scored: Sequence[Scored]) -> CorpusResult:
    """The figures of one corpus; abstentions are counted and left out of the rest."""
    by_anger = {
        flag: [s for s in scored if s.is_angry is flag and s.agitation is not None]
        for flag in (True, False)
    }
    agitation = {
        flag: [s.agitation for s in group if s.agitation is not None]
        for flag, group in by_anger.items()
    }
    above = {flag: float(np.mean(np.array(v) > 0.5)) for flag, v in agitation.items()}
    return CorpusResult(
        corpus=corpus,
        speakers=len({s.speaker for s in scored}),
        neutral=sum(not s.is_angry for s in scored),
        angry=sum(s.is_angry for s in scored),
        abstained=sum(s.agitation is None for s in scored),
        auc=auc(agitation[True], agitation[False]),
        neutral_above_half=above[False],
        angry_above_half=above[True],
        feature_auc={
            feature.value: auc(
                *(
                    [s.z[feature] for s in by_anger[flag] if feature in s.z]
                    for flag in (True, False)
                )
            )
            for feature in VoiceFeature
            if all(any(feature in s.z for s in group) for group in by_anger.values())
        },
    )


def main() -> None:
    """Score the corpora and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of the corpora")
    parser.add_argument("--corpora", nargs="+", choices=sorted(READERS), default=sorted(READERS))
    parser.add_argument("--out", type=Path, help="write results as JSON")
    arguments = parser.parse_args()
    results = []
    for corpus in arguments.corpora:
        scored = score_corpus(read_corpus(corpus, arguments.data), VoiceCalibration())
        result = summarise(corpus, scored)
        results.append(result)
        print(
            f"{corpus:8} {result.speakers} speakers, {result.neutral} neutral, "
            f"{result.angry} angry, {result.abstained} abstained: AUC {result.auc:.3f}, "
            f"above .5: neutral {result.neutral_above_half:.1%}, "
            f"angry {result.angry_above_half:.1%}"
        )
        for name, value in result.feature_auc.items():
            print(f"{'':10}{name:20} {value:.2f}")
    worst = min(results, key=lambda r: r.auc)
    print(f"worst corpus: {worst.corpus}, AUC {worst.auc:.3f} (acted speech, telephone band)")
    if arguments.out:
        arguments.out.write_text(json.dumps([asdict(r) for r in results], indent=1) + "\n")


if __name__ == "__main__":
    main()
