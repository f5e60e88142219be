"""Late fusion: the laws it must keep, over all evidence."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from subtone.contracts.memory import EmotionFinding
from subtone.perception.fusion.late import ModalityFinding, fuse
from subtone.perception.heads.emotion import emotion_finding, silent_finding
from subtone.perception.heads.errors import HeadError

LABELS = ("neutral", "happy", "angry")
UNIT = st.floats(0.01, 1.0)


def finding(
    shares: tuple[float, ...],
    reliability: float = 1.0,
    confidence: float | None = None,
    labels: tuple[str, ...] = LABELS,
) -> EmotionFinding:
    normal = np.array(shares) / sum(shares)
    found = emotion_finding(
        labels, normal, threshold=0.0, reliability=reliability, is_calibrated=True, model="m"
    )
    if confidence is None:
        return found
    fields = {name: getattr(found, name) for name in found.__struct_fields__}
    return EmotionFinding(**(fields | {"confidence": confidence}))


@st.composite
def findings(draw: st.DrawFn) -> list[ModalityFinding]:
    names = draw(st.lists(st.sampled_from(["audio", "text", "image"]), unique=True, min_size=1))
    return [
        ModalityFinding(
            modality=name,
            finding=finding(draw(st.tuples(UNIT, UNIT, UNIT)), draw(UNIT), draw(UNIT)),
        )
        for name in names
    ]


def shares_of(found: EmotionFinding) -> list[float]:
    return [p.probability for p in found.probabilities]


@given(findings(), st.randoms(use_true_random=False))
def test_the_order_of_the_modalities_changes_nothing(
    given_findings: list[ModalityFinding], shuffler: random.Random
) -> None:
    shuffled = list(given_findings)
    shuffler.shuffle(shuffled)
    assert fuse(shuffled) == fuse(given_findings)


@given(findings())
def test_one_modality_alone_comes_out_as_it_went_in(
    given_findings: list[ModalityFinding],
) -> None:
    fused = fuse(given_findings[:1])
    assert shares_of(fused.finding) == pytest.approx(shares_of(given_findings[0].finding))
    assert fused.shares[0].share == 1.0
    assert fused.finding.reliability == pytest.approx(given_findings[0].finding.reliability)


@given(findings())
def test_a_modality_without_a_say_is_as_if_it_had_never_been_there(
    given_findings: list[ModalityFinding],
) -> None:
    mute = [
        None,
        ModalityFinding(modality="smell", finding=finding((1, 2, 9), reliability=0.0)),
        ModalityFinding(modality="touch", finding=finding((1, 2, 9), confidence=0.0)),
        ModalityFinding(modality="taste", finding=silent_finding("m", is_calibrated=True)),
    ]
    assert fuse([*mute, *given_findings]) == fuse(given_findings)


def test_nobody_with_a_say_abstains() -> None:
    abstaining = ModalityFinding(modality="text", finding=silent_finding("m", is_calibrated=True))
    for nothing in ([], [None, None], [abstaining]):
        fused = fuse(nothing)
        assert fused.finding.emotion is None
        assert fused.finding.probabilities == ()
        assert fused.shares == ()


def test_the_weighted_log_odds_by_hand() -> None:
    fused = fuse(
        [
            ModalityFinding(modality="audio", finding=finding((1, 1, 8), 0.5, 0.8)),
            ModalityFinding(modality="text", finding=finding((8, 1, 1), 1.0, 0.2)),
        ]
    )
    audio, text = 0.4 / 0.6, 0.2 / 0.6
    odds = [
        audio * math.log(0.1) + text * math.log(0.8),
        audio * math.log(0.1) + text * math.log(0.1),
        audio * math.log(0.8) + text * math.log(0.1),
    ]
    raised = np.exp(odds) / np.exp(odds).sum()
    assert shares_of(fused.finding) == pytest.approx(raised.tolist())
    assert fused.finding.emotion == "angry"
    assert [s.share for s in fused.shares] == pytest.approx([audio, text])
    assert fused.finding.reliability == pytest.approx(audio * 0.5 + text)


@given(findings())
def test_the_explanation_adds_up(given_findings: list[ModalityFinding]) -> None:
    fused = fuse(given_findings)
    assert sum(s.share for s in fused.shares) == pytest.approx(1.0)
    logs = np.log(shares_of(fused.finding))
    assert sum(s.log_odds for s in fused.shares) == pytest.approx(logs.max() - logs.mean())


@given(findings(), st.sampled_from(LABELS), st.floats(1.0, 20.0))
def test_more_evidence_for_a_class_never_makes_it_less_likely(
    given_findings: list[ModalityFinding], label: str, factor: float
) -> None:
    first, *others = given_findings
    raised = tuple(
        p.probability * (factor if p.label == label else 1.0) for p in first.finding.probabilities
    )
    stronger = ModalityFinding(
        modality=first.modality,
        finding=finding(raised, first.finding.reliability, first.finding.confidence),
    )
    at = LABELS.index(label)
    before = shares_of(fuse([first, *others]).finding)[at]
    assert shares_of(fuse([stronger, *others]).finding)[at] >= before - 1e-9


@given(findings(), UNIT)
def test_all_reliabilities_scaled_alike_change_no_share(
    given_findings: list[ModalityFinding], factor: float
) -> None:
    assume(factor > 0.05)
    scaled = [
        ModalityFinding(
            modality=f.modality,
            finding=finding(
                tuple(shares_of(f.finding)), f.finding.reliability * factor, f.finding.confidence
            ),
        )
        for f in given_findings
    ]
    expected = shares_of(fuse(given_findings).finding)
    assert shares_of(fuse(scaled).finding) == pytest.approx(expected)


def test_a_certain_modality_has_no_veto() -> None:
    fused = fuse(
        [
            ModalityFinding(modality="audio", finding=finding((0, 0, 1), 0.1, 0.1)),
            ModalityFinding(modality="text", finding=finding((98, 1, 1), 1.0, 1.0)),
        ]
    )
    assert fused.finding.emotion == "neutral"


def test_below_the_threshold_the_fusion_abstains() -> None:
    even = [ModalityFinding(modality="audio", finding=finding((4, 3, 3)))]
    assert fuse(even, threshold=0.5).finding.emotion is None
    assert fuse(even, threshold=0.5).shares != ()


def test_findings_that_cannot_be_joined_are_refused() -> None:
    audio = ModalityFinding(modality="audio", finding=finding((1, 1, 1)))
    with pytest.raises(HeadError, match="audio: was given twice"):
        fuse([audio, audio])
    other = finding((1, 1, 1), labels=("sad", "happy", "angry"))
    with pytest.raises(HeadError, match="text: speaks of other labels"):
        fuse([audio, ModalityFinding(modality="text", finding=other)])
