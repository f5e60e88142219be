"""Remember, recall, forget, and words recognised from a recording, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from support_audio_memory import (
    RATE_HZ,
    real_checkpoint,
    small_checkpoint,
    speech,
    write_clips,
)
from support_cli import invoke, refusal, succeed


@pytest.fixture
def made_up(tmp_path: Path) -> tuple[str, str, str, str]:
    checkpoint = small_checkpoint(tmp_path / "made-up")
    return ("--model", str(checkpoint), "--data", str(tmp_path / "memory"))


def test_a_folder_is_remembered_found_and_forgotten(
    tmp_path: Path, made_up: tuple[str, ...]
) -> None:
    clips = write_clips(tmp_path / "clips", 4)
    remember: tuple[str | Path, ...] = (
        "remember",
        tmp_path / "clips",
        "--consent",
        "--tasks",
        "",
        *made_up,
    )
    assert "4 files, 0 known before, 0 failed" in succeed(*remember)
    assert succeed(*remember) == "0 memories of 0 files, 4 known before, 0 failed\n"
    found = json.loads(succeed("recall", "--audio", clips[2], "--json", *made_up))
    assert found[0]["hit"]["route"] == "audio"
    best = {row["record"]["call_id"] for row in found if row["hit"]["score"] > 1 - 1e-6}
    assert "clip002.wav" in best
    assert found[0]["record"]["encodings"] == ["made-up/none/L1"]
    shown = succeed("recall", "--call", "clip001.wav", *made_up)
    assert "filter" in shown
    assert "clip001.wav  00:0" in shown
    assert succeed("recall", "door", *made_up) == "nothing found\n"
    assert succeed("recall", "--until", "2001-01-01", *made_up) == "nothing found\n"
    receipt = json.loads(succeed("forget", "--call", "clip001.wav", *made_up[2:]))
    assert receipt["records"] == 1
    assert succeed("recall", "--call", "clip001.wav", *made_up) == "nothing found\n"
    assert json.loads(succeed("forget", "--everything", *made_up[2:]))["records"] == 3


def test_words_are_found_by_words(tmp_path: Path) -> None:
    model = ("--model", real_checkpoint(), "--data", tmp_path / "memory")
    (clip,) = write_clips(tmp_path / "clips", 1)
    succeed("remember", clip, "--consent", *model)
    (all_of_it,) = json.loads(succeed("recall", "--json", *model))
    transcript = all_of_it["record"]["transcript"]
    if transcript is not None:  # the shared checkpoint's guards may refuse what it hears
        word = max(transcript.split(), key=len).strip(".,!?'")
        (hit,) = json.loads(succeed("recall", word, "--json", *model))
        assert hit["hit"]["route"] == "transcript"


def test_one_bad_file_is_named_and_the_status_says_so(
    tmp_path: Path, made_up: tuple[str, ...]
) -> None:
    clips = write_clips(tmp_path / "clips", 2)
    clips[0].write_bytes(b"no audio at all")
    result = invoke("remember", tmp_path / "clips", "--consent", "--tasks", "", *made_up)
    assert result.exit_code == 1
    assert "clip000.wav" in result.stderr
    assert "1 memories of 1 files, 0 known before, 1 failed" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "names", "cause"),
    [
        (("remember", "{clip}"), "--consent", "nothing is remembered without"),
        (("remember", "{clip}", "--consent", "--tasks", "magic"), "magic", "no task"),
        (("remember", "{gone}", "--consent"), "gone", "is not there"),
        (("recall", "--since", "yesterday"), "--since", "give a date"),
        (("forget",), "everything", "filter"),
        (("remember", "{clip}", "--consent", "--key-file", "{clip}"), "clip000", "32 bytes"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    tmp_path: Path, made_up: tuple[str, ...], arguments: tuple[str, ...], names: str, cause: str
) -> None:
    (clip,) = write_clips(tmp_path / "clips", 1)
    places = {"clip": clip, "gone": tmp_path / "gone"}
    if arguments[0] == "recall":
        succeed("remember", clip, "--consent", "--tasks", "", *made_up)
    given = [a.format(**places) for a in arguments]
    options = made_up[2:] if given[0] == "forget" else made_up
    refusal(*given, *options, names=names, cause=cause)


def test_an_encrypted_memory_opens_with_its_key_alone(
    tmp_path: Path, made_up: tuple[str, ...]
) -> None:
    clips = write_clips(tmp_path / "clips", 1)
    key, other = tmp_path / "key", tmp_path / "other"
    key.write_bytes(bytes(range(32)))
    other.write_bytes(bytes(32))
    succeed("remember", clips[0], "--consent", "--tasks", "", "--key-file", key, *made_up)
    assert "clip000.wav" in succeed("recall", "--key-file", key, *made_up)
    refusal("recall", "--key-file", other, *made_up, names="key", cause="key")


def test_a_recorded_call_without_a_transcript_gets_its_words_from_the_voice(
    tmp_path: Path,
) -> None:
    call = tmp_path / "call.wav"
    quiet = np.zeros(12 * RATE_HZ, np.float32)
    soundfile.write(call, np.stack([quiet, speech(12.0)], axis=1), RATE_HZ)
    roles = ("--roles", "agent,customer")
    out = tmp_path / "out"
    succeed("analyze", call, *roles, "--transcribe", real_checkpoint(), "--out", out)
    turns = json.loads((out / "analysis.json").read_text())["turns"]
    assert turns
    assert {turn["turn"]["role"] for turn in turns} == {"customer"}
    assert all(turn["scored"] is not None for turn in turns)
    refusal("analyze", call, "--transcribe", "base", names="--roles", cause="needs a recording")
