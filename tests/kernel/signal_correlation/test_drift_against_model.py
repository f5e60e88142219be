"""Our drift machine and conflict rows against the design's own checked model, run as an oracle."""

from __future__ import annotations

import importlib.util
import os
import random
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from subtone.contracts.calibration import ConflictCalibration, DriftCalibration
from subtone.contracts.vocabulary import DriftState, Region, TrendSymbol
from subtone.kernel.signal_correlation.conflict import detect_conflict
from subtone.kernel.signal_correlation.drift import (
    AN,
    AP,
    CE,
    DC,
    DV,
    HOLD,
    DriftMemory,
    drift_step,
    intervene,
    step_drift,
)

SHORT = {AP: "AP", AN: "AN", DV: "DV", CE: "CE", DC: "DC"}


@pytest.fixture(scope="module")
def model() -> Any:
    root = next(p for p in Path(__file__).resolve().parents if (p / "pyproject.toml").exists())
    path = root.parent / "shared" / "design" / "state_model.py"
    if not path.exists():
        reason = "the design's state model is not beside this checkout (shared/design)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    spec = importlib.util.spec_from_file_location("design_state_model", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_all_120_cells_agree(model: Any) -> None:
    for state, region, trend, is_fresh in product(DriftState, Region, TrendSymbol, (False, True)):
        to, edge = drift_step(state, region, trend, is_fresh)
        expected = model.drift_step(SHORT[state], str(region), str(trend), is_fresh)
        assert (SHORT[to], edge) == expected


def test_random_calls_take_the_same_edges_at_the_same_time(model: Any) -> None:
    rng = random.Random(20)
    calibration = DriftCalibration()
    edges = set()
    for _ in range(80):
        oracle, memory, taken = model.Drift(), DriftMemory(), []
        text, voice, text_aim, voice_aim = (rng.random() for _ in range(4))
        for tick in range(1, 200):
            if rng.random() < 0.06:
                text_aim, voice_aim = rng.random(), rng.random()
            text = min(1.0, max(0.0, text + 0.2 * (text_aim - text) + rng.gauss(0, 0.01)))
            voice = min(1.0, max(0.0, voice + 0.2 * (voice_aim - voice) + rng.gauss(0, 0.01)))
            is_intervening = rng.random() < 0.015
            expected = oracle.step(text, voice, is_intervening)
            if is_intervening:
                memory = intervene(memory, tick * 5_000)
            memory, seen = step_drift(memory, tick * 5_000, text, voice, calibration)
            assert SHORT[seen.state] == expected
            if seen.edge != HOLD:
                taken.append((tick * 5.0, SHORT[seen.from_state], SHORT[seen.state], seen.edge))
        assert taken == oracle.log
        edges |= {edge[1:] for edge in taken}
    assert len(edges) >= 15  # the comparison has seen most of the 18


def test_conflicts_agree_on_a_grid(model: Any) -> None:
    calibration = ConflictCalibration()
    grid = [i / 25 for i in range(26)]
    for text, voice, positivity in product(grid, grid, (0.0, 0.49, 0.5, 1.0)):
        found = detect_conflict(0, text, voice, positivity, False, calibration)
        ours = (found.type, found.severity, found.is_masking) if found else (None, None, False)
        assert ours == model.conflict(text, voice, positivity)
