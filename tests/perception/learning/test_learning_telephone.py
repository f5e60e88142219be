"""A line keeps the length, says the same thing twice, and does what a telephone does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subtone.perception.learning.errors import LearningError
from subtone.perception.learning.renditions import TELEPHONE, WIDE, render, varied
from subtone.perception.learning.telephone import Codec, Line, draw_line, through_line
from subtone.perception.learning.telephone.loss import conceal, lost_packets
from subtone.perception.learning.telephone.room import add_noise, reverberate, speech_level_db
from support_learning import voice


@pytest.mark.parametrize("codec", Codec)
def test_every_codec_keeps_length_place_and_most_of_the_sound(codec: Codec) -> None:
    if codec in (Codec.AMR, Codec.OPUS):
        pytest.importorskip("av")
    samples = voice(1.5)
    plain = through_line(samples, Line(codec=Codec.NONE))
    heard = through_line(samples, Line(codec=codec))
    assert heard.shape == samples.shape
    assert np.corrcoef(plain, heard)[0, 1] > 0.85


def test_only_the_telephone_band_is_left() -> None:
    at = np.arange(16_000) / 16_000
    for hz, is_kept in ((100, False), (1_000, True), (3_000, True), (5_000, False)):
        tone = (0.3 * np.sin(2 * np.pi * hz * at)).astype(np.float32)
        heard = through_line(tone, Line(codec=Codec.NONE))[2_000:-2_000]
        assert (heard.std() > 0.15) == is_kept, hz


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4_000))
def test_any_line_of_any_clip_can_be_made_again(seed: int, n: int) -> None:
    samples = voice(0.5, seed=1)[:n]
    line = draw_line(np.random.default_rng(seed))
    if line.codec in (Codec.AMR, Codec.OPUS):
        line = Line(codec=Codec.ALAW, level_db=line.level_db, snr_db=line.snr_db, loss_rate=0.1)
    once, again = through_line(samples, line, seed), through_line(samples, line, seed)
    assert once.shape == samples.shape
    assert np.isfinite(once).all()
    assert np.array_equal(once, again)


def test_level_noise_and_room_are_what_was_asked() -> None:
    samples = voice(2.0)
    loud = through_line(samples, Line(codec=Codec.NONE, level_db=-20.0))
    quiet = through_line(samples, Line(codec=Codec.NONE, level_db=-40.0))
    assert speech_level_db(loud) - speech_level_db(quiet) == pytest.approx(20.0, abs=0.1)
    rng = np.random.default_rng(0)
    noisy = add_noise(samples, 20.0, rng) - samples
    level = 10 * np.log10(float((noisy.astype(np.float64) ** 2).mean()))
    assert speech_level_db(samples) - level == pytest.approx(20.0, abs=0.1)
    click = np.zeros(16_000, np.float32)
    click[0] = 1.0
    tail = reverberate(click, 0.5, rng)
    decay_db = 10 * np.log10((tail[800:1600] ** 2).mean() / (tail[4800:5600] ** 2).mean())
    assert decay_db == pytest.approx(60.0 * 0.25 / 0.5, abs=2.0)


def test_packets_are_lost_in_bursts_at_the_rate_asked() -> None:
    lost = lost_packets(160 * 200_000, 0.1, 3.0, np.random.default_rng(0))
    runs = np.diff(np.flatnonzero(np.diff(np.pad(lost, 1).astype(int))).reshape(-1, 2), axis=1)
    assert lost.mean() == pytest.approx(0.1, abs=0.005)
    assert runs.mean() == pytest.approx(3.0, abs=0.1)
    assert not lost[0]


def test_a_lost_packet_goes_on_as_the_voice_did_and_a_long_gap_falls_silent() -> None:
    at = np.arange(8_000) / 8_000
    tone = np.sin(2 * np.pi * 100.0 * at).astype(np.float32)
    is_lost = np.zeros(50, bool)
    is_lost[20] = True
    made = conceal(tone, is_lost)
    assert np.corrcoef(made[3_200:3_360], tone[3_200:3_360])[0, 1] > 0.99
    assert np.array_equal(made[:3_200], tone[:3_200])
    is_lost[20:30] = True
    assert not conceal(tone, is_lost)[3_200 + 480 : 4_700].any()


@pytest.mark.parametrize("bad", [{"loss_rate": 1.0}, {"reverberation_s": 3.0}, {"mean_burst": 0.5}])
def test_a_line_that_cannot_be_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(LearningError, match="no such line"):
        Line(**bad)  # type: ignore[arg-type]  # floats by name


def test_renditions_are_told_apart_by_name_and_drawn_per_clip() -> None:
    samples = voice(0.6)
    first, second = "a" * 64, "b" * 64
    assert np.array_equal(render(samples, WIDE, first), samples)
    assert np.array_equal(render(samples, TELEPHONE, first), render(samples, TELEPHONE, second))
    with pytest.raises(LearningError, match="no rendition 'loud'"):
        render(samples, "loud", first)
    pytest.importorskip("av")
    assert not np.array_equal(render(samples, varied(0), first), render(samples, varied(1), first))
    assert np.array_equal(render(samples, varied(0), first), render(samples, varied(0), first))
