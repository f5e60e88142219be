"""Search by vector: filter first, then exact; without a filter, bounds first, then exact.

Every score that leaves is the cosine of the stored float32 values, so a record has the same
score whichever way it was found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

import numpy as np

from subtone.memory.database import Database
from subtone.memory.errors import MemoryCorruptError, MemoryRefusedError
from subtone.memory.filters import Where, listed
from subtone.memory.quantised import (
    BLOCK_ROWS,
    SAMPLE_ROWS,
    DoubleArray,
    QuantisedVectors,
    units,
)
from subtone.memory.rows import FLOAT32, FloatArray, vector_place
from subtone.memory.vault import Vault

Row = tuple[int, int, bytes]  # vector key, record key, body
Scored = list[tuple[int, float]]  # (record key, cosine), best first

MAX_EXACT_ROWS: Final = 1_024  # reading these takes as long as comparing 30,000 in memory
FIRST_CANDIDATES: Final = 256


class SpaceIndex:
    """One space as this process knows it; not safe for several threads at once."""

    def __init__(self, space: int, width: int, vault: Vault) -> None:
        self._space = space
        self._width = width
        self._vault = vault
        self._deletions = -1
        self._quantised: QuantisedVectors | None = None

    @property
    def n_bytes(self) -> int:
        """Memory held."""
        return 0 if self._quantised is None else self._quantised.n_bytes

    def search(self, database: Database, query: FloatArray, where: Where, limit: int) -> Scored:
        """Nearest records; inside a read transaction. Raises MemoryRefusedError."""
        if len(query) != self._width:
            raise MemoryRefusedError(
                f"this space holds vectors of {self._width} numbers, the query has {len(query)}"
            )
        unit = units(query[None])[0]
        if not unit.any():
            raise MemoryRefusedError("a zero vector is near to nothing: give another query")
        if not where.is_open:
            keys = self._allowed(database, where, MAX_EXACT_ROWS + 1)
            if len(keys) <= MAX_EXACT_ROWS:
                return self._exact(database, keys, unit)[:limit]
        return self._nearest(database, unit, where, limit)

    def _nearest(self, database: Database, unit: DoubleArray, where: Where, limit: int) -> Scored:
        held = self._refresh(database)
        if held is None:
            return []
        bounds = held.upper_bounds(unit)
        asked = max(FIRST_CANDIDATES, 4 * limit)
        while True:
            is_all = asked >= len(bounds)
            best = np.arange(len(bounds)) if is_all else np.argpartition(-bounds, asked - 1)[:asked]
            keys = held.keys[best].tolist()
            if not where.is_open:
                keys = self._allowed_among(database, where, keys)
            found = self._exact(database, keys, unit)[:limit]
            # whatever was not looked at lies below the lowest bound that was
            if is_all or (len(found) == limit and found[-1][1] > float(bounds[best].min())):
                return found
            asked *= 4

    def _allowed(self, database: Database, where: Where, limit: int) -> list[int]:
        """Keys of vectors whose records the filter allows, at most so many."""
        rows = database.execute(
            "SELECT v.key FROM records AS r CROSS JOIN vectors AS v ON v.record = r.key "  # noqa: S608
            f"WHERE {where.sql} AND v.space = ? LIMIT ?",
            (*where.values, self._space, limit),
        )
        return [key for (key,) in rows]

    def _allowed_among(self, database: Database, where: Where, keys: Iterable[int]) -> list[int]:
        """Those of the vectors whose records the filter allows."""
        rows = database.execute(
            "SELECT v.key FROM json_each(?) AS j CROSS JOIN vectors AS v ON v.key = j.value "  # noqa: S608
            f"CROSS JOIN records AS r ON r.key = v.record WHERE {where.sql}",
            (listed(keys), *where.values),
        )
        return [key for (key,) in rows]

    def _exact(self, database: Database, keys: Iterable[int], unit: DoubleArray) -> Scored:
        best: dict[int, float] = {}
        rows = database.execute(
            "SELECT key, record, body FROM vectors "
            "WHERE key IN (SELECT value FROM json_each(?)) ORDER BY key",
            (listed(keys),),
        )
        for _, records, vectors in self._blocks(rows):
            cosines = (units(vectors) * unit).sum(axis=1)
            for record, cosine in zip(records, cosines.tolist(), strict=True):
                best[record] = max(cosine, best.get(record, -1.0))
        # of equals the newest first
        return sorted(best.items(), key=lambda item: (-item[1], -item[0]))

    def _refresh(self, database: Database) -> QuantisedVectors | None:
        """What the file holds now; None where that is nothing."""
        deletions, last = database.execute(
            "SELECT deletions, (SELECT max(key) FROM vectors WHERE space = ?) FROM identity",
            (self._space,),
        ).fetchone()
        held = self._quantised
        if last is None:
            self._quantised = None
            return None
        if held is None:
            held = self._quantised = QuantisedVectors(self._sample(database))
        elif deletions != self._deletions:
            listing = database.execute("SELECT key FROM vectors WHERE space = ?", (self._space,))
            held.keep(np.fromiter((key for (key,) in listing), np.int64))
        self._deletions = deletions
        known = int(held.keys[-1]) if len(held.keys) else 0
        if last > known:
            rows = database.execute(
                "SELECT key, record, body FROM vectors WHERE space = ? AND key > ? ORDER BY key",
                (self._space, known),
            )
            for keys, records, vectors in self._blocks(rows):
                held.append(keys, records, vectors)
        if held.sampled < SAMPLE_ROWS and len(held.keys) > 4 * held.sampled:
            # a sample of a few says little about the many that came since
            self._quantised = None
            return self._refresh(database)
        return held

    def _sample(self, database: Database) -> FloatArray:
        (count,) = database.execute(
            "SELECT count(*) FROM vectors WHERE space = ?", (self._space,)
        ).fetchone()
        rows = database.execute(
            "SELECT key, record, body FROM vectors WHERE key IN (SELECT key FROM ("
            "SELECT key, row_number() OVER (ORDER BY key) AS n FROM vectors WHERE space = ?"
            ") WHERE n % ? = 0) LIMIT ?",
            (self._space, max(1, count // SAMPLE_ROWS), SAMPLE_ROWS),
        )
        return np.concatenate([vectors for _, _, vectors in self._blocks(rows)])

    def _blocks(self, rows: Iterator[Row]) -> Iterator[tuple[list[int], list[int], FloatArray]]:
        """(vector keys, record keys, vectors (n, width)), n at most BLOCK_ROWS."""
        while block := list(islice(rows, BLOCK_ROWS)):
            joined = b"".join(self._vault.unseal(body, vector_place(key)) for key, _, body in block)
            if len(joined) != len(block) * self._width * FLOAT32.itemsize:
                raise MemoryCorruptError(
                    f"vectors {block[0][0]} to {block[-1][0]} are not of this space: restore the "
                    "memory from a copy"
                )
            vectors = np.frombuffer(joined, FLOAT32).reshape(len(block), self._width)
            yield [key for key, _, _ in block], [record for _, record, _ in block], vectors
