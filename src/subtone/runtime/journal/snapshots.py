"""The kernel's state of one call as bytes: exact, explicit, and only for the same layout.

A snapshot lets a call go on where its audio is not kept: 25 kB every half minute instead of
480 kB of samples. The layout is the types themselves; their digest goes first, so that bytes
of another version are refused instead of misread.
"""

from __future__ import annotations

import dataclasses
import hashlib
import zlib
from enum import Enum
from functools import cache
from typing import Any, Final, get_args, get_type_hints

import msgspec
import numpy as np

from subtone.kernel.call_state import CallState
from subtone.runtime.journal.errors import JournalError

DTYPES: Final = ("<f4", "<f8", "<i4", "<i8", "|b1")
DIGEST_BYTES: Final = 8
COMPRESSION: Final = 1


def encode_state(state: CallState) -> bytes:
    """The state as bytes; the same state gives the same bytes."""
    return _layout() + zlib.compress(_encoder.encode(state), COMPRESSION)


def decode_state(snapshot: bytes) -> CallState:
    """The state that was encoded. Raises JournalError for another layout or damage."""
    if snapshot[:DIGEST_BYTES] != _layout():
        raise JournalError(
            "the snapshot is of another version of subtone: finish running calls before an "
            "upgrade, or keep audio (journal.audio) so that calls can be replayed"
        )
    try:
        return _decoder.decode(zlib.decompress(snapshot[DIGEST_BYTES:]))
    except (zlib.error, msgspec.DecodeError, ValueError) as error:
        raise JournalError(f"the snapshot cannot be read ({error})") from error


def _to_plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"a state holds a {type(value).__name__}")


def _from_plain(kind: Any, value: Any) -> Any:
    dtype, shape, data = value
    if dtype not in DTYPES:
        raise ValueError(f"{kind} cannot hold {dtype!r}")
    return np.frombuffer(data, np.dtype(dtype)).reshape(shape)


_encoder = msgspec.msgpack.Encoder(enc_hook=_to_plain)
_decoder = msgspec.msgpack.Decoder(CallState, dec_hook=_from_plain)


@cache
def _layout() -> bytes:
    """Digest of every type a state is made of: names, fields in order, annotations."""
    found: dict[type, str] = {}
    _describe(CallState, found)
    text = "\n".join(sorted(found.values()))
    return hashlib.sha256(text.encode()).digest()[:DIGEST_BYTES]


def _describe(kind: Any, found: dict[type, str]) -> None:
    for part in get_args(kind):
        _describe(part, found)
    if not isinstance(kind, type) or kind in found:
        return
    if issubclass(kind, Enum):
        found[kind] = f"{kind.__qualname__}: {[str(m.value) for m in kind]}"
    elif issubclass(kind, msgspec.Struct) or dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        found[kind] = f"{kind.__module__}.{kind.__qualname__}: {hints}"
        for hint in hints.values():
            _describe(hint, found)
