"""First migration: calls, their events, snapshots, outputs, and the receipts of erasure."""

from __future__ import annotations

from typing import Final

SQL: Final = """
CREATE TABLE calls (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    call_id TEXT NOT NULL UNIQUE,
    last_number INTEGER NOT NULL DEFAULT 0,
    first_seen_ms INTEGER NOT NULL,
    last_seen_ms INTEGER NOT NULL,
    is_ended INTEGER NOT NULL DEFAULT 0,
    is_settled INTEGER NOT NULL DEFAULT 0,
    is_held INTEGER NOT NULL DEFAULT 0,
    is_purging INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX calls_unsettled ON calls (key) WHERE is_settled = 0;
CREATE INDEX calls_by_age ON calls (last_seen_ms);

-- body is the msgpack of the event, audio with an empty payload: that lies in a segment file
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    key INTEGER NOT NULL,
    number INTEGER NOT NULL,
    t_seen_ms INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    body BLOB NOT NULL,
    payload_bytes INTEGER NOT NULL,
    segment INTEGER,
    position INTEGER
) STRICT;
CREATE UNIQUE INDEX events_by_call ON events (key, number);
CREATE INDEX events_by_segment ON events (segment, position) WHERE segment IS NOT NULL;

CREATE TABLE snapshots (
    key INTEGER PRIMARY KEY,
    number INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    state BLOB NOT NULL
) STRICT;

CREATE TABLE outputs (
    cursor INTEGER PRIMARY KEY AUTOINCREMENT,
    key INTEGER NOT NULL,
    kind TEXT NOT NULL,
    item INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX outputs_by_call ON outputs (key, kind, item);

-- no name of a call outlives it: the digest lets whoever has the name find the receipt
CREATE TABLE receipts (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    call_sha256 TEXT NOT NULL,
    t_purged_ms INTEGER NOT NULL,
    event_count INTEGER NOT NULL,
    output_count INTEGER NOT NULL,
    audio_bytes INTEGER NOT NULL
) STRICT;
"""
