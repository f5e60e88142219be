"""The alert bench counts calls, alerts and delays as it says, and spoils lines repeatably."""

from __future__ import annotations

import numpy as np
import pytest

from bench.alerts import LINES, Verdict, add_up, noisy, tandem_adpcm
from bench.telephone import LINE_RATE_HZ

TONE = (0.1 * np.sin(np.arange(LINE_RATE_HZ) * 0.7)).astype(np.float32)
HOUR_MS = 3_600_000


def rms_db(samples: np.ndarray) -> float:
    return float(10.0 * np.log10(np.mean(samples.astype(np.float64) ** 2)))


def test_calls_add_up_to_precision_recall_rates_and_medians() -> None:
    figures = add_up(
        "clean",
        "default-1",
        [
            Verdict("masked", 10_000, None, 0, HOUR_MS),
            Verdict("open", 20_000, 15_000, 1, HOUR_MS),
            Verdict("mild", None, None, 0, HOUR_MS),
            Verdict("calm", None, None, 2, HOUR_MS),
            Verdict("joyful", None, None, 0, HOUR_MS),
        ],
    )
    assert figures.precision == 0.5  # two found, two calls with a false alert
    assert figures.recall == pytest.approx(2 / 3)
    assert figures.false_alerts_per_hour == pytest.approx(3 / 5)
    assert (figures.median_detection_s, figures.median_lead_s) == (15.0, 15.0)
    assert figures.found["calm"] == "1/1"
    assert figures.found["joyful"] == "0/1"


def test_without_a_deserving_call_there_are_no_figures() -> None:
    with pytest.raises(ValueError, match="no call deserves"):
        add_up("clean", "default-1", [Verdict("calm", None, None, 0, HOUR_MS)])


@pytest.mark.parametrize(
    ("change", "low_db", "high_db"),
    [(noisy, -15.5, -14.5), (tandem_adpcm, -50.0, -12.0)],
)
def test_a_line_adds_its_error_and_always_the_same(
    change: object, low_db: float, high_db: float
) -> None:
    assert callable(change)
    spoilt = change(TONE, np.random.default_rng(1))
    assert len(spoilt) == len(TONE)
    assert low_db < rms_db(spoilt - TONE) - rms_db(TONE) < high_db
    assert np.array_equal(spoilt, change(TONE, np.random.default_rng(1)))


def test_every_line_has_a_name_of_its_own() -> None:
    assert len({line.name for line in LINES}) == len(LINES)
