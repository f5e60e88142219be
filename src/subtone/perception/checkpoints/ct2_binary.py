"""Strict reader of CTranslate2's ``model.bin``.

Layout, all little-endian (OpenNMT/CTranslate2 ``src/models/model.cc``): u32 binary version,
the specification's name, u32 its revision, u32 count of variables; for each its name, u8
rank, u32 per dimension, u8 type, u32 bytes, the values; u32 count of aliases, each a pair
of names. A string is u16 bytes with the closing NUL counted. Integer weights have a
``<name>_scale`` beside them: value = integer / scale, one scale per output row.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subtone.perception.encoding import FloatArray
from subtone.perception.errors import CheckpointError

_VERSIONS = range(4, 7)
_BFLOAT16 = 5
_TYPES: dict[int, str] = {0: "<f4", 1: "<i1", 2: "<i2", 3: "<i4", 4: "<f2", _BFLOAT16: "<u2"}
_MOST_DIMENSIONS = 8
_SCALE = "_scale"


@dataclass(frozen=True, eq=False)
class Variable:
    """One named array as stored; a view into the mapped file."""

    type_id: int
    values: NDArray[Any]

    def as_float(self) -> FloatArray:
        """Values as float32, unscaled."""
        if self.type_id == _BFLOAT16:
            return (self.values.astype(np.uint32) << 16).view(np.float32)
        return self.values.astype(np.float32)


@dataclass(frozen=True, eq=False)
class Ct2Model:
    """All variables of one ``model.bin``."""

    path: Path
    spec: str
    variables: dict[str, Variable]

    def __contains__(self, name: str) -> bool:
        return name in self.variables

    def stored(self, name: str) -> Variable:
        """One variable. Raises CheckpointError naming what is missing."""
        if name not in self.variables:
            raise CheckpointError(f"{self.path}: has no {name}; it is not a Whisper encoder")
        return self.variables[name]

    def floats(self, name: str) -> FloatArray:
        """One variable as float32, multiplied out where it is stored as integers."""
        variable = self.stored(name)
        values = variable.as_float()
        if variable.values.dtype.kind != "i" or name + _SCALE not in self:
            return values
        scale = self.stored(name + _SCALE).as_float()
        if scale.ndim and scale.shape != values.shape[:1]:
            raise CheckpointError(f"{self.path}: {name} and its scale do not fit")
        return values / scale.reshape(scale.shape + (1,) * (values.ndim - scale.ndim))


class _Cursor:
    def __init__(self, path: Path, data: memoryview) -> None:
        self.path = path
        self.data = data
        self.at = 0

    def take(self, n_bytes: int) -> memoryview:
        end = self.at + n_bytes
        if end > len(self.data):
            raise CheckpointError(
                f"{self.path}: ends in the middle of a value at byte {len(self.data)}; "
                "it is truncated or not a CTranslate2 model: fetch it again"
            )
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def number(self, kind: str) -> int:
        value: int = struct.unpack("<" + kind, self.take(struct.calcsize("<" + kind)))[0]
        return value

    def string(self) -> str:
        raw = bytes(self.take(self.number("H")))
        try:
            return raw.rstrip(b"\0").decode("utf-8")
        except UnicodeDecodeError as error:
            raise CheckpointError(f"{self.path}: byte {self.at} holds no name") from error


def read_ct2(path: Path) -> Ct2Model:
    """Read a ``model.bin``; the file stays mapped while its variables are used.

    Raises CheckpointError for anything but a whole file of a known version.
    """
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:  # an empty file cannot be mapped
        raise CheckpointError(f"{path}: cannot be read ({error})") from error
    cursor = _Cursor(path, memoryview(mapped))
    version = cursor.number("I")
    if version not in _VERSIONS:
        raise CheckpointError(
            f"{path}: binary version {version} is not one of CTranslate2's "
            f"{_VERSIONS[0]} to {_VERSIONS[-1]}; convert the checkpoint again"
        )
    spec = cursor.string()
    cursor.number("I")
    variables = {}
    for _ in range(cursor.number("I")):
        name, variable = _variable(cursor)
        variables[name] = variable
    for _ in range(cursor.number("I")):
        alias, target = cursor.string(), cursor.string()
        if target not in variables:
            raise CheckpointError(f"{path}: {alias} stands for {target}, which is missing")
        variables[alias] = variables[target]
    if cursor.at != len(cursor.data):
        raise CheckpointError(f"{path}: {len(cursor.data) - cursor.at} bytes follow its end")
    return Ct2Model(path, spec, variables)


def _variable(cursor: _Cursor) -> tuple[str, Variable]:
    name = cursor.string()
    rank = cursor.number("B")
    if rank > _MOST_DIMENSIONS:
        raise CheckpointError(f"{cursor.path}: {name!r} has {rank} dimensions; it is damaged")
    shape = tuple(cursor.number("I") for _ in range(rank))
    type_id = cursor.number("B")
    if type_id not in _TYPES:
        raise CheckpointError(f"{cursor.path}: {name!r} has unknown type {type_id}")
    raw = cursor.take(cursor.number("I"))
    dtype = np.dtype(_TYPES[type_id])
    expected = dtype.itemsize
    for size in shape:
        expected *= size
    if len(raw) != expected:
        raise CheckpointError(
            f"{cursor.path}: {name!r} holds {len(raw)} bytes where {expected} belong"
        )
    return name, Variable(type_id, np.frombuffer(raw, dtype).reshape(shape))
