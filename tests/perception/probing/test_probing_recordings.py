"""Labels out of file names and manifests."""

from __future__ import annotations

from pathlib import Path

import pytest

from subtone.perception.probing.data import ProbeError
from subtone.perception.probing.recordings import Recordings, read_recordings
from support_shared import shared


def folder_of(path: Path, *names: str) -> Path:
    for name in names:
        (path / name).write_bytes(b"")
    return path


def read(source: Path) -> Recordings:
    return read_recordings(source, None, True)


def test_ravdess_names(tmp_path: Path) -> None:
    found = read(folder_of(tmp_path, "03-01-06-01-02-01-12.wav", "03-01-01-01-01-02-01.flac"))
    assert (found.corpus, found.language, found.is_acted) == ("RAVDESS", "English", True)
    first, second = found.clips
    assert (first.emotion, first.speaker, first.sentence, first.gender) == (
        "neutral", "01", "01", "male",
    )  # fmt: skip
    assert (second.emotion, second.speaker, second.sentence, second.gender) == (
        "fear", "12", "02", "female",
    )  # fmt: skip


def test_emodb_names_both_ways(tmp_path: Path) -> None:
    found = read(folder_of(tmp_path, "16b10Wa.wav", "03_boredom_03a04Lc.flac"))
    assert found.corpus == "EMO-DB"
    assert [(c.emotion, c.speaker, c.sentence, c.gender) for c in found.clips] == [
        ("boredom", "03", "a04", "male"),
        ("angry", "16", "b10", "female"),
    ]


def test_the_whole_corpora_are_read() -> None:
    emodb = read(shared("data", "emotion", "emodb"))
    assert len(emodb.clips) == 535
    assert len({c.speaker for c in emodb.clips}) == len({c.sentence for c in emodb.clips}) == 10
    assert all(c.path.stem.split("_")[1] == c.emotion for c in emodb.clips)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ((), "holds no recordings"),
        (("03-01-06-01-02-01-12.wav", "x.wav"), "x.wav: is not named as the other clips"),
        (("03-01-09-01-02-01-12.wav",), "neither as RAVDESS nor as EMO-DB"),
    ],
)
def test_other_folders_are_refused(tmp_path: Path, names: tuple[str, ...], says: str) -> None:
    with pytest.raises(ProbeError, match=says):
        read(folder_of(tmp_path, *names))


def test_a_manifest(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text(
        "path,emotion,speaker,sentence,gender\na/b.wav, sad ,anna,1,\nc.wav,calm,bo,,m\n"
    )
    found = read_recordings(path, "Polish", False)
    assert (found.corpus, found.language, found.is_acted) == ("calls", "Polish", False)
    first, second = found.clips
    assert first.path == tmp_path / "a" / "b.wav"
    assert (first.emotion, first.speaker, first.sentence, first.gender) == (
        "sad", "anna", "1", None,
    )  # fmt: skip
    assert (second.sentence, second.gender) == ("", "m")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"path,emotion,speaker\n", "has no column sentence"),
        (b"", "has no column path"),
        (b"path,emotion,speaker,sentence\nx.wav,,a,1\n", "line 2 has no emotion"),
        (b"path,emotion,speaker,sentence\nx.wav\n", "line 2 has no emotion"),
        (b"path,emotion,speaker,sentence\n\xff,a,b,c\n", "no CSV file in UTF-8"),
    ],
)
def test_a_damaged_manifest_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(content)
    with pytest.raises(ProbeError, match=says):
        read(path)


def test_another_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match=r"a \.csv or an \.npz"):
        read(tmp_path / "x.txt")
