import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from subtone.kernel.voice_intelligence.tones import (
    ToneEvent,
    ToneKind,
    ToneMemory,
    feed_tones,
    open_tones,
)

Samples = NDArray[np.float32]
START_MS = 7_000


def sines(rate_hz: int, ms: int, *tones: tuple[float, float]) -> Samples:
    """Sum of (frequency_hz, level_dbfs) sines."""
    t = np.arange(rate_hz * ms // 1000) / rate_hz
    parts = [np.sqrt(2.0) * 10 ** (db / 20) * np.sin(2 * np.pi * hz * t + 0.3) for hz, db in tones]
    return np.asarray(np.sum(parts, axis=0), np.float32)


def silence(rate_hz: int, ms: int) -> Samples:
    return np.zeros(rate_hz * ms // 1000, np.float32)


def noise(samples: int, level_dbfs: float) -> Samples:
    rng = np.random.default_rng(20)
    return (10 ** (level_dbfs / 20) * rng.standard_normal(samples)).astype(np.float32)


def heard(rate_hz: int, *parts: Samples) -> tuple[ToneEvent, ...]:
    return feed_tones(open_tones(rate_hz, START_MS), np.concatenate(parts))[1]


def cadence(rate_hz: int, on_ms: int, off_ms: int, *tones: tuple[float, float]) -> Samples:
    return np.concatenate([sines(rate_hz, on_ms, *tones), silence(rate_hz, off_ms)] * 3)


def vowel(rate_hz: int, ms: int, f0_hz: float, formants_hz: Sequence[float]) -> Samples:
    """Additive vowel: harmonics under resonances 90 Hz wide, with a slow fall in pitch."""
    t = np.arange(rate_hz * ms // 1000) / rate_hz
    phase = 2 * np.pi * f0_hz * (t - 0.05 * t**2)
    out = np.zeros_like(t)
    for k in range(1, int(3_700 / f0_hz)):
        gain = sum(1.0 / (1.0 + ((k * f0_hz - f) / 90.0) ** 2) for f in formants_hz) / k
        out += gain * np.sin(k * phase)
    return np.asarray(0.2 * out / np.abs(out).max(), np.float32)


@pytest.mark.parametrize("rate_hz", [8000, 16000])
@pytest.mark.parametrize("snr_db", [None, 20])
@pytest.mark.parametrize("level_dbfs", [-40, -12])
def test_beeps_are_found_and_timed(rate_hz: int, snr_db: int | None, level_dbfs: int) -> None:
    for hz in (440, 480, 620, 852, 1000, 1209, 1400, 1633, 1850, 2000):
        for ms in (120, 250, 700, 1500):
            parts = [silence(rate_hz, 503), sines(rate_hz, ms, (hz, level_dbfs))]
            x = np.concatenate([*parts, silence(rate_hz, 300)])
            if snr_db is not None:
                band_gain_db = 3.0 if rate_hz == 16000 else 0.0  # same noise inside 4 kHz
                x += noise(len(x), level_dbfs - snr_db + band_gain_db)
            (event,) = heard(rate_hz, x)
            assert event.kind is ToneKind.BEEP
            assert abs(event.t_start_ms - (START_MS + 503)) <= 10, (hz, ms)
            assert abs(event.t_end_ms - (START_MS + 503 + ms)) <= 10, (hz, ms)
            assert abs(event.frequency_hz - hz) < 1.0
            assert 100 <= event.t_known_ms - (START_MS + 503 + ms) <= 130


def test_golden_beep() -> None:
    (event,) = heard(8000, silence(8000, 1000), sines(8000, 400, (1000, -12)), silence(8000, 300))
    assert (event.kind, event.t_start_ms, event.t_end_ms) == (ToneKind.BEEP, 8002, 8398)
    assert event.t_known_ms == 8510
    assert event.frequency_hz == pytest.approx(1000.0, abs=0.2)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("too short", [sines(8000, 80, (1000, -12)), silence(8000, 300)]),
        ("too long", [sines(8000, 2300, (1000, -12)), silence(8000, 300)]),
        ("too low", [sines(8000, 300, (425, -12)), silence(8000, 300)]),
        ("too high", [sines(8000, 250, (2030, -12)), silence(8000, 300)]),
        ("too quiet", [sines(8000, 300, (1000, -60)), silence(8000, 300)]),
        ("no silence", [sines(8000, 300, (1000, -12)), noise(4000, -14)]),
        ("too little silence", [sines(8000, 300, (1000, -12)), silence(8000, 80)]),
        ("silence cut", [sines(8000, 300, (1000, -12)), silence(8000, 60), noise(999, -14)]),
        ("US ringing", [cadence(8000, 2000, 700, (440, -15), (480, -15))]),
        ("US busy", [cadence(8000, 500, 500, (480, -15), (620, -15))]),
        ("US dial", [cadence(8000, 500, 300, (350, -15), (440, -15))]),
        ("CN ringing", [cadence(8000, 1000, 700, (450, -12))]),
        ("CN busy", [cadence(8000, 350, 350, (450, -12))]),
        ("UK ringing", [cadence(8000, 400, 200, (400, -15), (450, -15))]),
        ("noise", [noise(40_000, -20)]),
        ("silence", [silence(8000, 3000)]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_tone(name: str, parts: list[Samples]) -> None:
    assert heard(8000, *parts) == (), name


def test_a_fading_beep_must_still_stop() -> None:
    """A hum that dies away is a voice; a beep may fade but then ends at once."""
    fade = np.exp(-np.arange(8000) / 8000 / 0.2).astype(np.float32) * sines(8000, 1000, (880, -12))
    (event,) = heard(8000, fade[:3200], silence(8000, 300))
    assert event.kind is ToneKind.BEEP
    assert heard(8000, fade, silence(8000, 300)) == ()


def test_a_glide_is_no_beep() -> None:
    t = np.arange(8000 * 300 // 1000) / 8000
    glide = (0.2 * np.sin(2 * np.pi * (900 * t + 400 * t**2))).astype(np.float32)
    assert heard(8000, glide, silence(8000, 300)) == ()


@pytest.mark.parametrize("twist_db", [-8, -4, 0, 4, 8])
@pytest.mark.parametrize("rate_hz", [8000, 16000])
def test_dtmf_is_rejected(rate_hz: int, twist_db: int) -> None:
    for low in (697, 770, 852, 941):
        for high in (1209, 1336, 1477, 1633):
            digit = sines(rate_hz, 200, (low, -15), (high, -15 + twist_db))
            assert heard(rate_hz, digit, silence(rate_hz, 300)) == (), (low, high)


@pytest.mark.parametrize("gap_ms", [0, 30])
@pytest.mark.parametrize("lengths_ms", [(330, 330, 330), (380, 274, 380), (274, 274, 380)])
@pytest.mark.parametrize("tones_hz", [(950, 1400, 1800), (913.8, 1370.6, 1776.7)])
def test_sit(
    tones_hz: tuple[float, float, float], lengths_ms: tuple[int, int, int], gap_ms: int
) -> None:
    parts = [
        np.concatenate([sines(8000, ms, (hz, -15)), silence(8000, gap_ms)])
        for hz, ms in zip(tones_hz, lengths_ms, strict=True)
    ]
    (event,) = heard(8000, silence(8000, 200), *parts, silence(8000, 500))
    assert event.kind is ToneKind.SIT
    assert abs(event.t_start_ms - (START_MS + 200)) <= 10
    assert abs(event.t_end_ms - (START_MS + 200 + sum(lengths_ms) + 2 * gap_ms)) <= 10


def test_falling_tones_are_no_sit() -> None:
    parts = [sines(8000, 330, (hz, -15)) for hz in (1800, 1400, 950)]
    kinds = [event.kind for event in heard(8000, *parts, silence(8000, 500))]
    assert kinds == [ToneKind.BEEP]  # the last one, which silence follows


def test_a_false_start_does_not_hide_a_sit() -> None:
    parts = [sines(8000, 330, (hz, -15)) for hz in (950, 950, 1400, 1800)]
    (event,) = heard(8000, parts[0], silence(8000, 50), *parts[1:], silence(8000, 500))
    assert event.kind is ToneKind.SIT
    assert abs(event.t_start_ms - (START_MS + 380)) <= 10


def test_fax_calling_tone() -> None:
    events = heard(8000, cadence(8000, 500, 3000, (1100, -15)))
    assert [event.kind for event in events] == [ToneKind.FAX_CNG] * 3


def test_a_short_beep_at_the_fax_frequency_stays_a_beep() -> None:
    (event,) = heard(8000, sines(8000, 250, (1100, -15)), silence(8000, 300))
    assert event.kind is ToneKind.BEEP


def test_fax_answer_tone_is_told_while_it_sounds() -> None:
    (event,) = heard(8000, silence(8000, 400), sines(8000, 3000, (2100, -15)), silence(8000, 300))
    assert event.kind is ToneKind.FAX_CED
    assert event.t_known_ms - (START_MS + 400) <= 320


def test_fax_answer_tone_with_modulation_and_phase_reversals() -> None:
    t = np.arange(8000 * 2) / 8000
    flip = np.pi * np.floor(t / 0.45)
    ansam = 0.2 * (1 + 0.2 * np.sin(2 * np.pi * 15 * t)) * np.sin(2 * np.pi * 2100 * t + flip)
    events = heard(8000, ansam.astype(np.float32))
    assert {event.kind for event in events} == {ToneKind.FAX_CED}


@pytest.mark.parametrize("rate_hz", [8000, 16000])
def test_vowels_are_no_tones(rate_hz: int) -> None:
    vowels = [(300, 870, 2240), (730, 1090, 2440), (270, 2290, 3010), (570, 840, 2410), (300, 900)]
    for f0_hz in (90, 120, 180, 220, 260, 320, 400):
        for formants_hz in vowels:
            x = vowel(rate_hz, 400, f0_hz, formants_hz)
            assert heard(rate_hz, x, silence(rate_hz, 300)) == (), (f0_hz, formants_hz)


SCENE = np.concatenate(
    [
        vowel(8000, 350, 210, (570, 840, 2410)),
        silence(8000, 155),
        sines(8000, 330, (950, -15)),
        sines(8000, 330, (1400, -15)),
        sines(8000, 330, (1800, -15)),
        silence(8000, 205),
        sines(8000, 150, (800, -20)),
        silence(8000, 250),
        sines(8000, 500, (2100, -20)),
        sines(8000, 503, (1100, -20)),
        noise(1600, -40),
    ]
)


def fed(parts: Sequence[Samples]) -> tuple[ToneMemory, list[ToneEvent]]:
    memory = open_tones(8000, START_MS)
    events: list[ToneEvent] = []
    for part in parts:
        memory, found = feed_tones(memory, part)
        events += found
    return memory, events


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, len(SCENE)), max_size=30))
def test_chunking_changes_nothing(cuts: list[int]) -> None:
    memory, events = fed(np.split(SCENE, sorted(cuts)))
    whole_memory, whole_events = fed([SCENE])
    assert events == whole_events
    assert memory == whole_memory
    kinds = [event.kind for event in events]
    assert kinds == [ToneKind.SIT, ToneKind.BEEP, ToneKind.FAX_CED, ToneKind.FAX_CNG]


def test_chunks_of_ten_milliseconds_change_nothing() -> None:
    assert fed(np.split(SCENE, range(80, len(SCENE), 80))) == fed([SCENE])


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=4000))
def test_any_finite_bytes_are_heard_without_error(data: bytes) -> None:
    pcm = np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float32) / np.float32(32768)
    memory, _ = feed_tones(open_tones(8000, 0), pcm)
    assert len(memory.tail) <= 4 * 160


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="8000 or 16000"):
        open_tones(44100, 0)
    memory = open_tones(8000, 0)
    with pytest.raises(ValueError, match="finite"):
        feed_tones(memory, np.array([0.0, np.nan], np.float32))
    with pytest.raises(ValueError, match="one channel"):
        feed_tones(memory, np.zeros((2, 100), np.float32))


def call_recordings() -> list[Path]:
    root = next(p for p in Path(__file__).resolve().parents if (p / "pyproject.toml").exists())
    found = sorted((root.parent / "shared" / "data" / "calls").glob("*.flac"))
    if not found and os.environ.get("CI") != "true":
        pytest.skip("shared recordings are not beside this checkout")
    assert found, "CI must have the shared recordings"
    return found


def test_real_calls_hold_no_tone() -> None:
    for path in call_recordings():
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
        for channel in samples[: 100 * rate_hz].T:
            assert heard(rate_hz, np.ascontiguousarray(channel)) == (), path.name


def test_a_beep_after_real_speech_is_found() -> None:
    samples, rate_hz = soundfile.read(
        call_recordings()[0], dtype="float32", always_2d=True, frames=8000 * 20
    )
    speech = np.ascontiguousarray(samples[:, 0])
    beep = sines(rate_hz, 300, (1400, -25))
    (event,) = heard(rate_hz, speech, beep, silence(rate_hz, 300))
    assert abs(event.t_end_ms - (START_MS + 20_300)) <= 30
