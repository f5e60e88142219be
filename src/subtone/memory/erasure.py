"""Removal: rows leave with their words and vectors, by the same way when replaced or erased."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from subtone.memory.database import Database
from subtone.memory.filters import Where, listed
from subtone.memory.rows import record_place, said
from subtone.memory.transcripts import unindex_rows
from subtone.memory.vault import Vault


@dataclass(frozen=True, slots=True)
class Removed:
    """What left."""

    record_ids: tuple[str, ...]
    vectors: int

    @property
    def digest(self) -> str:
        """SHA-256 of the sorted ids, one per line."""
        lines = "".join(f"{record_id}\n" for record_id in sorted(self.record_ids))
        return hashlib.sha256(lines.encode()).hexdigest()


def keys_where(database: Database, where: Where) -> list[int]:
    """Keys of the records a filter allows."""
    rows = database.execute(f"SELECT r.key FROM records AS r WHERE {where.sql}", where.values)  # noqa: S608
    return [key for (key,) in rows]


def keys_of(database: Database, tokens: Iterable[bytes]) -> list[int]:
    """Keys of the records with these ids, as far as they are there."""
    found = (
        database.execute("SELECT key FROM records WHERE record = ?", (token,)).fetchone()
        for token in tokens
    )
    return [row[0] for row in found if row is not None]


def remove(database: Database, vault: Vault, keys: list[int]) -> Removed:
    """Remove records with words and vectors; inside the writer's transaction."""
    if not keys:
        return Removed((), 0)
    doomed = listed(keys)
    record_ids: list[str] = []

    def opened() -> Iterator[tuple[int, str | None]]:
        for key, body in database.execute(
            "SELECT key, body FROM records WHERE key IN (SELECT value FROM json_each(?))",
            (doomed,),
        ):
            place = record_place(key)
            record_id, transcript = said(vault.unseal(body, place), place)
            record_ids.append(record_id)
            yield key, transcript

    if vault.is_sealed:
        for _ in opened():
            continue
    else:
        unindex_rows(database, opened())
    database.execute(
        "DELETE FROM vectors WHERE record IN (SELECT value FROM json_each(?))", (doomed,)
    )
    vectors = int(database.changes())
    database.execute("DELETE FROM records WHERE key IN (SELECT value FROM json_each(?))", (doomed,))
    database.execute("UPDATE identity SET deletions = deletions + 1")
    return Removed(tuple(record_ids), vectors)
