"""``subtone probe`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from subtone.perception.encoder.quality import synthetic_voice
from subtone.perception.probing.matrix_files import save_matrix
from subtone.perception.probing.vectors import Encoded
from support_cli import invoke, refusal, succeed
from support_probing import QUICK, made_up
from support_whisper import random_weights, save_safetensors


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less is repeated; what is computed is the same."""
    monkeypatch.setattr("subtone.perception.probing.run.Effort", lambda: QUICK)


def test_vectors_to_a_report(tmp_path: Path) -> None:
    data = made_up("one", 16)
    save_matrix(tmp_path / "m.npz", Encoded(data, {"half": data.vectors[:, :2]}))
    out = tmp_path / "a" / "probe"
    said = succeed("probe", tmp_path / "m.npz", "--out", out, "--seed", "3")
    assert said.startswith("One dimension is enough")
    assert said.splitlines()[-1] == f"report: {out / 'probe.html'}"
    assert sorted(p.name for p in out.iterdir()) == ["probe.html", "probe.json"]
    numbers = json.loads((out / "probe.json").read_text())
    assert numbers["verdict"]["concentration"] == "one_dimension"
    assert numbers["subject"]["seed"] == 3
    assert [score["name"] for score in numbers["scores"]] == ["vectors as given", "half"]
    before = (out / "probe.json").read_bytes()
    succeed("probe", tmp_path / "m.npz", "--out", out, "--seed", "3")
    assert (out / "probe.json").read_bytes() == before


def test_recordings_to_a_report(tmp_path: Path) -> None:
    clips, model = tmp_path / "clips", tmp_path / "model"
    clips.mkdir()
    save_safetensors(model, random_weights())
    voice = synthetic_voice()
    rng = np.random.default_rng(0)
    for actor in range(1, 5):
        for emotion in (1, 5):
            for take in (1, 2):
                at = rng.integers(0, 30_000)
                name = f"03-01-{emotion:02}-01-{take:02}-01-{actor:02}.wav"
                soundfile.write(clips / name, voice[at : at + 24_000] / emotion, 16_000)
    out, kept = tmp_path / "out", tmp_path / "kept.npz"
    common = ("--model", model, "--band", "telephone", "--threads", "1")
    succeed("probe", clips, "--out", out, *common, "--save", kept)
    subject = json.loads((out / "probe.json").read_text())["subject"]
    assert (subject["corpus"], subject["band"], subject["clips"]) == ("RAVDESS", "telephone", 16)
    assert subject["space"].endswith("/L1")
    succeed("probe", kept, "--out", tmp_path / "again")
    again = (tmp_path / "again" / "probe.json").read_bytes()
    assert again == (out / "probe.json").read_bytes()


def test_what_cannot_be_probed_is_one_line(tmp_path: Path) -> None:
    refusal("probe", tmp_path / "none.npz", names="none.npz", cause="No such file")
    (tmp_path / "m.npz").write_bytes(b"x")
    refusal("probe", tmp_path / "m.npz", names="m.npz", cause="no .npz file")
    (tmp_path / "m.csv").write_text("path,emotion,speaker,sentence\ngone.wav,sad,a,1\n")
    model = save_safetensors(tmp_path / "model", random_weights())
    refusal("probe", tmp_path / "m.csv", "--model", model, names="gone.wav", cause="No such file")
    refusal("probe", tmp_path / "x.txt", names="x.txt", cause="a folder of RAVDESS or EMO-DB")


def test_an_encoded_matrix_has_no_layer_to_choose(tmp_path: Path) -> None:
    result = invoke("probe", tmp_path / "m.npz", "--layer", "2")
    assert result.exit_code == 2
    assert "encoded already" in result.output
