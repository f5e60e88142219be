"""Pitch on a telephone line: subtone against Praat, RAPT and openSMILE, in one run.

Real speech (16 kHz originals) is brought to a telephone line (300-3400 Hz, mu-law,
8 kHz). Reference: frames of the originals where Praat AC, SWIPE' and RAPT agree within
5 %; unvoiced where all three say so; other frames are ignored. That favours Praat and
RAPT, whose own decisions on the same recordings made the reference, and easy frames.

    python -m bench.pitch --data PATH_TO_DATA [--split heldout|tuning|all] [--clips 60]

Needs bench/requirements.txt; peers that fail to import are reported as missing.
"""

from __future__ import annotations

import argparse
import importlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from bench.telephone import LINE_RATE_HZ, band_limit, decode, encode
from subtone.contracts.vocabulary import AudioEncoding
from subtone.kernel.voice_intelligence.acoustics import (
    concat,
    feed_samples,
    flush,
    open_track,
)

F32 = NDArray[np.float32]
F64 = NDArray[np.floating[Any]]
Bool = NDArray[np.bool_]
Tracker = Callable[[F32, int], F64]

HOP_S = 0.01
F0_MIN_HZ, F0_MAX_HZ = 60.0, 500.0
AGREEMENT = 0.05
GROSS_ERROR = 0.20
EDGE_FRAMES = 2  # frames this near a change of voicing are ignored
MAX_SHIFT = 3  # each method gets its best constant shift, in frames
MARGIN_S = 0.2  # silence put around every clip


# --- trackers: samples and rate in, f0 on frame centres (i + .5) * 10 ms out, 0 unvoiced ---


def _on_grid(times_s: F64, f0_hz: F64, n: int) -> F64:
    """Nearest value at each frame centre; unvoiced beyond the ends."""
    if not len(times_s):
        return np.zeros(n)
    centres = (np.arange(n) + 0.5) * HOP_S
    at = np.clip(np.searchsorted(times_s, centres - HOP_S / 2), 0, len(times_s) - 1)
    return np.where(np.abs(times_s[at] - centres) <= 0.75 * HOP_S, f0_hz[at], 0.0)


def _rows(samples: F32, rate: int) -> int:
    return len(samples) * 100 // rate


def subtone_f0(samples: F32, rate: int) -> F64:
    state, body = feed_samples(open_track(rate, 0), samples)
    _, tail = flush(state)
    frames = concat(*(part for part in (body, tail) if part is not None))
    return frames.f0_hz.astype(np.float64)


def praat_ac(samples: F32, rate: int) -> F64:
    import parselmouth

    pitch = parselmouth.Sound(samples, rate).to_pitch_ac(
        time_step=HOP_S, pitch_floor=F0_MIN_HZ, pitch_ceiling=F0_MAX_HZ
    )
    f0 = np.asarray(pitch.selected_array["frequency"], np.float64)
    return _on_grid(np.asarray(pitch.xs()), f0, _rows(samples, rate))


def rapt(samples: F32, rate: int) -> F64:
    import pysptk

    f0 = pysptk.rapt(
        samples * np.float32(32768.0), rate, hopsize=rate // 100, min=F0_MIN_HZ, max=F0_MAX_HZ
    )
    return _on_grid(np.arange(len(f0)) * HOP_S, f0.astype(np.float64), _rows(samples, rate))


def swipe(samples: F32, rate: int) -> F64:
    import pysptk

    f0 = pysptk.swipe(
        samples.astype(np.float64), rate, hopsize=rate // 100, min=F0_MIN_HZ, max=F0_MAX_HZ
    )
    return _on_grid(np.arange(len(f0)) * HOP_S, f0.astype(np.float64), _rows(samples, rate))


def opensmile_egemaps(samples: F32, rate: int) -> F64:
    import opensmile

    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02,
        feature_level=opensmile.FeatureLevel.LowLevelDescriptors,
    )
    semitones = smile.process_signal(samples, rate)["F0semitoneFrom27.5Hz_sma3nz"].to_numpy()
    f0 = np.where(semitones > 0.0, 27.5 * 2.0 ** (semitones / 12.0), 0.0)
    return _on_grid(np.arange(len(f0)) * HOP_S + 0.03, f0, _rows(samples, rate))


TRACKERS: dict[str, tuple[str, Tracker]] = {
    "subtone": ("subtone", subtone_f0),
    "praat_ac": ("parselmouth", praat_ac),
    "rapt": ("pysptk", rapt),
    "opensmile": ("opensmile", opensmile_egemaps),
}


