"""Second migration: alerts, their deliveries, and where the alert engine stood."""

from __future__ import annotations

from typing import Final

SQL: Final = """
-- body is the JSON of the last revision, redacted; standing is open, held or closed
CREATE TABLE alerts (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    alert_id TEXT NOT NULL UNIQUE,
    call_id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    standing TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX alerts_by_standing ON alerts (standing, position);
CREATE INDEX alerts_by_call ON alerts (call_id);

-- the outbox: body is the JSON of the delivery
CREATE TABLE deliveries (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    delivery_id TEXT NOT NULL UNIQUE,
    alert_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    sink TEXT NOT NULL,
    revision INTEGER NOT NULL,
    status TEXT NOT NULL,
    due_ms INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX deliveries_pending ON deliveries (alert_id, sink, revision) WHERE status = 'pending';
CREATE INDEX deliveries_by_status ON deliveries (status, position);
CREATE INDEX deliveries_by_call ON deliveries (call_id);

-- one row: what the engine had seen of the outputs, and what it remembers beside the alerts
CREATE TABLE alert_memory (
    only INTEGER PRIMARY KEY CHECK (only = 0),
    cursor INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
"""
