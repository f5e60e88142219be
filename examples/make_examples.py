"""Make the sample calls: ``python -m examples.make_examples`` from the repository root.

Speech comes from espeak-ng (a separate program; its output is ours to ship). Vocal effort is
modelled on top: a raised voice is higher, louder, brighter and a little faster. Then each
track gets a room, a noise floor and a telephone line. The same scenarios give the same files.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from bench.corpora import frame_levels_db, speech_level_db, trim
from bench.telephone import LINE_RATE_HZ, to_line
from examples.scenarios import SCENARIOS, Beep, Line, Scenario, Silence, Speaker, SteppedIn
from subtone.contracts.vocabulary import Role

RATE_HZ = 16_000
FOLDER = Path(__file__).resolve().parent / "calls"

# what one unit of vocal effort does
EFFORT_SEMITONES = 6.0
EFFORT_LEVEL_DB = 10.0
EFFORT_SHELF_DB = 8.0  # above 1 kHz
EFFORT_RATE = 0.18
EFFORT_RANGE = 1.5  # wider melody
EFFORT_DYNAMICS = 0.35  # stressed syllables stand out: exponent on the level around its median

ESPEAK_SEMITONES_PER_STEP = 0.17  # of its 0-99 pitch scale, measured from 20 to 99
GAP_S = (0.35, 0.8)
NOISE_DB = -72.0
REVERBERATION_DB = -22.0  # level of the room's tail against the direct sound
REVERBERATION_S = 0.15  # until the tail has fallen by 60 dB
KEPT_BITS = 11  # 66 dB below full scale, as a telephone codec; keeps the FLAC files small

Samples = NDArray[np.float32]


def speak(line: Line, speaker: Speaker, rng: np.random.Generator) -> Samples:
    """One turn in one voice with its effort, at 16 kHz, ends trimmed.

    Raises RuntimeError when espeak-ng is missing or refuses.
    """
    wobble_semitones, wobble_db, wobble_rate = rng.normal(0.0, (0.4, 0.7, 0.02))
    semitones = line.effort * EFFORT_SEMITONES + wobble_semitones
    pitch = speaker.pitch + round(semitones / ESPEAK_SEMITONES_PER_STEP)
    rate = speaker.words_per_minute * (1.0 + line.effort * EFFORT_RATE + wobble_rate)
    melody = 1.0 + line.effort * EFFORT_RANGE
    spoken = _espeak(line.text, speaker.voice, min(99, max(0, pitch)), round(rate), melody)
    stressed = expand(trim(spoken, RATE_HZ), line.effort * EFFORT_DYNAMICS)
    shelved = high_shelf(stressed, line.effort * EFFORT_SHELF_DB)
    target_db = speaker.level_db + line.effort * EFFORT_LEVEL_DB + wobble_db
    gain_db = target_db - speech_level_db(shelved, RATE_HZ)
    return shelved * np.float32(10.0 ** (gain_db / 20.0))


def _espeak(text: str, voice: str, pitch: int, words_per_minute: int, melody: float) -> Samples:
    program = shutil.which("espeak-ng")
    if program is None:
        raise RuntimeError("espeak-ng is not installed; on Debian: apt install espeak-ng")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "turn.wav"
        command = [program, "-m", "-v", voice, "-p", f"{pitch}", "-s", f"{words_per_minute}"]
        ssml = f'<speak><prosody range="{melody:.0%}">{escape(text)}</prosody></speak>'
        done = subprocess.run(
            [*command, "-w", str(path), ssml], capture_output=True, text=True, check=False
        )
        if done.returncode or not path.exists():
            raise RuntimeError(f"espeak-ng refused voice {voice!r}: {done.stderr.strip()}")
        samples, rate_hz = soundfile.read(path, dtype="float32")
    spoken: Samples = soxr.resample(samples, rate_hz, RATE_HZ).astype(np.float32)
    return spoken


def expand(samples: Samples, exponent: float, frame_ms: int = 40) -> Samples:
    """Stretch the level around its median: 1 dB above it becomes 1 + ``exponent`` dB."""
    frame = RATE_HZ * frame_ms // 1000
    levels_db = frame_levels_db(samples, RATE_HZ, frame_ms)
    above_db = np.maximum(levels_db - speech_level_db(samples, RATE_HZ), -15.0)
    at = (np.arange(len(levels_db)) + 0.5) * frame
    gain_db = np.interp(np.arange(len(samples)), at, exponent * above_db)
    return (samples * 10.0 ** (gain_db / 20.0)).astype(np.float32)


def high_shelf(samples: Samples, gain_db: float, corner_hz: float = 1_000.0) -> Samples:
    """Raise what lies above the corner by ``gain_db``, half of it at the corner; zero phase."""
    size = 1 << (2 * len(samples) - 1).bit_length()
    f_hz = np.fft.rfftfreq(size, 1.0 / RATE_HZ)
    shelf_db = gain_db / (1.0 + (corner_hz / np.maximum(f_hz, 1.0)) ** 4)
    spectrum = np.fft.rfft(samples, size) * 10.0 ** (shelf_db / 20.0)
    return np.fft.irfft(spectrum, size)[: len(samples)].astype(np.float32)


def _room(samples: Samples, rng: np.random.Generator) -> Samples:
    """Add a short diffuse tail and a noise floor."""
    count = int(REVERBERATION_S * RATE_HZ)
    tail = rng.normal(size=count) * 10.0 ** (-3.0 * np.arange(count) / count)
    tail *= 10.0 ** (REVERBERATION_DB / 20.0) / np.sqrt((tail**2).sum())
    tail[0] += 1.0
    size = 1 << (len(samples) + count).bit_length()
    wet = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(tail, size), size)[: len(samples)]
    noise = rng.normal(0.0, 10.0 ** (NOISE_DB / 20.0), len(samples))
    return (wet + noise).astype(np.float32)


def _tone(beep: Beep) -> Samples:
    t_s = np.arange(int(beep.seconds * RATE_HZ)) / RATE_HZ
    fade = np.minimum(1.0, np.minimum(t_s, t_s[::-1]) / 0.005)
    return (0.1 * fade * np.sin(2.0 * np.pi * beep.f_hz * t_s)).astype(np.float32)


def perform(scenario: Scenario) -> tuple[Samples, list[dict[str, Any]]]:
    """The call as frames x (agent, customer) at 8 kHz, and its transcript in time order."""
    rng = np.random.default_rng(zlib.crc32(scenario.name.encode()))
    speakers = {Role.AGENT: scenario.agent, Role.CUSTOMER: scenario.customer}
    placed: dict[Role, list[tuple[int, Samples]]] = {role: [] for role in speakers}
    transcript: list[dict[str, Any]] = []
    now = int(0.5 * RATE_HZ)
    for step in scenario.steps:
        match step:
            case Silence(seconds):
                now += int(seconds * RATE_HZ)
            case Beep():
                tone = _tone(step)
                placed[Role.CUSTOMER].append((now, tone))
                now += len(tone)
            case SteppedIn():
                transcript.append({"t_ms": _ms(now), "event": "intervention"})
            case Line(role, text):
                samples = speak(step, speakers[role], rng)
                placed[role].append((now, samples))
                end = now + len(samples)
                transcript.append(
                    {"t_ms": _ms(now), "end_ms": _ms(end), "role": role.value, "text": text}
                )
                now = end + int(rng.uniform(*GAP_S) * RATE_HZ)
    now += RATE_HZ
    lines = []
    for clips in placed.values():
        track = np.zeros(now, dtype=np.float32)
        for start, samples in clips:
            track[start : start + len(samples)] += samples
        lines.append(to_line(_room(track, rng), RATE_HZ))
    return np.stack(lines, axis=1), transcript


def write(scenario: Scenario, folder: Path) -> Path:
    """Write ``<name>.flac`` and ``<name>.jsonl``; return the path of the audio."""
    samples, transcript = perform(scenario)
    steps = 2.0 ** (KEPT_BITS - 1)
    rounded = np.clip(np.round(samples * steps), -steps, steps - 1) / steps
    path = folder / f"{scenario.name}.flac"
    soundfile.write(path, rounded, LINE_RATE_HZ, subtype="PCM_16", compression_level=1.0)
    rows = (json.dumps(row, ensure_ascii=False) + "\n" for row in transcript)
    path.with_suffix(".jsonl").write_text("".join(rows), encoding="utf-8")
    return path


def _ms(samples: int) -> int:
    return samples * 1000 // RATE_HZ


def main() -> None:
    """Make all calls, or the named ones."""
    names = [scenario.name for scenario in SCENARIOS]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *names], help="default: all")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for scenario in SCENARIOS:
        if scenario.name in (arguments.names or names):
            path = write(scenario, arguments.folder)
            info = soundfile.info(path)
            print(f"{path.name}: {info.duration:.0f} s, {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        sys.exit(f"make_examples: {error}")
