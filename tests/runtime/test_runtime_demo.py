"""A sample call streamed into a server says what the same call says as a file."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from subtone.contracts.outputs import AnalysedTurn, Decision
from subtone.contracts.vocabulary import Role
from subtone.runtime.analysis import analyse_files
from subtone.runtime.demo import LiveItem, own_server, play_live
from subtone.runtime.simulate.play import PlayError

CALLS = Path(__file__).resolve().parents[2] / "examples" / "calls"
ROLES = (Role.AGENT, Role.CUSTOMER)
SPEED = 100.0


def changes(decisions: list[Decision]) -> list[tuple[int, str, bool]]:
    """Every change of state: its moment, the state, whether it is masked."""
    return [
        (d.moment.t_event_ms, d.snapshot.state.value, d.snapshot.masked)
        for d in decisions
        if d.transition is not None
    ]


@pytest.mark.parametrize("name", ["hidden_frustration.en", "open_anger.zh"])
def test_the_stream_says_what_the_file_says(name: str) -> None:
    audio, text = CALLS / f"{name}.flac", CALLS / f"{name}.jsonl"
    told: list[LiveItem] = []
    with own_server() as server:
        play_live(server, audio, text, ROLES, SPEED, told.append)
    expected = analyse_files(audio, text, ROLES)
    decisions = [item for item in told if isinstance(item, Decision)]
    turns = [item.turn for item in told if isinstance(item, AnalysedTurn)]
    assert changes(decisions) == changes(list(expected.decisions))
    assert [d.snapshot.state for d in decisions] == [d.snapshot.state for d in expected.decisions]
    assert [t.text for t in turns] == [t.turn.text for t in expected.turns]
    for live, recorded in zip(decisions, expected.decisions, strict=True):  # the line is mu-law
        assert live.snapshot.score.score == pytest.approx(recorded.snapshot.score.score, abs=0.03)


def test_a_server_leaves_no_journal_and_no_thread() -> None:
    before = threading.active_count()
    with own_server() as server:
        assert server.url.startswith("http://127.0.0.1:")
        assert server.token not in repr(server)
    assert threading.active_count() == before


def test_a_failure_while_following_ends_the_play() -> None:
    def refuse(_item: LiveItem) -> None:
        raise BrokenPipeError

    audio, text = CALLS / "calm.zh.flac", CALLS / "calm.zh.jsonl"
    with own_server() as server, pytest.raises(BrokenPipeError):
        play_live(server, audio, text, ROLES, SPEED, refuse)


def test_a_server_that_is_gone_is_named() -> None:
    with own_server() as server:
        pass
    audio, text = CALLS / "calm.zh.flac", CALLS / "calm.zh.jsonl"
    with pytest.raises(PlayError, match=server.url.removeprefix("http://")):
        play_live(server, audio, text, ROLES, SPEED, lambda _item: None)
