"""Sample calls are found inside a wheel first, then beside a checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from subtone.runtime import samples
from subtone.runtime.samples import sample_call
from support_cli import CALLS


@pytest.mark.parametrize("name", sorted(p.stem for p in CALLS.glob("*.flac")))
def test_every_sample_call_is_found(name: str) -> None:
    audio, text = sample_call(name)
    assert (audio.name, text.name) == (f"{name}.flac", f"{name}.jsonl")
    assert audio.read_bytes() == (CALLS / f"{name}.flac").read_bytes()


def test_a_wheel_comes_before_a_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "src" / "subtone"
    monkeypatch.setattr(samples, "PACKAGE", package)
    for folder in (tmp_path / "examples" / "calls", package / "examples"):
        folder.mkdir(parents=True)
        (folder / "x.flac").touch()
        with pytest.raises(FileNotFoundError):
            sample_call("y")
        (folder / "x.jsonl").touch()
        assert sample_call("x") == (folder / "x.flac", folder / "x.jsonl")


def test_half_a_sample_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(samples, "PACKAGE", tmp_path / "src" / "subtone")
    (tmp_path / "examples" / "calls").mkdir(parents=True)
    (tmp_path / "examples" / "calls" / "x.flac").touch()
    with pytest.raises(FileNotFoundError) as missing:
        sample_call("x")
    assert missing.value.filename == str(tmp_path / "examples" / "calls" / "x")
    assert "reinstall subtone" in str(missing.value)
