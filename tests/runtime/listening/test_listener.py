"""What of a recorded call is heard by models: the customer, while that is permitted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.contracts.inbound import (
    AudioChunk,
    CallEnded,
    CallStarted,
    ConsentChanged,
    HeadResult,
    InboundEvent,
    Paused,
    Resumed,
    Tick,
    Track,
    TrackJoined,
)
from subtone.contracts.vocabulary import AudioEncoding, Role
from subtone.ingest.files import Transcript, call_events
from subtone.runtime.listening import listener as module
from subtone.runtime.listening.listener import Listener
from subtone.runtime.listening.utterances import Findings, Sound
from support_cli import CALLS
from support_listening import small_listener

CUSTOMER = Track(track_id="customer", role=Role.CUSTOMER, sample_rate_hz=16_000)
TRACKS = (Track(track_id="agent", role=Role.AGENT, sample_rate_hz=16_000), CUSTOMER)
SECOND = Track(track_id="customer_2", role=Role.CUSTOMER, sample_rate_hz=16_000)


def stamped(kind: type[Any], t_ms: int = 0, **fields: Any) -> InboundEvent:
    event: InboundEvent = kind(call_id="c", t_event_ms=t_ms, t_seen_ms=t_ms + 7, **fields)
    return event


def started(*tracks: Track) -> InboundEvent:
    return stamped(CallStarted, tracks=tracks or TRACKS)


def chunk(t_ms: int, track: str = "customer", **more: Any) -> InboundEvent:
    payload = bytes(32 * 500)
    return stamped(
        AudioChunk, t_ms, track_id=track, encoding=AudioEncoding.PCM_S16LE, payload=payload, **more
    )


def consent(t_ms: int, *, is_given: bool) -> InboundEvent:
    return stamped(ConsentChanged, t_ms, is_voice_emotion_allowed=is_given)


class Noted:
    """Stands for the models of one call: notes what it is given, and finds the call's id."""

    def __init__(self, call_id: str, *_: Any, now_ms: Any, **__: Any) -> None:
        self.call_id = call_id
        self.now_ms = now_ms
        self.heard: list[int | str | None] = []
        made.append(self)

    def understand(self, sound: Sequence[Sound | None]) -> Findings:
        self.heard += [None if s is None else s.chunk.t_event_ms for s in sound]
        found = HeadResult(
            call_id=self.call_id,
            track_id="customer",
            head="arousal",
            t_event_ms=0,
            t_start_ms=0,
            t_seen_ms=self.now_ms(),
            values=(),
            confidence=1.0,
            reliability=1.0,
            model="m",
        )
        return Findings(heads=(found,))

    def forget(self, *, is_caller_too: bool = False) -> None:
        self.heard.append("caller forgotten" if is_caller_too else "forgotten")


made: list[Noted] = []


