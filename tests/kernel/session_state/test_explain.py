"""The basis of a decision: pinned sentences, evidence, missing channels, no feelings claimed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from subtone.contracts.session_state import LocalText, StateBasis
from subtone.contracts.signal_correlation import AlignedMoment, ConflictReport, DriftAssessment
from subtone.contracts.vocabulary import (
    ChannelStatus,
    ConflictType,
    DriftState,
    Language,
    Region,
    Role,
    SessionState,
    SpanKind,
    TrendSymbol,
    VoiceDimension,
    VoiceFeature,
)
from subtone.contracts.voice_intelligence import (
    FeatureDeviation,
    TextEmotionScores,
    TextSpan,
    TextTurn,
    VoiceEmotionScores,
)
from subtone.kernel.session_state import phrases
from subtone.kernel.session_state.explain import explain
from subtone.kernel.session_state.machine import DWELL, HOLD, NO_EVIDENCE, SESSION_EDGES
from support_session_state import DEFAULT, claims_a_feeling, conflict, escalation, report

S = SessionState
Turn = tuple[TextTurn, TextEmotionScores]


def turn(text: str, kind: SpanKind | None = None, marked: str = "", at_ms: int = 58_000) -> Turn:
    spans: tuple[TextSpan, ...] = ()
    if kind is not None:
        start = text.index(marked)
        spans = (
            TextSpan(
                start=start,
                end=start + len(marked),
                text=marked,
                kind=kind,
                contribution=0.5,
                rule=f"lexicon:{marked}",
            ),
        )
    return TextTurn(
        turn_id="t1",
        role=Role.CUSTOMER,
        t_event_ms=at_ms,
        t_end_ms=at_ms + 2_000,
        t_seen_ms=at_ms,
        text=text,
        language=Language.EN,
    ), TextEmotionScores(
        turn_id="t1",
        t_event_ms=at_ms,
        t_end_ms=at_ms + 2_000,
        t_seen_ms=at_ms,
        frustration=0.0,
        confusion=0.0,
        urgency=0.0,
        calm=0.0,
        positivity=0.0,
        dominant_emotion=None,
        confidence=0.0,
        is_suppressed=kind is SpanKind.SUPPRESSION,
        has_escalation_request=kind is SpanKind.ESCALATION_REQUEST,
        spans=spans,
    )


def voice(*deviations: tuple[VoiceFeature, float]) -> VoiceEmotionScores:
    return VoiceEmotionScores(
        track_id="customer",
        t_start_ms=60_000,
        t_event_ms=70_000,
        agitation=0.6,
        stress=0.2,
        hesitation=0.0,
        calm=0.0,
        dominant_emotion=VoiceDimension.AGITATION,
        confidence=0.9,
        deviations=tuple(FeatureDeviation(feature=f, z=z) for f, z in deviations),
        voiced_ms=4_000,
        is_caller_known=True,
    )


def basis(
    text: float | None = 0.05,
    heard: float | None = 0.62,
    scores: VoiceEmotionScores | None = None,
    turns: tuple[Turn, ...] = (),
    found: ConflictReport | None = None,
    drift: DriftState = DriftState.DIVERGING,
    move: tuple[S, S, str] = (S.CALM, S.HIDDEN_FRUSTRATION, "conflict_detected"),
    statuses: tuple[ChannelStatus, ChannelStatus] = (ChannelStatus.OK, ChannelStatus.OK),
) -> StateBasis:
    found = found or report()
    moment = AlignedMoment(
        index=14,
        t_event_ms=70_000,
        t_seen_ms=70_500,
        text_status=statuses[0],
        voice_status=statuses[1],
        text=None,
        voice=scores,
        features=None,
        valence_evidence=1.0,
        text_negativity_raw=text,
        voice_negativity_raw=heard,
        text_negativity=text,
        voice_negativity=heard,
        customer_talk_ms=5_000,
        agent_talk_ms=0,
        overlap_ms=0,
    )
    assessment = DriftAssessment(
        t_event_ms=70_000,
        state=drift,
        from_state=drift,
        edge="hold",
        cause="hold",
        region=Region.VOICE_WORSE,
        trend=TrendSymbol.FLAT,
        gap=0.0,
        level=0.0,
        is_intervention_fresh=False,
    )
    score = escalation(text, heard, drift, found)
    return explain(moment, score, assessment, found, *move, turns, DEFAULT)


MASKED = basis(
    scores=voice((VoiceFeature.TILT, 2.1), (VoiceFeature.F0_MEAN, 1.8), (VoiceFeature.RATE, -0.2)),
    turns=(turn("it's fine.", SpanKind.SUPPRESSION, "fine."),),
    found=report(conflict(0.57, 0.05, 0.62), is_confirmed=True),
)


def test_path_of_a_masked_call() -> None:
    assert MASKED.path.en == (
        "calm → hidden frustration on edge conflict_detected: words and voice disagree, and the "
        "mismatch is confirmed; score 0.54; the words read calm (0.05) while the voice is 2.1 sd "
        "brighter, 1.8 sd higher in pitch than this caller's baseline (0.62); masking held "
        "since 01:05"
    )
    assert MASKED.path.zh == (
        "平静 → 隐藏不满，经由 conflict_detected：文本与语音不一致且已确认；分数 0.54；"
        "文本读来平静（0.05），而语音较来电者自身基线音色偏亮 2.1 个标准差、"
        "音高偏高 1.8 个标准差（0.62）；掩饰性不一致自 01:05 起持续"
    )


def test_conflict_reason_quotes_the_words_and_the_seconds_and_proves_nothing() -> None:
    assert MASKED.reasons[1].en == (
        "words calm, voice agitated (0.05 against 0.62): the words “it's fine.” at 00:58 "
        "disagree with the voice of 01:00–01:10; confirmed, first seen at 01:05; a conflict "
        "is evidence to look, not proof of a hidden feeling"
    )
    assert "it's fine." in MASKED.reasons[1].zh
    assert "不能证明" in MASKED.reasons[1].zh


def test_other_reasons_name_their_observation() -> None:
    reasons = [r.en for r in MASKED.reasons]
    assert reasons[0] == ("words and voice disagree, and the mismatch is confirmed; score 0.54")
    assert reasons[2:] == [
        "words at 00:58: “it's fine.” (a suppression phrase, never counted as calm)",
        "voice 01:00–01:10: 2.1 sd brighter, 1.8 sd higher in pitch than this caller's baseline",
        "score 0.54 = drift 0.16 + conflict 0.23 + emotion 0.15; largest: conflict (42 %)",
        "drift: words and voice moved apart",
    ]


def test_evidence_points_at_the_turn_and_the_window() -> None:
    (words,) = MASKED.words
    assert (words.turn_id, words.t_event_ms, words.t_end_ms) == ("t1", 58_000, 60_000)
    assert words.quote == "it's fine."
    assert [s.text for s in words.spans] == ["fine."]
    (heard,) = MASKED.voice
    assert (heard.t_start_ms, heard.t_end_ms) == (60_000, 70_000)
    assert MASKED.conflict is not None
    assert MASKED.calibration_version == "default-1"
    assert MASKED.dominant_signal is MASKED.score.dominant_signal


@pytest.mark.parametrize("status", ChannelStatus)
def test_missing_words_are_named_with_the_coverage(status: ChannelStatus) -> None:
    found = basis(None, 0.9, voice((VoiceFeature.ENERGY, 2.0)), statuses=(status, ChannelStatus.OK))
    assert "judged by voice alone, coverage 30 %" in found.path.en
    assert "仅依据语音判断，覆盖率 30 %" in found.path.zh
    assert "2.0 sd louder" in found.path.en


def test_missing_channels_say_which_and_why() -> None:
    gone = ChannelStatus.UNAVAILABLE
    words_only = basis(0.8, None, statuses=(ChannelStatus.OK, ChannelStatus.NOT_PERMITTED))
    assert (
        "the words read negative (0.80); voice may not be scored on this call; judged by words "
        "alone, coverage 30 %"
    ) in words_only.path.en
    assert "voice may not be scored on this call" in [r.en for r in words_only.reasons]
    voice_only = basis(None, 0.5, statuses=(gone, ChannelStatus.OK))
    assert "no words were available; the voice stands at its last reading (0.50)" in (
        voice_only.path.en
    )
    neither = basis(None, None, statuses=(gone, ChannelStatus.INSUFFICIENT))
    assert "nothing to judge by, coverage 0 %" in neither.path.en
    assert [r.en for r in neither.reasons[1:4]] == [
        "no words were available",
        "the voice gave too little clear speech",
        "score 0.00: no signal contributes",
    ]


def test_floor_is_named_when_it_wins() -> None:
    angry = basis(0.9, 0.9, drift=DriftState.ALIGNED_NEGATIVE)
    assert (
        "score 1.00: words and voice are negative together, and the floor 1.00 that both set "
        "stands above the weighted sum 0.48 (drift 0.21 + emotion 0.27)"
    ) in [r.en for r in angry.reasons]


def test_unconfirmed_open_and_standing_conflicts_say_so() -> None:
    unconfirmed = basis(found=report(conflict(0.57)))
    assert "not yet confirmed, so not scored" in unconfirmed.reasons[1].en
    open_kind = conflict(-0.5, 0.8, 0.2, kind=ConflictType.VOICE_CALM_TEXT_FRUSTRATED)
    assert "not a masking pattern" in basis(found=report(open_kind)).reasons[1].en
    standing = basis(found=report(is_confirmed=True)).reasons[1].en
    assert standing == (
        "a mismatch first seen at 01:05 was confirmed and stands; moments without it: 1"
    )
    assert "masking held" not in basis(found=report(is_confirmed=True)).path.en


def test_three_deviations_in_the_order_the_scorer_gave_and_clipped_ones_are_lower_bounds() -> None:
    heard = voice(
        (VoiceFeature.ENERGY, -3.0),
        (VoiceFeature.FRAGMENT, 0.4),
        (VoiceFeature.PAUSE, 1.0),
        (VoiceFeature.SILENCE, -0.9),
        (VoiceFeature.F0_SD, 2.7),
    )
    assert basis(scores=heard).voice[0].observation.en == (
        "at least 3.0 sd quieter, 1.0 sd longer in its pauses, 0.9 sd less silent "
        "than this caller's baseline"
    )
    assert basis(scores=voice((VoiceFeature.RATE, 0.49))).voice[0].observation.en == (
        "within this caller's usual range"
    )


def test_a_word_that_speaks_against_frustration_is_no_complaint() -> None:
    said, scores = turn("no problem", SpanKind.FITTED, "problem")
    reasons = "".join(r.en for r in basis(turns=((said, scores),)).reasons)
    assert "words common in complaints" in reasons
    against = replace(scores, spans=(replace(scores.spans[0], contribution=-0.2),))
    reasons = "".join(r.en for r in basis(turns=((said, against),)).reasons)
    assert "no marked words" in reasons
    assert "common in complaints" not in reasons


def test_long_turn_is_cut_around_its_marked_words_and_only_the_latest_turns_count() -> None:
    long = "a" * 200 + " ridiculous " + "b" * 200
    quote = basis(turns=(turn(long, SpanKind.FRUSTRATION, "ridiculous"),)).words[0].quote
    assert "ridiculous" in quote
    assert len(quote) == 122
    assert quote[0] == quote[-1] == "…"
    turns = tuple(turn(f"turn {i}", at_ms=1_000 * i) for i in range(5))
    assert [w.quote for w in basis(turns=turns).words] == ["turn 2", "turn 3", "turn 4"]


def test_a_conflict_quotes_the_words_that_tell_and_else_the_last_ones() -> None:
    plain, marked = turn("it is four four seven"), turn("it's fine.", SpanKind.SUPPRESSION, "fine")
    for turns, quoted, left_out in (
        ((plain, marked), "it's fine.", "four"),
        ((turn("earlier"), turn("later")), "later", "earlier"),
    ):
        reason = basis(found=report(conflict(0.57), is_confirmed=True), turns=turns).reasons[1].en
        assert f"“{quoted}”" in reason
        assert left_out not in reason


def test_words_with_braces_are_quoted_as_they_are() -> None:
    odd = basis(turns=(turn("{score} {0} {"),), found=report(conflict(0.5)))
    assert "{score} {0} {" in odd.reasons[1].en


def sentences(found: StateBasis) -> list[LocalText]:
    return [found.path, *found.reasons, *(v.observation for v in found.voice)]


@pytest.mark.parametrize(
    "move",
    [(e.from_state, e.to_state, e.edge) for e in SESSION_EDGES]
    + [(s, s, e) for s in SessionState for e in (HOLD, DWELL, NO_EVIDENCE)],
)
def test_every_edge_and_state_is_explained_in_both_languages(move: tuple[S, S, str]) -> None:
    found = basis(move=move)
    assert move[2] in found.path.en
    assert phrases.STATES[move[1]].en in found.path.en
    has_moved = move[0] is not move[1]
    assert (" → " in found.path.en) == has_moved
    # a move is explained by its cause, a stay by what keeps a session in that state
    assert (found.reasons[0] == phrases.STATE_REASONS[move[1]]) == (not has_moved)
    assert (found.reasons[0].en in found.path.en) == has_moved
    for sentence in sentences(found):
        assert "{" not in sentence.en + sentence.zh
        assert re.search(r"[\u4e00-\u9fff]", sentence.zh)


levels = st.none() | st.floats(0.0, 1.0)
deviations = st.lists(st.tuples(st.sampled_from(VoiceFeature), st.floats(-3.0, 3.0)), max_size=9)


@given(levels, levels, deviations, st.sampled_from(DriftState), st.booleans())
def test_no_sentence_claims_a_feeling(
    text: float | None,
    heard: float | None,
    zs: list[tuple[VoiceFeature, float]],
    drift: DriftState,
    is_confirmed: bool,
) -> None:
    found = report(conflict(0.5), is_confirmed) if text is not None and heard is not None else None
    for sentence in sentences(basis(text, heard, voice(*zs), found=found, drift=drift)):
        assert not claims_a_feeling(sentence.en)
        assert not claims_a_feeling(sentence.zh)


@pytest.mark.parametrize(
    ("t_ms", "shown"), [(0, "00:00"), (3_599_999, "59:59"), (3_905_000, "1:05:05")]
)
def test_reasons_and_surfaces_write_the_same_clock(t_ms: int, shown: str) -> None:
    assert phrases.clock(t_ms) == shown
