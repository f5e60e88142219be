"""The whole way: identical on replay, whatever the chunking; closed to what must not enter."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subtone.contracts import inbound as ev
from subtone.contracts.vocabulary import (
    AmdVerdict,
    Channel,
    ChannelStatus,
    DriftState,
    Role,
    SessionState,
    TextDimension,
    VoiceDimension,
)
from subtone.kernel import pipeline
from subtone.kernel.decision import final_state
from subtone.kernel.pipeline import PeerError
from support_calls import CALL, Said, call, chunk, ended, feed_all, segment, started
from support_voice import RATE_HZ, Pcm, silence, speech, turns

CALM_WORDS = ("It's fine.", "Okay, no problem.", "That's all right, I can wait.")


def customer(agitated: bool = True) -> Pcm:
    """Sixty seconds of ordinary turns, then the same turns higher, louder and brighter."""
    usual = [(3.0, speech(3.0))] * 10
    raised = [(3.0, speech(3.0, f0_hz=190.0, gain=0.3, bright=1.7))] * 8
    return turns(*usual, *(raised if agitated else usual[:8]))


def calm_texts(seconds: int) -> list[ev.TranscriptSegment]:
    starts = range(3_000, seconds * 1000, 6_000)
    return [segment(t, t + 3_000, CALM_WORDS[i % 3]) for i, t in enumerate(starts)]


@cache
def masked_call(chunk_ms: int = 500) -> Said:
    audio = {Role.CUSTOMER: customer(), Role.AGENT: silence(108.0)}
    return feed_all(call(audio, calm_texts(105), chunk_ms=chunk_ms))


def test_calm_words_over_an_agitated_voice_reach_hidden_frustration_with_evidence() -> None:
    said = masked_call()
    assert said.path[:2] == ["calm", "hidden_frustration"]
    decision = next(d for d in said.decisions if d.transition is not None)
    assert decision.transition is not None
    assert 60_000 < decision.transition.t_event_ms <= 85_000
    assert decision.transition.masked
    basis = decision.transition.basis
    assert any(word.quote in CALM_WORDS for word in basis.words)
    assert basis.voice[0].t_end_ms == decision.moment.t_event_ms
    assert decision.recommendation.action == "flag_for_review"


def test_the_same_words_over_the_same_voice_stay_calm() -> None:
    audio = {Role.CUSTOMER: customer(agitated=False), Role.AGENT: silence(108.0)}
    assert feed_all(call(audio, calm_texts(105))).path == ["calm"]


@pytest.mark.parametrize("chunk_ms", [20, 130, 7_000, 60_000])
def test_chunk_length_changes_no_byte(chunk_ms: int) -> None:
    assert masked_call(chunk_ms).wire() == masked_call().wire()


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(1, 9_000), min_size=1, max_size=12))
def test_random_cuts_change_no_byte(cuts: list[int]) -> None:
    samples = customer()[: 24 * RATE_HZ]
    whole = feed_all([started(Role.CUSTOMER), chunk(Role.CUSTOMER, 0, samples), ended(24_000)])
    events: list[ev.InboundEvent] = [started(Role.CUSTOMER)]
    at = 0
    while at < len(samples):
        size = cuts[len(events) % len(cuts)]
        events.append(chunk(Role.CUSTOMER, at * 1000 // RATE_HZ, samples[at : at + size]))
        at += size
    assert feed_all([*events, ended(24_000)]).wire() == whole.wire()


def test_feeding_leaves_the_given_state_untouched() -> None:
    """A state can be fed twice: the second run is the first."""
    audio = {Role.CUSTOMER: customer()[: 30 * RATE_HZ]}
    state = pipeline.start()
    for event in call(audio, calm_texts(24)):
        once = pipeline.feed(state, event)
        again = pipeline.feed(state, event)
        assert msgspec.json.encode(once[1]) == msgspec.json.encode(again[1])
        state = once[0]


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([ev.Tick(**CALL, t_event_ms=0)], "before CallStarted"),
        ([started(), started()], "started twice"),
        ([started(), ended(0), ev.Tick(**CALL, t_event_ms=0)], "after CallEnded"),
        ([started(), ev.Tick(call_id="d", t_event_ms=0, t_seen_ms=0)], "fed to call 'c'"),
        ([started(), chunk(Role.CUSTOMER, 0, silence(0.1))], "never announced"),
        ([started(Role.CUSTOMER, Role.CUSTOMER)], "two tracks of one name"),
        ([started(), segment(2_000, 1_000, "hello")], "ends before it begins"),
    ],
)
def test_a_broken_event_stream_is_the_senders_fault(
    events: list[ev.InboundEvent], message: str
) -> None:
    with pytest.raises(PeerError, match=message):
        feed_all(events)


def test_half_a_sample_is_refused() -> None:
    state, _ = pipeline.feed(pipeline.start(), started(Role.CUSTOMER))
    odd = msgspec.structs.replace(chunk(Role.CUSTOMER, 0, silence(0.1)), payload=b"\x00\x01\x02")
    with pytest.raises(PeerError, match="bytes"):
        pipeline.feed(state, odd)


def test_a_moment_waits_for_every_track_and_the_watermark() -> None:
    talk = speech(9.0)
    opening = started(Role.CUSTOMER, Role.AGENT, has_text=True)
    state, _ = pipeline.feed(pipeline.start(), opening)
    state, out = pipeline.feed(state, chunk(Role.CUSTOMER, 0, talk))
    assert not out.decisions  # the agent's track is still at 0
    state, out = pipeline.feed(state, chunk(Role.AGENT, 0, silence(7.9)))
    assert not out.decisions
    state, out = pipeline.feed(state, chunk(Role.AGENT, 7_900, silence(0.1)))
    assert [d.moment.t_event_ms for d in out.decisions] == [5_000]
    _, out = pipeline.feed(state, ev.Tick(**CALL, t_event_ms=13_000))
    assert [d.moment.t_event_ms for d in out.decisions] == [10_000]


def test_without_a_text_source_a_moment_is_complete_with_its_frames() -> None:
    state, _ = pipeline.feed(pipeline.start(), started(Role.CUSTOMER))
    closed_ms = []
    for t_ms in range(0, 12_000, 20):
        state, out = pipeline.feed(state, chunk(Role.CUSTOMER, t_ms, silence(0.02)))
        closed_ms += [t_ms + 20 - d.moment.t_event_ms for d in out.decisions]
    assert len(closed_ms) == 2
    assert all(0 < late_ms <= 900 for late_ms in closed_ms)


@pytest.mark.parametrize(
    ("end_ms", "moments"),
    [
        (500, [500]),
        (5_000, [5_000]),
        (5_900, [5_000]),
        (6_004, [5_000, 6_000]),
        (12_345, [5_000, 10_000, 12_340]),
    ],
)
def test_the_end_closes_what_is_open_and_a_real_tail(end_ms: int, moments: list[int]) -> None:
    said = feed_all([started(has_text=True), ended(end_ms)])
    assert [d.moment.t_event_ms for d in said.decisions] == moments


def message(t_ms: int, text: str, role: Role = Role.CUSTOMER) -> ev.ChatMessage:
    return ev.ChatMessage(**CALL, t_event_ms=t_ms, message_id=f"m{t_ms}", role=role, text=text)


def test_a_chat_is_judged_by_its_words_and_says_so() -> None:
    angry = "This is unacceptable!!! I am furious, nobody helps me and you are useless!"
    said = feed_all(
        [started(), *(message(t, angry) for t in (1_000, 6_000, 11_000)), ended(15_000)]
    )
    last = said.decisions[-1]
    assert last.snapshot.score.coverage == pytest.approx(0.3)
    assert last.moment.voice_status is ChannelStatus.UNAVAILABLE
    assert last.snapshot.state is SessionState.ESCALATION_RISK or (
        last.snapshot.state is SessionState.ACTIVE_ESCALATION
    )


def test_only_the_customers_words_count() -> None:
    rude = "This is ridiculous, you are useless, I hate this!"
    said = feed_all(
        [
            started(),
            message(1_000, rude, Role.AGENT),
            message(2_000, rude, Role.UNKNOWN),
            ended(9_000),
        ]
    )
    assert all(d.moment.text is None for d in said.decisions)
    assert [t.scored for o in said.outputs for t in o.turns] == [None, None]


def test_an_explicit_request_is_a_signal_of_its_own() -> None:
    said = feed_all([started(), message(1_000, "请帮我转接你们主管。"), ended(5_000)])
    decision = said.decisions[0]
    assert decision.snapshot.has_escalation_request
    assert decision.recommendation.action == "suggest_intervention"


def test_nobody_but_the_customer_is_ever_scored_by_voice() -> None:
    loud = customer()
    for role in (Role.AGENT, Role.UNKNOWN):
        said = feed_all(call({role: loud}))
        assert all(d.moment.voice is None and d.agent_voice is None for d in said.decisions)
        assert all(d.moment.features is None for d in said.decisions)
        assert said.path == ["calm"]
        assert any(o.segments for o in said.outputs)  # timing is still there
    assert "unknown_role" in said.codes


def test_agent_voice_is_scored_only_when_turned_on_and_never_moves_the_state() -> None:
    audio = {Role.CUSTOMER: customer(agitated=False), Role.AGENT: customer()[: 90 * RATE_HZ]}
    off = feed_all(call(audio))
    on = feed_all(call(audio, is_agent_voice_scored=True))
    assert any(d.agent_voice is not None for d in on.decisions)
    assert [d.snapshot for d in on.decisions] == [d.snapshot for d in off.decisions]


def test_text_after_the_watermark_is_a_record_beside_history() -> None:
    audio = {Role.CUSTOMER: customer()[: 30 * RATE_HZ]}
    events = list(call(audio))
    late = segment(6_000, 9_000, "This is absolutely ridiculous!")
    before_end = [*events[:-1], late, events[-1]]
    plain, said = feed_all(events), feed_all(before_end)
    assert "late_text" in said.codes
    amended = [m for o in said.outputs for m in o.amended]
    assert [m.t_event_ms for m in amended] == [10_000, 15_000, 20_000, 25_000]
    assert all(m.is_amended and m.text is not None for m in amended)
    closed = [d for d in said.decisions if d.moment.t_event_ms <= 25_000]
    assert closed == [d for d in plain.decisions if d.moment.t_event_ms <= 25_000]


def test_words_from_later_wait_for_their_time() -> None:
    early = segment(11_000, 14_000, "This is ridiculous, I am furious!")
    said = feed_all(
        [started(Role.CUSTOMER), early, chunk(Role.CUSTOMER, 0, silence(20)), ended(20_000)]
    )
    assert [d.moment.text is not None for d in said.decisions] == [False, False, True, True]


def test_a_pause_hears_nothing_and_leaves_a_gap() -> None:
    talk = customer()[: 30 * RATE_HZ]
    events = list(call({Role.CUSTOMER: talk}, chunk_ms=1_000))
    paused = ev.Paused(**CALL, t_event_ms=10_000)
    resumed = ev.Resumed(**CALL, t_event_ms=20_000)
    secret = segment(12_000, 13_000, "my card is terrible")
    said = feed_all([*events[:11], paused, secret, *events[11:21], resumed, *events[21:]])
    assert said.codes == ["paused", "text_while_paused", "resumed"]
    assert not any(o.turns for o in said.outputs)
    segments = [s for o in said.outputs for s in o.segments]
    assert segments
    assert not any(s.t_event_ms < 20_000 and s.t_end_ms > 10_000 for s in segments)
    assert said.at(20_000).moment.features is None
    assert said.at(30_000).moment.features is not None


def test_without_consent_voices_are_timed_and_words_still_read() -> None:
    talk = customer()[: 40 * RATE_HZ]
    events = list(call({Role.CUSTOMER: talk}, calm_texts(36), chunk_ms=1_000))
    objection = ev.ConsentChanged(**CALL, t_event_ms=20_000, is_voice_emotion_allowed=False)
    at = next(
        i for i, e in enumerate(events) if isinstance(e, ev.AudioChunk) and e.t_event_ms == 20_000
    )
    said = feed_all([*events[:at], objection, *events[at:]])
    last = said.decisions[-1]
    assert last.moment.voice_status is ChannelStatus.NOT_PERMITTED
    assert last.moment.voice is None
    assert last.moment.features is None
    assert last.moment.text is not None
    assert last.moment.customer_talk_ms > 0
    baseline = said.outputs[-1].baseline
    assert baseline is not None
    assert baseline.voiced_ms == 0


def test_lost_audio_is_a_gap_and_repeated_audio_is_dropped() -> None:
    talk = customer()[: 30 * RATE_HZ]
    first, second = talk[: 10 * RATE_HZ], talk[10 * RATE_HZ :]
    said = feed_all(
        [
            started(Role.CUSTOMER),
            chunk(Role.CUSTOMER, 0, first),
            chunk(Role.CUSTOMER, 5_000, first[5 * RATE_HZ :]),
            chunk(Role.CUSTOMER, 12_000, second[2 * RATE_HZ :]),
            ended(30_000),
        ]
    )
    assert said.codes == ["duplicate_audio", "audio_gap"]
    alignment = said.outputs[-1].alignment
    assert alignment is not None
    assert alignment.gap_ms == 2_000
    concealed = said.at(15_000).moment.features
    assert concealed is not None
    assert concealed.concealed_ratio == pytest.approx(0.2, abs=0.02)


def test_the_voice_holds_for_thirty_seconds_and_is_then_missing() -> None:
    audio = {Role.CUSTOMER: turns((1.0, speech(9.0)), (50.0, silence(0.1)))}
    said = feed_all(call(audio))
    present = {d.moment.t_event_ms: d.moment.voice_negativity is not None for d in said.decisions}
    assert present[15_000]  # the window still reaches the speech
    assert present[45_000]
    assert not present[50_000]
    assert said.at(50_000).moment.voice_status is ChannelStatus.INSUFFICIENT


def test_the_baseline_stands_still_while_it_is_not_calm() -> None:
    said = masked_call()
    known = [
        (d.snapshot.state, o.baseline.voiced_ms)
        for o in said.outputs
        for d in o.decisions
        if o.baseline is not None
    ]
    hidden = [voiced for state, voiced in known if state is not SessionState.CALM]
    assert len(set(hidden)) == 1
    assert known[0][1] > 0


def test_an_intervention_eases_open_anger() -> None:
    raised = [
        (3.0, speech(3.0, f0_hz=125.0 + 12.0 * k, gain=0.1 + 0.03 * k, bright=1.0 + 0.1 * k))
        for k in range(8)
    ]
    audio = {Role.CUSTOMER: turns(*[(3.0, speech(3.0))] * 5, *raised)}
    words: tuple[str, ...] = (
        "Hm, that is a bit annoying.",
        "This is annoying.",
        "This is really annoying!",
    )
    words += ("This is ridiculous!", "This is absolutely ridiculous, I am furious!!!")
    texts = [
        segment(t, t + 3_000, words[min(i, 4)]) for i, t in enumerate(range(33_000, 75_000, 6_000))
    ]
    events = list(call(audio, texts, chunk_ms=1_000))
    helped = ev.Intervention(**CALL, t_event_ms=62_000)
    at = next(
        i for i, e in enumerate(events) if isinstance(e, ev.AudioChunk) and e.t_event_ms == 62_000
    )
    plain, said = feed_all(events), feed_all([*events[:at], helped, *events[at:]])
    assert plain.at(65_000).drift.state is DriftState.CROSS_ESCALATING
    assert said.at(65_000).drift.state is DriftState.CROSS_DEESCALATING
    assert said.at(65_000).drift.edge == "intervention"


def test_every_counterfactual_is_true_when_run_again() -> None:
    said = masked_call()
    state: Any = pipeline.start()
    audio = {Role.CUSTOMER: customer(), Role.AGENT: silence(108.0)}
    checked = 0
    for event in call(audio, calm_texts(105)):
        state, out = pipeline.feed(state, event)
        for decision in out.decisions:
            if decision.transition is None:
                continue
            for claim in decision.basis.counterfactuals:
                held = final_state(
                    state.steps,
                    state.calibration,
                    Channel(claim.channel),
                    _dimension(claim.channel, claim.dimension),
                    claim.stayed_below,
                )
                assert held is decision.transition.from_state
                assert claim.stayed_below < claim.observed
                checked += 1
    assert checked >= 1
    assert said.path  # the same call as everywhere else in this file


def _dimension(channel: str, dimension: str) -> Any:
    return TextDimension(dimension) if channel == "text" else VoiceDimension(dimension)


def test_the_state_of_a_long_call_stays_small() -> None:
    """Frames, turns and steps are forgotten once no later moment can reach them."""
    audio = {Role.CUSTOMER: turns(*[(3.0, speech(3.0))] * 30)}
    state = feed_all(call(audio, calm_texts(175))).state
    assert len(state.steps) <= pipeline.RERUN_STEPS
    assert len(state.turns) <= 12
    frames = state.hearing.tracks[0].frames
    assert frames is not None
    assert frames.n <= 1_600
    assert replace(state, is_ended=False).memory == state.memory


def test_nobody_answering_is_unknown_at_the_deadline_never_a_machine() -> None:
    dead: list[ev.InboundEvent] = [started(Role.CUSTOMER, is_amd_enabled=True)]
    dead.append(ev.Tick(**CALL, t_event_ms=6_000))
    amd = feed_all([*dead, ended(6_000)]).outputs[1].amd
    assert amd is not None
    assert (amd.verdict, amd.cause) == ("unknown", "no_audio")


def test_who_answered_is_judged_from_the_customers_track_and_words() -> None:
    hello = turns((0.6, speech(0.6)), (3.0, silence(0.1)))
    human = feed_all(call({Role.CUSTOMER: hello}, is_amd_enabled=True, chunk_ms=100))
    first = next(o.amd for o in human.outputs if o.amd is not None)
    assert (first.verdict, first.cause) == ("human", "human_pause")
    greeting = segment(0, 2_000, "Please leave a message after the tone.")
    machine = feed_all(call({Role.CUSTOMER: hello}, [greeting], is_amd_enabled=True))
    last = [o.amd for o in machine.outputs if o.amd is not None][-1]
    assert (last.verdict, last.cause) == ("machine", "text_hint")
    off = feed_all(call({Role.CUSTOMER: hello}, [greeting]))
    assert all(o.amd is None for o in off.outputs)


@pytest.mark.parametrize("is_amd_enabled", [False, True])
def test_a_machines_verdict_of_the_platform_is_told_and_stops_no_claim(
    is_amd_enabled: bool,
) -> None:
    hello = turns((0.6, speech(0.6)), (40.0, silence(0.1)))
    events = list(call({Role.CUSTOMER: hello}, is_amd_enabled=is_amd_enabled, chunk_ms=100))
    stamps = {**CALL, "t_event_ms": 35_000}  # after our own detection has stopped listening
    told = ev.AnswerDetected(**stamps, verdict=AmdVerdict.MACHINE, answered_by="machine_end_beep")
    plain, said = feed_all(events), feed_all([*events[:-1], told, events[-1]])
    last = [o.amd for o in said.outputs if o.amd is not None][-1]
    assert (last.verdict, last.cause, last.hint) == ("machine", "twilio", "machine_end_beep")
    assert (last.track_id, last.t_event_ms) == ("customer", 35_000)
    assert [o.decisions for o in said.outputs if o.decisions] == [
        o.decisions for o in plain.outputs if o.decisions
    ]


def test_a_voice_may_join_a_chat_that_is_under_way() -> None:
    joined = ev.TrackJoined(
        **CALL,
        t_event_ms=30_000,
        track=ev.Track(track_id="customer", role=Role.CUSTOMER, sample_rate_hz=RATE_HZ),
    )
    voice = chunk(Role.CUSTOMER, 30_000, customer()[: 30 * RATE_HZ])
    said = feed_all(
        [started(has_text=True), message(5_000, "Hello."), joined, voice, ended(60_000)]
    )
    heard = {d.moment.t_event_ms: d.moment.features is not None for d in said.decisions}
    assert not heard[30_000]
    assert heard[40_000]
    with pytest.raises(PeerError, match="joined twice"):
        feed_all([started(Role.CUSTOMER), joined])
