"""One tick: smoothing, holding, forgetting; absent is never calm."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from subtone.contracts.calibration import Calibration
from subtone.contracts.vocabulary import ChannelStatus, DriftState, HeadKind
from subtone.contracts.voice_intelligence import HeadEvidence
from subtone.kernel.signal_correlation.alignment import TextEvidence
from subtone.kernel.signal_correlation.moment import (
    Held,
    MomentMemory,
    VoiceEvidence,
    amended_moment,
    correlate,
    timeline_alignment,
    valence_factor,
)
from support_moments import NO_TEXT, given_at, voice, words

CALIBRATION = Calibration()
# one tick is one half-life, so that the arithmetic can be read
HALVING = replace(CALIBRATION, alignment=replace(CALIBRATION.alignment, smoothing_half_life_s=5.0))


def run(*ticks: tuple[TextEvidence, VoiceEvidence]) -> list[tuple[float | None, float | None]]:
    memory, found = MomentMemory(), []
    for tick, (text, heard) in enumerate(ticks, start=1):
        memory, out = correlate(memory, given_at(tick, text, heard), HALVING)
        found.append((out.moment.text_negativity, out.moment.voice_negativity))
    return found


def test_the_first_value_stands_and_each_tick_goes_half_the_way() -> None:
    found = run(*[(words(f), voice(None)) for f in (0.8, 0.0, 0.0)])
    assert [text for text, _ in found] == pytest.approx([0.8, 0.4, 0.2])


def test_a_voice_is_measured_from_its_baseline_times_what_valence_allows() -> None:
    """agitation .6 -> s' = .5; nothing else speaks; calm is 0."""
    assert run((NO_TEXT, voice(0.6)))[0][1] == pytest.approx(0.5)
    assert run((NO_TEXT, voice(0.6, valence=0.2)))[0][1] == pytest.approx(0.1)
    assert run((NO_TEXT, voice(0.2)))[0][1] == pytest.approx(0.0)


def said(head: HeadKind, value: float, weight: float = 1.0) -> HeadEvidence:
    return HeadEvidence(head=head, model="test@1", value=value, weight=weight)


def negativity(agitation: float, *heads: HeadEvidence) -> float:
    raw = correlate(
        MomentMemory(), given_at(1, NO_TEXT, voice(agitation, heads=heads)), CALIBRATION
    )
    assert raw[1].moment.voice_negativity_raw is not None
    return raw[1].moment.voice_negativity_raw


def test_a_valence_head_discounts_joy_by_its_weight_and_more_where_the_words_agree() -> None:
    assert negativity(0.6, said(HeadKind.VALENCE, 0.0)) == pytest.approx(0.5 * 0.25)
    assert negativity(0.6, said(HeadKind.VALENCE, 0.0, 0.4)) == pytest.approx(0.5 * 0.7)
    assert negativity(0.6, said(HeadKind.VALENCE, 0.7)) == pytest.approx(0.5 * 0.775)
    heads = (said(HeadKind.VALENCE, 0.0),)
    assert valence_factor(1.0, 1.0, heads, CALIBRATION.voice) == pytest.approx(0.0)
    assert valence_factor(0.8, 0.5, heads, CALIBRATION.voice) == pytest.approx(0.1)


def test_displeasure_is_negative_without_arousal() -> None:
    """Up to .7 it says nothing; clear displeasure alone is .7 negative."""
    assert negativity(0.2, said(HeadKind.VALENCE, 0.7)) == pytest.approx(0.0)
    assert negativity(0.2, said(HeadKind.VALENCE, 1.0)) == pytest.approx(0.7)
    assert negativity(0.2, said(HeadKind.VALENCE, 1.0, 0.5)) == pytest.approx(0.35)
    assert negativity(0.6, said(HeadKind.VALENCE, 1.0)) == pytest.approx(0.85)


def test_classes_discount_joy_and_never_hear_displeasure() -> None:
    assert negativity(0.2, said(HeadKind.EMOTION, 1.0)) == pytest.approx(0.0)
    assert negativity(0.6, said(HeadKind.EMOTION, 0.2)) == pytest.approx(0.5 * 0.4)


def test_an_arousal_head_and_the_acoustics_meet_in_log_odds() -> None:
    assert negativity(0.6, said(HeadKind.AROUSAL, 0.6)) == pytest.approx(0.5)
    assert negativity(0.6, said(HeadKind.AROUSAL, 0.9)) == pytest.approx(
        (0.7311 - 0.2) / 0.8, abs=1e-3
    )
    assert negativity(0.6, said(HeadKind.AROUSAL, 0.9, 0.0)) == pytest.approx(0.5)


@given(
    agitation=st.floats(0.0, 1.0),
    value=st.floats(0.0, 1.0),
    more=st.floats(0.0, 1.0),
    weight=st.floats(0.0, 1.0),
)
def test_more_arousal_or_negativity_from_a_head_never_lowers_the_voice(
    agitation: float, value: float, more: float, weight: float
) -> None:
    low, high = sorted((value, more))
    for head in (HeadKind.AROUSAL, HeadKind.VALENCE):
        below = negativity(agitation, said(head, low, weight))
        above = negativity(agitation, said(head, high, weight))
        assert 0.0 <= below <= above + 1e-12


