from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subtone.contracts.vocabulary import PitchContour
from subtone.contracts.voice_intelligence import AcousticFeatures
from subtone.kernel.voice_intelligence.acoustics import Frames, measure_window
from support_acoustics import line_voice, noise, silence, syllables, whole


def make(n: int, first: int = 0, **columns: Any) -> Frames:
    """Frames of a steady voice: -20 dB, 110 Hz, tilt -10 dB, flux .1, all speech, unless given."""
    given_or = {
        "level_db": np.full(n, -20.0),
        "f0_hz": np.full(n, 110.0),
        "is_speech": np.ones(n),
        "tilt_db": np.full(n, -10.0),
        "flux": np.full(n, 0.1),
        "is_nucleus": np.zeros(n),
        "is_concealed": np.zeros(n),
    } | columns
    kind = {"is_speech": np.bool_, "is_nucleus": np.bool_, "is_concealed": np.bool_}
    arrays: dict[str, Any] = {
        name: np.asarray(v, kind.get(name, np.float32)) for name, v in given_or.items()
    }
    return Frames(first=first, **arrays)


def spoken(pattern: str) -> np.ndarray:
    """One character per 100 ms: # speech, anything else silence."""
    return np.repeat(np.array([c == "#" for c in pattern]), 10)


def measure(frames: Frames, **options: Any) -> AcousticFeatures:
    return measure_window(frames, "t", frames.t_start_ms, frames.t_end_ms, 8000, **options)


def test_a_steady_voice_pins_every_figure() -> None:
    nuclei = np.zeros(300)
    nuclei[20::25] = 1  # 12 in 3 s
    features = measure(make(300, 100, is_nucleus=nuclei))
    assert msgspec.to_builtins(features) == {
        "contract": "AcousticFeatures",
        "track_id": "t",
        "t_start_ms": 1000,
        "t_event_ms": 4000,
        "sample_rate_hz": 8000,
        "energy_mean": -20.0,
        "energy_variance": 0.0,
        "energy_p95": -20.0,
        "intensity_drift": 0.0,
        "pitch_mean_hz": pytest.approx(110.0),
        "pitch_mean_semitones": pytest.approx(24.0),
        "pitch_median_semitones": pytest.approx(24.0),
        "pitch_variance": pytest.approx(0.0, abs=1e-12),
        "pitch_contour": "flat",
        "pitch_slope": 0.0,
        "speaking_rate": 4.0,
        "articulation_rate": 4.0,
        "silence_ratio": 0.0,
        "pause_count": 0,
        "pause_mean_ms": 0,
        "speech_continuity": 1.0,
        "tilt_db": -10.0,
        "tilt_p80_db": -10.0,
        "spectral_flux": pytest.approx(0.1),
        "voiced_ms": 3000,
        "speech_ms": 3000,
        "snr_db": 0.0,
        "concealed_ratio": 0.0,
    }


def test_pauses_are_silence_inside_own_turns() -> None:
    speech = spoken("...####...####.####.............####...")
    features = measure(make(len(speech), is_speech=speech, f0_hz=110.0 * speech))
    # first turn: 12 of 16 tenths spoken, 300 ms is a pause, 100 ms is not; then a turn gap
    assert features.pause_count == 1
    assert features.pause_mean_ms == 300
    assert features.speech_ms == 1600
    assert features.silence_ratio == pytest.approx(4 / (16 + 4))
    assert features.speech_continuity == pytest.approx(1600 / 1900)


def test_a_silence_where_the_other_side_talks_is_no_pause() -> None:
    speech = spoken("####......####")
    other = spoken("......##......")
    frames = make(len(speech), is_speech=speech)
    assert measure(frames).pause_count == 1
    features = measure(frames, other_is_speech=other)
    assert (features.pause_count, features.silence_ratio) == (0, 0.0)
    with pytest.raises(ValueError, match="cut it with covering"):
        measure(frames, other_is_speech=other[1:])


def test_a_silence_with_loss_in_it_is_no_pause() -> None:
    speech = spoken("####......####")
    lost = spoken("......#.......")
    assert measure(make(len(speech), is_speech=speech, is_concealed=lost)).pause_count == 0


def test_rates_count_floor_time_and_phonation() -> None:
    speech = spoken("#" * 15 + "....." + "#" * 10)
    nuclei = np.zeros(300)
    nuclei[10:150:20] = 1
    features = measure(make(300, is_speech=speech, is_nucleus=nuclei))
    assert features.speaking_rate == pytest.approx(7 / 3.0)
    assert features.articulation_rate == pytest.approx(7 / 2.5)


