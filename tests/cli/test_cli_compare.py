"""Emotion models side by side: a head on the shared encoding beside a dedicated model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from subtone.perception.heads.card import EMOTIONS
from support_audio_memory import RELATIVE, small_checkpoint, small_emotion_head, write_clips
from support_cli import refusal, succeed
from support_graphs import emotion_graph


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    rows = ["path,speaker,emotion"]
    for number, clip in enumerate(write_clips(tmp_path / "clips", 6, seconds=3.0)):
        emotion = ("angry", "neutral")[number % 2]
        rows.append(f"{clip.relative_to(tmp_path)},speaker{number // 2},{emotion}")
    (tmp_path / "clips.csv").write_text("\n".join(rows) + "\n")
    return tmp_path / "clips.csv"


def test_a_head_and_a_dedicated_model_are_measured_on_the_same_clips(
    tmp_path: Path, corpus: Path
) -> None:
    head = small_emotion_head(tmp_path / "head.safetensors", "made-up/none", 1)
    dedicated = emotion_graph(tmp_path / "dedicated.onnx", len(EMOTIONS))
    (tmp_path / "config.json").write_text(
        json.dumps({"id2label": {str(i): name for i, name in enumerate(EMOTIONS)}})
    )
    arguments = ("compare", f"ours={head}", dedicated, "--data", corpus)
    model = ("--model", small_checkpoint(tmp_path / "made-up"))
    ours, other = json.loads(succeed(*arguments, "--json", *model))
    assert (ours["head"], other["head"]) == ("ours", "dedicated")
    for row in (ours, other):
        assert (row["clips"], row["speakers"]) == (6, 3)
        assert 0.0 <= row["unweighted_recall"]["value"] <= 1.0
        assert row["own_bytes"] > 0
    assert ours["shared_bytes"] > 0 == other["shared_bytes"]
    shown = succeed(*arguments, "--clips", "3", *model)
    assert "ours: 3 clips of 3 speakers" in shown
    assert "UAR" in shown


def test_what_is_no_model_or_no_corpus_is_said_in_one_line(tmp_path: Path, corpus: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no head")
    refusal("compare", broken, "--data", corpus, names="broken.safetensors", cause="head")
    relative = small_emotion_head(tmp_path / "own.safetensors", "made-up/none", 1, **RELATIVE)
    refusal("compare", relative, "--data", corpus, names="own.safetensors", cause="compared alone")
    (tmp_path / "empty").mkdir()
    head = small_emotion_head(tmp_path / "head.safetensors", "made-up/none", 1)
    model = ("--model", small_checkpoint(tmp_path / "made-up"))
    refusal("compare", head, "--data", tmp_path / "empty", *model, names="empty", cause="no clips")
