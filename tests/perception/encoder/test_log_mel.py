from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.perception.encoder.log_mel import log_mel, mel_filters


def test_filters_are_whispers() -> None:
    """The first bands of openai/whisper's mel_filters.npz, mel_80."""
    filters = mel_filters(80)
    assert filters.shape == (80, 201)
    assert filters[0, 1] == pytest.approx(0.02486259, abs=1e-8)
    assert filters[1, 1] == pytest.approx(0.00199082, abs=1e-8)
    assert filters[1, 2] == pytest.approx(0.02287177, abs=1e-8)
    assert np.flatnonzero(filters[79]).tolist() == list(range(186, 200))


@pytest.mark.parametrize("n_mels", [80, 128])
def test_every_filter_is_a_triangle_of_equal_area(n_mels: int) -> None:
    filters = mel_filters(n_mels)
    assert filters.shape == (n_mels, 201)
    assert (filters.max(axis=1) > 0).all()
    # 40 Hz bins are coarser than the lowest bands, so only the wide ones show their area
    assert filters[n_mels * 3 // 4 :].sum(axis=1) * 40.0 == pytest.approx(1.0, abs=0.04)


def direct_log_mel(samples: np.ndarray, n_mels: int) -> np.ndarray:
    """The definition in float64, frame by frame with an explicit Fourier sum."""
    padded = np.pad(samples.astype(np.float64), 200, mode="reflect")
    n = np.arange(400)
    hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * n / 400)
    basis = np.exp(-2j * np.pi * np.outer(np.arange(201), n) / 400)
    frames = [padded[at : at + 400] * hann for at in range(0, len(samples), 160)]
    power = np.abs(basis @ np.array(frames[: len(samples) // 160]).T) ** 2
    log = np.log10(np.maximum(mel_filters(n_mels).astype(np.float64) @ power, 1e-10))
    scaled: np.ndarray = (np.maximum(log, log.max() - 8.0) + 4.0) / 4.0
    return scaled


@pytest.mark.parametrize("n_mels", [80, 128])
def test_log_mel_equals_its_definition(n_mels: int) -> None:
    rng = np.random.default_rng(5)
    t_s = np.arange(16_000) / 16_000
    samples = (0.3 * np.sin(2 * np.pi * 220 * t_s) + 0.01 * rng.standard_normal(16_000)).astype(
        np.float32
    )
    got = log_mel(samples, n_mels)
    assert got.shape == (n_mels, 100)
    assert got.dtype == np.float32
    assert np.abs(got - direct_log_mel(samples, n_mels)).max() < 1e-5


def test_silence_has_one_value() -> None:
    assert log_mel(np.zeros(1_600, np.float32), 80) == pytest.approx(-1.5)


@given(st.integers(2, 40), st.floats(0.01, 10.0))
def test_a_gain_only_shifts(n_hops: int, gain: float) -> None:
    samples = np.random.default_rng(n_hops).standard_normal(n_hops * 160).astype(np.float32)
    moved = log_mel((gain * samples).astype(np.float32), 80) - log_mel(samples, 80)
    assert moved == pytest.approx(np.log10(gain**2) / 4.0, abs=1e-3)
