"""Every property the design proves of the session machine, over the shipped table."""

from __future__ import annotations

import math
from collections import defaultdict
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from subtone.contracts.calibration import SessionCalibration
from subtone.contracts.vocabulary import SessionState
from subtone.kernel.session_state.machine import (
    DWELL,
    HOLD,
    SESSION_EDGES,
    START,
    SessionMemory,
    step_session,
)
from support_session_state import GRID, SESSION, reachable, step

S = SessionState
RANK = {
    S.CALM: 0,
    S.RESOLVED: 0,
    S.RISING_TENSION: 1,
    S.HIDDEN_FRUSTRATION: 2,
    S.DEESCALATING: 2,
    S.ESCALATION_RISK: 3,
    S.ACTIVE_ESCALATION: 4,
}
NAMED = {(e.from_state, e.to_state, e.edge) for e in SESSION_EDGES}
FINE = [i / 100 for i in range(101)]  # for noise smaller than a bucket

Index = NDArray[np.intp]


@cache
def states() -> Index:
    """Session state of every reachable memory, as an index into SessionState."""
    order = list(SessionState)
    return np.array([order.index(m.state) for m in reachable()], dtype=np.intp)


@cache
def table(score: float, is_masked: bool) -> Index:
    """Successor of every reachable memory under one input."""
    number = {memory: i for i, memory in enumerate(reachable())}
    successors = [number[step(m, score, is_masked)[0]] for m in reachable()]
    return np.array(successors, dtype=np.intp)


def where(*wanted: SessionState) -> NDArray[np.bool_]:
    return np.isin(states(), [list(SessionState).index(s) for s in wanted])


def ticks_until(score: float, *wanted: SessionState) -> int:
    """Most ticks of one constant input that any memory needs to reach a state once."""
    at = np.arange(len(reachable()))
    is_there = where(*wanted)
    arrived = is_there.copy()
    for ticks in range(50):
        if arrived.all():
            return ticks
        at = table(score, False)[at]
        arrived |= is_there[at]
    raise AssertionError(f"{wanted} not reached within 50 ticks of {score}")


def moves() -> dict[tuple[SessionState, SessionState, str], set[tuple[float, bool]]]:
    """Every move any reachable memory makes, with the inputs that cause it."""
    found = defaultdict(set)
    for memory in reachable():
        for score in GRID:
            for is_masked in (False, True):
                after, edge = step(memory, score, is_masked)
                if after.state is not memory.state:
                    found[memory.state, after.state, edge].add((score, is_masked))
    return found


def test_product_automaton_has_all_states_and_the_size_the_design_proved() -> None:
    assert {m.state for m in reachable()} == set(SessionState)
    assert len(reachable()) == 1155


def test_every_row_of_the_table_is_taken_and_nothing_else_is() -> None:
    assert len(SESSION_EDGES) == 23
    assert set(moves()) == NAMED


def test_state_changes_exactly_when_an_edge_is_named() -> None:
    for memory in reachable():
        for score in (0.0, 0.3, 0.6, 1.0):
            for is_masked in (False, True):
                after, edge = step(memory, score, is_masked)
                assert (after.state is memory.state) == (edge in {HOLD, DWELL})


def test_precedence_numbers_the_rows_of_each_state_in_order() -> None:
    for state in SessionState:
        own = [e.precedence for e in SESSION_EDGES if e.from_state is state]
        assert own == list(range(1, len(own) + 1))
        assert own, f"{state} cannot be left"


def test_response_is_bounded() -> None:
    """Sustained .80 is active within 2 ticks of anywhere; sustained .05 is calm within 4."""
    assert ticks_until(0.80, S.ACTIVE_ESCALATION) == 2
    assert ticks_until(0.05, S.CALM, S.RESOLVED) == 4


@pytest.mark.parametrize("is_masked", [False, True])
def test_constant_input_settles_in_at_most_two_transitions(is_masked: bool) -> None:
    most = 0
    for score in GRID:
        at = np.arange(len(reachable()))
        changes = np.zeros(len(at), dtype=np.intp)
        for _ in range(2 * SESSION.stall_ticks + 10):
            after = table(score, is_masked)[at]
            is_change = states()[after] != states()[at]
            changes += is_change
            at = after
        assert not is_change.any(), f"still moving at {score}"
        most = max(most, int(changes.max()))
    assert most == 2


@pytest.mark.parametrize("is_masked", [False, True])
def test_adversarial_noise_below_the_hysteresis_cannot_cycle(is_masked: bool) -> None:
    for low in range(97):
        successors = np.stack([table(FINE[low + i], is_masked) for i in range(5)])
        assert not _has_cycle_through_two_states(successors), f"around {FINE[low + 2]}"


