"""Shared by the session-state tests: the explored machine, short builders, the design's oracle."""

from __future__ import annotations

import importlib.util
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from subtone.contracts.calibration import Calibration, SessionCalibration
from subtone.contracts.session_state import EscalationScore
from subtone.contracts.signal_correlation import Conflict, ConflictReport
from subtone.contracts.vocabulary import ConflictType, DriftState, Severity
from subtone.kernel.session_state.escalation import score_escalation
from subtone.kernel.session_state.machine import START, SessionMemory, step_session

DEFAULT = Calibration()
SESSION = SessionCalibration()
# the design's executable model: the floor under the milder channel alone, half-life of one tick
DESIGN = replace(
    DEFAULT,
    session=replace(SESSION, floor_factor=1.1, floor_milder_share=1.0, voice_alone_discount=0.9),
    alignment=replace(DEFAULT.alignment, smoothing_half_life_s=5.0),
)

# Every threshold is a multiple of .05: each edge of a bucket and one point inside each
# represent every score in [0, 1].
GRID = sorted([i / 20 for i in range(21)] + [i / 20 + 0.025 for i in range(20)])


def step(memory: SessionMemory, score: float, is_masked: bool) -> tuple[SessionMemory, str]:
    return step_session(memory, score, is_masked, SESSION)


@cache
def reachable() -> tuple[SessionMemory, ...]:
    """Every memory that some sequence of inputs leads to."""
    seen, todo = {START}, [START]
    while todo:
        memory = todo.pop()
        for score in GRID:
            for is_masked in (False, True):
                after, _ = step(memory, score, is_masked)
                if after not in seen:
                    seen.add(after)
                    todo.append(after)
    return tuple(seen)


def conflict(
    gap: float,
    text: float = 0.1,
    voice: float = 0.6,
    severity: Severity = Severity.HIGH,
    kind: ConflictType = ConflictType.TEXT_CALM_VOICE_AGITATED,
) -> Conflict:
    return Conflict(
        type=kind,
        severity=severity,
        is_masking=kind is not ConflictType.VOICE_CALM_TEXT_FRUSTRATED,
        gap=gap,
        text_negativity=text,
        voice_negativity=voice,
        t_event_ms=0,
    )


def report(found: Conflict | None = None, is_confirmed: bool = False) -> ConflictReport:
    is_seen = found is not None and found.is_masking
    return ConflictReport(
        t_event_ms=0,
        conflict=found,
        is_masking_confirmed=is_confirmed,
        on_ticks=(2 if is_confirmed else 1) if is_seen else 0,
        off_ticks=0 if is_seen else 1,
        since_ms=65_000 if is_confirmed else None,
    )


def escalation(
    text: float | None,
    voice: float | None,
    drift: DriftState = DriftState.ALIGNED_POSITIVE,
    found: ConflictReport | None = None,
    calibration: SessionCalibration = SESSION,
) -> EscalationScore:
    return score_escalation(
        5_000, text, voice, drift, found or report(), calibration, DEFAULT.conflict
    )


def shared_design(name: str) -> Path:
    """A file of the design beside the repository; without it the test skips, but fails in CI."""
    root = next(p for p in Path(__file__).resolve().parents if (p / "pyproject.toml").is_file())
    path = root.parent / "shared" / "design" / name
    if not path.is_file():
        message = f"the design's {name} is not beside this checkout"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return path


@cache
def oracle() -> Any:
    """The design's executable model, as a module."""
    path = shared_design("state_model.py")
    spec = importlib.util.spec_from_file_location("design_state_model", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


DISCLAIMERS = ("not proof of a hidden feeling", "不能证明存在隐藏的情绪")
CLAIMS = re.compile(
    r"\b(angry|anger|furious|upset|annoyed|sad|unhappy|feels?|feelings?|emotional)\b"
    r"|\b(customer|caller|person|he|she|they)\b (is|are|was|seems|sounds)\b"
    r"|生气|愤怒|恼火|难过|感到|觉得|心情|情绪激动",
    re.IGNORECASE,
)


def claims_a_feeling(text: str) -> bool:
    for disclaimer in DISCLAIMERS:
        text = text.replace(disclaimer, "")
    return CLAIMS.search(text) is not None
