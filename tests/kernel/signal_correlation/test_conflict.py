"""The four conflict rows at their boundaries, and the confirmation of masking."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.contracts.calibration import ConflictCalibration
from subtone.contracts.signal_correlation import Conflict, ConflictReport
from subtone.contracts.vocabulary import ConflictType, Severity
from subtone.kernel.signal_correlation.conflict import (
    ConflictMemory,
    conflict_rows,
    detect_conflict,
    step_conflict,
)

CALIBRATION = ConflictCalibration()
POSITIVE = ConflictType.TEXT_POSITIVE_VOICE_NEGATIVE
CALM = ConflictType.TEXT_CALM_VOICE_AGITATED
NEUTRAL = ConflictType.TEXT_NEUTRAL_VOICE_STRESSED
FRUSTRATED = ConflictType.VOICE_CALM_TEXT_FRUSTRATED
UNIT = st.floats(0, 1)


def detect(
    text: float, voice: float, positivity: float = 0.0, is_suppressed: bool = False
) -> Conflict | None:
    return detect_conflict(5_000, text, voice, positivity, is_suppressed, CALIBRATION)


@pytest.mark.parametrize(
    ("text", "voice", "positivity", "expected"),
    [
        (0.05, 0.50, 0.50, POSITIVE),
        (0.60, 0.95, 0.50, POSITIVE),  # glad words may carry frustration too
        (0.05, 0.50, 0.49, CALM),
        (0.05, 0.49, 0.50, CALM),  # not negative enough for the first row
        (0.05, 0.40, 0.00, CALM),
        (0.05, 0.39, 0.00, None),
        (0.19, 0.50, 0.00, CALM),
        (0.19, 0.48, 0.00, None),  # gap .29
        (0.20, 0.55, 0.00, NEUTRAL),
        (0.39, 0.70, 0.00, NEUTRAL),
        (0.40, 0.90, 0.00, None),  # both are negative
        (0.50, 0.20, 0.00, FRUSTRATED),
        (0.49, 0.10, 0.00, None),
        (0.70, 0.39, 0.00, FRUSTRATED),
        (0.90, 0.40, 0.00, None),
        (0.60, 0.35, 0.00, None),  # gap .25
        (0.10, 0.10, 1.00, None),
    ],
)
def test_rows(text: float, voice: float, positivity: float, expected: ConflictType | None) -> None:
    found = detect(text, voice, positivity)
    assert (found and found.type) == expected
    if found is not None:
        assert found.is_masking == (expected != FRUSTRATED)
        assert found.severity == (
            Severity.HIGH if expected in (POSITIVE, CALM) else Severity.MEDIUM
        )
        assert found.gap == voice - text
        assert (found.text_negativity, found.voice_negativity) == (text, voice)
        assert found.t_event_ms == 5_000


@pytest.mark.parametrize(("voice", "is_found"), [(0.43, False), (0.45, True), (0.48, True)])
def test_suppression_lowers_the_gap(voice: float, is_found: bool) -> None:
    text = 0.19
    assert detect(text, voice) is None
    assert (detect(text, voice, is_suppressed=True) is not None) == is_found


def test_rows_are_listed_in_order_of_precedence() -> None:
    assert [row.type for row in conflict_rows(CALIBRATION)] == [POSITIVE, CALM, NEUTRAL, FRUSTRATED]
    assert [row.type for row in conflict_rows(CALIBRATION) if not row.is_masking] == [FRUSTRATED]


@given(text=UNIT, voice=UNIT, positivity=UNIT, is_suppressed=st.booleans())
def test_masking_is_always_the_voice_worse_than_the_words(
    text: float, voice: float, positivity: float, is_suppressed: bool
) -> None:
    found = detect(text, voice, positivity, is_suppressed)
    if found is None:
        return
    assert abs(found.gap) >= (0.25 if is_suppressed else 0.30)
    assert found.is_masking == (found.gap > 0)
    assert detect(text, voice, positivity, is_suppressed=True) == found


MASKING = Conflict(
    type=CALM,
    severity=Severity.HIGH,
    is_masking=True,
    gap=0.5,
    text_negativity=0.1,
    voice_negativity=0.6,
    t_event_ms=0,
)
OPEN = Conflict(
    type=FRUSTRATED,
    severity=Severity.MEDIUM,
    is_masking=False,
    gap=-0.5,
    text_negativity=0.6,
    voice_negativity=0.1,
    t_event_ms=0,
)


def run(pattern: str) -> list[ConflictReport]:
    """One report per tick; M masking, o the other conflict, . none."""
    memory, reports = ConflictMemory(), []
    for tick, mark in enumerate(pattern):
        conflict = {"M": MASKING, "o": OPEN, ".": None}[mark]
        memory, report = step_conflict(memory, tick * 5_000, conflict, CALIBRATION)
        assert report.conflict == conflict
        reports.append(report)
    return reports


@pytest.mark.parametrize(
    ("pattern", "confirmed"),
    [
        ("M.M.M", "....."),
        ("MM", ".C"),
        ("MMM...", ".CCCC."),
        ("MM..M...", ".CCCCCC."),
        ("MM..MM", ".CCCCC"),
        ("MMooo", ".CCC."),
        ("ooo", "..."),
        ("MM...M", ".CCC.."),
        ("MM...MM", ".CCC..C"),
    ],
)
def test_two_ticks_confirm_and_three_clear(pattern: str, confirmed: str) -> None:
    seen = "".join("C" if report.is_masking_confirmed else "." for report in run(pattern))
    assert seen == confirmed


def test_since_is_the_first_moment_of_the_run() -> None:
    reports = run(".MM..MM...M.MM")
    ms = [None if r.since_ms is None else r.since_ms // 5_000 for r in reports]
    assert ms == [None, None, 1, 1, 1, 1, 1, 1, 1, None, None, None, None, 12]


def test_ticks_are_counted() -> None:
    reports = run("MM.o")
    assert [(r.on_ticks, r.off_ticks) for r in reports] == [(1, 0), (2, 0), (0, 1), (0, 2)]


@given(pattern=st.text(alphabet="Mo.", max_size=40))
def test_confirmation_needs_two_in_a_row_within_reach(pattern: str) -> None:
    for tick, report in enumerate(run(pattern)):
        past = pattern[: tick + 1].replace("o", ".")
        latest = past.rfind("MM")
        # confirmed by a pair since which no three ticks in a row were off
        assert report.is_masking_confirmed == (latest >= 0 and "..." not in past[latest:])
        assert (report.since_ms is not None) == report.is_masking_confirmed
