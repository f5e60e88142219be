"""Kaldi's filter bank: framing, scale and bands against the definition written out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from subtone.perception.heads.fbank import WindowShape, log_mel_bank


def plain(samples: np.ndarray, frame: int, band: int, bands: int, window: WindowShape) -> float:
    """One value by the definition: a direct Fourier sum and triangles on the mel scale."""
    x = samples[frame * 160 : frame * 160 + 400].astype(float) * 32768
    x = x - x.mean()
    x = np.array([x[i] - 0.97 * x[max(i - 1, 0)] for i in range(400)])
    turn = 2 * math.pi * np.arange(400) / 399
    hamming, hann = 0.54 - 0.46 * np.cos(turn), 0.5 - 0.5 * np.cos(turn)
    x = x * (hamming if window == "hamming" else hann**0.85)

    def mel(hz: float) -> float:
        return 1127 * math.log(1 + hz / 700)

    step = (mel(8000) - mel(20)) / (bands + 1)
    left = mel(20) + band * step
    energy = 0.0
    for k in range(256):
        at = (mel(k * 16000 / 512) - left) / step
        weight = max(0.0, min(at, 2 - at))
        if weight > 0:
            energy += weight * abs(x @ np.exp(-2j * math.pi * k * np.arange(400) / 512)) ** 2
    return math.log(max(energy, float(np.finfo(np.float32).eps)))


@pytest.mark.parametrize("window", ["hamming", "povey"])
def test_values_follow_the_definition(window: WindowShape) -> None:
    samples = np.random.default_rng(0).uniform(-0.3, 0.3, 1_600).astype(np.float32)
    bank = log_mel_bank(samples, 80, window)
    for frame, band in [(0, 0), (3, 17), (7, 79), (5, 40)]:
        assert bank[frame, band] == pytest.approx(plain(samples, frame, band, 80, window), abs=1e-3)


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (399, 0), (400, 1), (559, 1), (560, 2)])
def test_frames_are_whole_and_not_padded(samples: int, frames: int) -> None:
    assert log_mel_bank(np.zeros(samples, np.float32)).shape == (frames, 80)


def test_silence_is_the_floor_and_not_minus_infinity() -> None:
    bank = log_mel_bank(np.zeros(800, np.float32))
    assert bank == pytest.approx(math.log(np.finfo(np.float32).eps))


def test_a_tone_is_loudest_in_its_own_band() -> None:
    samples = 0.5 * np.sin(2 * np.pi * 1_000 * np.arange(16_000) / 16_000)
    loudest = int(log_mel_bank(samples.astype(np.float32)).mean(axis=0).argmax())
    step = (1127 * math.log(1 + 8000 / 700) - 1127 * math.log(1 + 20 / 700)) / 81
    centre = 1127 * math.log(1 + 1000 / 700) - 1127 * math.log(1 + 20 / 700)
    assert loudest == round(centre / step) - 1
