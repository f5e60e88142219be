from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subtone.kernel.voice_intelligence.acoustics import (
    LATENCY_MS,
    Frames,
    concat,
    feed_samples,
    flush,
    open_track,
    reopen_track,
)
from subtone.kernel.voice_intelligence.acoustics.frames import COLUMNS
from support_acoustics import F32, line_voice, noise, silence, whole

RATES = [8000, 16000]


def speech(rate: int) -> F32:
    """2.4 s: background, a gliding voice, a pause, another voice, background."""
    glide = 120.0 * 2.0 ** (np.arange(rate * 8 // 10) / rate * 0.4)
    clean = [
        silence(rate, 0.3),
        line_voice(rate, 0.8, glide, -18.0),
        silence(rate, 0.4),
        line_voice(rate, 0.6, 210.0, -24.0),
        silence(rate, 0.3),
    ]
    samples = np.concatenate(clean)
    return samples + noise(rate, len(samples) / rate, -60.0)


def assert_same(a: Frames, b: Frames) -> None:
    assert (a.first, a.n) == (b.first, b.n)
    for name in COLUMNS:
        left, right = getattr(a, name), getattr(b, name)
        assert left.dtype == right.dtype
        assert left.tobytes() == right.tobytes(), name


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("is_pitch_tracked", [True, False])
def test_chunks_change_nothing(rate: int, is_pitch_tracked: bool) -> None:
    samples = speech(rate)
    expected = whole(samples, rate, 370, is_pitch_tracked=is_pitch_tracked)

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.integers(0, len(samples)), max_size=60))
    def any_cuts(cuts: list[int]) -> None:
        state = open_track(rate, 370, is_pitch_tracked=is_pitch_tracked)
        parts = []
        for piece in np.split(samples, sorted(cuts)):
            state, frames = feed_samples(state, piece)
            parts.append(frames)
        parts.append(flush(state)[1])
        assert_same(concat(*(p for p in parts if p is not None)), expected)

    any_cuts()


def test_packets_of_one_sample_change_nothing() -> None:
    samples = speech(8000)[:9000]
    state, parts = open_track(8000, 0), []
    for sample in samples:
        state, frames = feed_samples(state, sample[None])
        parts.append(frames)
    parts.append(flush(state)[1])
    assert_same(concat(*(p for p in parts if p is not None)), whole(samples, 8000))


@pytest.mark.parametrize("rate", RATES)
def test_every_whole_hop_becomes_one_row(rate: int) -> None:
    for n in (0, 1, rate // 100 - 1, rate // 100, rate // 2, rate, rate * 2 + 7):
        state, body = feed_samples(open_track(rate, 1230), np.zeros(n, np.float32))
        _, tail = flush(state)
        parts = [p for p in (body, tail) if p is not None]
        assert sum(p.n for p in parts) == n * 100 // rate
        if parts:
            assert parts[0].first == 123
            assert parts[-1].t_end_ms == 1230 + n * 100 // rate * 10


@pytest.mark.parametrize("rate", RATES)
def test_frames_follow_within_the_latency_and_state_stays_small(rate: int) -> None:
    assert LATENCY_MS < 1500
    state, given_ms = open_track(rate, 0), 0
    packet = noise(rate, 0.02, -30.0)
    for i in range(1, 400):
        state, frames = feed_samples(state, packet)
        given_ms = frames.t_end_ms if frames else given_ms
        assert 20 * i - given_ms <= LATENCY_MS
        assert state.nbytes < 64 * 1024


def test_state_is_never_changed_in_place() -> None:
    samples = speech(8000)
    middle, _ = feed_samples(open_track(8000, 0), samples[:9999])
    first = feed_samples(middle, samples[9999:])[1]
    again = feed_samples(middle, samples[9999:])[1]
    assert first is not None
    assert again is not None
    assert_same(first, again)


@pytest.mark.parametrize("rate", RATES)
def test_digital_silence_is_silent(rate: int) -> None:
    frames = whole(silence(rate, 3.0), rate)
    assert frames.n == 300
    assert (frames.level_db == -100.0).all()
    for column in (frames.f0_hz, frames.tilt_db, frames.is_speech, frames.is_nucleus):
        assert not column.any()


def test_a_constant_offset_is_not_sound() -> None:
    offset = whole(np.full(16000, 0.25, np.float32), 8000)
    assert (offset.level_db[5:-5] == -100.0).all()
    assert not offset.f0_hz.any()
    clean, shifted = speech(8000), speech(8000) + np.float32(0.1)
    np.testing.assert_allclose(
        whole(shifted, 8000).level_db[5:-5], whole(clean, 8000).level_db[5:-5], atol=0.2
    )


def test_clipping_keeps_the_pitch() -> None:
    samples = np.clip(line_voice(8000, 2.0, 150.0, -8.0) * 2.5, -1.0, 1.0).astype(np.float32)
    inner = whole(samples, 8000).f0_hz[10:190]
    assert np.abs(inner / 150.0 - 1.0).max() < 0.01


def test_level_is_decibel_of_full_scale() -> None:
    tone = np.sin(2.0 * np.pi * 500.0 * np.arange(8000) / 8000.0).astype(np.float32)
    level = whole(tone, 8000).level_db[10:90]
    np.testing.assert_allclose(level, -3.0103, atol=0.02)


@pytest.mark.parametrize("rate", RATES)
def test_tilt_is_high_band_over_low_band(rate: int) -> None:
    t = np.arange(rate) / rate
    tones = 0.2 * np.sin(2 * np.pi * 400.0 * t) + 0.02 * np.sin(2 * np.pi * 2000.0 * t)
    tilt = whole(tones.astype(np.float32), rate).tilt_db[10:90]
    np.testing.assert_allclose(tilt, -20.0, atol=0.3)


@pytest.mark.parametrize("rate", RATES)
def test_flux_is_the_change_of_the_spectrum_whatever_the_gain(rate: int) -> None:
    t = np.arange(rate) / rate
    low, high = (np.sin(2 * np.pi * hz * t).astype(np.float32) for hz in (500.0, 2500.0))
    steady = whole(0.2 * low, rate).flux[10:90]
    np.testing.assert_allclose(steady, 0.0, atol=0.01)
    changing = np.where(t < 0.5, 0.2 * low, 0.2 * high).astype(np.float32)
    loud, quiet = (whole(np.float32(gain) * changing, rate).flux for gain in (1.0, 0.1))
    assert abs(int(loud[10:90].argmax()) + 10 - 50) <= 1
    assert 0.5 < loud[10:90].max() < 0.6  # windows of 32 ms share most of a step of 10 ms
    np.testing.assert_allclose(loud[10:90], quiet[10:90], atol=0.02)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 32767.0])
