"""Which heads there are, and that a third party's comes in by the same door."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from subtone.perception.heads import registry
from subtone.perception.heads.contrast import ContrastHead
from subtone.perception.heads.emotion import EmotionHead
from subtone.perception.heads.emotion_model import EmotionModel
from subtone.perception.heads.errors import HeadError
from subtone.perception.heads.files import write_head
from subtone.perception.heads.registry import (
    HeadDeclaration,
    available_heads,
    declared_head,
    load_head,
)
from subtone.perception.heads.speaker import SpeakerHead
from subtone.perception.tasks import Needs
from support_graphs import emotion_graph
from support_heads import contrast, stored


class Stutter:
    name = "stutter"
    needs = Needs(layers=(3,))


STUTTER = HeadDeclaration(
    name="stutter", needs=Needs(layers=(3,)), gives="StutterFinding", factory=Stutter
)
WRONG = "not a declaration"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    points: list[EntryPoint] = []
    monkeypatch.setattr(registry, "entry_points", lambda **_: points)
    return points


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, f"{__name__}:{value}", registry.GROUP)


def test_the_built_in_heads_are_there_without_importing_anything() -> None:
    built_in = ("transcription", "language", "emotion", "arousal", "valence", "speaker")
    assert available_heads()[:6] == built_in
    assert declared_head("transcription").needs.decoder
    assert declared_head("speaker").needs.voiceprints
    assert declared_head("valence").needs.speaker_baseline


def test_a_third_partys_head_loads_by_name(installed: list[EntryPoint]) -> None:
    installed.append(point("stutter", "STUTTER"))
    assert available_heads()[-1] == "stutter"
    assert declared_head("stutter").needs.layers == (3,)
    assert load_head("stutter").needs.layers == (3,)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("emotion", "STUTTER", "which is taken"),
        ("other", "STUTTER", "not the declaration of a head named other"),
        ("wrong", "WRONG", "not the declaration of a head named wrong"),
        ("gone", "GONE", "cannot be imported"),
    ],
)
def test_a_package_that_registers_badly_is_named(
    installed: list[EntryPoint], name: str, value: str, message: str
) -> None:
    installed.append(point(name, value))
    with pytest.raises(HeadError, match=message):
        declared_head(name)


def test_an_unknown_name_gets_the_list() -> None:
    with pytest.raises(HeadError, match="choose one of: arousal, emotion"):
        load_head("mood")


def test_missing_code_is_reported_when_it_is_loaded() -> None:
    missing = HeadDeclaration(name="x", needs=Needs(), gives="X", factory="subtone.no_such:thing")
    with pytest.raises(HeadError, match="cannot be imported"):
        missing.load()


def test_files_become_the_heads_they_hold(tmp_path: Path) -> None:
    path = tmp_path / "head.safetensors"
    write_head(path, stored())
    assert isinstance(load_head("emotion", path=path), EmotionHead)
    write_head(path, contrast())
    assert isinstance(load_head("valence", path=path), ContrastHead)
    model = emotion_graph(tmp_path / "model.onnx", 2)
    (tmp_path / "labels.txt").write_text("sad\nhappy\n")
    for where in (model, tmp_path):
        loaded: Any = load_head("emotion", path=where)
        assert isinstance(loaded, EmotionModel)
        assert loaded.size_bytes == model.stat().st_size
    assert isinstance(load_head("speaker", is_voiceprint_allowed=True), SpeakerHead)
