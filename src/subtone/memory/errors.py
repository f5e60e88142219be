"""What can go wrong with a memory: each error says whose fault it is and what to do."""

from __future__ import annotations


class MemoryStoreError(Exception):
    """A memory could not do what it was asked; nothing that was acknowledged is lost."""


class MemoryRefusedError(MemoryStoreError):
    """The caller's record or query is not one the memory takes; nothing of it was stored."""


class MemoryLockedError(MemoryStoreError):
    """Another process writes this memory."""


class MemoryFullError(MemoryStoreError):
    """The disk took no more; the batch was refused, and what is there stays readable."""


class MemoryCorruptError(MemoryStoreError):
    """What is on disk is not what was written."""


class MemoryKeyError(MemoryStoreError):
    """The memory is encrypted with another key, or with none."""
