"""``subtone demo``: the sample call through a server, the report, and nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support_cli import FILES, interrupt, invoke, run_subtone, start_subtone

CHINESE = re.compile(r"[\u4e00-\u9fff]")
FAST = ("--speed", "100")


def test_demo_streams_the_call_and_then_writes_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # never asked on the way to loopback
    child = subprocess.run(
        [sys.executable, "-m", "subtone", "demo", *FAST],
        cwd=tmp_path,
        env={**os.environ, "PYTHONUTF8": "1", "COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (child.returncode, child.stderr) == (0, "")
    live, over, recorded = child.stdout.partition("The call is over and the server has stopped.")
    assert over
    assert re.search(r"listens on http://127\.0\.0\.1:\d+", live)
    lines = live.splitlines()
    assert all(len(line.rstrip()) <= 80 for line in lines)
    at = next(i for i, line in enumerate(lines) if "calm → hidden frustration" in line)
    assert lines[at].startswith("01:05  state")
    assert "words and voice disagree" in lines[at + 1]
    assert any("It is the same address. No problem." in line for line in lines[:at])
    assert lines[at + 1 :] and "escalation risk" in "\n".join(lines[at + 1 :])
    assert "It is the same address" in recorded
    assert child.stdout.splitlines()[-1] == "report: out/demo/report.html"
    assert sorted(p.name for p in (tmp_path / "out" / "demo").iterdir()) == FILES
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]  # the journal is gone


def test_demo_speaks_chinese(tmp_path: Path) -> None:
    shown = run_subtone("demo", "--lang", "zh", *FAST, cwd=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "平静 → 隐藏不满" in shown.stdout
    assert all(CHINESE.search(line) for line in shown.stdout.splitlines() if "01:05  " in line)
    assert shown.stdout.splitlines()[-1] == "报告：out/demo/report.html"


def test_ctrl_c_ends_the_demo_quietly_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("support_cli.PLAIN", {**os.environ, "TMPDIR": str(scratch)})
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    child = start_subtone("demo", cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    signal.signal(signal.SIGINT, inherited)
    while not any(scratch.glob("*/*")):  # its journal is open
        assert child.poll() is None
        time.sleep(0.01)
    _, stderr = interrupt(child, signal.SIGINT)
    assert (child.returncode, stderr.strip()) == (1, "Aborted!")
    assert list(scratch.iterdir()) == []
    assert not (tmp_path / "out").exists()


def test_without_the_live_extra_the_demo_says_so_and_analyses_the_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [m for m in sys.modules if m.startswith(("subtone.runtime.live", "litestar"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "subtone.runtime.demo", raising=False)
    monkeypatch.setitem(sys.modules, "litestar", None)
    shown = invoke("demo", "--out", tmp_path / "demo")
    assert shown.exit_code == 0
    first, *rest = shown.stdout.splitlines()
    assert "subtone[live]" in first
    assert "hidden frustration" in "\n".join(rest)
    assert "127.0.0.1" not in shown.stdout
    assert sorted(p.name for p in (tmp_path / "demo").iterdir()) == FILES
