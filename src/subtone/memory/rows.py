"""A record as rows: tokens to filter by, one body, and its vectors apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from subtone.contracts.memory import Encoding, MemoryRecord
from subtone.memory.errors import MemoryCorruptError, MemoryRefusedError
from subtone.memory.vault import Vault

FloatArray = NDArray[np.float32]
FLOAT32: Final = np.dtype("<f4")


class _Head(msgspec.Struct, frozen=True, array_like=True):
    """An encoding without its vector."""

    encoder: str
    space: str
    layer: int
    t_event_ms: int
    t_end_ms: int
    valid_frames: int


class _Body(msgspec.Struct, frozen=True):
    record: MemoryRecord  # without encodings
    heads: tuple[_Head, ...]


class _SaidRecord(msgspec.Struct, frozen=True):
    transcript: str | None
    record_id: str


class _SaidBody(msgspec.Struct, frozen=True):
    """Only what full text and results need: no contract is checked again."""

    record: _SaidRecord


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Body).decode
_decode_said = msgspec.msgpack.Decoder(_SaidBody).decode


@dataclass(frozen=True, slots=True)
class PreparedRecord:
    """A record that may be stored, on its way to disk."""

    columns: tuple[bytes | int | None, ...]  # in the order of COLUMNS
    content: bytes
    transcript: str | None
    vectors: tuple[tuple[str, FloatArray], ...]  # (space, vector)

    @property
    def token(self) -> bytes:
        """The record id's."""
        token = self.columns[0]
        assert isinstance(token, bytes)  # noqa: S101 - what prepare puts there
        return token


COLUMNS: Final = (
    "record", "call", "role", "speaker", "emotion", "language", "source", "t_seen_ms",
)  # fmt: skip


def prepare(record: MemoryRecord, vault: Vault) -> PreparedRecord:
    """Check one record. Raises MemoryRefusedError."""
    if not record.has_consent:
        raise MemoryRefusedError(
            f"record {record.record_id!r} has no consent: it may not be remembered"
        )
    at = f"record {record.record_id!r}"
    heads = tuple(
        _Head(e.encoder, e.space, e.layer, e.t_event_ms, e.t_end_ms, e.valid_frames)
        for e in record.encodings
    )
    bare = msgspec.structs.replace(record, encodings=())
    try:
        content = _encode(_Body(bare, heads))
        columns = (
            vault.token("record", record.record_id),
            vault.token("call", record.call_id),
            vault.token("role", record.role),
            *(
                None if value is None else vault.token(column, value)
                for column, value in (
                    ("speaker", record.speaker_id),
                    ("emotion", record.emotion),
                    ("language", record.language),
                )
            ),
            vault.token("source", record.source),
            record.t_seen_ms,
        )
    except UnicodeEncodeError as error:
        raise MemoryRefusedError(f"{at} has text that is not Unicode: {error.reason}") from error
    vectors = tuple((e.space, finite(e.vector, at)) for e in record.encodings)
    return PreparedRecord(columns, content, record.transcript, vectors)


def finite(vector: Sequence[float], at: str) -> FloatArray:
    """The vector as float32, shape (width,). Raises MemoryRefusedError."""
    with np.errstate(over="ignore"):
        array = np.asarray(vector, np.float64).astype(FLOAT32)
    if array.ndim != 1 or not array.size:
        raise MemoryRefusedError(f"{at}: a vector is a row of numbers, not of shape {array.shape}")
    if not np.isfinite(array).all():
        raise MemoryRefusedError(f"{at} has a vector that is not finite in float32: encode it anew")
    return array


def restored(content: bytes, vectors: Sequence[bytes], place: str) -> MemoryRecord:
    """The record again, its vectors as float32 values. Raises MemoryCorruptError."""
    try:
        body = _decode(content)
        encodings = tuple(
            Encoding(
                encoder=head.encoder,
                space=head.space,
                layer=head.layer,
                t_event_ms=head.t_event_ms,
                t_end_ms=head.t_end_ms,
                valid_frames=head.valid_frames,
                vector=tuple(np.frombuffer(vector, FLOAT32).tolist()),
            )
            for head, vector in zip(body.heads, vectors, strict=True)
        )
        return msgspec.structs.replace(body.record, encodings=encodings)
    except (msgspec.DecodeError, ValueError) as error:
        raise damaged(place, error) from error


def said(content: bytes, place: str) -> tuple[str, str | None]:
    """Record id and transcript. Raises MemoryCorruptError."""
    try:
        record = _decode_said(content).record
    except msgspec.DecodeError as error:
        raise damaged(place, error) from error
    return record.record_id, record.transcript


def damaged(place: str, error: Exception) -> MemoryCorruptError:
    """The refusal of a body that is none."""
    return MemoryCorruptError(
        f"{place} is not what this version writes ({error}): restore the memory from a copy"
    )


def record_place(key: int) -> str:
    """Where a record's body lies."""
    return f"records/{key}"


def vector_place(key: int) -> str:
    """Where a vector lies."""
    return f"vectors/{key}"
