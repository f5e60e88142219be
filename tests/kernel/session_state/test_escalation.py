"""The score: its algebra, its pinned values, and what each contributor owns up to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.contracts.calibration import SessionCalibration
from subtone.contracts.session_state import EscalationScore
from subtone.contracts.signal_correlation import ConflictReport
from subtone.contracts.vocabulary import ConflictType, DriftState, Severity, Signal
from support_session_state import DESIGN, SESSION, conflict, escalation, report

units = st.floats(0.0, 1.0)
drifts = st.sampled_from(DriftState)
channels = st.none() | units
BY_BASE = (
    DriftState.ALIGNED_POSITIVE,
    DriftState.CROSS_DEESCALATING,
    DriftState.DIVERGING,
    DriftState.ALIGNED_NEGATIVE,
    DriftState.CROSS_ESCALATING,
)
reports = st.builds(
    lambda gap, severity, kind, is_confirmed: report(
        conflict(gap, severity=severity, kind=kind), is_confirmed
    ),
    units,
    st.sampled_from(Severity),
    st.sampled_from(ConflictType),
    st.booleans(),
) | st.just(report())


def details(score: EscalationScore, signal: Signal) -> dict[str, float]:
    contributor = next(c for c in score.contributors if c.signal is signal)
    return {d.name: d.value for d in contributor.details}


def masked(text: float, voice: float) -> EscalationScore:
    found = report(conflict(voice - text, text, voice), is_confirmed=True)
    return escalation(text, voice, DriftState.DIVERGING, found)


def test_without_a_conflict_the_sum_tops_out_at_060() -> None:
    assert escalation(1.0, 1.0, DriftState.CROSS_ESCALATING).raw == pytest.approx(0.60)


def test_open_distress_is_lifted_by_the_floor() -> None:
    score = escalation(0.9, 0.9, DriftState.ALIGNED_NEGATIVE)
    assert score.raw == pytest.approx(0.477)
    assert score.score == score.floor == pytest.approx(1.0)
    assert score.is_floor_applied


@pytest.mark.parametrize(
    ("text", "voice", "expected"),
    [
        (0.5, 0.5, 0.575),  # a risk
        (0.66, 0.66, 0.759),  # active
        (0.5, 0.9, 1.15 * 0.45**0.5),  # a raging voice says how sour words are meant
        (0.9, 0.5, 1.15 * 0.45**0.5),
        (0.0, 1.0, 0.0),  # and lifts nothing from nothing
        (1.0, 1.0, 1.0),
    ],
)
def test_floor_is_the_lifted_geometric_mean_of_both(
    text: float, voice: float, expected: float
) -> None:
    assert escalation(text, voice).floor == pytest.approx(expected)


@pytest.mark.parametrize("worse", [0.5, 0.8, 1.0])
def test_a_whole_share_of_the_milder_channel_is_the_minimum(worse: float) -> None:
    score = escalation(0.5, worse, calibration=DESIGN.session)
    assert score.floor == pytest.approx(0.55)


def test_full_masking_reaches_active() -> None:
    assert masked(0.0, 1.0).score == pytest.approx(0.805)
    assert masked(0.05, 0.90).score == pytest.approx(0.72325)


@pytest.mark.parametrize(("text", "voice", "discount"), [(0.9, None, 0.9), (None, 0.9, 0.8)])
def test_one_channel_is_renormalised_and_discounted_a_voice_without_words_more(
    text: float | None, voice: float | None, discount: float
) -> None:
    score = escalation(
        text, voice, DriftState.CROSS_ESCALATING, report(conflict(0.8), is_confirmed=True)
    )
    assert score.score == score.raw == pytest.approx(0.9 * discount)
    assert score.coverage == pytest.approx(0.3)
    assert score.floor == 0.0
    assert not score.is_floor_applied
    assert [c.weight for c in score.contributors] == pytest.approx([0.0, 0.0, discount])
    assert [c.share for c in score.contributors] == [0.0, 0.0, 1.0]
    assert escalation(0.15, None).score < SESSION.resolved


def test_nothing_to_judge_by_is_zero_with_zero_coverage() -> None:
    score = escalation(None, None, DriftState.CROSS_ESCALATING)
    assert (score.score, score.raw, score.floor, score.coverage) == (0.0, 0.0, 0.0, 0.0)
    assert [c.weight for c in score.contributors] == [0.0, 0.0, 0.0]
    assert [c.share for c in score.contributors] == [0.0, 0.0, 0.0]


def test_a_masking_conflict_scores_only_once_confirmed() -> None:
    found = conflict(0.5)
    before, after = (escalation(0.1, 0.6, found=report(found, on)) for on in (False, True))
    assert before.contributors[1].score == 0.0
    assert after.contributors[1].score == pytest.approx(0.5)
    assert after.raw - before.raw == pytest.approx(0.4 * 0.5)


def test_an_open_conflict_scores_at_once() -> None:
    found = conflict(-0.5, 0.7, 0.2, Severity.MEDIUM, kind=ConflictType.VOICE_CALM_TEXT_FRUSTRATED)
    assert escalation(0.7, 0.2, found=report(found)).contributors[1].score == pytest.approx(0.3)


def test_contributors_name_their_numbers() -> None:
    score = masked(0.1, 0.6)
    assert [c.signal for c in score.contributors] == list(Signal)
    assert details(score, Signal.DRIFT) == pytest.approx({"base": 0.5, "level": 0.35})
    assert details(score, Signal.CONFLICT) == pytest.approx(
        {"severity": 1.0, "gap": 0.5, "on_ticks": 2.0}
    )
    assert details(score, Signal.EMOTION) == pytest.approx(
        {"text_negativity": 0.1, "voice_negativity": 0.6}
    )
    assert details(escalation(None, 0.6), Signal.EMOTION) == {"voice_negativity": 0.6}


def test_ties_go_to_the_first_signal() -> None:
    assert escalation(0.0, 0.0).dominant_signal is Signal.DRIFT
    even = SessionCalibration(drift_base_diverging=0.5, drift_level_weight=0.0)
    score = escalation(0.5, 0.5, DriftState.DIVERGING, calibration=even)
    assert score.contributors[0].contribution == pytest.approx(score.contributors[2].contribution)
    assert score.dominant_signal is Signal.DRIFT


@given(channels, channels, drifts, reports, units, units, units)
def test_parts_add_up_under_any_weights(
    text: float | None,
    voice: float | None,
    drift: DriftState,
    found: ConflictReport,
    drift_weight: float,
    conflict_weight: float,
    emotion_weight: float,
) -> None:
    calibration = SessionCalibration(
        weight_drift=drift_weight, weight_conflict=conflict_weight, weight_emotion=emotion_weight
    )
    score = escalation(text, voice, drift, found, calibration)
    contributions = [c.contribution for c in score.contributors]
    assert sum(contributions) == pytest.approx(score.raw)
    assert all(c.contribution == pytest.approx(c.weight * c.score) for c in score.contributors)
    shares = sum(c.share for c in score.contributors)
    assert shares == (pytest.approx(1.0) if score.raw > 0.0 else 0.0)
    assert score.score == max(score.raw, score.floor)
    assert score.is_floor_applied == (score.score > score.raw)
    largest = max(contributions)
    assert contributions[list(Signal).index(score.dominant_signal)] == largest


@given(units, units, units, units, drifts, reports)
def test_score_never_falls_as_either_channel_rises(
    text: float,
    voice: float,
    more_text: float,
    more_voice: float,
    drift: DriftState,
    found: ConflictReport,
) -> None:
    low = escalation(min(text, more_text), min(voice, more_voice), drift, found)
    high = escalation(max(text, more_text), max(voice, more_voice), drift, found)
    assert low.score <= high.score + 1e-12


@given(units, units, st.integers(0, 3), reports)
def test_score_never_falls_as_drift_worsens(
    text: float, voice: float, index: int, found: ConflictReport
) -> None:
    low, high = (escalation(text, voice, BY_BASE[i], found) for i in (index, index + 1))
    assert low.score <= high.score


@given(units, units, drifts, units, units)
def test_score_never_falls_as_the_conflict_widens(
    text: float, voice: float, drift: DriftState, gap: float, other: float
) -> None:
    low, high = (
        escalation(text, voice, drift, report(conflict(g), is_confirmed=True))
        for g in sorted((gap, other))
    )
    assert low.score <= high.score
