"""The one error that leaves ingest: which file, what is wrong with it, what to do."""

from __future__ import annotations


class IngestError(ValueError):
    """An input file cannot be used; the message is one line and holds no word of a transcript.

    Args:
        source: name of the file (or call) at fault, without its folder.
        cause: what is wrong with it.
        advice: what the person who has the file can do about it.

    """

    def __init__(self, source: str, cause: str, advice: str) -> None:
        line = " ".join(f"{source}: {cause}; {advice}".split())
        # A name from the file system may hold bytes that no terminal can print.
        super().__init__(line.encode("utf-8", "backslashreplace").decode("utf-8"))
        self.source = source
        self.cause = cause
        self.advice = advice
