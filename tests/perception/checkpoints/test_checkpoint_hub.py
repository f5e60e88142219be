from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import constants, errors

from subtone.perception.checkpoints import (
    CHECKPOINTS,
    Layout,
    find_local,
    open_checkpoint,
    open_folder,
    pull,
    require_recorded,
    verify,
)
from subtone.perception.checkpoints.files import model_name
from subtone.perception.checkpoints.record import cache_folder
from subtone.perception.errors import CheckpointError
from support_whisper import random_weights, save_ct2, save_safetensors

COMMIT = "0" * 40


@pytest.fixture(autouse=True)
def own_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SUBTONE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path


class FakeHub:
    """Puts a small checkpoint where the hub's client would, digest as file name."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.asked: list[str] = []

    def __call__(self, repo_id: str, *, allow_patterns: list[str]) -> str:
        self.asked.append(repo_id)
        assert "model.bin" in allow_patterns
        repository = self.root / f"models--{repo_id.replace('/', '--')}"
        snapshot = repository / "snapshots" / COMMIT
        save_ct2(snapshot, random_weights())
        raw = (snapshot / "model.bin").read_bytes()
        blob = repository / "blobs" / hashlib.sha256(raw).hexdigest()
        blob.parent.mkdir()
        (snapshot / "model.bin").rename(blob)
        (snapshot / "model.bin").symlink_to(blob)
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text(COMMIT)
        return str(snapshot)


def test_a_pulled_checkpoint_is_found_recorded_and_whole(tmp_path: Path) -> None:
    hub = FakeHub(tmp_path / "hub")
    assert find_local("tiny") is None
    pulled = pull("tiny", hub)
    assert hub.asked == ["Systran/faster-whisper-tiny"]
    assert pulled.name == "whisper-tiny"
    assert pulled.has_decoder
    assert open_checkpoint("tiny", hub) == find_local("tiny") == pulled
    assert hub.asked == ["Systran/faster-whisper-tiny"]  # not fetched again
    assert [f.is_well for f in verify(pulled)] == [True] * 3
    assert all("as recorded" in finding.observed for finding in verify(pulled))


def test_a_changed_file_is_found(tmp_path: Path) -> None:
    pulled = pull("base", FakeHub(tmp_path / "hub"))
    (pulled.folder / "config.json").write_text('{"changed": true}')
    weights = pulled.weights_path.resolve()
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    found = {finding.subject: finding for finding in verify(pulled)}
    assert not found["config.json"].is_well
    assert not found["model.bin"].is_well
    with pytest.raises(CheckpointError, match=r"model\.bin: has digest \w{12} where \w{12} was"):
        require_recorded(replace(pulled))
    (pulled.folder / "config.json").unlink()
    assert "missing" in {f.subject: f for f in verify(pulled)}["config.json"].observed


def test_a_download_that_is_not_the_hubs_is_refused(tmp_path: Path) -> None:
    hub = FakeHub(tmp_path / "hub")

    def damaging(repo_id: str, *, allow_patterns: list[str]) -> str:
        folder = hub(repo_id, allow_patterns=allow_patterns)
        with (Path(folder) / "model.bin").resolve().open("ab") as file:
            file.write(b"x")
        return folder

    with pytest.raises(CheckpointError, match=r"model\.bin: its digest is not the hub's"):
        pull("tiny", damaging)
    assert not list(cache_folder().rglob("*.json"))


def test_a_pull_that_was_broken_off_goes_on(tmp_path: Path) -> None:
    hub = FakeHub(tmp_path / "hub")
    (pull("tiny", hub).folder / "tokenizer.json").unlink()
    assert find_local("tiny") is None


def test_offline_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(repo_id: str, *, allow_patterns: list[str]) -> str:
        raise errors.OfflineModeIsEnabled(f"{repo_id} {allow_patterns}")

    def nothing(repo_id: str, *, allow_patterns: list[str]) -> str:
        raise errors.LocalEntryNotFoundError(f"{repo_id} {allow_patterns}")

    with pytest.raises(CheckpointError, match="HF_HUB_OFFLINE forbids fetching it; run"):
        open_checkpoint("tiny", offline)
    with pytest.raises(CheckpointError, match="check the network"):
        open_checkpoint("tiny", nothing)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match="HF_HUB_OFFLINE forbids fetching it; run"):
        open_checkpoint("tiny", nothing)


def test_a_broken_line_is_said_in_one_line() -> None:
    def broken(repo_id: str, *, allow_patterns: list[str]) -> str:
        raise OSError(28, f"No space left for {repo_id}\n{allow_patterns}")

    with pytest.raises(CheckpointError, match=r"tiny: could not be fetched.*No space") as raised:
        pull("tiny", broken)
    assert "\n" not in str(raised.value)


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(CheckpointError, match=r"neither a folder nor one of tiny, tiny\.en, base"):
        open_checkpoint("enormous")


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("whisper-base-encoder", "whisper-base"),
        ("faster-whisper-large-v3-turbo", "whisper-large-v3-turbo"),
        ("distil-whisper-small.en-ct2", "distil-whisper-small.en"),
        ("whisper-tiny.en-relearned-ct2-int8", "whisper-tiny.en-relearned-ct2-int8"),
        ("whisper-base-finetuned", "whisper-base-finetuned"),
        ("ours", "ours"),
    ],
)
def test_only_a_folder_called_after_a_published_model_shares_its_space(
    tmp_path: Path, folder: str, name: str
) -> None:
    assert model_name(tmp_path / folder) == name


def test_a_folder_with_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is no folder"):
        open_folder(tmp_path / "nowhere")
    (tmp_path / "pictures").mkdir()
    with pytest.raises(CheckpointError, match=r"holds no model\.bin or model\.safetensors"):
        open_folder(tmp_path / "pictures")
    (tmp_path / "pictures" / "model.bin").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        open_folder(tmp_path / "pictures")


def test_both_layouts_are_recognised(tmp_path: Path) -> None:
    ours = save_safetensors(tmp_path / "a", random_weights())
    theirs = save_ct2(tmp_path / "b", random_weights())
    assert open_folder(ours).layout is Layout.SAFETENSORS
    assert not open_folder(ours).has_decoder
    assert open_folder(theirs).layout is Layout.CTRANSLATE2


def test_the_table_names_every_size_once() -> None:
    assert len({row.repository for row in CHECKPOINTS.values()}) == len(CHECKPOINTS)
    assert not CHECKPOINTS["base.en"].is_multilingual
    assert CHECKPOINTS["large-v3"].is_multilingual
