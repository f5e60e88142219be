from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import Result
from huggingface_hub import constants

from support_cli import invoke
from support_whisper import random_weights, save_ct2, save_safetensors


@pytest.fixture(autouse=True)
def own_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUBTONE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


def run(*arguments: str | Path) -> Result:
    return invoke("models", *arguments)


def test_list_shows_the_table_and_what_is_here(tmp_path: Path) -> None:
    repository = tmp_path / "hub" / "models--Systran--faster-whisper-base"
    save_ct2(repository / "snapshots" / "c0", random_weights())
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("c0")
    shown = run("list")
    assert shown.exit_code == 0
    rows = {line.split()[0]: line.split() for line in shown.output.splitlines()[1:]}
    assert rows["base"][-1] == "yes"
    assert rows["tiny.en"][1:] == ["5", "384", "78", "English", "-"]
    assert run("where", "base").output.strip() == str(repository / "snapshots" / "c0")


def test_where_never_fetches() -> None:
    shown = run("where", "tiny")
    assert shown.exit_code == 1
    assert shown.output == "Error: tiny: is not on this machine; run `subtone models pull`\n"


def test_pull_offline_says_what_to_do() -> None:
    shown = run("pull", "tiny")
    assert shown.exit_code == 1
    assert "HF_HUB_OFFLINE forbids fetching it" in shown.output
    assert "Traceback" not in shown.output


@pytest.mark.parametrize("command", ["pull", "where", "verify", "check"])
def test_an_unknown_name_is_one_line(command: str) -> None:
    shown = run(command, "enormous")
    assert shown.exit_code == 1
    assert shown.output.startswith("Error: enormous: is neither a folder nor one of tiny")
    assert shown.output.count("\n") == 1


def test_verify_reads_the_weights(tmp_path: Path) -> None:
    folder = save_ct2(tmp_path / "small", random_weights())
    shown = run("verify", folder)
    assert shown.exit_code == 0
    assert "2 blocks of width 64, and a decoder" in shown.output
    weights = folder / "model.bin"
    weights.write_bytes(weights.read_bytes()[:-3])
    broken = run("verify", folder)
    assert broken.exit_code == 1
    assert "truncated" in broken.output


def test_check_measures_and_says_what_fails(tmp_path: Path) -> None:
    """Random weights tell no vowels apart by their middle layers alike with and without padding."""
    folder = save_safetensors(tmp_path / "small", random_weights())
    wav = tmp_path / "noise.wav"
    noise = 0.1 * np.random.default_rng(2).standard_normal(16_000)
    soundfile.write(wav, noise, 8_000)
    shown = run("check", folder, "--wav", wav, "--threads", "1")
    assert "int8 against float32: pooled cosine" in shown.output
    assert "audio followed by silence" in shown.output
    assert (shown.exit_code == 0) == ("FAIL" not in shown.output)


def test_check_refuses_what_is_no_mono_recording(tmp_path: Path) -> None:
    folder = save_safetensors(tmp_path / "small", random_weights())
    stereo = tmp_path / "stereo.wav"
    soundfile.write(stereo, np.zeros((8_000, 2)), 8_000)
    assert "one channel [n] is needed" in run("check", folder, "--wav", stereo).output
    (tmp_path / "text.wav").write_text("no audio")
    assert "is no audio file" in run("check", folder, "--wav", tmp_path / "text.wav").output
