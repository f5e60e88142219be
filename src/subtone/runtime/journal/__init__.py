"""Durable record of every inbound event, and of what was said about it."""

from __future__ import annotations

from subtone.runtime.journal.errors import (
    AudioDroppedError,
    CallRunsError,
    JournalCorruptError,
    JournalError,
    JournalFullError,
    JournalLockedError,
    ReplayDifferenceError,
    UnknownCallError,
)
from subtone.runtime.journal.journal import AudioPolicy, Output, SqliteJournal
from subtone.runtime.journal.reader import CallRow, JournalReader, OutputRow, ReceiptRow, Resumption
from subtone.runtime.journal.retention import PurgeReceipt
from subtone.runtime.journal.snapshots import decode_state, encode_state
from subtone.runtime.journal.writer import WriterLimits

__all__ = [
    "AudioDroppedError",
    "AudioPolicy",
    "CallRow",
    "CallRunsError",
    "JournalCorruptError",
    "JournalError",
    "JournalFullError",
    "JournalLockedError",
    "JournalReader",
    "Output",
    "OutputRow",
    "PurgeReceipt",
    "ReceiptRow",
    "ReplayDifferenceError",
    "Resumption",
    "SqliteJournal",
    "UnknownCallError",
    "WriterLimits",
    "decode_state",
    "encode_state",
]
