"""A calibration file changes what it names, under its own version, or is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from subtone.contracts.calibration import Calibration
from subtone.ingest.errors import IngestError
from subtone.runtime.calibrations import read_calibration
from support_cli import succeed


def write(tmp_path: Path, value: Any) -> Path:
    path = tmp_path / "mine.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def test_what_a_file_leaves_out_keeps_its_default(tmp_path: Path) -> None:
    assert read_calibration(write(tmp_path, {})) == Calibration()
    found = read_calibration(write(tmp_path, {"version": "mine-1", "session": {"rising": 0.3}}))
    assert (found.version, found.session.rising) == ("mine-1", 0.3)
    assert found.voice == Calibration().voice


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        ({"session": {"rising": 0.3}}, "changes the calibration but not its version"),
        ({"version": "x", "session": {"rising": 0.6}}, "resolved < rising < risk < active"),
        ({"version": "x", "session": {"risingg": 0.3}}, "unknown field"),
        ({"version": "x", "alignment": {"hop_ms": 0}}, "is no calibration"),
        ("{", "is no calibration"),
    ],
)
def test_a_calibration_that_cannot_be_is_refused(tmp_path: Path, value: Any, cause: str) -> None:
    with pytest.raises(IngestError, match=cause) as refused:
        read_calibration(write(tmp_path, value))
    assert str(refused.value).startswith("mine.json: ")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match=r"none\.json: cannot be read"):
        read_calibration(tmp_path / "none.json")


def test_an_operators_actions_replace_the_policy_table(tmp_path: Path) -> None:
    mine = {
        "version": "mine-1",
        "session": {"actions": [{"state": "calm", "action": "increase_monitoring"}]},
    }
    chat = tmp_path / "chat.jsonl"
    chat.write_text('{"t_ms": 0, "end_ms": 900, "role": "customer", "text": "Good morning."}\n')
    out = tmp_path / "out"
    succeed("analyze", chat, "--calibration", write(tmp_path, mine), "--out", out)
    lines = [json.loads(line) for line in (out / "timeline.jsonl").read_text().splitlines()]
    assert {line["action"] for line in lines} == {"increase_monitoring"}
    assert json.loads((out / "summary.json").read_text())["calibration"] == "mine-1"