def test_rates_leave_short_turns_out_where_a_long_one_exists() -> None:
    speech = spoken("#####" + "." * 15 + "#" * 20)
    nuclei = np.zeros(400)
    nuclei[0:50:5] = 1  # a burst of 10 in the short turn
    nuclei[210:400:25] = 1  # 8 in the long turn
    frames = make(400, is_speech=speech, is_nucleus=nuclei)
    assert measure(frames).speaking_rate == pytest.approx(4.0)
    assert measure(frames, min_turn_ms=0).speaking_rate == pytest.approx(18 / 2.5)


def test_intensity_drift_is_decibel_per_second() -> None:
    level = -40.0 + 3.0 * np.arange(400) / 100.0
    assert measure(make(400, level_db=level)).intensity_drift == pytest.approx(3.0, rel=1e-4)


@pytest.mark.parametrize(
    ("semitones", "contour"),
    [(6.0, PitchContour.RISING), (-6.0, PitchContour.FALLING), (1.0, PitchContour.FLAT)],
)
def test_contour_is_the_change_over_the_window(semitones: float, contour: PitchContour) -> None:
    f0 = 150.0 * 2.0 ** (np.linspace(0.0, semitones, 300) / 12.0)
    features = measure(make(300, f0_hz=f0))
    assert features.pitch_contour is contour
    assert features.pitch_variance == pytest.approx(semitones**2 / 12.0, rel=0.02)


def test_octave_errors_do_not_reach_the_statistics() -> None:
    f0 = np.full(300, 120.0)
    f0[::10] = 60.0
    f0[5::30] = 240.0
    features = measure(make(300, f0_hz=f0))
    assert features.pitch_mean_hz == pytest.approx(120.0, rel=1e-6)
    assert features.pitch_variance == pytest.approx(0.0, abs=1e-9)
    halves = measure(make(2, f0_hz=[60.0, 240.0]))
    assert halves.pitch_mean_hz == pytest.approx(120.0, rel=1e-6)


def test_no_speech_has_zeros_and_none() -> None:
    frames = make(100, is_speech=np.zeros(100), f0_hz=np.zeros(100), level_db=np.full(100, -70.0))
    features = measure(frames)
    nothing = (features.pitch_mean_hz, features.pitch_mean_semitones, features.pitch_variance)
    assert nothing == (None, None, None)
    assert (features.pitch_contour, features.tilt_db) == (None, None)
    assert features.energy_mean == features.snr_db == features.speech_continuity == 0.0
    assert features.speaking_rate == features.silence_ratio == 0.0
    assert features.speech_ms == features.voiced_ms == 0


def test_lost_rows_count_as_lost_and_as_nothing_else() -> None:
    lost = np.zeros(100)
    lost[:25] = 1
    features = measure(make(100, is_concealed=lost))
    assert features.concealed_ratio == 0.25
    assert features.speech_ms == features.voiced_ms == 750
    wider = measure_window(make(100), "t", 0, 4000, 8000)
    assert wider.concealed_ratio == 0.75
    assert measure_window(make(100), "t", 50_000, 51_000, 8000).concealed_ratio == 1.0
    assert measure_window(make(100), "t", 3, 7, 8000).concealed_ratio == 1.0


def test_noise_floor_comes_from_silence_and_not_below_the_idle_code() -> None:
    speech = spoken("##########..........")
    level = np.where(speech, -20.0, -45.0)
    assert measure(make(200, is_speech=speech, level_db=level)).snr_db == pytest.approx(25.0)
    digital = np.where(speech, -20.0, -100.0)
    assert measure(make(200, is_speech=speech, level_db=digital)).snr_db == pytest.approx(55.0)


def test_an_empty_window_is_the_callers_fault() -> None:
    with pytest.raises(ValueError, match="is empty"):
        measure_window(make(10), "t", 50, 50, 8000)


