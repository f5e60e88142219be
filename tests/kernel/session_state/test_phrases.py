"""The phrase tables: complete, bilingual, and silent about feelings."""

from __future__ import annotations

from collections.abc import Iterator
from string import Formatter

import pytest

from subtone.contracts.session_state import LocalText
from subtone.contracts.vocabulary import (
    Action,
    Channel,
    ChannelStatus,
    ConflictType,
    DriftState,
    SessionState,
    Signal,
    SpanKind,
    TextDimension,
    VoiceDimension,
    VoiceFeature,
)
from subtone.kernel.session_state import phrases
from subtone.kernel.session_state.machine import DWELL, HOLD, NO_EVIDENCE, SESSION_EDGES
from support_session_state import claims_a_feeling


def every_phrase() -> Iterator[tuple[str, LocalText]]:
    def walk(name: str, value: object) -> Iterator[tuple[str, LocalText]]:
        if isinstance(value, LocalText):
            yield name, value
        elif isinstance(value, dict):
            for key, item in value.items():
                yield from walk(f"{name}[{key}]", item)
        elif isinstance(value, tuple):
            for i, item in enumerate(value):
                yield from walk(f"{name}[{i}]", item)

    for name, value in vars(phrases).items():
        if name.isupper():
            yield from walk(name, value)


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def test_there_are_phrases_to_check() -> None:
    assert len(list(every_phrase())) > 100


@pytest.mark.parametrize(("name", "phrase"), list(every_phrase()))
def test_phrase_is_bilingual_with_the_same_numbers_and_claims_no_feeling(
    name: str, phrase: LocalText
) -> None:
    assert phrase.en, name
    assert phrase.zh, name
    assert fields(phrase.zh) == fields(phrase.en), name
    assert not claims_a_feeling(phrase.en), name
    assert not claims_a_feeling(phrase.zh), name


@pytest.mark.parametrize(
    "claim", ["the customer is angry", "she sounds tense", "the caller feels ignored", "客户生气了"]
)
def test_the_guard_recognises_a_claim(claim: str) -> None:
    assert claims_a_feeling(claim)


def test_tables_cover_their_vocabulary() -> None:
    assert set(phrases.EDGES) == {e.edge for e in SESSION_EDGES} | {
        HOLD,
        DWELL,
        NO_EVIDENCE,
    }
    assert set(phrases.STATES) == set(phrases.STATE_REASONS) == set(SessionState)
    assert set(phrases.DRIFT_REASONS) == set(DriftState)
    assert set(phrases.CONFLICTS) == set(ConflictType)
    assert set(phrases.SIGNALS) == set(Signal)
    assert set(phrases.SPAN_KINDS) == set(SpanKind)
    assert set(phrases.DIRECTIONS) == set(VoiceFeature)
    assert set(phrases.ADVICE) == set(Action)
    assert set(phrases.CHANNELS) == set(Channel)
    assert {str(d) for d in phrases.DIMENSIONS} == {*TextDimension, *VoiceDimension}
    assert set(phrases.MISSING) == {(c, s) for c in Channel for s in ChannelStatus}
