"""Lagged correlation against numpy's batch formula, with known lags, holes and constants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subtone.contracts.calibration import AlignmentCalibration
from subtone.contracts.signal_correlation import EmotionCorrelation
from subtone.kernel.signal_correlation.correlation import (
    MAX_MOMENTS,
    CorrelationMemory,
    step_correlation,
)

CALIBRATION = AlignmentCalibration()
HOP_MS = 5_000
Series = list[float | None]


def run(text: Series, voice: Series) -> tuple[CorrelationMemory, EmotionCorrelation]:
    memory = CorrelationMemory()
    for tick, (words, sound) in enumerate(zip(text, voice, strict=True)):
        memory, found = step_correlation(memory, tick * HOP_MS, words, sound, CALIBRATION)
    return memory, found


def noise(n: int, seed: int = 3) -> Series:
    return list(np.random.default_rng(seed).uniform(0, 1, n))


def corrcoef(xs: Series, ys: Series) -> float:
    return float(np.corrcoef(np.array(xs, float), np.array(ys, float))[0, 1])


@pytest.mark.parametrize("lag_ticks", [-2, -1, 0, 1, 2])
def test_known_lag_is_found(lag_ticks: int) -> None:
    source = noise(64)
    voice = source[2:62]
    text = source[2 - lag_ticks : 62 - lag_ticks]  # positive: the text comes later
    _, found = run(text, voice)
    assert found.is_significant
    assert found.lag_ms == lag_ticks * HOP_MS
    assert found.r == pytest.approx(1.0)
    assert found.pair_count == 60 - abs(lag_ticks)


def test_r_is_numpys_batch_formula() -> None:
    voice = noise(60)
    rng = np.random.default_rng(11)
    text: Series = [
        0.5 * (v or 0.0) + 0.5 * float(e)
        for v, e in zip([0.5, *voice[:-1]], rng.uniform(0, 1, 60), strict=True)
    ]
    _, found = run(text, voice)
    assert found.lag_ms == HOP_MS
    assert found.r == pytest.approx(corrcoef(voice[:-1], text[1:]), abs=1e-12)


def test_holes_keep_media_time() -> None:
    source = noise(82)
    voice, text = source[1:81], source[:80]  # the text follows by one tick
    text = [None if tick % 4 == 0 else v for tick, v in enumerate(text)]
    voice = [None if tick % 7 == 0 else v for tick, v in enumerate(voice)]
    _, found = run(text, voice)
    both = [t for t in range(79) if voice[t] is not None and text[t + 1] is not None]
    assert found.lag_ms == HOP_MS
    assert found.pair_count == len(both)
    assert found.r == pytest.approx(1.0)


@pytest.mark.parametrize(("pairs", "is_significant"), [(29, False), (30, True)])
def test_thirty_pairs_are_needed(pairs: int, is_significant: bool) -> None:
    series = noise(pairs)
    _, found = run(series, series)
    assert found.pair_count == pairs
    assert found.is_significant == is_significant
    assert (found.r is None) == (found.lag_ms is None) == (not is_significant)


def test_a_channel_that_is_never_there_gives_no_pairs() -> None:
    _, found = run([None] * 50, noise(50))
    assert (found.pair_count, found.is_significant) == (0, False)


@pytest.mark.parametrize("constant", [0.0, 0.1, 0.3])
def test_constant_series_is_not_significant(constant: float) -> None:
    _, found = run([constant] * 60, noise(60))
    assert not found.is_significant
    jitter: Series = [constant + 1e-15 * (v or 0.0) for v in noise(60)]
    _, found = run(jitter, noise(60))
    assert not found.is_significant


def test_unrelated_and_opposite_series_are_not_significant() -> None:
    voice = noise(60)
    assert not run(noise(60, seed=4), voice)[1].is_significant
    assert not run([1.0 - (v or 0.0) for v in voice], voice)[1].is_significant


def test_memory_is_bounded_and_skips_empty_moments() -> None:
    memory, _ = run(noise(200), noise(200))
    assert len(memory.moments) == MAX_MOMENTS == 120
    memory, _ = run([None] * 50, [None] * 50)
    assert memory == CorrelationMemory()


@given(
    st.lists(
        st.tuples(st.one_of(st.none(), st.floats(0, 1)), st.one_of(st.none(), st.floats(0, 1))),
        min_size=1,
        max_size=60,
    )
)
@settings(max_examples=40, deadline=None)
def test_any_series_reports_only_what_is_significant(
    moments: list[tuple[float | None, float | None]],
) -> None:
    _, found = run([text for text, _ in moments], [voice for _, voice in moments])
    assert found.is_significant == (found.r is not None) == (found.lag_ms is not None)
    if found.r is not None and found.lag_ms is not None:
        assert CALIBRATION.correlation_min_r < found.r <= 1.0
        assert abs(found.lag_ms) <= CALIBRATION.correlation_lag_ms
        assert found.pair_count >= CALIBRATION.correlation_min_pairs
