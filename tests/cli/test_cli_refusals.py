"""Bad input end to end: one line that names the file and the cause, and no result folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from support_cli import (
    BOTH,
    CALLS,
    COMMAND,
    FILES,
    PLAIN,
    invoke,
    lines_of,
    refusal,
    require_refusal,
    run_subtone,
    sample,
    succeed,
    summary_of,
    write_lines,
    write_silence,
    write_tone,
)

CALM = sample("calm.zh")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A result folder with an earlier result in it, which no refusal may touch."""
    folder = tmp_path / "results" / "earlier"
    succeed("analyze", CALLS / "open_anger.zh.jsonl", "--out", folder)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(out: Path, *arguments: str | Path, names: str, cause: str) -> str:
    """Refused with an earlier result in place and with none; neither changes anything."""
    before = contents(out.parent)
    line = refusal("analyze", *arguments, "--out", out, names=names, cause=cause)
    fresh = out.parent / "fresh"
    assert line == refusal("analyze", *arguments, "--out", fresh, names=names, cause=cause)
    assert contents(out.parent) == before
    assert [p.name for p in out.parent.iterdir()] == [out.name]
    return line


def test_audio_that_is_not_audio(tmp_path: Path, out: Path) -> None:
    text = tmp_path / "notes.wav"
    text.write_text("Dear customer, this is not a recording.\n" * 50)
    refused(out, text, names="notes.wav", cause="is not audio")
    empty = tmp_path / "nothing.wav"
    empty.touch()
    refused(out, empty, names="nothing.wav", cause="0 bytes")
    silent = tmp_path / "no_samples.wav"
    soundfile.write(silent, np.zeros((0, 2)), 8_000)
    refused(out, silent, names="no_samples.wav", cause="0 samples")


def test_a_truncated_flac(tmp_path: Path, out: Path) -> None:
    cut = tmp_path / "cut.flac"
    whole = (CALLS / "calm.zh.flac").read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    line = refused(out, cut, *BOTH, names="cut.flac", cause="cut short")
    assert "s of 115.6 s are readable" in line


def test_samples_that_are_not_numbers(tmp_path: Path, out: Path) -> None:
    broken = tmp_path / "broken.wav"
    sound = np.zeros((32_000, 2), np.float32)
    sound[24_000, 1] = np.nan
    soundfile.write(broken, sound, 8_000, subtype="FLOAT")
    line = refused(out, broken, *BOTH, names="broken.wav", cause="not a number")
    assert "channel 2" in line
    assert "3.000 s" in line


def test_roles_that_do_not_fit(tmp_path: Path, out: Path) -> None:
    three = write_tone(tmp_path / "three.wav", channel_count=3)
    line = refused(out, three, *BOTH, names="three.wav", cause="3 channels, but 2 roles")
    assert "--roles customer,agent,unknown" in line
    refused(out, three, "--roles", "agent,costumer", names="costumer", cause="customer, agent")
    refused(out, three, "--roles", "", names="--roles", cause="customer, agent")
    chat = CALLS / "calm.zh.jsonl"
    refused(out, chat, *BOTH, names="calm.zh", cause="roles were given without audio")


def test_paths_that_lead_nowhere(tmp_path: Path, out: Path) -> None:
    refused(out, tmp_path / "none.wav", names="none.wav", cause="does not exist")
    refused(out, tmp_path, names=tmp_path.name, cause="is a folder")
    refused(out, Path(), names=".: ", cause="is a folder")
    audio = CALM[0]
    refused(out, audio, "--text", tmp_path / "no.srt", names="no.srt", cause="does not exist")
    (tmp_path / "bad\nname.wav").write_text("no audio")
    refused(out, tmp_path / "bad\nname.wav", names="bad name.wav", cause="is not audio")


def test_a_transcript_in_the_future(tmp_path: Path, out: Path) -> None:
    audio = write_tone(tmp_path / "two_seconds.wav")
    rows = [{"t_ms": 9_000, "end_ms": 9_500, "role": "customer", "text": "a private matter"}]
    late = write_lines(tmp_path / "late.jsonl", rows)
    line = refused(
        out, audio, "--roles", "customer", "--text", late, names="late.jsonl", cause="in the future"
    )
    assert "private" not in line


def test_a_transcript_that_is_not_utf8(tmp_path: Path, out: Path) -> None:
    chat = tmp_path / "chat.jsonl"
    chat.write_bytes(b'{"t_ms": 0, "role": "customer", "text": "caf\xe9 secret"}\n')
    line = refused(out, chat, names="chat.jsonl", cause="not valid UTF-8")
    assert "secret" not in line


def test_a_transcript_out_of_order_is_sorted_and_noted(tmp_path: Path) -> None:
    rows = lines_of(CALLS / "open_anger.zh.jsonl")
    shuffled = [rows[i] for i in np.random.default_rng(1).permutation(len(rows))]
    write_lines(tmp_path / "in_order.jsonl", rows)
    write_lines(tmp_path / "shuffled.jsonl", shuffled)

    def read(name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        found = summary_of(tmp_path / f"{name}.jsonl")
        notices = found.pop("notices")
        return {k: v for k, v in found.items() if k not in ("call_id", "source")}, notices

    straight, no_notices = read("in_order")
    mixed, (notice,) = read("shuffled")
    assert mixed == straight
    assert no_notices == []
    assert notice["code"] == "transcript_out_of_order"
    assert notice["count"] > 1
    assert "order" in succeed("analyze", tmp_path / "shuffled.jsonl").split("Notes")[1]


def test_a_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    blocked = tmp_path / "file" / "out"
    refusal("analyze", CALLS / "calm.zh.jsonl", "--out", blocked, names="file", cause="is a file")

    def refuse(self: Path, *_: object, **__: object) -> None:  # modes do not bind a superuser
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    target = tmp_path / "closed" / "out"
    refusal("analyze", CALLS / "calm.zh.jsonl", "--out", target, names="closed", cause="denied")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file"]


def test_a_full_disk_leaves_the_earlier_result(out: Path) -> None:
    before = contents(out.parent)
    limited = ("bash", "-c", 'ulimit -f 4; exec "$@"', "limited")  # files of at most 4 KiB
    result = run_subtone(
        "analyze", CALLS / "calm.zh.jsonl", "--out", out, cwd=out.parent, prefix=limited
    )
    line = require_refusal(
        result.returncode,
        result.stdout,
        result.stderr,
        names="",
        cause="too large",
    )
    assert "Error: " in line
    assert contents(out.parent) == before


def test_four_hours_of_silence_need_little_memory(tmp_path: Path) -> None:
    audio = write_silence(tmp_path / "silence.flac", hours=4.0)
    measured = (
        "import resource, subprocess, sys; status = subprocess.run(sys.argv[1:]).returncode; "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr); "
        "sys.exit(status)"
    )
    command = [*COMMAND, "analyze", str(audio), "--roles", "customer", "--json"]
    child = subprocess.run(
        [sys.executable, "-c", measured, *command, "--out", str(tmp_path / "out")],
        env=PLAIN,
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    found = json.loads(child.stdout)
    assert int(child.stderr) / 1024 < 700  # MB; ru_maxrss is in KiB on Linux
    assert found["duration_ms"] == 4 * 3_600_000
    assert found["coverage"]["coverage"] == 0.0
    assert found["transitions"] == []
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == FILES


@pytest.mark.parametrize("arguments", [("explain",), ("analyze",)])
def test_a_missing_argument_shows_the_usage(arguments: tuple[str, ...]) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert "Missing argument" in result.stderr
    assert os.linesep in result.stderr
