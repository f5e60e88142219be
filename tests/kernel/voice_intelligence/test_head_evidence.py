"""Findings of heads: averaged by age and trust, and no more than evidence."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.contracts.calibration import Calibration
from subtone.contracts.inbound import HeadResult, HeadValue
from subtone.contracts.vocabulary import HeadKind
from subtone.kernel.voice_intelligence.head_evidence import (
    head_evidence,
    words_valence,
)

CALIBRATION = Calibration()
VOICE = CALIBRATION.voice


def finding(
    value: float,
    *,
    t_ms: int = 10_000,
    trust: float = 1.0,
    head: str = "valence",
    label: str = "negative",
) -> HeadResult:
    return HeadResult(
        call_id="c",
        t_event_ms=t_ms,
        t_seen_ms=0,
        track_id="customer",
        head=head,
        t_start_ms=max(0, t_ms - 3_000),
        values=(HeadValue(label=label, value=value),),
        confidence=trust,
        reliability=1.0,
        model="test@1",
    )


def test_words_alone_discount_by_the_calibration() -> None:
    assert words_valence(0.0, VOICE) == 1.0
    assert words_valence(1.0, VOICE) == pytest.approx(0.2)


def test_without_findings_of_a_known_head_there_is_no_evidence() -> None:
    assert head_evidence(10_000, [], CALIBRATION) == ()
    assert head_evidence(10_000, [finding(3.0, head="stutter")], CALIBRATION) == ()
    assert head_evidence(10_000, [finding(3.0, trust=0.0)], CALIBRATION) == ()
    assert head_evidence(5_000, [finding(3.0)], CALIBRATION) == ()  # not heard by then


def test_a_valence_logit_reads_as_a_share_and_weighs_by_its_trust() -> None:
    at_centre = finding(VOICE.valence_centre, trust=0.25)
    (evidence,) = head_evidence(10_000, [at_centre], CALIBRATION)
    assert (evidence.head, evidence.model) == (HeadKind.VALENCE, "test@1")
    assert evidence.value == pytest.approx(0.5)
    assert evidence.weight == pytest.approx(0.25)


def arousal(value: float, t_ms: int = 10_000) -> HeadResult:
    return finding(value, t_ms=t_ms, head="arousal", label="high")


def test_an_arousal_logit_reads_by_its_centre_and_scale() -> None:
    (evidence,) = head_evidence(10_000, [arousal(-2.0)], CALIBRATION)
    assert evidence.value == pytest.approx(0.5)
    (evidence,) = head_evidence(10_000, [arousal(0.7)], CALIBRATION)
    assert evidence.value == pytest.approx(1.0 / (1.0 + math.exp(-1.0)))


def test_of_an_even_voice_valence_knows_nothing_unless_it_is_displeased() -> None:
    """Neutral speech was never shown to the valence head: its reading there is no joy."""
    even, raised = arousal(-20.0), arousal(20.0)
    joyful, displeased = finding(-20.0), finding(20.0)
    assert [e.head for e in head_evidence(10_000, [even, joyful], CALIBRATION)] == [
        HeadKind.AROUSAL
    ]
    for heard, said in ((raised, joyful), (raised, displeased), (even, displeased)):
        evidence = head_evidence(10_000, [heard, said], CALIBRATION)[1]
        assert evidence.head is HeadKind.VALENCE
        assert evidence.weight == pytest.approx(1.0, abs=1e-3)
        assert evidence.value == pytest.approx(float(said is displeased), abs=1e-6)


def test_an_even_past_does_not_hold_back_what_is_heard_now() -> None:
    past = [f for t in (1_000, 4_000, 7_000) for f in (arousal(-20.0, t), finding(-9.0, t_ms=t))]
    now = [arousal(20.0), finding(20.0)]
    evidence = head_evidence(10_000, [*past, *now], CALIBRATION)[1]
    assert evidence.value == pytest.approx(1.0, abs=1e-3)
    assert evidence.weight == pytest.approx(1.0, abs=1e-3)


def test_older_findings_weigh_half_per_half_life() -> None:
    joyful, angry = finding(-20.0, t_ms=0), finding(20.0, t_ms=5_000)
    (mixed,) = head_evidence(5_000, [joyful, angry], CALIBRATION)
    assert mixed.value == pytest.approx(1.0 / 1.5, abs=1e-6)
    assert mixed.weight == pytest.approx(1.0)


def test_one_old_finding_fades() -> None:
    (old,) = head_evidence(20_000, [finding(20.0)], CALIBRATION)
    assert old.weight == pytest.approx(0.25)


def test_classes_speak_for_valence_only_where_no_valence_head_has() -> None:
    happy = finding(0.9, head="emotion", label="happy")
    (evidence,) = head_evidence(10_000, [happy], CALIBRATION)
    assert evidence.head is HeadKind.EMOTION
    assert evidence.value == pytest.approx(0.1)
    (evidence,) = head_evidence(10_000, [happy, finding(0.0)], CALIBRATION)
    assert evidence.head is HeadKind.VALENCE
    silent = [arousal(-20.0), finding(-20.0)]  # it has spoken, and of an even voice says nothing
    assert [e.head for e in head_evidence(10_000, [happy, *silent], CALIBRATION)] == [
        HeadKind.AROUSAL
    ]


@given(
    logits=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8),
    trust=st.floats(0.0, 1.0),
    t_ms=st.integers(0, 60_000),
)
def test_value_and_weight_stay_in_range(logits: list[float], trust: float, t_ms: int) -> None:
    results = [finding(x, t_ms=3_000 * i, trust=trust) for i, x in enumerate(logits)]
    for evidence in head_evidence(t_ms, results, CALIBRATION):
        assert 0.0 <= evidence.value <= 1.0
        assert 0.0 <= evidence.weight <= 1.0