@st.composite
def any_frames(draw: st.DrawFn) -> Frames:
    n = draw(st.integers(0, 400))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    run = draw(st.integers(1, 60))

    def runs(share: float) -> np.ndarray:
        return np.repeat(rng.random(n // run + 1) < share, run)[:n]

    return make(
        n,
        draw(st.integers(0, 1000)),
        level_db=rng.uniform(-100.0, 6.0, n),
        f0_hz=np.where(runs(draw(st.floats(0, 1))), rng.uniform(58.0, 540.0, n), 0.0),
        is_speech=runs(draw(st.floats(0, 1))),
        tilt_db=rng.uniform(-60.0, 60.0, n),
        is_nucleus=runs(draw(st.floats(0, 1))),
        is_concealed=runs(draw(st.floats(0, 0.5))),
    )


@settings(max_examples=150, deadline=None)
@given(any_frames(), st.integers(0, 12_000), st.integers(1, 9_000), st.booleans())
def test_any_window_is_finite_and_in_range(
    frames: Frames, start: int, length: int, has_other: bool
) -> None:
    """AcousticFeatures refuses NaN and values out of range when it is built."""
    rows = frames.covering(start, start + length).n
    features = measure_window(
        frames,
        "t",
        start,
        start + length,
        16000,
        np.arange(rows) % 3 == 0 if has_other else None,
    )
    numbers = [v for v in msgspec.structs.asdict(features).values() if isinstance(v, float)]
    assert all(math.isfinite(v) for v in numbers)
    assert features.voiced_ms <= features.speech_ms <= rows * 10
    assert features.articulation_rate >= features.speaking_rate
    assert (features.pause_mean_ms >= 250) == (features.pause_count > 0)
    assert (features.pitch_mean_hz is None) == (features.voiced_ms == 0)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_from_samples_to_features(rate: int) -> None:
    """Two phrases of 4 syllables a second at 140 Hz, a pause of half a second between them."""
    phrase = syllables(rate, 2.0, 4.0)
    samples = np.concatenate([silence(rate, 0.5), phrase, silence(rate, 0.5), phrase])
    samples = np.concatenate([samples, silence(rate, 0.5)])
    frames = whole(samples + noise(rate, len(samples) / rate, -65.0), rate)
    features = measure_window(frames, "caller", 0, 5500, rate)
    assert features.pitch_mean_hz == pytest.approx(140.0, rel=0.005)
    assert features.pause_count == 1
    assert 300 <= features.pause_mean_ms <= 550
    assert features.articulation_rate == pytest.approx(4.0, abs=0.4)
    assert features.speaking_rate < features.articulation_rate
    assert features.snr_db > 30.0
    assert features.pitch_contour is PitchContour.FLAT


def test_brighter_is_higher() -> None:
    dull = line_voice(8000, 2.0, 130.0)
    bright = np.append(0.0, np.diff(dull)).astype(np.float32)
    tilt = [measure_window(whole(x, 8000), "t", 0, 2000, 8000).tilt_db for x in (dull, bright)]
    assert tilt[0] is not None
    assert tilt[1] is not None
    assert tilt[1] > tilt[0] + 6.0


def test_octave_errors_move_no_median_pitch() -> None:
    halved = np.where(np.arange(100) < 30, 55.0, 110.0)
    features = measure(make(100, f0_hz=halved))
    assert features.pitch_median_semitones == pytest.approx(24.0)


def test_the_peak_level_is_that_of_the_loudest_twentieth_of_speech() -> None:
    level = np.full(200, -30.0)
    level[:20] = -12.0  # a tenth of the window, a fifth of the speech
    speech = np.arange(200) < 100
    assert measure(make(200, level_db=level, is_speech=speech)).energy_p95 == -12.0
    level[4:] = -30.0
    assert measure(make(200, level_db=level, is_speech=speech)).energy_p95 == -30.0


def test_bright_tilt_is_what_one_voiced_frame_in_five_passes() -> None:
    tilt = np.arange(101) / 10.0
    assert measure(make(101, tilt_db=tilt)).tilt_p80_db == pytest.approx(8.0)


def test_flux_is_measured_inside_voiced_stretches_only() -> None:
    voiced = np.repeat([0.0, 110.0, 0.0, 110.0], 25)
    flux = np.where(voiced > 0.0, 0.2, 1.2)
    flux[[25, 75]] = 1.0  # from the unvoiced frame before
    features = measure(make(100, f0_hz=voiced, flux=flux))
    assert features.spectral_flux == pytest.approx(0.2)
    alone = np.where(np.arange(100) % 2, 0.0, 110.0)
    assert measure(make(100, f0_hz=alone)).spectral_flux is None


def test_pitch_movement_is_its_mean_step_without_jumps_and_gaps() -> None:
    rising = 110.0 * 2.0 ** (np.arange(100) * 0.25 / 12.0 / 2.0)  # an eighth tone per frame
    assert measure(make(100, f0_hz=rising)).pitch_slope == pytest.approx(12.5, rel=1e-3)
    there_and_back = np.where(np.arange(100) % 2, 110.0, 110.0 * 2.0 ** (0.5 / 12.0))
    assert measure(make(100, f0_hz=there_and_back)).pitch_slope == pytest.approx(50.0, rel=1e-3)
    halves = np.repeat([110.0, 165.0], 50)  # one jump of seven semitones
    assert measure(make(100, f0_hz=halves)).pitch_slope == pytest.approx(0.0, abs=1e-3)
    alone = np.where(np.arange(100) % 3, 0.0, 110.0)
    assert measure(make(100, f0_hz=alone)).pitch_slope is None
