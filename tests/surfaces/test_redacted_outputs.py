"""Nothing that identifies a person is left in an output, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.contracts.base import Contract, Name
from subtone.contracts.inbound import CallEnded, CallStarted, ChatMessage, TranscriptSegment
from subtone.contracts.outputs import AnalysedTurn, Decision, Notice, Outputs
from subtone.contracts.signal_correlation import AlignedMoment
from subtone.contracts.vocabulary import Role
from subtone.contracts.voice_intelligence import AmdResult, Word
from subtone.kernel import pipeline
from subtone.surfaces.redacted_outputs import WORDS, redacted_output

CARD = "4242 4242 4242 4242"
SAID = f"This is ridiculous!!! My card is {CARD}, mail me at jo@example.org, I want a manager!"
# texts of the contracts that are the kernel's own words
OURS = {("TextSpan", "rule"), ("DriftAssessment", "edge"), ("DriftAssessment", "cause")}


def texts_of(kind: Any, seen: set[Any]) -> Iterator[tuple[str, str]]:
    """Every field of free text in a contract and what it is made of."""
    if not (isinstance(kind, type) and issubclass(kind, Contract)):
        for part in get_args(kind):
            yield from texts_of(part, seen)
        return
    if kind in seen:
        return
    seen.add(kind)
    for name, hint in get_type_hints(kind, include_extras=True).items():
        parts = get_args(hint) if hint is not Name else ()
        if hint is str or str in parts:
            yield kind.__name__, name
        yield from texts_of(hint, seen)


def test_every_free_text_of_an_output_is_known() -> None:
    seen: set[Any] = set()
    kinds = (AnalysedTurn, Decision, AlignedMoment, AmdResult, Notice)
    free = {place for kind in kinds for place in texts_of(kind, seen)}
    assert ("TextTurn", "text") in free
    assert {place for place in free if place[1] not in WORDS} == OURS


def outputs_of(*texts: str) -> list[Outputs]:
    """What the kernel says of a chat in which a customer says this."""
    state, found = pipeline.start(), []
    events: list[Any] = [CallStarted(call_id="c", t_event_ms=0, t_seen_ms=0, has_text=True)]
    for number, text in enumerate(texts):
        t_ms = 1_000 + number * 5_000
        stamps: dict[str, Any] = {"call_id": "c", "t_event_ms": t_ms, "t_seen_ms": t_ms}
        events.append(ChatMessage(**stamps, message_id=f"m{number}", role=Role.CUSTOMER, text=text))
    events.append(CallEnded(call_id="c", t_event_ms=60_000, t_seen_ms=60_000))
    for event in events:
        state, said = pipeline.feed(state, event)
        found.append(said)
    return found


def test_turns_decisions_and_reasons_show_no_number_and_no_address() -> None:
    said = outputs_of(SAID, SAID, SAID)
    turns = [turn for outputs in said for turn in outputs.turns]
    decisions = [decision for outputs in said for decision in outputs.decisions]
    assert any(CARD in words.quote for d in decisions for words in d.basis.words)
    for item in (*turns, *decisions):
        shown = redacted_output(msgspec.json.encode(item))
        assert b"4242" not in shown
        assert b"jo@example" not in shown
        assert type(msgspec.json.decode(shown, type=type(item))) is type(item)
    first = msgspec.json.decode(redacted_output(msgspec.json.encode(turns[0])), type=AnalysedTurn)
    assert first.turn.text == SAID.replace(CARD, "[card]").replace("jo@example.org", "[email]")


def test_timed_words_go_with_what_was_taken_from_the_turn() -> None:
    words = tuple(
        Word(t_event_ms=i * 100, t_end_ms=i * 100 + 100, text=text)
        for i, text in enumerate(["card", "4242", "4242", "4242", "4242"])
    )
    segment = TranscriptSegment(
        call_id="c",
        segment_id="s",
        role=Role.AGENT,
        t_event_ms=0,
        t_end_ms=500,
        t_seen_ms=500,
        text=f"card {CARD}",
        words=words,
    )
    started = CallStarted(call_id="c", t_event_ms=0, t_seen_ms=0, has_text=True)
    state, _ = pipeline.feed(pipeline.start(), started)
    state, outputs = pipeline.feed(state, segment)
    (turn,) = outputs.turns
    assert turn.turn.words == words
    shown = msgspec.json.decode(redacted_output(msgspec.json.encode(turn)), type=AnalysedTurn)
    assert (shown.turn.text, shown.turn.words) == ("card [card]", ())


@pytest.mark.parametrize("text", ["It is fine, order 44719.", "我已经弄过了，行吧，没事。"])
def test_what_identifies_nobody_stays_as_it_is(text: str) -> None:
    for outputs in outputs_of(text):
        for item in (*outputs.turns, *outputs.decisions):
            body = msgspec.json.encode(item)
            assert msgspec.json.decode(redacted_output(body)) == msgspec.json.decode(body)


@given(st.text(max_size=60))
def test_redacting_twice_is_redacting_once(text: str) -> None:
    body = msgspec.json.encode({"quote": text, "spans": [{"start": 0, "end": 1, "text": text}]})
    once = redacted_output(body)
    assert redacted_output(once) == once
