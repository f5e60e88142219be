"""``analyze --encoder``: what it adds, what it goes with, and each refusal."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from subtone.contracts.analysis import CallAnalysis
from subtone.surfaces.report.findings import models
from subtone.surfaces.results import read_results
from support_audio_memory import real_checkpoint, small_checkpoint
from support_cli import (
    BOTH,
    CALLS,
    FILES,
    ROOT,
    invoke,
    lines_of,
    refusal,
    run_subtone,
    sample,
    succeed,
)
from support_listening import CHECKPOINT, small_heads
from support_shared import shared

HIDDEN = sample("hidden_frustration.en")
AUDIO = CALLS / "hidden_frustration.en.flac"


def listening(folder: Path) -> tuple[str | Path, ...]:
    """Options that listen with made-up models."""
    heads = small_heads(folder)
    checkpoint = small_checkpoint(folder / CHECKPOINT)
    options = ("--arousal-head", heads["arousal"], "--valence-head", heads["valence"])
    return ("--encoder", checkpoint, *options)


def first_head(found: CallAnalysis) -> int:
    return next(d.moment.t_event_ms for d in found.decisions if d.moment.heads)


def test_models_have_a_say_in_every_file_and_on_the_screen(tmp_path: Path) -> None:
    options = listening(tmp_path)
    shown = succeed("analyze", *HIDDEN, *options, "--out", tmp_path / "out")
    found = read_results(tmp_path / "out")
    names = models(found)
    assert [name.split("@")[0] for name in sorted(names)] == ["arousal", "valence"]
    for name in names:
        assert name in " ".join(shown.split())
        assert name in (tmp_path / "out" / "report.html").read_text()
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["models"] == list(names)
    heads = [m["voice"]["heads"] for m in lines_of(tmp_path / "out" / "timeline.jsonl")]
    assert {h["model"] for moment in heads for h in moment} == set(names)
    assert set(heads[-1][0]) == {"head", "model", "value", "weight", "effect"}
    at = first_head(found) // 1_000
    clock = f"{at // 60}:{at % 60:02d}"
    explained = succeed("explain", tmp_path / "out", "--at", clock)
    assert any(name in " ".join(explained.split()) for name in names)
    assert "语音负面度" in succeed("explain", tmp_path / "out", "--at", clock, "--lang", "zh")


def test_the_same_call_heard_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    options = listening(tmp_path)
    for name in ("one", "two"):
        succeed("analyze", *HIDDEN, *options, "--out", tmp_path / name)
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_one_contrast_may_be_left_out(tmp_path: Path) -> None:
    options = listening(tmp_path)[:-2]
    printed = json.loads(
        succeed("analyze", AUDIO, *BOTH, *options, "--valence-head", "none", "--json")
    )
    assert [name.split("@")[0] for name in printed["models"]] == ["arousal"]


def test_it_goes_with_recognised_words_and_a_calibration(tmp_path: Path) -> None:
    calibration = tmp_path / "calibration.json"
    calibration.write_text('{"version": "loud-1", "voice": {"arousal_head_weight": 1.0}}')
    more = ("--transcribe", real_checkpoint(), "--calibration", calibration, "--json")
    printed = json.loads(succeed("analyze", AUDIO, *BOTH, *listening(tmp_path), *more))
    assert printed["calibration"] == "loud-1"
    assert len(printed["models"]) == 2
    assert printed["coverage"]["text_moment_count"] > 0


def test_a_caller_of_few_words_is_noted(tmp_path: Path) -> None:
    machine = sample("answering_machine.en")
    shown = succeed("analyze", *machine, *listening(tmp_path))
    assert "the models of the voice had no say" in shown
    assert "语音模型未参与判断" in succeed(
        "analyze", *machine, *listening(tmp_path), "--lang", "zh"
    )


def test_a_recording_with_a_customer_is_needed(tmp_path: Path) -> None:
    chat = CALLS / "calm.zh.jsonl"
    refusal("analyze", chat, "--encoder", "base", names="--encoder", cause="a chat has no voice")
    for roles in ((), ("--roles", "agent,unknown")):
        refusal(
            "analyze", AUDIO, *roles, "--encoder", "base",
            names="--roles agent,customer", cause="the customer's channel alone",
        )  # fmt: skip
    absent = tmp_path / "absent.wav"
    refusal("analyze", absent, *BOTH, "--encoder", "base", names="absent.wav", cause="")
    mono = ("--roles", "customer", "--encoder", "base")  # nothing is loaded for a wrong command
    refusal("analyze", AUDIO, *mono, names=AUDIO.name, cause="but 1 role given")
    refusal(
        "analyze", AUDIO, *BOTH, "--valence-head", "none",
        names="--valence-head", cause="need --encoder",
    )  # fmt: skip


def test_an_encoder_without_heads_is_refused_before_any_analysis(tmp_path: Path) -> None:
    checkpoint, heads = small_checkpoint(tmp_path / CHECKPOINT), small_heads(tmp_path)
    command = ("analyze", AUDIO, *BOTH, "--encoder", checkpoint, "--out", tmp_path / "out")
    refusal(*command, names="made-up/none", cause="take the checkpoint base")
    neither = ("--arousal-head", "none", "--valence-head", "none")
    refusal(*command, *neither, names="made-up/none", cause="no arousal or valence head")
    refusal(
        *command, "--arousal-head", heads["valence"],
        names="valence.safetensors", cause="is a head for valence, not for arousal",
    )  # fmt: skip
    refusal(*command, "--arousal-head", tmp_path / "a", names="a: ", cause="cannot be read")
    refusal("analyze", AUDIO, *BOTH, "--encoder", tmp_path / "absent", names="absent", cause="no")
    assert not (tmp_path / "out").exists()


def test_heads_hear_with_the_padding_they_were_trained_with(tmp_path: Path) -> None:
    checkpoint = small_checkpoint(tmp_path / CHECKPOINT)
    heads = small_heads(tmp_path / "padded", "window")
    own = ("--arousal-head", heads["arousal"], "--valence-head", heads["valence"])
    command = ("analyze", AUDIO, *BOTH, "--encoder", checkpoint, *own)
    refusal(*command, names="arousal", cause="made-up/window")
    printed = json.loads(succeed(*command, "--padding", "window", "--json"))
    assert len(printed["models"]) == 2
    refusal("analyze", AUDIO, *BOTH, "--padding", "window", names="--padding", cause="need --encod")


def test_heads_of_another_encoder_are_refused(tmp_path: Path) -> None:
    options = listening(tmp_path)
    other = small_checkpoint(tmp_path / "other")
    command = ("analyze", AUDIO, *BOTH, "--encoder", other, *options[2:])
    refusal(*command, names="arousal", cause="made-up/none")


def test_without_the_memory_extra_it_says_what_to_install(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    for name in ("apsw", "ctranslate2", "onnx", "onnxruntime", "safetensors", "tokenizers"):
        (blocked / name).mkdir(parents=True)
        (blocked / name / "__init__.py").write_text(f'raise ImportError(name="{name}")')
    done = run_subtone(
        "analyze", AUDIO, *BOTH, "--encoder", "base",
        cwd=tmp_path, prefix=["env", f"PYTHONPATH={blocked}{os.pathsep}{ROOT / 'src'}"],
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "install subtone[memory]" in line


@pytest.mark.parametrize("name", ["hidden_frustration.en", "open_anger.zh"])
def test_with_the_shipped_heads_the_sample_calls_keep_their_story(name: str) -> None:
    checkpoint = shared("models", "whisper-base-encoder")
    result = invoke("analyze", *sample(name), "--encoder", checkpoint, "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    moves = [(t["t_event_ms"], t["to_state"]) for t in found["transitions"]]
    if name == "hidden_frustration.en":
        assert moves == [(65_000, "hidden_frustration")]
    else:
        assert moves[0] == (55_000, "rising_tension")
        assert moves[-1] == (80_000, "active_escalation")
    assert {m.split("@")[0] for m in found["models"]} == {
        "whisper-base-arousal",
        "whisper-base-valence",
    }
