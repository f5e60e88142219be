"""Voiceprints as rows: one per speaker and space, all of its vectors in one body."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from subtone.contracts.memory import Voiceprint
from subtone.memory.database import Database
from subtone.memory.rows import FLOAT32, FloatArray, damaged
from subtone.memory.vault import Vault


class _Body(msgspec.Struct, frozen=True, array_like=True):
    speaker_id: str
    is_enrolled: bool
    vectors: list[bytes]


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Body).decode


def write(
    database: Database,
    vault: Vault,
    voice: tuple[str, int, bool],
    vectors: Sequence[FloatArray],
) -> None:
    """Store (speaker id, space key, is enrolled), replacing; inside the writer's transaction."""
    speaker_id, space, is_enrolled = voice
    token = vault.token("speaker", speaker_id)
    place = _place(space, token)
    content = _encode(_Body(speaker_id, is_enrolled, [vector.tobytes() for vector in vectors]))
    database.execute(
        "INSERT INTO voiceprints (speaker, space, vectors, body) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (speaker, space) DO UPDATE SET vectors = excluded.vectors, "
        "body = excluded.body",
        (token, space, len(vectors), vault.seal(content, place)),
    )


def read(database: Database, vault: Vault, space: int, space_name: str) -> tuple[Voiceprint, ...]:
    """Every voice of one space, in the order they were first stored."""
    found = []
    for token, body in database.execute(
        "SELECT speaker, body FROM voiceprints WHERE space = ? ORDER BY key", (space,)
    ):
        place = _place(space, token)
        try:
            voice = _decode(vault.unseal(body, place))
        except msgspec.DecodeError as error:
            raise damaged("a voiceprint", error) from error
        found.append(
            Voiceprint(
                speaker_id=voice.speaker_id,
                space=space_name,
                is_enrolled=voice.is_enrolled,
                vectors=tuple(tuple(np.frombuffer(v, FLOAT32).tolist()) for v in voice.vectors),
            )
        )
    return tuple(found)


def remove(database: Database, speaker: bytes | None) -> int:
    """Remove one speaker's voiceprints, or all; the number of vectors."""
    condition = "speaker = ?1 OR ?1 IS NULL"
    (vectors,) = database.execute(
        f"SELECT coalesce(sum(vectors), 0) FROM voiceprints WHERE {condition}",  # noqa: S608
        (speaker,),
    ).fetchone()
    database.execute(f"DELETE FROM voiceprints WHERE {condition}", (speaker,))  # noqa: S608
    return int(vectors)


def _place(space: int, token: bytes) -> str:
    return f"voiceprints/{space}/{token.hex()}"