def _has_cycle_through_two_states(successors: Index) -> bool:
    """Whether some choice of inputs returns to a memory by way of another session state.

    Contract the moves inside one session state: a cycle through two states repeats some
    moving edge (u, v), that is, v reaches u. Only such edges need a search.
    """
    here = np.arange(successors.shape[1])
    moving = {
        (int(u), int(v))
        for row in successors
        for u, v in zip(here, row, strict=True)
        if states()[u] != states()[v]
    }
    ends: dict[int, set[int]] = defaultdict(set)
    for u, v in moving:
        ends[v].add(u)
    for v, starts in ends.items():
        seen, frontier = {v}, np.array([v])
        while frontier.size:
            reached = {int(n) for n in np.unique(successors[:, frontier])} - seen
            seen |= reached
            frontier = np.array(sorted(reached), dtype=np.intp)
        if seen & starts:
            return True
    return False


def test_cycle_search_finds_a_planted_cycle() -> None:
    """The search above must be able to fail: full-range noise does cycle."""
    successors = np.stack([table(0.0, False), table(0.30, False)])
    assert _has_cycle_through_two_states(successors)


def test_rising_inputs_never_step_down() -> None:
    todo = [(START, 0.0, False)]
    seen = set(todo)
    while todo:
        memory, last, was_masked = todo.pop()
        for score in (i / 20 for i in range(21)):
            for is_masked in (False, True):
                if score < last or (was_masked and not is_masked):
                    continue
                after, _ = step(memory, score, is_masked)
                assert RANK[after.state] >= RANK[memory.state]
                assert after.state not in {S.DEESCALATING, S.RESOLVED}
                key = (after, score, is_masked)
                if key not in seen:
                    seen.add(key)
                    todo.append(key)


def test_only_escalation_cuts_a_dwell_short() -> None:
    for memory in reachable():
        if memory.age_ticks + 1 >= SESSION.dwell_ticks:
            continue
        for score in GRID:
            for is_masked in (False, True):
                after, edge = step(memory, score, is_masked)
                if after.state is memory.state:
                    assert edge == DWELL
                    continue
                is_escalation = after.state in {S.ACTIVE_ESCALATION, S.ESCALATION_RISK} or (
                    after.state is S.HIDDEN_FRUSTRATION and is_masked and score > SESSION.risk
                )
                assert is_escalation


def test_resolved_is_entered_only_from_deescalating() -> None:
    assert {a for a, b, _ in NAMED if b is S.RESOLVED} == {S.DEESCALATING}


def test_active_is_left_only_to_deescalating_at_or_below_070() -> None:
    left = {
        (b, score)
        for (a, b, _), io in moves().items()
        for score, _ in io
        if a is S.ACTIVE_ESCALATION
    }
    assert {b for b, _ in left} == {S.DEESCALATING}
    assert max(score for _, score in left) == 0.70


def test_a_masked_call_enters_risk_only_through_hidden_frustration() -> None:
    sources = {
        a
        for (a, b, _), io in moves().items()
        if b is S.ESCALATION_RISK and any(is_masked for _, is_masked in io)
    }
    assert sources == {S.HIDDEN_FRUSTRATION, S.DEESCALATING}


# Scores at and around every threshold; C calm, T rising tension, H hidden frustration,
# K escalation risk, A active escalation, D deescalating, R resolved.
SCORES = (0.10, 0.20, 0.25, 0.30, 0.50, 0.55, 0.60, 0.70, 0.75, 0.80, 1.00)
LETTERS = dict(zip("CTHKADR", SessionState, strict=True))
WALK = [
    # state, band, age, trough, unmasked, masked
    (S.CALM, 0, 2, 0, "CCCTTTKKKKK", "HHHHHHHHHHH"),
    (S.CALM, 0, 0, 0, "CCCCCCKKKKK", "CCCCCCHHHHH"),
    (S.RISING_TENSION, 1, 2, 0, "CCTTTTKKKKK", "HHHHHHHHHHH"),
    (S.RISING_TENSION, 1, 0, 0, "TTTTTTKKKKK", "TTTTTTHHHHH"),
    (S.HIDDEN_FRUSTRATION, 1, 2, 0, "CCTTTTKKKKK", "HHHHHHKKKKK"),
    (S.HIDDEN_FRUSTRATION, 1, 0, 0, "HHHHHHHHHHH", "HHHHHHHHHHH"),
    (S.ESCALATION_RISK, 2, 2, 0, "DDDDDKKKKKK", "DDDDDKKKKKK"),
    (S.ESCALATION_RISK, 2, 0, 0, "KKKKKKKKKKK", "KKKKKKKKKKK"),
    (S.ACTIVE_ESCALATION, 3, 2, 0, "DDDDDDDDAAA", "DDDDDDDDAAA"),
    (S.ACTIVE_ESCALATION, 3, 0, 0, "AAAAAAAAAAA", "AAAAAAAAAAA"),
    (S.DEESCALATING, 1, 2, 20, "DDDDDDDDDDD", "DDDDDDDDDDD"),
    (S.DEESCALATING, 1, 11, 0, "CCTTTTKKKKK", "HHHHHHKKKKK"),
    (S.DEESCALATING, 1, 11, 20, "DDDDDDDDDDK", "DDDDDDDDDDK"),
    (S.RESOLVED, 0, 2, 0, "RRRTTTKKKKK", "HHHHHHHHHHH"),
    (S.RESOLVED, 0, 0, 0, "RRRRRRKKKKK", "RRRRRRHHHHH"),
]


