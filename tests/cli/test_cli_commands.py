"""Every command as a user runs it: what it prints, writes, replaces and refuses."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import subtone
from subtone.runtime import analysis as runtime_analysis
from support_cli import (
    CALLS,
    COMMAND,
    FILES,
    PLAIN,
    invoke,
    lines_of,
    refusal,
    run_subtone,
    sample,
    succeed,
)

CHINESE = re.compile(r"[\u4e00-\u9fff]{4}")
HIDDEN = sample("hidden_frustration.en")
SUMMARY_KEYS = [
    "format", "format_version", "call_id", "source", "duration_ms", "is_timing_only",
    "final_state", "peak_state", "peak_score", "transitions", "conflicts", "drift", "amd",
    "baseline", "coverage", "correlation", "models", "calibration", "software_version", "tracks",
    "notices",
]  # fmt: skip


@pytest.fixture(scope="module")
def hidden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The result folder of one analysis, shared by the tests that only read it."""
    folder = tmp_path_factory.mktemp("cli") / "results" / "hidden"
    succeed("analyze", *HIDDEN, "--out", folder)
    return folder


COMMANDS = [
    "analyze", "calibrate", "compare", "data", "demo", "doctor", "enrol", "evaluate", "explain",
    "forget", "models", "probe", "recall", "remember", "schema", "serve", "simulate", "train",
]  # fmt: skip


def test_version_and_help_name_the_command_and_all_its_parts(tmp_path: Path) -> None:
    version = run_subtone("--version", cwd=tmp_path)
    assert (version.returncode, version.stderr) == (0, "")
    assert version.stdout == f"subtone, version {subtone.__version__}\n"
    short, long = succeed("-h"), succeed("--help")
    assert short == long
    assert re.findall(r"^  (\w+) ", short.split("Commands:")[1], re.MULTILINE) == [*COMMANDS]
    for command in COMMANDS:
        assert succeed(command, "-h").startswith(f"Usage: subtone {command}")


def test_an_unknown_command_or_option_is_refused_with_advice() -> None:
    for arguments in (("analyse",), ("analyze", "x.wav", "--role", "agent")):
        result = invoke(*arguments)
        assert result.exit_code == 2
        assert "No such" in result.stderr
        assert "subtone" in result.stderr


def test_analyze_writes_four_files_and_says_where(hidden: Path) -> None:
    assert sorted(p.name for p in hidden.iterdir()) == FILES
    assert sorted(p.name for p in hidden.parent.iterdir()) == ["hidden"]
    moments = lines_of(hidden / "timeline.jsonl")
    found = json.loads((hidden / "summary.json").read_text())
    assert len(moments) == found["coverage"]["moment_count"] == 20
    assert [m["index"] for m in moments] == list(range(20))
    assert (hidden / "report.html").read_text().startswith("<!doctype html>")


def test_json_is_the_summary_file_and_nothing_else(hidden: Path, tmp_path: Path) -> None:
    printed = succeed("analyze", *HIDDEN, "--json", "--out", tmp_path / "again")
    assert printed == (tmp_path / "again" / "summary.json").read_text()
    assert printed == (hidden / "summary.json").read_text()
    assert list(json.loads(printed)) == SUMMARY_KEYS


def test_the_same_call_gives_the_same_bytes(hidden: Path, tmp_path: Path) -> None:
    succeed("analyze", *HIDDEN, "--out", tmp_path / "again")
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (hidden / name).read_bytes(), name


def test_output_speaks_chinese_when_asked_and_decides_the_same(tmp_path: Path) -> None:
    english = succeed("analyze", *HIDDEN)
    chinese = succeed("analyze", *HIDDEN, "--lang", "zh", "--out", tmp_path / "zh")
    assert not CHINESE.search(english)
    assert CHINESE.search(chinese)
    assert '<html lang="zh' in (tmp_path / "zh" / "report.html").read_text()
    shown_at = re.compile(r"^(\d\d:\d\d)  \S", re.MULTILINE)
    assert shown_at.findall(english) == shown_at.findall(chinese) != []


def test_an_earlier_result_is_replaced_as_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / "result"
    succeed("analyze", *HIDDEN, "--out", folder)
    succeed("analyze", *sample("calm.zh"), "--out", folder)
    assert sorted(p.name for p in folder.iterdir()) == FILES
    assert json.loads((folder / "summary.json").read_text())["call_id"] == "calm.zh"
    assert [p.name for p in tmp_path.iterdir()] == ["result"]