def test_values_that_are_no_samples_are_refused(bad: float) -> None:
    samples = silence(8000, 0.02)
    samples[7] = bad
    with pytest.raises(ValueError, match="divide 16-bit samples by 32768"):
        feed_samples(open_track(8000, 0), samples)


def test_two_channels_and_odd_rates_are_refused() -> None:
    with pytest.raises(ValueError, match="one channel"):
        feed_samples(open_track(8000, 0), np.zeros((160, 2), np.float32))
    with pytest.raises(ValueError, match="resample to 8000 or 16000"):
        open_track(44100, 0)


def test_concealed_audio_is_marked_and_carries_no_voice() -> None:
    samples = speech(8000)
    state, parts = open_track(8000, 0), []
    for start, end, lost in ((0, 4000, False), (4000, 5600, True), (5600, len(samples), False)):
        state, frames = feed_samples(state, samples[start:end], is_concealed=lost)
        parts.append(frames)
    parts.append(flush(state)[1])
    frames = concat(*(p for p in parts if p is not None))
    assert np.flatnonzero(frames.is_concealed).tolist() == list(range(50, 70))
    assert not frames.f0_hz[50:70].any()
    assert not frames.is_nucleus[50:70].any()
    assert (frames.f0_hz[72:105] > 0.0).all()


def test_a_gap_becomes_lost_rows_and_the_floor_is_remembered() -> None:
    samples = noise(8000, 5.0, -45.0)
    state, body = feed_samples(open_track(8000, 0), samples)
    state, tail = flush(state)
    floor = state.noise_floor_db
    assert -51.0 < floor < -44.0
    assert body is not None
    assert tail is not None
    assert tail.t_end_ms == 5000
    resumed = reopen_track(state, 7000)
    assert resumed.noise_floor_db == floor
    resumed, more = feed_samples(resumed, samples[:8000])
    _, rest = flush(resumed)
    assert rest is not None
    every = concat(*(p for p in (body, tail, more, rest) if p is not None))
    assert every.n == 800
    assert np.flatnonzero(every.is_concealed).tolist() == list(range(500, 700))
    with pytest.raises(ValueError, match="cannot go back"):
        reopen_track(state, 4000)
    with pytest.raises(ValueError, match="overlap by 4500 ms"):
        concat(body, whole(samples, 8000))


def test_covering_fills_what_is_unknown_with_loss() -> None:
    frames = whole(speech(8000), 8000, 1000)
    window = frames.covering(500, 1505)
    assert (window.t_start_ms, window.n) == (500, 101)
    assert window.is_concealed[:50].all()
    assert not window.is_concealed[50:].any()
    assert window.level_db[50:].tolist() == frames.level_db[:51].tolist()
    assert frames.covering(90_000, 90_100).is_concealed.all()


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 20_000),
    st.floats(0.0, 16.0),
    st.floats(-4.0, 4.0),
    st.sampled_from(RATES),
)
def test_any_audio_gives_finite_frames(
    seed: int, n: int, loudness: float, offset: float, rate: int
) -> None:
    rng = np.random.default_rng(seed)
    bursts = np.repeat(rng.random(n // 400 + 1) < 0.5, 400)[:n]
    samples = np.clip(rng.standard_normal(n) * loudness * bursts + offset, -16.0, 16.0)
    state, body = feed_samples(open_track(rate, 0), samples.astype(np.float32))
    for frames in (body, flush(state)[1]):
        if frames is None:
            continue
        for column in (frames.level_db, frames.f0_hz, frames.tilt_db):
            assert np.isfinite(column).all()
        assert (frames.level_db >= -100.0).all()
        voiced = frames.f0_hz[frames.f0_hz > 0.0]
        assert ((voiced > 59.0) & (voiced < 520.0)).all()
        assert (frames.is_speech | (frames.f0_hz == 0.0)).all()
