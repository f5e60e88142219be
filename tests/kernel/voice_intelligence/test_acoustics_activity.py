from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.kernel.voice_intelligence.acoustics.activity import (
    FLOOR_MIN_DB,
    Levels,
    close_and_open,
    dilate,
    hear_background,
    hear_speech,
)
from subtone.kernel.voice_intelligence.acoustics.nuclei import Contour, follow
from support_acoustics import F32, line_voice, noise, silence, syllables, whole

flags = st.lists(st.booleans(), min_size=1, max_size=60).map(np.array)


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize(
    ("floor_db", "gain_db"),
    [(-90.0, 0.0), (-90.0, -20.0), (-60.0, 0.0), (-60.0, -20.0), (-40.0, 0.0)],
)
def test_speech_is_found_whatever_the_line(rate: int, floor_db: float, gain_db: float) -> None:
    voices = [line_voice(rate, 0.5, f0, -18.0 + gain_db) for f0 in (110.0, 190.0, 130.0)]
    gap = silence(rate, 0.5)
    clean = np.concatenate([gap, gap, gap, voices[0], gap, voices[1], gap, voices[2], gap])
    frames = whole(clean + noise(rate, 4.5, floor_db), rate)
    truth = (np.arange(450) // 50) % 2 == 1
    truth[:150] = False
    assert (frames.is_speech == truth).mean() > 0.93
    assert frames.is_speech[truth].mean() > 0.97


def test_speech_is_found_from_the_first_frame() -> None:
    frames = whole(syllables(8000, 2.0, 4.0), 8000)
    assert frames.is_speech[3:190].mean() > 0.95


def test_unbroken_talk_never_becomes_the_floor() -> None:
    frames = whole(syllables(8000, 20.0, 4.0) + noise(8000, 20.0, -60.0), 8000)
    assert frames.is_speech[5:-5].mean() > 0.95


def test_a_humming_line_is_not_speech_for_long() -> None:
    hum = line_voice(8000, 12.0, 100.0, -45.0)
    voice = syllables(8000, 2.0, 4.0)
    hum[8000 * 8 : 8000 * 10] += voice
    frames = whole(hum, 8000)
    assert not frames.is_speech[400:750].any()
    assert frames.is_speech[810:990].mean() > 0.95


def test_a_noisy_line_is_not_speech() -> None:
    for level_db in (-70.0, -50.0, -30.0):
        assert whole(noise(8000, 10.0, level_db), 8000).is_speech.mean() < 0.02


def test_without_pitch_level_alone_decides() -> None:
    burst = noise(8000, 1.0, -20.0)
    samples: F32 = np.concatenate([silence(8000, 1.0), burst, silence(8000, 1.0)])
    frames = whole(samples, 8000, is_pitch_tracked=False)
    assert frames.is_speech[105:195].all()
    assert not frames.is_speech[:90].any()
    assert not frames.f0_hz.any()
    assert not frames.tilt_db.any()
    assert not frames.is_nucleus.any()


def test_a_short_click_is_not_speech() -> None:
    samples = silence(8000, 2.0) + noise(8000, 2.0, -65.0)
    samples[8000:8080] = 0.5
    assert not whole(samples, 8000).is_speech.any()


def test_the_floor_forgets_its_prior_and_never_falls_below_the_idle_code() -> None:
    levels, loud, voiced = Levels(), np.full(50, -40.0, np.float32), np.ones(50, np.bool_)
    assert levels.floor_db == -55.0
    assert hear_background(levels, loud[:0], voiced[:0]) is levels
    for _ in range(2):
        levels = hear_background(levels, loud, ~voiced)
    assert levels.floor_db == -40.0
    levels = hear_background(levels, np.full(50, -100.0, np.float32), ~voiced)
    assert levels.floor_db == FLOOR_MIN_DB


def test_a_voice_is_the_floor_only_when_nothing_quieter_is_heard() -> None:
    levels, loud, voiced = Levels(), np.full(50, -20.0, np.float32), np.ones(50, np.bool_)
    mixed = np.where(np.arange(50) < 20, -50.0, -20.0).astype(np.float32)
    for _ in range(5):
        levels = hear_background(levels, loud, voiced)
    assert levels.floor_db == -55.0
    levels = hear_background(levels, mixed, mixed > -30.0)
    assert levels.floor_db == -50.0
    for _ in range(19):
        levels = hear_background(levels, loud, voiced)
    assert levels.floor_db == -50.0
    assert hear_background(levels, loud, voiced).floor_db == -20.0


def test_one_loud_block_does_not_set_the_speech_level() -> None:
    levels = Levels()
    for peak in (-3.0, -30.0, -30.0, -30.0, -30.0, -30.0):
        levels = hear_speech(levels, np.full(50, peak, np.float32))
    assert levels.speaking_db == -30.0
    assert hear_speech(levels, np.zeros(0, np.float32)) is levels


@given(flags, st.integers(1, 8))
def test_dilation_is_any_within_reach(row: np.ndarray, reach: int) -> None:
    expected = [row[max(i - reach, 0) : i + reach + 1].any() for i in range(len(row))]
    assert dilate(row, reach).tolist() == expected


def test_gaps_close_and_bursts_drop() -> None:
    row = np.array([int(c) for c in "0000111110000111110000000001100000000"], bool)
    shown = "".join(str(int(flag)) for flag in close_and_open(row, 2, 1))
    assert shown == "0000111111111111110000000000000000000"


def confirmed(level_db: list[float]) -> list[int]:
    return follow(Contour(), np.array(level_db, np.float32))[1]


def test_a_peak_needs_two_decibel_on_both_sides() -> None:
    assert confirmed([-60, -30, -33, -31.5, -33, -60]) == [1]
    assert confirmed([-60, -30, -33, -30.9, -33, -60]) == [1, 3]
    assert confirmed([-60, -30, -29, -28]) == []


@given(st.lists(st.floats(-90.0, 0.0, width=32), max_size=80), st.integers(0, 80))
def test_peaks_do_not_depend_on_the_cut(level_db: list[float], cut: int) -> None:
    level = np.array(level_db, np.float32)
    end, peaks = follow(Contour(), level)
    middle, early = follow(Contour(), level[:cut])
    split_end, late = follow(middle, level[cut:])
    assert split_end == end
    assert early + [at + min(cut, len(level)) for at in late] == peaks


@pytest.mark.parametrize("per_s", [2.0, 3.0, 4.0, 5.0, 6.0])
@pytest.mark.parametrize("rate", [8000, 16000])
def test_syllables_are_counted(per_s: float, rate: int) -> None:
    samples = np.concatenate([silence(rate, 0.4), syllables(rate, 4.0, per_s), silence(rate, 0.4)])
    frames = whole(samples + noise(rate, 4.8, -60.0), rate)
    assert abs(int(frames.is_nucleus.sum()) - 4.0 * per_s) <= 1
    assert (frames.f0_hz[frames.is_nucleus] > 0.0).all()
