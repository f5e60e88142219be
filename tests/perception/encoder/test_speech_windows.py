from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subtone.perception.encoder.quality import synthetic_voice
from subtone.perception.encoder.windows import SpeechWindow, SpeechWindows
from subtone.perception.encoding import FloatArray

RATE_HZ = 16_000
SILENCE_S = 2.0


def silence(duration_s: float) -> FloatArray:
    return np.zeros(round(duration_s * RATE_HZ), np.float32)


def cut(samples: FloatArray, sizes: list[int] | None = None, **options: int) -> list[SpeechWindow]:
    windows = SpeechWindows(**options)
    found: list[SpeechWindow] = []
    at = 0
    for size in sizes or [len(samples)]:
        found += windows.feed(samples[at : at + size])
        at += size
    found += windows.feed(samples[at:])
    return [*found, *windows.end()]


def spans_ms(windows: list[SpeechWindow]) -> list[tuple[int, int]]:
    return [(w.t_event_ms, w.t_event_ms + 1000 * len(w.samples) // RATE_HZ) for w in windows]


def sounds() -> dict[str, FloatArray]:
    t_s = np.arange(12 * RATE_HZ) / RATE_HZ
    noise = np.random.default_rng(1).standard_normal(len(t_s))
    notes = np.array([261.6, 329.6, 392.0, 523.3])[(2 * t_s).astype(int) % 4]
    made = {
        "nothing": np.zeros_like(t_s),
        "noise": 0.05 * noise,
        "a tone": 0.3 * np.sin(2 * np.pi * 440 * t_s),
        "a dialled digit": 0.2 * (np.sin(2 * np.pi * 697 * t_s) + np.sin(2 * np.pi * 1209 * t_s)),
        "an arpeggio": 0.3 * np.sin(2 * np.pi * notes * t_s),
    }
    return {name: signal.astype(np.float32) for name, signal in made.items()}


@pytest.mark.parametrize("sound", list(sounds()))
def test_what_nobody_says_gives_no_window(sound: str) -> None:
    assert cut(sounds()[sound]) == []


def test_silence_is_left_out_and_times_are_kept() -> None:
    voice = synthetic_voice()
    windows = cut(
        np.concatenate([silence(3), voice, silence(SILENCE_S), voice, silence(3)]), t_start_ms=5_000
    )
    assert len(windows) == 2
    for (start_ms, end_ms), begins_ms in zip(spans_ms(windows), (8_000, 14_000), strict=True):
        assert begins_ms - 250 <= start_ms <= begins_ms + 150
        assert begins_ms + 3_500 <= end_ms <= begins_ms + 4_300


def test_long_speech_is_cut_where_it_is_quietest() -> None:
    voice = np.tile(synthetic_voice(), 10)
    pause = slice(27 * RATE_HZ, 27 * RATE_HZ + RATE_HZ // 2)  # shorter than what ends a window
    voice[pause] *= 0.0
    windows = cut(np.concatenate([silence(1), voice, silence(2)]))
    spans = spans_ms(windows)
    assert all(end_ms - start_ms <= 30_000 for start_ms, end_ms in spans)
    assert 28_000 <= spans[0][1] <= 28_500
    assert spans[1][0] == pytest.approx(spans[0][1], abs=500)
    assert spans[-1][1] >= 40_500


@settings(max_examples=25)
@given(st.lists(st.integers(0, 20_000), max_size=12))
def test_how_a_stream_is_fed_changes_no_window(sizes: list[int]) -> None:
    samples = np.concatenate([silence(1), synthetic_voice(), silence(1.5), synthetic_voice()])
    whole, pieces = cut(samples), cut(samples, sizes)
    assert spans_ms(whole) == spans_ms(pieces)
    for a, b in zip(whole, pieces, strict=True):
        assert (a.samples == b.samples).all()


def test_a_window_holds_the_samples_of_its_time() -> None:
    samples = np.concatenate([silence(1), synthetic_voice(), silence(1)])
    (window,) = cut(samples)
    at = window.t_event_ms * RATE_HZ // 1000
    assert (window.samples == samples[at : at + len(window.samples)]).all()


def test_an_hour_of_little_speech_holds_seconds_only() -> None:
    windows = SpeechWindows()
    minute = silence(60)
    minute[: 4 * RATE_HZ] = synthetic_voice()
    found = 0
    for _ in range(60):
        found += len(list(windows.feed(minute)))
        assert len(windows._samples) <= 5 * RATE_HZ
    assert found + len(list(windows.end())) == 60


def test_a_length_nothing_can_be_cut_to_is_refused() -> None:
    with pytest.raises(ValueError, match="1600 to 30000"):
        SpeechWindows(max_window_ms=100)
