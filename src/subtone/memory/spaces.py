"""Spaces: which vectors are comparable, and how wide they are."""

from __future__ import annotations

from subtone.memory.database import Database
from subtone.memory.errors import MemoryRefusedError


def space_of(database: Database, name: str) -> tuple[int, int] | None:
    """Key and width of a space; None where nothing was ever stored in it."""
    row = database.execute("SELECT key, width FROM spaces WHERE name = ?", (name,)).fetchone()
    return None if row is None else (int(row[0]), int(row[1]))


def space_for(database: Database, name: str, width: int, known: dict[str, tuple[int, int]]) -> int:
    """Key of the space, made by its first vector. Raises MemoryRefusedError for another width.

    ``known`` remembers what was found within one transaction.
    """
    if name not in known:
        found = space_of(database, name)
        if found is None:
            database.execute("INSERT INTO spaces (name, width) VALUES (?, ?)", (name, width))
            found = int(database.last_insert_rowid()), width
        known[name] = found
    key, fixed = known[name]
    if width != fixed:
        raise MemoryRefusedError(
            f"space {name!r} holds vectors of {fixed} numbers, not {width}: another encoder "
            "needs a space of its own"
        )
    return key
