"""What this installation can do, found out by trying it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

import subtone
from subtone.contracts.inbound import AudioChunk, CallEnded, CallStarted, Track
from subtone.contracts.outputs import Decision
from subtone.contracts.vocabulary import AudioEncoding, Role
from subtone.kernel import pipeline
from subtone.runtime.samples import sample_call

SELF_TEST_HZ = 150.0
SELF_TEST_RATE_HZ = 8_000
SELF_TEST_S = 6


@dataclass(frozen=True)
class Finding:
    """One thing that was tried."""

    name: str
    observed: str
    is_well: bool
    is_required: bool = True
    advice: str = ""


def examine() -> Iterator[Finding]:
    """Everything a first user may stumble over, in the order they would."""
    yield Finding("subtone", subtone.__version__, True)
    version = platform.python_version()
    yield Finding("python", f"{version} on {platform.system()}", sys.version_info >= (3, 11))
    for package in ("numpy", "msgspec", "soundfile", "soxr", "click", "rich"):
        yield Finding(package, importlib.metadata.version(package), True)
    yield _audio_files()
    yield _containers()
    yield _sample_calls()
    yield _self_test()
    encoding = (sys.stdout.encoding or "unknown").lower()
    yield Finding(
        "terminal encoding",
        encoding,
        encoding.replace("-", "") == "utf8",
        is_required=False,
        advice="" if encoding.replace("-", "") == "utf8" else "set PYTHONUTF8=1 to print Chinese",
    )


def _audio_files() -> Finding:
    try:
        import soundfile
    except OSError as error:  # the wheel brings libsndfile; some platforms need it installed
        return Finding("audio files", str(error), False, advice="install libsndfile 1.1 or newer")
    formats = soundfile.available_formats()
    return Finding(
        "audio files", f"{soundfile.__libsndfile_version__}, {len(formats)} formats", True
    )


def _containers() -> Finding:
    has_av = importlib.util.find_spec("av") is not None
    return Finding(
        "m4a, webm, mp4 and other containers",
        f"PyAV {importlib.metadata.version('av')}" if has_av else "PyAV is not installed",
        has_av,
        is_required=False,
        advice="" if has_av else "pip install 'subtone[media]' to read them",
    )


def _sample_calls() -> Finding:
    try:
        audio, _ = sample_call("hidden_frustration.en")
    except FileNotFoundError as error:
        return Finding("sample calls", str(error), False, advice="reinstall subtone")
    return Finding("sample calls", audio.parent.name, True)


def _self_test() -> Finding:
    """Six seconds of a 150 Hz pulse train must be heard as 150 Hz."""
    n = SELF_TEST_RATE_HZ * SELF_TEST_S
    t_s = np.arange(n) / SELF_TEST_RATE_HZ
    harmonics = np.arange(3, 22)  # 450 to 3150 Hz: a telephone line carries no fundamental
    wave = np.cos(2.0 * np.pi * SELF_TEST_HZ * np.outer(harmonics, t_s)).sum(axis=0)
    payload = (wave / np.abs(wave).max() * 16_000).astype("<i2").tobytes()
    track = Track(track_id="customer", role=Role.CUSTOMER, sample_rate_hz=SELF_TEST_RATE_HZ)
    end_ms = SELF_TEST_S * 1000
    state = pipeline.start()
    decisions: list[Decision] = []
    for event in (
        CallStarted(call_id="doctor", t_event_ms=0, t_seen_ms=0, tracks=(track,)),
        AudioChunk(
            call_id="doctor",
            t_event_ms=0,
            t_seen_ms=0,
            track_id="customer",
            encoding=AudioEncoding.PCM_S16LE,
            payload=payload,
        ),
        CallEnded(call_id="doctor", t_event_ms=end_ms, t_seen_ms=end_ms),
    ):
        state, outputs = pipeline.feed(state, event)
        decisions += outputs.decisions
    features = decisions[0].moment.features
    heard_hz = None if features is None else features.pitch_mean_hz
    is_well = heard_hz is not None and abs(heard_hz - SELF_TEST_HZ) < 2.0
    observed = "no pitch heard" if heard_hz is None else f"heard {heard_hz:.1f} Hz of 150 Hz"
    advice = "" if is_well else "the numerical libraries misbehave; reinstall numpy"
    return Finding("self-test", observed, is_well, advice=advice)
