"""Stopped half-way: by Ctrl-C, by a kill at any point of writing, by a reader that left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from subtone.surfaces.results import read_results
from support_cli import (
    CALLS,
    COMMAND,
    FILES,
    PLAIN,
    has_open,
    interrupt,
    sample,
    start_subtone,
    succeed,
    wait_until,
    write_silence,
)

CHAT = CALLS / "open_anger.zh.jsonl"
needs_proc = pytest.mark.skipif(
    not Path("/proc").is_dir(), reason="sees through /proc when the command reads its file"
)


def running(tmp_path: Path, out: Path) -> subprocess.Popen[str]:
    """An analysis of ten hours that has begun to read its file."""
    audio = write_silence(tmp_path / "long.flac", hours=10.0)
    # A shell's background job ignores Ctrl-C and hands that down; a user's command does not.
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    child = start_subtone(
        "analyze", audio, "--roles", "customer", "--out", out,
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    signal.signal(signal.SIGINT, inherited)
    wait_until(lambda: has_open(child, audio), child)
    return child


@needs_proc
def test_ctrl_c_ends_quietly_and_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "results" / "call"
    child = running(tmp_path, out)
    stdout, stderr = interrupt(child, signal.SIGINT)
    assert child.returncode == 1
    assert (stdout, stderr.strip()) == ("", "Aborted!")
    assert not out.parent.exists()


@needs_proc
def test_killed_while_analysing_leaves_the_earlier_result(tmp_path: Path) -> None:
    out = tmp_path / "call"
    succeed("analyze", CHAT, "--out", out)
    before = {name: (out / name).read_bytes() for name in FILES}
    child = running(tmp_path, out)
    interrupt(child, signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before


KILLED_WHILE_WRITING = """
import io, os, signal, sys
steps = int(sys.argv.pop(1))
def counted(real):
    def call(*arguments, **options):
        global steps
        is_reading = real is io_open and "w" not in (*arguments, "r")[1]
        steps -= not is_reading
        if steps < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **options)
    return call
io_open = io.open
io.open, os.mkdir = counted(io.open), counted(os.mkdir)
os.fsync, os.rename = counted(os.fsync), counted(os.rename)
from subtone.cli import main
main()
"""


@pytest.mark.parametrize("has_earlier", [False, True])
def test_killed_at_any_point_of_writing_leaves_a_whole_result_or_none(
    tmp_path: Path, has_earlier: bool
) -> None:
    out = tmp_path / "call"
    outcomes = []
    for steps in range(24):
        if has_earlier:
            succeed("analyze", CALLS / "calm.zh.jsonl", "--out", out)
        status = subprocess.run(
            [sys.executable, "-c", KILLED_WHILE_WRITING, str(steps), "analyze", CHAT, "--out", out],
            env=PLAIN,
            capture_output=True,
            check=False,
        ).returncode
        if out.exists():
            assert sorted(p.name for p in out.iterdir()) == FILES
            outcomes.append(read_results(out).call_id)
        else:
            outcomes.append("")
        if status == 0:
            break
        assert status == -signal.SIGKILL
    assert outcomes[-1] == "open_anger.zh"
    kept = "calm.zh" if has_earlier else ""
    assert outcomes[:10] == [kept] * 10  # two folders, four files opened and synced
    assert set(outcomes) <= {kept, "", "open_anger.zh"}


@pytest.mark.parametrize("arguments", [("--json",), ()])
def test_a_reader_that_left_makes_no_noise(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    child = subprocess.run(
        [*COMMAND, "analyze", *sample("calm.zh"), *arguments],
        cwd=tmp_path,
        env=PLAIN,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert child.stderr == ""
    assert child.returncode in (0, 1)


def test_explain_and_demo_to_a_reader_that_left(tmp_path: Path) -> None:
    succeed("analyze", CHAT, "--out", tmp_path / "call")
    for command in (
        ("explain", "call"),
        ("demo", "--speed", "100"),
        ("schema",),
        ("doctor",),
        ("--help",),
    ):
        reading, writing = os.pipe()
        os.close(reading)
        child = subprocess.run(
            [*COMMAND, *command],
            cwd=tmp_path,
            env=PLAIN,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        os.close(writing)
        assert (command, child.stderr) == (command, "")