# --- material ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Clip:
    """One recording: the original at 16 kHz and the same on a telephone line at 8 kHz."""

    name: str
    wide: F32
    line: F32
    truth: F64 | None = None  # exact f0 where the clip is synthetic


def telephone(wide: F32) -> F32:
    """300-3400 Hz, 8 kHz, mu-law; the level stays, unlike with bench.telephone.to_line."""
    narrow = soxr.resample(band_limit(wide, 16000), 16000, LINE_RATE_HZ)
    return decode(encode(narrow, AudioEncoding.MULAW), AudioEncoding.MULAW)


def _is_heldout(path: Path) -> bool:
    """Only EMO-DB speakers 03 to 11 took part in tuning; RAVDESS's licence forbids it."""
    return path.parent.name != "emodb" or int(path.stem[:2]) >= 12


def real_clips(data: Path, split: str, per_corpus: int) -> Iterator[Clip]:
    for corpus in ("emodb", "ravdess"):
        paths = sorted((data / "emotion" / corpus).glob("*.flac"))
        if split != "all":
            paths = [p for p in paths if _is_heldout(p) == (split == "heldout")]
        if paths:
            keep = np.linspace(0, len(paths) - 1, min(per_corpus, len(paths))).astype(int)
            yield from (_clip(paths[i].stem, paths[i]) for i in keep)
    if split != "tuning":
        yield _clip("support_call_mono", data / "calls" / "support_call_mono.flac")


def _clip(name: str, path: Path) -> Clip:
    samples, rate = soundfile.read(path, dtype="float32")
    wide = soxr.resample(samples, rate, 16000) if rate != 16000 else samples
    wide = np.pad(wide, round(MARGIN_S * 16000)).astype(np.float32)
    return Clip(name, wide, telephone(wide))


def synthetic_clips() -> Iterator[Clip]:
    """Glottal pulse trains through moving formants with noise gaps: exact truth, 10 s each."""
    rng = np.random.default_rng(7)
    rate, seconds = 16000, 10
    t = np.arange(rate * seconds) / rate
    for base in np.geomspace(85.0, 330.0, 8):
        f0 = base * 2.0 ** (
            0.35 * np.sin(2 * np.pi * 0.31 * t + rng.uniform(0, 6)) + 0.05 * np.sin(9.0 * t)
        )
        phase = 2 * np.pi * np.cumsum(f0 * (1.0 + 0.004 * rng.standard_normal(len(t)))) / rate
        wave = np.zeros(len(t))
        formants = [(500 + 250 * np.sin(2.1 * t), 90), (1500 + 500 * np.sin(1.3 * t), 120)]
        formants.append((2600 + 200 * np.sin(0.7 * t), 160))
        for h in range(1, int(7500 / base)):
            hz = h * f0
            gain = sum(1.0 / (1.0 + ((hz - c) / w) ** 2) for c, w in formants) + 0.02
            wave += np.where(hz < 7500, gain / h**0.5, 0.0) * np.cos(h * phase)
        is_voiced = (t % 1.25) < 0.9
        envelope = np.convolve(is_voiced, np.hanning(320) / np.hanning(320).sum(), "same")
        wave = 0.1 * wave / wave.std() * envelope
        wave += 0.02 * rng.standard_normal(len(t)) * (1 - envelope)
        wide = wave.astype(np.float32)
        centres = (np.arange(seconds * 100) * 160) + 80
        yield Clip(
            f"synthetic_{base:.0f}",
            wide,
            telephone(wide),
            np.where(is_voiced[centres], f0[centres], 0.0),
        )


# --- scoring -------------------------------------------------------------------------------


def reference(clip: Clip) -> tuple[F64, Bool]:
    """f0 (0 unvoiced) and which frames count, from the 16 kHz original."""
    if clip.truth is not None:
        f0 = clip.truth
        counted = np.ones(len(f0), np.bool_)
    else:
        tracks = np.stack([tracker(clip.wide, 16000) for tracker in (praat_ac, swipe, rapt)])
        voiced, unvoiced = (tracks > 0).all(axis=0), (tracks == 0).all(axis=0)
        low, high = tracks.min(axis=0), tracks.max(axis=0)
        agreed = voiced & (high <= low * (1 + AGREEMENT))
        f0 = np.where(agreed, np.median(tracks, axis=0), 0.0)
        counted = agreed | unvoiced
    change = np.flatnonzero(np.diff(f0 > 0))
    for shift in range(-EDGE_FRAMES + 1, EDGE_FRAMES + 1):
        counted[np.clip(change + shift, 0, len(f0) - 1)] = False
    return f0, counted


