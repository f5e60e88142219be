"""A labelled matrix as one .npz file, so that it is encoded once and probed often.

Arrays: ``vectors`` (n, d) of any float type; ``emotion``, ``speaker``, ``sentence`` (n,) of
text; ``gender`` (n,) of text, empty where unknown, may be left out; ``corpus``, ``language``,
``band`` ("wide" or "telephone") as single texts, ``space`` and ``encoder`` where known;
``is_acted`` as a single truth value; ``left_out`` as a number, 0 where it is not given; and
any number of ``baseline: NAME`` (n, d2), other vectors of the same rows.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subtone.perception.encoding import FloatArray
from subtone.perception.probing.data import ProbeData, ProbeError
from subtone.perception.probing.vectors import Encoded

_BASELINE = "baseline: "
_NEEDED = (
    "vectors", "emotion", "speaker", "sentence", "corpus", "language", "band", "is_acted",
)  # fmt: skip
BANDS = ("wide", "telephone")


def save_matrix(path: Path, encoded: Encoded) -> None:
    """Write the matrix; the file appears whole or not at all."""
    data = encoded.data
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        np.savez_compressed(
            file,
            vectors=data.vectors,
            emotion=np.array(data.emotion),
            speaker=np.array(data.speaker),
            sentence=np.array(data.sentence),
            gender=np.array([gender or "" for gender in data.gender]),
            corpus=np.array(data.corpus),
            language=np.array(data.language),
            band=np.array(data.band),
            space=np.array(data.space),
            encoder=np.array(data.encoder),
            is_acted=np.array(data.is_acted),
            left_out=np.array(data.left_out),
            **{f"{_BASELINE}{name}": rows for name, rows in encoded.baselines.items()},  # type: ignore[arg-type]  # numpy's stub takes allow_pickle for a name
        )
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load_matrix(path: Path) -> Encoded:
    """Read a matrix; never unpickles. Raises ProbeError for what is not one."""
    try:
        # opened here: numpy leaves a damaged file open
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays: dict[str, NDArray[Any]] = {name: file[name] for name in file.files}
    except (ValueError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise ProbeError(f"{path}: is no .npz file of plain arrays ({error})") from error
    missing = [name for name in _NEEDED if name not in arrays]
    if missing:
        raise ProbeError(f"{path}: has no array {missing[0]}; it needs {', '.join(_NEEDED)}")
    matrices = {n: _floats(path, n, a) for n, a in arrays.items() if n.startswith(_BASELINE)}
    band = str(arrays["band"])
    if band not in BANDS:
        raise ProbeError(f"{path}: band {band!r}; use one of {', '.join(BANDS)}")
    vectors = _floats(path, "vectors", arrays["vectors"])
    gender = arrays.get("gender", np.full(len(vectors), ""))
    data = ProbeData(
        vectors=vectors,
        emotion=_texts(arrays["emotion"]),
        speaker=_texts(arrays["speaker"]),
        sentence=_texts(arrays["sentence"]),
        gender=tuple(value or None for value in _texts(gender)),
        corpus=str(arrays["corpus"]),
        language=str(arrays["language"]),
        band=band,
        is_acted=bool(arrays["is_acted"]),
        space=str(arrays.get("space", "vectors as given")),
        encoder=str(arrays.get("encoder", "unknown")),
        left_out=int(arrays.get("left_out", 0)),
    )
    return Encoded(data, {name.removeprefix(_BASELINE): rows for name, rows in matrices.items()})


def _floats(path: Path, name: str, array: NDArray[Any]) -> FloatArray:
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise ProbeError(f"{path}: {name} is {array.dtype} {array.shape}; rows of numbers belong")
    return array.astype(np.float32)


def _texts(array: NDArray[Any]) -> tuple[str, ...]:
    return tuple(str(value) for value in np.atleast_1d(array))
