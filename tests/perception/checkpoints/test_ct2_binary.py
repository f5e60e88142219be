from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from subtone.perception.checkpoints.ct2_binary import read_ct2
from subtone.perception.errors import CheckpointError
from support_whisper import ct2_bytes

VARIABLES: dict[str, Any] = {
    "a/weight": np.array([[1, -2], [127, 0]], np.int8),
    "a/weight_scale": np.array([2.0, 127.0], np.float32),
    "half": np.array([0.5, -1.5], np.float16),
    "count": np.array(7, np.int16),
    "brain": np.array([0x3F80, 0xC040], np.uint16),  # bfloat16 of 1 and -3
}


def written(folder: Path, raw: bytes) -> Path:
    path = folder / "model.bin"
    path.write_bytes(raw)
    return path


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, ct2_bytes(VARIABLES, aliases={"b/weight": "a/weight"}))
    model = read_ct2(path)
    assert model.spec == "WhisperSpec"
    assert model.floats("a/weight").tolist() == [[0.5, -1.0], [1.0, 0.0]]
    assert model.stored("b/weight") is model.stored("a/weight")
    assert model.floats("half").tolist() == [0.5, -1.5]
    assert model.floats("brain").tolist() == [1.0, -3.0]
    assert int(model.stored("count").values) == 7
    with pytest.raises(CheckpointError, match="has no c; it is not a Whisper encoder"):
        model.floats("c")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_truncated_file_is_read(tmp_path: Path, data: st.DataObject) -> None:
    raw = ct2_bytes(VARIABLES)
    cut = data.draw(st.integers(0, len(raw) - 1))
    with pytest.raises(CheckpointError):
        read_ct2(written(tmp_path, raw[:cut]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_other_files_are_refused_by_name(tmp_path: Path, raw: bytes) -> None:
    with pytest.raises(CheckpointError, match=r"model\.bin"):
        read_ct2(written(tmp_path, raw))


@pytest.mark.parametrize(
    ("raw", "cause"),
    [
        (ct2_bytes(VARIABLES, version=2), "binary version 2"),
        (ct2_bytes(VARIABLES) + b"x", "1 bytes follow"),
        (ct2_bytes(VARIABLES, aliases={"b": "c"}), "b stands for c, which is missing"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, raw: bytes, cause: str) -> None:
    with pytest.raises(CheckpointError, match=cause):
        read_ct2(written(tmp_path, raw))


def test_a_scale_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    wrong = VARIABLES | {"a/weight_scale": np.ones(3, np.float32)}
    with pytest.raises(CheckpointError, match="do not fit"):
        read_ct2(written(tmp_path, ct2_bytes(wrong))).floats("a/weight")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_ct2(tmp_path / "model.bin")
