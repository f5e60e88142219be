"""The committed sample calls are what their README says and reach their states."""

from __future__ import annotations

import json
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bench.composed.events import inbound
from bench.composed.recording import read_sample
from bench.corpora import frame_levels_db
from bench.telephone import LINE_RATE_HZ
from examples.make_examples import high_shelf
from examples.scenarios import SCENARIOS, Line
from subtone.contracts.outputs import Outputs
from subtone.contracts.vocabulary import AmdVerdict, Role, SessionState
from subtone.kernel import pipeline

CALLS = Path(__file__).resolve().parents[2] / "examples" / "calls"
NAMES = [scenario.name for scenario in SCENARIOS]
MAX_BYTES = 700_000

CALM, HIDDEN = SessionState.CALM, SessionState.HIDDEN_FRUSTRATION
RISK, ACTIVE = SessionState.ESCALATION_RISK, SessionState.ACTIVE_ESCALATION


@pytest.mark.parametrize("name", NAMES)
def test_audio_and_transcript_belong_together(name: str) -> None:
    path = CALLS / f"{name}.flac"
    assert path.stat().st_size < MAX_BYTES
    call = read_sample(path)
    assert [t.t_ms for t in call.turns] == sorted(t.t_ms for t in call.turns)
    assert all(before.end_ms < after.t_ms for before, after in pairwise(call.turns))
    assert call.turns[-1].end_ms < call.duration_ms
    scenario = next(s for s in SCENARIOS if s.name == name)
    lines = [(step.role, step.text) for step in scenario.steps if isinstance(step, Line)]
    assert [(t.role, t.text) for t in call.turns] == lines


@pytest.mark.parametrize("name", NAMES)
def test_the_agent_is_left_and_the_customer_right(name: str) -> None:
    samples, rate_hz = soundfile.read(CALLS / f"{name}.flac", dtype="float32")
    assert (rate_hz, samples.shape[1]) == (LINE_RATE_HZ, 2)
    levels = {
        role: frame_levels_db(samples[:, side], rate_hz)
        for side, role in enumerate((Role.AGENT, Role.CUSTOMER))
    }
    for turn in read_sample(CALLS / f"{name}.flac").turns:
        frames = slice(turn.t_ms // 10, turn.end_ms // 10)
        loud = {role: float(np.percentile(level[frames], 90)) for role, level in levels.items()}
        assert max(loud, key=lambda role: loud[role]) is turn.role
        assert min(loud.values()) < -60.0


@cache
def _outputs(name: str) -> tuple[Outputs, ...]:
    call = read_sample(CALLS / f"{name}.flac")
    state, found = pipeline.start(), []
    for event in inbound(call, is_amd_enabled=name.startswith("answering")):
        state, outputs = pipeline.feed(state, event)
        found.append(outputs)
    return tuple(found)


def _states(name: str) -> list[SessionState]:
    """The session's states in order, each once per stay."""
    seen = [d.snapshot.state for o in _outputs(name) for d in o.decisions]
    return [state for i, state in enumerate(seen) if i == 0 or state is not seen[i - 1]]


def test_hidden_frustration_is_found_behind_calm_words() -> None:
    states = _states("hidden_frustration.en")
    assert HIDDEN in states
    assert ACTIVE not in states


def test_open_anger_reaches_active_escalation_and_is_never_called_hidden() -> None:
    states = _states("open_anger.zh")
    assert states[0] is CALM
    assert ACTIVE in states
    assert HIDDEN not in states


def test_an_intervention_leads_from_an_alert_to_resolved() -> None:
    states = _states("intervention.en")
    alert = min(states.index(s) for s in (RISK, ACTIVE) if s in states)
    cooling = states.index(SessionState.DEESCALATING)
    assert alert < cooling < states.index(SessionState.RESOLVED)


def test_a_calm_call_stays_calm() -> None:
    assert _states("calm.zh") == [CALM]


def test_an_answering_machine_is_named_and_its_beep_timed() -> None:
    results = [o.amd for o in _outputs("answering_machine.en") if o.amd is not None]
    assert results[-1].verdict is AmdVerdict.MACHINE
    beep_ms = [r.beep_ms for r in results if r.beep_ms is not None]
    greeting = read_sample(CALLS / "answering_machine.en.flac").turns[0]
    message = read_sample(CALLS / "answering_machine.en.flac").turns[1]
    assert beep_ms
    assert greeting.end_ms + 600 < beep_ms[-1] <= message.t_ms


def test_transcripts_hold_only_documented_keys() -> None:
    for name in NAMES:
        rows = [
            json.loads(row) for row in (CALLS / f"{name}.jsonl").read_text("utf-8").splitlines()
        ]
        assert {frozenset(row) for row in rows} <= {
            frozenset(("t_ms", "end_ms", "role", "text")),
            frozenset(("t_ms", "event")),
        }


def test_vocal_effort_brightens_above_the_corner_only() -> None:
    t_s = np.arange(16_000) / 16_000
    for f_hz, expected_db in ((200.0, 0.0), (1_000.0, 4.0), (4_000.0, 8.0)):
        tone = np.sin(2.0 * np.pi * f_hz * t_s).astype(np.float32)
        middle = high_shelf(tone, 8.0)[4_000:12_000]
        assert 10.0 * np.log10(2.0 * (middle**2).mean()) == pytest.approx(expected_db, abs=0.1)
