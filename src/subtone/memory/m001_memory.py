"""First migration: records, their vectors, voiceprints, and the receipts of erasure.

Columns that are searched for equality hold tokens, bodies are sealed (``vault``): in a plain
memory both are the bytes themselves. Keys are never given twice, so a reader that remembers
the highest one finds what is new behind it.
"""

from __future__ import annotations

from typing import Final

SQL: Final = """
-- deletions grows with every batch that removed rows; key_check is NULL in a plain memory
CREATE TABLE identity (
    only INTEGER PRIMARY KEY CHECK (only = 0),
    salt BLOB NOT NULL,
    key_check BLOB,
    deletions INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE records (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    record BLOB NOT NULL UNIQUE,
    call BLOB NOT NULL,
    role BLOB NOT NULL,
    speaker BLOB,
    emotion BLOB,
    language BLOB,
    source BLOB NOT NULL,
    t_seen_ms INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX records_by_call ON records (call);
CREATE INDEX records_by_speaker ON records (speaker) WHERE speaker IS NOT NULL;
CREATE INDEX records_by_emotion ON records (emotion) WHERE emotion IS NOT NULL;
CREATE INDEX records_by_language ON records (language) WHERE language IS NOT NULL;
CREATE INDEX records_by_source ON records (source);
CREATE INDEX records_by_time ON records (t_seen_ms);

CREATE TABLE spaces (
    key INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    width INTEGER NOT NULL
) STRICT;

-- body is little-endian float32
CREATE TABLE vectors (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    record INTEGER NOT NULL,
    space INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX vectors_by_record ON vectors (record, space);
CREATE INDEX vectors_by_space ON vectors (space, key);

CREATE TABLE voiceprints (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    speaker BLOB NOT NULL,
    space INTEGER NOT NULL,
    vectors INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX voiceprints_by_speaker ON voiceprints (speaker, space);
CREATE INDEX voiceprints_by_space ON voiceprints (space, key);

CREATE TABLE receipts (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    body BLOB NOT NULL
) STRICT;
"""
