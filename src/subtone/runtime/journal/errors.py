"""What can go wrong with a journal: each error says whose fault it is and what to do."""

from __future__ import annotations


class JournalError(Exception):
    """A journal could not do what it was asked; nothing that was acknowledged is lost."""


class UnknownCallError(JournalError):
    """No call of this name is in the journal: it never was, or it is erased."""


class CallRunsError(JournalError):
    """The call is not over, and what was asked for needs it to be."""


class JournalLockedError(JournalError):
    """Another process writes this journal."""


class JournalFullError(JournalError):
    """The disk took no more; the events were refused, and what is there stays readable."""


class JournalCorruptError(JournalError):
    """What is on disk is not what was written; the message names the place."""


class AudioDroppedError(JournalError):
    """The policy did not keep this audio: the call can be resumed, not replayed from its start."""


class ReplayDifferenceError(JournalError):
    """A call was fed again and said something else than it said the first time."""