def test_a_moment_says_what_each_head_did() -> None:
    heads = (said(HeadKind.AROUSAL, 0.9), said(HeadKind.VALENCE, 0.5))
    _, found = correlate(MomentMemory(), given_at(1, NO_TEXT, voice(0.6, heads=heads)), CALIBRATION)
    arousal, valence = found.moment.heads
    assert found.moment.valence_evidence == pytest.approx(0.625)
    assert arousal.effect == pytest.approx(0.625 * (0.6637 - 0.5), abs=1e-3)
    assert valence.effect == pytest.approx(-0.375 * 0.6637, abs=1e-3)
    _, quiet = correlate(
        MomentMemory(), given_at(1, NO_TEXT, voice(None, heads=heads)), CALIBRATION
    )
    assert quiet.moment.heads == ()


def test_doubtful_evidence_moves_less() -> None:
    sure = run((NO_TEXT, voice(0.2)), (NO_TEXT, voice(1.0)))[1][1]
    unsure = run((NO_TEXT, voice(0.2)), (NO_TEXT, voice(1.0, confidence=0.5)))[1][1]
    assert sure == pytest.approx(0.5)
    assert unsure == pytest.approx(1.0 - 2.0**-0.5)
    assert run((NO_TEXT, voice(1.0, confidence=0.5)))[0][1] == pytest.approx(0.5)


def test_a_silent_voice_holds_thirty_seconds_and_words_not_a_tick_longer() -> None:
    silent = [(NO_TEXT, voice(None))] * 7
    found = run((words(0.8), voice(0.6)), *silent)
    assert [text for text, _ in found] == [pytest.approx(0.8)] + [None] * 7
    assert [heard is not None for _, heard in found] == [True] * 7 + [False]


def test_a_voice_that_may_no_longer_be_scored_is_not_held() -> None:
    objection = dataclasses.replace(voice(None), status=ChannelStatus.NOT_PERMITTED)
    found = run((NO_TEXT, voice(0.6)), (NO_TEXT, objection))
    assert [heard for _, heard in found] == [pytest.approx(0.5), None]


def test_an_explicit_request_is_at_least_its_floor() -> None:
    polite = words(0.0, has_escalation_request=True)
    assert run((polite, voice(None)))[0][0] == pytest.approx(0.75)


def test_missing_channels_make_no_conflict_and_drift_holds() -> None:
    memory, out = correlate(MomentMemory(), given_at(1, NO_TEXT, voice(1.0)), CALIBRATION)
    assert out.conflict.conflict is None
    assert out.drift.state is DriftState.ALIGNED_POSITIVE
    assert out.moment.text_status is ChannelStatus.UNAVAILABLE
    alignment = timeline_alignment(memory, 2, 70, CALIBRATION)
    assert (alignment.coverage, alignment.late_event_count, alignment.gap_ms) == (0.5, 2, 70)


def test_words_that_turned_negative_this_tick_mask_nothing() -> None:
    memory = MomentMemory()
    found = []
    for tick, frustration in enumerate((0.0, 0.0, 0.39, 0.5), start=1):
        memory, out = correlate(memory, given_at(tick, words(frustration), voice(1.0)), HALVING)
        found.append(out.conflict.conflict is not None)
    assert found == [True, True, True, False]
    assert out.moment.text_negativity is not None
    assert out.moment.text_negativity < 0.40  # the average alone would still call it mild


def test_an_intervention_reaches_the_drift_machine() -> None:
    _, out = correlate(MomentMemory(), given_at(1, words(0.5), voice(0.6), 2_000), CALIBRATION)
    assert out.drift.is_intervention_fresh


def test_an_amended_moment_carries_the_late_words_and_nothing_else() -> None:
    _, out = correlate(MomentMemory(), given_at(1, NO_TEXT, voice(0.6)), CALIBRATION)
    amended = amended_moment(out.moment, words(0.8))
    assert amended.is_amended
    assert amended.text_negativity_raw == pytest.approx(0.8)
    assert amended.text_negativity is None  # what was decided stands
    assert amended.voice_negativity == out.moment.voice_negativity


@given(
    st.lists(
        st.tuples(st.none() | st.floats(0, 1), st.none() | st.floats(0, 1), st.floats(0, 1)),
        min_size=1,
        max_size=30,
    )
)
def test_negativities_stay_in_range_whatever_comes(
    ticks: list[tuple[float | None, float | None, float]],
) -> None:
    found = run(
        *[(NO_TEXT if f is None else words(f), voice(a, confidence=trust)) for f, a, trust in ticks]
    )
    assert all(v is None or 0.0 <= v <= 1.0 for pair in found for v in pair)


def test_held_starts_over_after_it_was_forgotten() -> None:
    held = Held(0.9, 5_000).feed(40_000, None, 0.0, 30.0, 5.0, 5.0)
    assert held.value is None
    assert held.feed(45_000, 0.2, 1.0, 30.0, 5.0, 5.0).value == 0.2