def heard(events: Sequence[InboundEvent], monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What reached the models, in order; None closes what was said before it."""
    made.clear()
    monkeypatch.setattr(module, "Utterances", Noted)
    ears = Listener(None, [None])  # type: ignore[arg-type, list-item]  # the models are made up
    assert [event for event, _ in ears.listen(events)] == list(events)
    return made[0].heard if made else []


def test_only_the_customers_first_track_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    events = [started(*TRACKS, SECOND), chunk(0), chunk(0, "agent"), chunk(0, "customer_2")]
    assert heard(events, monkeypatch) == [0]


def test_a_customer_who_joins_late_is_heard_and_an_agent_never_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events = [started(TRACKS[0]), chunk(0, "agent"), stamped(TrackJoined, 900, track=CUSTOMER)]
    assert heard([*events, chunk(1_000), chunk(1_000, "agent")], monkeypatch) == [1_000]


def test_made_up_sound_is_a_gap_and_the_end_closes_the_last_utterance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events = [started(), chunk(0), chunk(500, is_concealed=True), chunk(1_000)]
    events += [stamped(Tick, 1_500), stamped(CallEnded, 1_500)]
    assert heard(events, monkeypatch) == [0, None, 1_000, None]


def test_of_a_pause_nothing_is_heard_and_what_was_open_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events = [started(), chunk(0), stamped(Paused, 500), chunk(500), stamped(Resumed, 1_000)]
    found = heard([*events, chunk(1_000)], monkeypatch)
    assert found == [0, "forgotten", "forgotten", 1_000]


def test_without_consent_nothing_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    events = [started(), chunk(0), consent(500, is_given=False), chunk(500)]
    events += [consent(1_000, is_given=True), chunk(1_000)]
    assert heard(events, monkeypatch) == [0, "caller forgotten", "caller forgotten", 1_000]


@given(st.lists(st.sampled_from(["hear", "pause", "resume", "object", "agree"]), max_size=20))
def test_no_chunk_is_heard_in_a_pause_or_against_an_objection(said: list[str]) -> None:
    events, wanted, is_paused, is_allowed = [started()], [], False, True
    for number, what in enumerate(said):
        t_ms = 500 * number
        if what == "hear":
            events.append(chunk(t_ms))
            wanted += [t_ms] if is_allowed and not is_paused else []
        elif what in ("pause", "resume"):
            is_paused = what == "pause"
            events.append(stamped(Paused if is_paused else Resumed, t_ms))
        else:
            is_allowed = what == "agree"
            events.append(consent(t_ms, is_given=is_allowed))
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert [t for t in heard(events, monkeypatch) if isinstance(t, int)] == wanted


def test_each_call_is_heard_by_itself_and_findings_are_seen_with_their_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "Utterances", Noted)
    ears = Listener(None, [None])  # type: ignore[arg-type, list-item]  # the models are made up
    for _ in range(2):
        made.clear()
        found = [f for _, some in ears.listen([started(), chunk(0), chunk(500)]) for f in some]
        assert [(f.call_id, f.t_seen_ms) for f in found] == [("c", 7), ("c", 507)]
        assert len(made) == 1


# --- with an encoder ------------------------------------------------------------------------


def recorded_events(chunk_ms: int) -> Iterator[InboundEvent]:
    return call_events(
        CALLS / "hidden_frustration.en.flac",
        [Role.AGENT, Role.CUSTOMER],
        Transcript(),
        call_id="c",
        chunk_ms=chunk_ms,
    )


def findings(ears: Listener, chunk_ms: int) -> list[HeadResult]:
    return [result for _, found in ears.listen(recorded_events(chunk_ms)) for result in found]


def test_how_a_recording_is_cut_changes_no_finding(tmp_path: Path) -> None:
    ears = small_listener(tmp_path)
    told = [findings(ears, chunk_ms) for chunk_ms in (200, 333, 2_000, 60_000)]
    assert told[1:] == told[:1] * 3
    spoken = [f for f in told[0] if f.head == "arousal"]
    assert len(spoken) == len([f for f in told[0] if f.head == "valence"]) >= 8
    assert {(f.track_id, f.t_seen_ms) for f in spoken} == {("customer", 0)}
    assert all(f.t_event_ms - f.t_start_ms <= module.MAX_UTTERANCE_MS for f in spoken)
    assert [f.t_event_ms for f in spoken] == sorted(f.t_event_ms for f in spoken)


def test_after_an_objection_the_caller_is_learnt_anew_and_after_a_pause_not(
    tmp_path: Path,
) -> None:
    ears, at_ms = small_listener(tmp_path), 40_000

    def first_after(*events: InboundEvent) -> int:
        recorded = list(recorded_events(200))
        before = [e for e in recorded if e.t_event_ms < at_ms]
        after = recorded[len(before) :]
        found = [f for _, some in ears.listen([*before, *events, *after]) for f in some]
        return next(f.t_event_ms for f in found if f.t_event_ms > at_ms)

    paused = (stamped(Paused, at_ms), stamped(Resumed, at_ms))
    objected = (consent(at_ms, is_given=False), consent(at_ms, is_given=True))
    assert first_after(*paused) == first_after()
    assert first_after(*objected) > first_after() + 5_000
