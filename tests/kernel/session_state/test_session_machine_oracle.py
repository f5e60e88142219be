"""The shipped machine and score equal the design's executable model."""

from __future__ import annotations

import random
from typing import Any

from subtone.contracts.vocabulary import ConflictType, DriftState, Severity
from subtone.kernel.session_state.machine import START, SessionMemory
from support_session_state import (
    DESIGN,
    GRID,
    conflict,
    escalation,
    oracle,
    reachable,
    report,
    shared_design,
    step,
)

DRIFT_LETTERS = {
    DriftState.ALIGNED_POSITIVE: "AP",
    DriftState.ALIGNED_NEGATIVE: "AN",
    DriftState.DIVERGING: "DV",
    DriftState.CROSS_ESCALATING: "CE",
    DriftState.CROSS_DEESCALATING: "DC",
}


def as_tuple(m: SessionMemory) -> tuple[Any, ...]:
    return m.state.value, m.band, m.quiet_ticks, m.high_ticks, m.age_ticks, m.trough_bucket


def test_every_step_of_the_product_automaton_equals_the_model() -> None:
    model = oracle()
    for memory in reachable():
        for score in GRID:
            for is_masked in (False, True):
                after, edge = step(memory, score, is_masked)
                expected = model.session_step(as_tuple(memory), score, is_masked)
                assert (as_tuple(after), edge) == expected


def test_product_automata_are_the_same_set() -> None:
    seen, _ = oracle().explore()
    assert {as_tuple(m) for m in reachable()} == seen


def test_random_walks_equal_the_model() -> None:
    model, rng = oracle(), random.Random(11)
    for _ in range(200):
        memory, expected = START, model.START
        score, target = rng.random(), rng.random()
        for _ in range(120):
            if rng.random() < 0.08:
                target = rng.random()
            score = min(1.0, max(0.0, score + 0.3 * (target - score) + rng.gauss(0.0, 0.02)))
            is_masked = rng.random() < 0.2
            memory, edge = step(memory, score, is_masked)
            expected, expected_edge = model.session_step(expected, score, is_masked)
            assert (memory.state.value, edge) == (expected[0], expected_edge)


def test_edges_and_their_inputs_are_the_printed_table() -> None:
    """Every row of the printed table: from, to, name, score range, conflict values."""
    found: dict[tuple[str, str, str], set[tuple[float, bool]]] = {}
    for memory in reachable():
        for score in GRID:
            for is_masked in (False, True):
                after, edge = step(memory, score, is_masked)
                if after.state is not memory.state:
                    key = (memory.state.value, after.state.value, edge)
                    found.setdefault(key, set()).add((round(score, 3), is_masked))
    ours = set()
    for (a, b, edge), inputs in found.items():
        scores = [score for score, _ in inputs]
        masked = sorted({is_masked for _, is_masked in inputs})
        ours.add(
            f"| {a} | {b} | {edge} "
            f"| score {min(scores):.2f}..{max(scores):.2f}, conflict {masked} |"
        )
    page = shared_design("state_tables.md").read_text(encoding="utf-8")
    printed = [line for line in page.splitlines() if ", conflict [" in line]
    assert len(printed) == 23
    assert ours == set(printed)


def test_scores_equal_the_model() -> None:
    model, rng = oracle(), random.Random(5)
    for _ in range(2_000):
        text, voice = rng.random(), rng.random()
        drift = rng.choice(list(DriftState))
        kind, severity, is_masking = model.conflict(text, voice)
        is_confirmed = rng.random() < 0.5
        found = None
        if kind is not None:
            found = conflict(voice - text, text, voice, Severity(severity), kind=ConflictType(kind))
            assert found.is_masking == is_masking
        scoring = severity if is_confirmed or not is_masking else None
        parts = model.components(DRIFT_LETTERS[drift], text, voice, scoring)
        expected, raw = model.score(*parts, text, voice)
        ours = escalation(text, voice, drift, report(found, is_confirmed), DESIGN.session)
        assert abs(ours.score - expected) < 1e-12
        assert abs(ours.raw - raw) < 1e-12
