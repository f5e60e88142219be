"""What can go wrong in perception: each error says whose fault it is and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class PerceptionError(ValueError):
    """A model, its files or its input cannot be used; the message is one line."""

    def __init__(self, message: str) -> None:
        line = " ".join(message.split())
        # A name from the file system may hold bytes that no terminal can print.
        super().__init__(line.encode("utf-8", "backslashreplace").decode("utf-8"))


class CheckpointError(PerceptionError):
    """The files of a checkpoint are missing, damaged or of another kind."""


class AudioError(PerceptionError):
    """The samples cannot be encoded as they are."""


class MissingExtraError(PerceptionError):
    """A package of the memory extra is not installed."""


@contextmanager
def memory_extra() -> Iterator[None]:
    """Say which extra to install where an import of one of its packages fails."""
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(
            f"{error.name or error}: this needs the memory extra; install subtone[memory]"
        ) from error
