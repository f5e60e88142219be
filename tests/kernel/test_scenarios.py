"""Both machines end to end: the design's scenarios, and how much sooner the shipped one sees."""

from __future__ import annotations

import random
from collections.abc import Sequence

from subtone.contracts.calibration import Calibration
from subtone.contracts.vocabulary import SessionState
from subtone.kernel.session_state.escalation import score_escalation
from subtone.kernel.session_state.machine import START, step_session
from subtone.kernel.signal_correlation.conflict import (
    ConflictMemory,
    detect_conflict,
    step_conflict,
)
from subtone.kernel.signal_correlation.drift import DriftMemory, intervene, step_drift
from subtone.kernel.statistics import smooth
from support_session_state import DEFAULT, DESIGN, oracle

S = SessionState
TICK_MS = 5_000
Pair = tuple[float, float]
CALM: list[Pair] = [(0.05, 0.10)] * 12


def ramp(a: Pair, b: Pair, n: int) -> list[Pair]:
    return [(a[0] + (b[0] - a[0]) * i / n, a[1] + (b[1] - a[1]) * i / n) for i in range(1, n + 1)]


def run(
    pairs: Sequence[Pair],
    interventions: tuple[int, ...] = (),
    calibration: Calibration = DESIGN,
) -> tuple[list[SessionState], dict[SessionState, float], list[str]]:
    """Session path, first second of each state, and drift edges of (text, voice) pairs."""
    drift_memory, conflict_memory, session = DriftMemory(), ConflictMemory(), START
    text: float | None = None
    voice: float | None = None
    path: list[SessionState] = []
    first_s: dict[SessionState, float] = {}
    drift_edges: list[str] = []
    for index, (raw_text, raw_voice) in enumerate(pairs):
        t_ms = (index + 1) * TICK_MS
        half_life_s = calibration.alignment.smoothing_half_life_s
        text = smooth(text, raw_text, TICK_MS / 1000, half_life_s)
        voice = smooth(voice, raw_voice, TICK_MS / 1000, half_life_s)
        if index in interventions:
            drift_memory = intervene(drift_memory, t_ms)
        drift_memory, drift = step_drift(drift_memory, t_ms, text, voice, calibration.drift)
        found = detect_conflict(t_ms, text, voice, 0.0, False, calibration.conflict)
        conflict_memory, report = step_conflict(conflict_memory, t_ms, found, calibration.conflict)
        score = score_escalation(
            t_ms, text, voice, drift.state, report, calibration.session, calibration.conflict
        )
        session, _ = step_session(
            session, score.score, report.is_masking_confirmed, calibration.session
        )
        if not path or path[-1] is not session.state:
            path.append(session.state)
            first_s.setdefault(session.state, t_ms / 1000)
        if drift.edge != "hold":
            drift_edges.append(drift.edge)
    return path, first_s, drift_edges


def test_moderate_masking_is_hidden_frustration_in_15_s() -> None:
    path, first_s, _ = run(CALM + [(0.10, 0.55)] * 24)
    assert path == [S.CALM, S.HIDDEN_FRUSTRATION]
    assert first_s[S.HIDDEN_FRUSTRATION] == 60 + 15


def test_strong_masking_is_a_risk_by_way_of_hidden_frustration() -> None:
    path, first_s, _ = run(CALM + [(0.05, 0.95)] * 24)
    assert path == [S.CALM, S.HIDDEN_FRUSTRATION, S.ESCALATION_RISK, S.ACTIVE_ESCALATION]
    assert list(first_s.values()) == [5, 70, 80, 100]


def test_open_anger_is_active_and_never_hidden() -> None:
    pairs = CALM + ramp((0.05, 0.1), (0.95, 0.95), 18) + [(0.95, 0.95)] * 12
    path, first_s, drift_edges = run(pairs)
    assert path == [S.CALM, S.RISING_TENSION, S.ESCALATION_RISK, S.ACTIVE_ESCALATION]
    assert list(first_s.values()) == [5, 85, 110, 135]
    assert drift_edges == ["both_turn_negative", "both_worsening"]


def test_the_shipped_calibration_sees_the_same_sooner() -> None:
    masked = run(CALM + [(0.05, 0.95)] * 24, calibration=DEFAULT)
    assert masked[0] == [S.CALM, S.HIDDEN_FRUSTRATION, S.ESCALATION_RISK, S.ACTIVE_ESCALATION]
    assert list(masked[1].values()) == [5, 70, 80, 85]
    moderate = run(CALM + [(0.10, 0.55)] * 24, calibration=DEFAULT)
    assert moderate[1] == {S.CALM: 5, S.HIDDEN_FRUSTRATION: 70}
    pairs = CALM + ramp((0.05, 0.1), (0.95, 0.95), 18) + [(0.95, 0.95)] * 12
    path, first_s, _ = run(pairs, calibration=DEFAULT)
    assert path == [S.CALM, S.RISING_TENSION, S.ESCALATION_RISK, S.ACTIVE_ESCALATION]
    assert list(first_s.values()) == [5, 80, 105, 130]
    assert run(CALM * 10, calibration=DEFAULT)[0] == [S.CALM]


def test_anger_then_help_is_resolved() -> None:
    pairs = (
        CALM
        + ramp((0.05, 0.1), (0.95, 0.95), 12)
        + [(0.95, 0.95)] * 6
        + ramp((0.95, 0.95), (0.05, 0.05), 18)
        + [(0.05, 0.05)] * 20
    )
    path, _, drift_edges = run(pairs, interventions=(31,))
    assert path == [
        S.CALM,
        S.RISING_TENSION,
        S.ESCALATION_RISK,
        S.ACTIVE_ESCALATION,
        S.DEESCALATING,
        S.RESOLVED,
    ]
    assert drift_edges == ["both_turn_negative", "both_worsening", "intervention", "resolved"]


def test_ten_minutes_of_calm_stay_calm() -> None:
    assert run(CALM * 10)[0] == [S.CALM]


def test_frustrated_words_with_a_calm_voice_are_not_hidden() -> None:
    path, _, drift_edges = run(CALM + [(0.7, 0.15)] * 24)
    assert path == [S.CALM, S.RISING_TENSION]
    assert drift_edges == ["text_sours"]


def test_random_calls_equal_the_design_model() -> None:
    model, rng = oracle(), random.Random(3)
    for _ in range(60):
        text, voice = rng.random() * 0.3, rng.random() * 0.3
        aims = (text, voice)
        pairs: list[Pair] = []
        for _ in range(100):
            if rng.random() < 0.06:
                aims = (rng.random(), rng.random())
            text += 0.4 * (aims[0] - text)
            voice += 0.4 * (aims[1] - voice)
            pairs.append((text, voice))
        interventions = tuple(k for k in range(100) if rng.random() < 0.02)
        path, first_s, drift_edges = run(pairs, interventions)
        expected_path, expected_first, expected_log = model.run(pairs, interventions)
        assert [s.value for s in path] == expected_path
        assert {s.value: t for s, t in first_s.items()} == expected_first
        assert drift_edges == [edge for *_, edge in expected_log]
