"""The line: static gain curve, pass band, codec round trips."""

from __future__ import annotations

import numpy as np
import pytest

from bench.telephone import LINE_RATE_HZ, Samples, band_limit, decode, encode, gain_control, to_line
from subtone.contracts.vocabulary import AudioEncoding

RATE_HZ = 16_000


def _tone(f_hz: float, rms_db: float, seconds: float = 1.0) -> Samples:
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    amplitude = float(np.sqrt(2.0) * 10 ** (rms_db / 20))
    return np.float32(amplitude) * np.sin(2 * np.pi * f_hz * t).astype(np.float32)


def _rms_db(samples: Samples) -> float:
    middle = samples[len(samples) // 2 : -len(samples) // 8].astype(np.float64)
    return float(10 * np.log10((middle**2).mean()))


@pytest.mark.parametrize(
    ("level_db", "expected_db"), [(-40, -40), (-24, -24), (-12, -18), (-6, -15)]
)
def test_gain_control_halves_what_is_above_minus_24(level_db: float, expected_db: float) -> None:
    assert _rms_db(gain_control(_tone(1000, level_db), RATE_HZ)) == pytest.approx(
        expected_db, abs=0.1
    )


@pytest.mark.parametrize(
    ("f_hz", "low_db", "high_db"),
    [
        (100, -200, -50),
        (200, -200, -50),
        (400, -0.1, 0.1),
        (1000, -0.1, 0.1),
        (3200, -0.1, 0.1),
        (3800, -200, -50),
    ],
)
def test_band_limit_keeps_the_telephone_band(f_hz: float, low_db: float, high_db: float) -> None:
    change_db = _rms_db(band_limit(_tone(f_hz, -20), RATE_HZ)) + 20.0
    assert low_db <= change_db <= high_db


def test_to_line_halves_the_rate() -> None:
    line = to_line(_tone(1000, -30), RATE_HZ)
    assert len(line) == LINE_RATE_HZ
    assert _rms_db(line) == pytest.approx(-30.0, abs=0.2)


@pytest.mark.parametrize(
    ("encoding", "size", "error_db"),
    [
        (AudioEncoding.PCM_S16LE, 2, -90),
        (AudioEncoding.MULAW, 1, -30),
        (AudioEncoding.ALAW, 1, -30),
    ],
)
def test_codecs_come_back_within_their_error(
    encoding: AudioEncoding, size: int, error_db: float
) -> None:
    samples = _tone(440, -20, 0.5)
    payload = encode(samples, encoding)
    assert len(payload) == size * len(samples)
    error = decode(payload, encoding) - samples
    assert _rms_db(error) - _rms_db(samples) * (size == 1) < error_db


def test_digital_silence_is_the_g711_byte() -> None:
    assert set(encode(np.zeros(8, np.float32), AudioEncoding.MULAW)) == {0xFF}
    assert set(encode(np.zeros(8, np.float32), AudioEncoding.ALAW)) == {0xD5}


def test_samples_out_of_range_are_clipped_not_wrapped() -> None:
    loud = decode(
        encode(np.array([2.0, -2.0], np.float32), AudioEncoding.PCM_S16LE), AudioEncoding.PCM_S16LE
    )
    assert loud[0] > 0.99
    assert loud[1] <= -0.99