@pytest.mark.parametrize(("state", "band", "age", "trough", "unmasked", "masked"), WALK)
def test_walk_of_the_whole_table(
    state: SessionState, band: int, age: int, trough: int, unmasked: str, masked: str
) -> None:
    memory = SessionMemory(state, band, 0, 0, age, trough)
    for expected, is_masked in ((unmasked, False), (masked, True)):
        for score, letter in zip(SCORES, expected, strict=True):
            assert step(memory, score, is_masked)[0].state is LETTERS[letter], (score, is_masked)


@pytest.mark.parametrize("state", [S.HIDDEN_FRUSTRATION, S.ESCALATION_RISK, S.DEESCALATING])
def test_two_ticks_in_the_top_band_are_active_whatever_the_dwell(state: SessionState) -> None:
    memory = SessionMemory(state, 3, 0, 1, 0, 0)
    assert step(memory, 0.76, False)[1] == "score_gt_0.75"
    assert step(memory, 0.75, False)[1] == DWELL


def test_three_quiet_ticks_resolve_and_masking_prevents_it() -> None:
    memory = SessionMemory(S.DEESCALATING, 0, 2, 0, 2, 3)
    assert step(memory, 0.149, False)[1] == "score_lt_0.15"
    assert step(memory, 0.15, False)[1] == HOLD
    assert step(memory, 0.149, True)[1] == HOLD


def test_rounding_noise_does_not_cross_a_threshold() -> None:
    """Scores are sums of decimal fractions: the last binary digit must not decide."""
    assert step(START, math.nextafter(0.55, 1.0), False)[0].state is S.RISING_TENSION
    assert step(START, 0.5501, False)[0].state is S.ESCALATION_RISK


@st.composite
def calibrations(draw: st.DrawFn) -> SessionCalibration:
    hysteresis = draw(st.sampled_from((0.02, 0.05, 0.10)))
    rising, risk, active = sorted(
        draw(st.lists(st.integers(3, 19), min_size=3, max_size=3, unique=True))
    )
    return SessionCalibration(
        rising=rising / 20,
        risk=risk / 20,
        active=active / 20,
        hysteresis=hysteresis,
        resolved=draw(st.sampled_from((0.05, 0.10))),
        resolved_ticks=draw(st.integers(1, 4)),
        active_ticks=draw(st.integers(1, 4)),
        dwell_ticks=draw(st.integers(0, 6)),
        stall_ticks=draw(st.integers(1, 15)),
    )


@given(calibrations(), st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=60))
def test_no_calibration_leaves_the_table(
    calibration: SessionCalibration, inputs: list[tuple[float, bool]]
) -> None:
    memories, edges = [START], []
    for score, is_masked in inputs:
        after, edge = step_session(memories[-1], score, is_masked, calibration)
        assert step_session(memories[-1], score, is_masked, calibration) == (after, edge)
        memories.append(after)
        edges.append(edge)
    for (before, after), edge in zip(pairwise(memories), edges, strict=True):
        if edge in {HOLD, DWELL}:
            assert after.state is before.state
        else:
            assert (before.state, after.state, edge) in NAMED


@given(calibrations())
def test_no_calibration_traps_a_quiet_call(calibration: SessionCalibration) -> None:
    """Whatever the tick counts (even a dwell longer than the stall), quiet ends quiet."""
    for state in SessionState:
        memory = SessionMemory(state, 3, 0, 0, 0, 20)
        for _ in range(60):
            memory, _ = step_session(memory, 0.0, False, calibration)
        assert memory.state in {S.CALM, S.RESOLVED}
