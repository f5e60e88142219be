"""Opens a regular file for reading, and says plainly why it cannot."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from subtone.ingest.errors import IngestError


def open_regular(path: Path) -> BinaryIO:
    """Open ``path`` for reading bytes.

    Opened by descriptor, so that no reader downstream can guess a format from the
    name: the content decides. Pipes and devices are refused before they can block.

    Raises:
        IngestError: missing, a folder, a pipe or device, empty, or not permitted.

    """
    try:
        mode = path.stat().st_mode
        stream = _open_binary(path) if stat.S_ISREG(mode) else None
    except FileNotFoundError as error:
        raise IngestError(path.name, "does not exist", "check the path") from error
    except PermissionError as error:
        raise IngestError(
            path.name, "may not be read by this user", "grant read permission"
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL byte
        reason = getattr(error, "strerror", None) or "the path is not valid"
        raise IngestError(path.name, f"cannot be opened ({reason})", "check the path") from error
    if stat.S_ISDIR(mode):
        raise IngestError(path.name or str(path), "is a folder", "name one file inside it")
    if stream is None:
        raise IngestError(path.name, "is not a regular file", "save it to a file first")
    if os.fstat(stream.fileno()).st_size == 0:
        stream.close()
        raise IngestError(path.name, "is empty (0 bytes)", "check how it was exported")
    return stream


def _open_binary(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0)), "rb")
