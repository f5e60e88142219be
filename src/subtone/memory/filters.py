"""A filter as the part of an SQL statement behind WHERE, over ``records AS r``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from subtone.contracts.memory import MemoryFilter
from subtone.memory.vault import Vault

# the one that allows the fewest first: see where_of
_TESTS: Final = (
    ("call", "=", "call_id"),
    ("source", "=", "source"),
    ("speaker", "=", "speaker_id"),
    ("t_seen_ms", ">=", "t_seen_from_ms"),
    ("t_seen_ms", "<", "t_seen_until_ms"),
    ("emotion", "=", "emotion"),
    ("language", "=", "language"),
    ("role", "=", "role"),
)

Value = bytes | int | str


@dataclass(frozen=True, slots=True)
class Where:
    """A condition made of column names and placeholders only; the values travel beside it."""

    sql: str
    values: tuple[Value, ...]

    @property
    def is_open(self) -> bool:
        """Whether it allows every record."""
        return not self.values


def where_of(allowed: MemoryFilter, vault: Vault) -> Where:
    """What the filter means on disk."""
    parts: list[str] = []
    values: list[Value] = []
    indexed = None
    for column, sign, field in _TESTS:
        value = getattr(allowed, field)
        if value is None:
            continue
        indexed = indexed or column
        # a plus keeps SQLite from taking the index of a less telling column; statistics that
        # would tell it (ANALYZE) hold values, which erasure would have to find
        parts.append(f"{'' if column == indexed else '+'}r.{column} {sign} ?")
        values.append(value if isinstance(value, int) else vault.token(column, value))
    return Where(" AND ".join(parts) or "1", tuple(values))


def sparing(where: Where, call_ids: Iterable[str], vault: Vault) -> Where:
    """The same, without the records of these calls."""
    tokens = tuple(vault.token("call", call_id) for call_id in call_ids)
    if not tokens:
        return where
    marks = ", ".join("?" * len(tokens))
    return Where(f"({where.sql}) AND +r.call NOT IN ({marks})", (*where.values, *tokens))


def listed(keys: Iterable[int]) -> str:
    """Keys as one bound value, for ``IN (SELECT value FROM json_each(?))``."""
    return json.dumps([int(key) for key in keys])
