"""Search by words: FTS5 with BM25 over the transcripts.

In a plain memory the index lies in the file and the writer keeps it. In an encrypted one it
lies in the temporary schema, in memory, and every process builds its own from the opened
bodies when words are first searched.

The index holds no copy of the text. Deleting marks, and only a merge takes the words away: so
every deletion is followed by one, in the same transaction. (FTS5's own secure-delete leaves
words behind as separators between its pages.)
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Final

from subtone.memory.database import FTS5_TOKENIZE_QUERY, Database
from subtone.memory.filters import Where
from subtone.memory.rows import record_place, said
from subtone.memory.vault import Vault
from subtone.memory.words import index_text, query_words

# "refunds" finds "refunded": Porter's stemmer, on Latin words only
_TOKENIZER: Final = ("porter", ["unicode61", "remove_diacritics", "2"])
_OPTIONS: Final = "content='', tokenize='porter unicode61 remove_diacritics 2'"
CREATE: Final = f"CREATE VIRTUAL TABLE main.words USING fts5(said, {_OPTIONS})"
_CREATE_IN_MEMORY: Final = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS temp.words "
    f"USING fts5(said, {_OPTIONS}, contentless_delete=1)"
)

# Scoring a row costs about a microsecond. The rarest words decide which rows are scored, as long
# as these are few; some commoner ones, whose weight in BM25 is small, add to their scores.
MAX_MATCHED_ROWS: Final = 1_000
MAX_ADDING_WORDS: Final = 4


def index_rows(database: Database, rows: Iterable[tuple[int, str | None]]) -> None:
    """Index (record key, transcript) in a plain memory; inside the writer's transaction."""
    database.executemany(
        "INSERT INTO words (rowid, said) VALUES (?, ?)",
        ((key, index_text(text)) for key, text in rows if text),
    )


def unindex_rows(database: Database, rows: Iterable[tuple[int, str | None]]) -> None:
    """Take (record key, transcript) out of a plain memory's index, to the last byte."""
    database.executemany(
        "INSERT INTO words (words, rowid, said) VALUES ('delete', ?, ?)",
        ((key, index_text(text)) for key, text in rows if text),
    )
    database.execute("INSERT INTO words (words) VALUES ('optimize')")


class TranscriptRoute:
    """Finds records by their words."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._vault = vault
        self._schema = "temp" if vault.is_sealed else "main"
        self._tokenizer = database.fts5_tokenizer(*_TOKENIZER)

    def search(
        self, database: Database, text: str, where: Where, limit: int
    ) -> list[tuple[int, float]]:
        """(record key, BM25 score), best first; inside a read transaction."""
        if self._vault.is_sealed:
            self._refresh(database)
        database.execute(
            "CREATE VIRTUAL TABLE IF NOT EXISTS temp.terms "
            f"USING fts5vocab({self._schema}, words, row)"
        )
        if where.is_open:
            sql = (
                f"SELECT rowid, bm25(words) AS score FROM {self._schema}.words "  # noqa: S608
                "WHERE words MATCH ? ORDER BY score, rowid DESC LIMIT ?"
            )
        else:  # the cross join keeps the order: match, then filter, and only then score
            sql = (
                f"SELECT r.key, bm25(words) AS score FROM {self._schema}.words AS w "  # noqa: S608
                "CROSS JOIN records AS r ON r.key = w.rowid "
                f"WHERE words MATCH ? AND {where.sql} ORDER BY score, r.key DESC LIMIT ?"
            )
        rows: list[tuple[int, float]] = []
        for expression in self._expressions(database, query_words(text)):
            rows = database.execute(sql, (expression, *where.values, limit)).fetchall()
            if len(rows) == limit:
                break
        return [(key, -score) for key, score in rows]

    def _expressions(self, database: Database, words: Iterable[str]) -> Iterator[str]:
        """What to ask FTS5: the cheap question first, the whole one where that gives too few."""
        counted = sorted((self._row_count(database, word), word) for word in words)
        held = [(rows, word) for rows, word in counted if rows]
        totals = itertools.accumulate(rows for rows, _ in held)
        n_deciding = max(1, sum(total <= MAX_MATCHED_ROWS for total in totals))
        deciding = _any(word for _, word in held[:n_deciding])
        adding = _any(word for _, word in held[n_deciding:][:MAX_ADDING_WORDS])
        if adding:
            yield f"({deciding}) AND ({deciding} OR {adding})"
        if held:
            yield _any(word for _, word in held)

    def _row_count(self, database: Database, word: str) -> int:
        """At most so many rows hold the word."""
        terms = self._tokenizer(
            word.encode(), FTS5_TOKENIZE_QUERY, None, include_offsets=False, include_colocated=False
        )
        rows = [
            database.execute("SELECT doc FROM terms WHERE term = ?", (term,)).fetchone()
            for term in terms
        ]
        return min((0 if row is None else int(row[0]) for row in rows), default=0)

    def _refresh(self, database: Database) -> None:
        """Bring the index in memory to what the file holds.

        How far it is stands in the temporary schema too: a transaction that fails takes both
        back together.
        """
        database.execute(_CREATE_IN_MEMORY)
        database.execute("CREATE TABLE IF NOT EXISTS temp.held (deletions INTEGER, last INTEGER)")
        row = database.execute("SELECT deletions, last FROM held").fetchone()
        held_deletions, known = row or (0, 0)
        deletions, last = database.execute(
            "SELECT deletions, (SELECT coalesce(max(key), 0) FROM records) FROM identity"
        ).fetchone()
        if deletions != held_deletions:
            database.execute(
                "DELETE FROM temp.words WHERE rowid IN (SELECT w.rowid FROM temp.words AS w "
                "WHERE NOT EXISTS (SELECT 1 FROM records AS r WHERE r.key = w.rowid))"
            )
        database.executemany(
            "INSERT INTO temp.words (rowid, said) VALUES (?, ?)", self._new(database, known)
        )
        if (deletions, last) != (held_deletions, known):
            database.execute("DELETE FROM held")
            database.execute("INSERT INTO held VALUES (?, ?)", (deletions, max(last, known)))

    def _new(self, database: Database, known: int) -> Iterator[tuple[int, str]]:
        for key, body in database.execute("SELECT key, body FROM records WHERE key > ?", (known,)):
            place = record_place(key)
            _, transcript = said(self._vault.unseal(body, place), place)
            if transcript:
                yield key, index_text(transcript)


def _any(words: Iterable[str]) -> str:
    return " OR ".join(f'"{word}"' for word in words)