@dataclass
class Score:
    """Error counts of one method, for each tried shift."""

    gross: NDArray[np.int64] = field(default_factory=lambda: np.zeros(7, np.int64))
    both: NDArray[np.int64] = field(default_factory=lambda: np.zeros(7, np.int64))
    voicing: NDArray[np.int64] = field(default_factory=lambda: np.zeros(7, np.int64))
    frames: int = 0
    cpu_s: float = 0.0
    audio_s: float = 0.0

    def add(self, f0: F64, truth: F64, counted: Bool) -> None:
        n = min(len(f0), len(truth))
        truth, counted = truth[:n], counted[:n]
        self.frames += int(counted.sum())
        for i, shift in enumerate(range(-MAX_SHIFT, MAX_SHIFT + 1)):
            mine = np.roll(f0[:n], shift)
            both = counted & (mine > 0) & (truth > 0)
            error = np.abs(mine[both] / truth[both] - 1.0)
            self.both[i] += both.sum()
            self.gross[i] += (error > GROSS_ERROR).sum()
            self.voicing[i] += (counted & ((mine > 0) != (truth > 0))).sum()

    def figures(self) -> dict[str, float]:
        """Percentages at the shift with the fewest frame errors."""
        best = int((self.gross + self.voicing).argmin())
        frames = max(self.frames, 1)
        return {
            "gpe": 100.0 * self.gross[best] / max(int(self.both[best]), 1),
            "vde": 100.0 * self.voicing[best] / frames,
            "ffe": 100.0 * (self.gross[best] + self.voicing[best]) / frames,
            "x_real_time": self.audio_s / max(self.cpu_s, 1e-9),
        }


def available() -> tuple[dict[str, Tracker], list[str]]:
    found: dict[str, Tracker] = {}
    missing = []
    for name, (module, tracker) in TRACKERS.items():
        try:
            importlib.import_module(module)
        except ImportError as error:
            missing.append(f"{name} ({error})")
        else:
            found[name] = tracker
    return found, missing


def compare(clips: list[Clip], trackers: dict[str, Tracker]) -> dict[str, Score]:
    scores = {name: Score() for name in trackers}
    for clip in clips:
        truth, counted = reference(clip)
        for name, tracker in trackers.items():
            started = time.process_time()
            f0 = tracker(clip.line, 8000)
            scores[name].cpu_s += time.process_time() - started
            scores[name].audio_s += len(clip.line) / 8000
            scores[name].add(f0, truth, counted)
    return scores


def throughput(clips: list[Clip], trackers: dict[str, Tracker]) -> dict[str, float]:
    """x real time on one long recording, so that no method pays per-clip start-up."""
    audio = np.concatenate([clip.line for clip in clips])[: 8000 * 120]
    speeds = {}
    for name, tracker in trackers.items():
        tracker(audio[:16000], 8000)
        started = time.process_time()
        tracker(audio, 8000)
        speeds[name] = len(audio) / 8000 / (time.process_time() - started)
    return speeds


def show(title: str, scores: dict[str, Score]) -> None:
    counted = next(iter(scores.values())).frames
    print(f"\n{title}: {counted} frames counted")
    print(f"{'method':12s} {'GPE %':>7s} {'VDE %':>7s} {'FFE %':>7s}")
    for name, score in scores.items():
        f = score.figures()
        print(f"{name:12s} {f['gpe']:7.2f} {f['vde']:7.2f} {f['ffe']:7.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder with emotion/ and calls/")
    parser.add_argument("--split", choices=("heldout", "tuning", "all"), default="heldout")
    parser.add_argument("--clips", type=int, default=60, help="clips per corpus")
    parser.add_argument("--out", type=Path, help="write results as JSON")
    options: Any = parser.parse_args()
    trackers, missing = available()
    for line in missing:
        print(f"missing: {line}")
    clips = list(real_clips(options.data, options.split, options.clips))
    seconds = sum(len(c.line) for c in clips) / 8000
    print(f"{len(clips)} clips, {seconds:.0f} s; telephone band, mu-law, 8 kHz; {options.split}")
    print(
        "reference: Praat AC, SWIPE' and RAPT agreeing within 5 % on the 16 kHz originals;\n"
        "it favours Praat AC and RAPT and frames that are easy"
    )
    real = compare(clips, trackers)
    show("real speech", real)
    show("synthetic, exact truth", compare(list(synthetic_clips()), trackers))
    print("\nCPU, one thread, 120 s in one piece")
    speeds = throughput(clips, trackers)
    for name, speed in speeds.items():
        print(f"{name:12s} {speed:7.0f} x real time  {1000 / speed:6.2f} ms per second of audio")
    if options.out:
        figures = {n: s.figures() | {"x_real_time": speeds[n]} for n, s in real.items()}
        options.out.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
