"""The doctor finds a well installation well, and every ill one ill with advice."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from subtone.cli import main
from subtone.contracts.outputs import Outputs
from subtone.kernel import pipeline
from subtone.runtime import samples
from subtone.runtime.doctor import Finding, examine


def finding(name: str) -> Finding:
    (found,) = [f for f in examine() if f.name == name]
    return found


def test_a_well_installation_is_well() -> None:
    found = list(examine())
    assert [f for f in found if f.is_required and not f.is_well] == []
    assert len({f.name for f in found}) == len(found)
    heard_hz = float(finding("self-test").observed.split()[1])
    assert heard_hz == pytest.approx(150.0, abs=1.0)
    assert "formats" in finding("audio files").observed
    assert finding("numpy").observed == importlib.metadata.version("numpy")


def test_an_old_python_is_ill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 0))
    assert not finding("python").is_well


def test_a_missing_libsndfile_is_ill(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refuses:
        def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
            if name == "soundfile":
                raise OSError("sndfile library not found")
            return None

    monkeypatch.delitem(sys.modules, "soundfile")
    monkeypatch.setattr(sys, "meta_path", [Refuses(), *sys.meta_path])
    found = finding("audio files")
    assert (found.is_well, found.is_required) == (False, True)
    assert found.observed == "sndfile library not found"
    assert "install libsndfile" in found.advice


def test_missing_containers_are_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n: None if n == "av" else real(n))
    found = finding("m4a, webm, mp4 and other containers")
    assert (found.is_well, found.is_required) == (False, False)
    assert found.advice == "pip install 'subtone[media]' to read them"
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 0
    assert "note  m4a" in result.output
    assert found.advice in result.output


def test_missing_sample_calls_are_ill(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(samples, "PACKAGE", tmp_path / "src" / "subtone")
    found = finding("sample calls")
    assert (found.is_well, found.is_required) == (False, True)
    assert str(tmp_path) in found.observed
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 1
    assert "FAIL  sample calls" in result.output
    assert "reinstall subtone" in result.output
    demo = CliRunner().invoke(main, ["demo", "--out", str(tmp_path / "out")])
    assert demo.exit_code == 1
    (line,) = demo.stderr.splitlines()
    assert "sample call is missing; reinstall subtone" in line


@pytest.mark.parametrize(("speed", "observed"), [(2.0, "of 150 Hz"), (0.0, "no pitch heard")])
def test_numbers_that_come_out_wrong_are_ill(
    monkeypatch: pytest.MonkeyPatch, speed: float, observed: str
) -> None:
    real = np.cos
    monkeypatch.setattr(np, "cos", lambda x: real(x * speed) if speed else x * 0.0 + 1e-9)
    if speed == 0.0:
        monkeypatch.setattr(pipeline, "feed", without_features(pipeline.feed))
    found = finding("self-test")
    assert (found.is_well, found.is_required) == (False, True)
    assert observed in found.observed
    assert "reinstall numpy" in found.advice


def without_features(feed: Any) -> Any:
    """A kernel that hears nothing."""

    def deaf(state: object, event: object) -> tuple[object, Outputs]:
        state, outputs = feed(state, event)
        decisions = tuple(
            msgspec.structs.replace(d, moment=msgspec.structs.replace(d.moment, features=None))
            for d in outputs.decisions
        )
        return state, msgspec.structs.replace(outputs, decisions=decisions)

    return deaf


def test_a_terminal_that_cannot_print_chinese_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    with TextIOWrapper(BytesIO(), encoding="latin-1") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        found = finding("terminal encoding")
        monkeypatch.undo()
    assert (found.observed, found.is_well, found.is_required) == ("latin-1", False, False)
    assert "PYTHONUTF8=1" in found.advice