@pytest.mark.parametrize("kind", ["a file of someone", "another summary", "a file in the way"])
def test_a_foreign_folder_is_refused_before_any_analysis(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mine"
    if kind == "a file in the way":
        folder.write_text("mine")
    else:
        folder.mkdir()
        name = "thesis.txt" if kind == "a file of someone" else "summary.json"
        (folder / name).write_text('{"format": "mine", "format_version": 1}')
    before = sorted((p, p.read_bytes()) for p in tmp_path.rglob("*") if p.is_file())

    def must_not_run(*_: object, **__: object) -> None:
        raise AssertionError("analysed before the folder was checked")

    monkeypatch.setattr(runtime_analysis, "analyse_files", must_not_run)
    refusal("analyze", *HIDDEN, "--out", folder, names=str(folder), cause="another folder" if (
        kind != "a file in the way"
    ) else "is a file")  # fmt: skip
    assert sorted((p, p.read_bytes()) for p in tmp_path.rglob("*") if p.is_file()) == before


def test_brackets_in_names_are_not_styles(tmp_path: Path) -> None:
    chat = tmp_path / "[red]chat[bold].jsonl"
    chat.write_bytes((CALLS / "calm.zh.jsonl").read_bytes())
    shown = succeed("analyze", chat, "--out", tmp_path / "[b]out")
    assert "[red]chat[bold].jsonl" in shown
    assert shown.splitlines()[-1].endswith("[b]out/report.html")


def test_the_progress_bar_shows_the_name_on_a_terminal_only(tmp_path: Path) -> None:
    chat = tmp_path / "odd[b].jsonl"
    chat.write_bytes((CALLS / "calm.zh.jsonl").read_bytes())
    near, far = os.openpty()
    child = subprocess.run(
        [*COMMAND, "analyze", chat],
        env=PLAIN | {"TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=far,
        check=False,
    )
    os.close(far)
    shown = os.read(near, 100_000).decode()
    os.close(near)
    assert child.returncode == 0
    assert "odd[b].jsonl" in shown
    assert "Traceback" not in shown


def test_a_terminal_that_cannot_print_chinese_still_shows_the_rest() -> None:
    narrow = PLAIN | {"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    command = [*COMMAND, "analyze", str(CALLS / "open_anger.zh.jsonl")]
    shown = subprocess.run(command, env=narrow, capture_output=True, check=False)
    assert (shown.returncode, shown.stderr) == (0, b"")
    assert b"open_anger.zh.jsonl" in shown.stdout
    printed = subprocess.run([*command, "--json"], env=narrow, capture_output=True, check=False)
    reasons = json.loads(printed.stdout.decode("utf-8"))["transitions"][0]["reasons"]
    assert any(CHINESE.search(reason["zh"]) for reason in reasons)  # a file format, not a screen


def test_explain_shows_the_peak_or_the_moment_asked_for(hidden: Path) -> None:
    peak = succeed("explain", hidden)
    asked = succeed("explain", hidden, "--at", "1:10")
    assert "01:10" in asked
    assert "It is the same address" in asked
    assert "hidden" in asked
    assert "drift" in asked
    assert peak != asked
    assert succeed("explain", hidden, "--at", "0:01:10") == asked
    assert succeed("explain", hidden, "--at", "70") == asked
    assert CHINESE.search(succeed("explain", hidden, "--lang", "zh"))


@pytest.mark.parametrize("clock", ["", "noon", "1:75", "-5", "1:2:3:4", "1:", "1.5"])
def test_a_moment_that_is_no_clock_is_refused(hidden: Path, clock: str) -> None:
    refusal("explain", hidden, f"--at={clock}", names=repr(clock), cause="minutes and seconds")


def test_explain_refuses_what_no_analysis_wrote(tmp_path: Path, hidden: Path) -> None:
    refusal("explain", tmp_path / "none", names="none", cause="not a result folder")
    refusal("explain", tmp_path, names=tmp_path.name, cause="not a result folder")
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for name in FILES:
        (damaged / name).write_bytes((hidden / name).read_bytes())
    content = (damaged / "analysis.json").read_bytes()
    (damaged / "analysis.json").write_bytes(content[: len(content) // 2])
    refusal("explain", damaged, names="analysis.json", cause="damaged")
    newer = (hidden / "summary.json").read_text().replace('_version": 1', '_version": 99')
    (damaged / "summary.json").write_text(newer)
    refusal("explain", damaged, names="damaged", cause="newer subtone")


def test_doctor_finds_this_installation_well() -> None:
    lines = succeed("doctor").splitlines()
    assert not [row for row in lines if row.startswith("FAIL")]
    marks = {row.split(":")[0].split(maxsplit=1)[1]: row[:4] for row in lines if row[0] != " "}
    for name in ("subtone", "python", "numpy", "audio files", "sample calls", "self-test"):
        assert marks[name] == "ok  "


def test_schema_prints_all_contracts_or_one() -> None:
    everything = json.loads(succeed("schema"))
    one = json.loads(succeed("schema", "Conflict"))
    assert "Conflict" in everything["$defs"]
    assert one["$ref"] == "#/$defs/Conflict"
    assert one["$defs"] == everything["$defs"]
    refusal("schema", "Grudge", names="'Grudge'", cause="no contract")


def test_only_the_command_that_runs_is_loaded(tmp_path: Path) -> None:
    """Help and version stay quick because the heavy parts load inside the commands."""
    heavy = "{'numpy', 'msgspec', 'rich', 'soundfile'}"
    code = f"import sys, subtone.cli; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert found.stdout == "[]\n"
