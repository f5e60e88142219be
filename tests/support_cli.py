"""Shared by the end-to-end tests: the command as a user runs it, and what a refusal must be."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from click.testing import CliRunner, Result

from subtone.cli import main

ROOT = Path(__file__).resolve().parents[1]
CALLS = ROOT / "examples" / "calls"
BOTH = ("--roles", "agent,customer")
FILES = ["analysis.json", "report.html", "summary.json", "timeline.jsonl"]
COMMAND = (sys.executable, "-m", "subtone")
PLAIN = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1", "COLUMNS": "200"}


def sample(name: str) -> tuple[str, ...]:
    """Arguments of ``analyze`` for one sample call with its words."""
    return (str(CALLS / f"{name}.flac"), "--text", str(CALLS / f"{name}.jsonl"), *BOTH)


def invoke(*arguments: str | Path) -> Result:
    """``subtone ARGUMENTS`` in this process, with a wide terminal."""
    return CliRunner().invoke(
        main, [str(a) for a in arguments], env={"COLUMNS": "200"}, prog_name="subtone"
    )


def succeed(*arguments: str | Path) -> str:
    """The standard output of a command that must succeed."""
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.stdout


def summary_of(*arguments: str | Path) -> dict[str, Any]:
    """What ``subtone analyze ARGUMENTS --json`` prints."""
    found: dict[str, Any] = json.loads(succeed("analyze", *arguments, "--json"))
    return found


def refusal(*arguments: str | Path, names: str, cause: str) -> str:
    """The one line with which a command refuses; it must name ``names`` and say ``cause``."""
    result = invoke(*arguments)
    return require_refusal(result.exit_code, result.stdout, result.stderr, names, cause)


def require_refusal(status: int | None, stdout: str, stderr: str, names: str, cause: str) -> str:
    """The rule for every refusal: status 1 or 2, one line on standard error, nothing else."""
    assert status in (1, 2), stdout + stderr
    assert stdout == ""
    (line,) = stderr.splitlines()
    assert line.startswith("Error: ")
    assert "Traceback" not in line
    assert names in line
    assert cause in line
    return line


def run_subtone(
    *arguments: str | Path, cwd: Path, prefix: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """``subtone ARGUMENTS`` in a process of its own."""
    command = [*prefix, *COMMAND, *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, env=PLAIN, capture_output=True, text=True, timeout=120, check=False
    )


def start_subtone(*arguments: str | Path, cwd: Path, **options: Any) -> subprocess.Popen[str]:
    """``subtone ARGUMENTS`` left running."""
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.Popen(command, cwd=cwd, env=PLAIN, text=True, **options)


def wait_until(is_reached: Callable[[], bool], child: subprocess.Popen[str]) -> None:
    """Return when the child has reached a point; fail if it ends before."""
    while not is_reached():
        assert child.poll() is None, "the command ended before it could be interrupted"
        time.sleep(0.01)


def has_open(child: subprocess.Popen[str], path: Path) -> bool:
    """Whether the child reads this file now (Linux)."""
    targets = []
    for entry in Path(f"/proc/{child.pid}/fd").iterdir():
        try:
            targets.append(entry.readlink())
        except FileNotFoundError:  # closed between listing and reading
            continue
    return path in targets


def interrupt(child: subprocess.Popen[str], number: signal.Signals) -> tuple[str, str]:
    """Send a signal and return what the child wrote until it ended."""
    child.send_signal(number)
    return child.communicate(timeout=60)


def write_silence(path: Path, hours: float, channel_count: int = 1) -> Path:
    """A FLAC of digital silence at 8 kHz: hours of it take a few hundred kilobytes."""
    minute = np.zeros((60 * 8_000, channel_count), np.int16)
    with soundfile.SoundFile(path, "w", 8_000, channel_count) as file:
        for _ in range(round(60 * hours)):
            file.write(minute)
    return path


def write_tone(path: Path, seconds: float = 2.0, channel_count: int = 1) -> Path:
    """A 300 Hz tone at 8 kHz in every channel."""
    phase = 2 * np.pi * 300 * np.arange(round(8_000 * seconds)) / 8_000
    soundfile.write(path, np.repeat(0.3 * np.sin(phase)[:, None], channel_count, axis=1), 8_000)
    return path


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file."""
    return [json.loads(row) for row in path.read_text("utf-8").splitlines()]


def write_lines(path: Path, rows: Sequence[dict[str, object]]) -> Path:
    """A JSON Lines transcript."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path
