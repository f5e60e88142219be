"""Audio beside the journal: append-only files of framed payloads.

A frame is the payload's length and CRC-32 (little-endian, 4 bytes each), then the payload.
The database refers to a frame only after it is on disk, so whatever lies behind the last
frame referred to was never acknowledged.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from subtone.runtime.journal.errors import JournalCorruptError

FOLDER_NAME: Final = "audio"
FRAME: Final = struct.Struct("<II")
NAME: Final = "{:012d}.seg"


@dataclass(frozen=True, slots=True)
class Place:
    """Where one payload lies."""

    segment: int
    position: int  # of its frame
    payload_bytes: int

    @property
    def end(self) -> int:
        """Position behind the frame."""
        return self.position + FRAME.size + self.payload_bytes


class Segments:
    """The segment files of one journal; one thread appends, any thread reads."""

    def __init__(self, folder: Path, first: int, max_bytes: int) -> None:
        self._folder = folder
        self._number = first
        self._max_bytes = max_bytes
        self._file = -1
        self._size = 0

    @property
    def current(self) -> int:
        """Number of the segment that takes the next payload."""
        return self._number

    def append(self, payloads: Sequence[bytes]) -> list[Place]:
        """Write the payloads to disk and say where; raises OSError, having kept none."""
        if not payloads:
            return []
        if self._file < 0:
            self._file = _create(self._folder / NAME.format(self._number))
        places: list[Place] = []
        frames: list[bytes] = []
        position = self._size
        for payload in payloads:
            places.append(Place(self._number, position, len(payload)))
            frames += (FRAME.pack(len(payload), zlib.crc32(payload)), payload)
            position = places[-1].end
        try:
            _write_all(self._file, b"".join(frames))
            os.fsync(self._file)
        except OSError:
            self.take_back(self._size)
            raise
        self._size = position
        return places

    def take_back(self, size: int) -> None:
        """Forget what was appended beyond this size: the database did not take it."""
        if self._file < 0:
            return
        try:
            os.ftruncate(self._file, size)
            os.lseek(self._file, size, os.SEEK_SET)
        except OSError:  # the rest is cut when the journal opens next: write elsewhere
            self.rotate(is_due=True)
        else:
            self._size = size

    @property
    def size(self) -> int:
        """Bytes in the current segment."""
        return self._size

    def rotate(self, *, is_due: bool = False) -> None:
        """Begin a new segment when the current one is full, or is due for another reason."""
        if self._size >= self._max_bytes or (is_due and self._size):
            self.close()
            self._number += 1
            self._size = 0

    def close(self) -> None:
        """Close the current file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def remove_all_but(self, needed: Iterable[int]) -> int:
        """Delete closed segments nothing refers to; return how many went."""
        names = {NAME.format(number) for number in (*needed, self._number)}
        gone = [path for path in self._folder.glob("*.seg") if path.name not in names]
        for path in gone:
            path.unlink()
        return len(gone)


class SegmentReader:
    """Reads and erases payloads by place."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, place: Place) -> bytes:
        """The payload, checked. Raises JournalCorruptError naming the place."""
        path = self._folder / NAME.format(place.segment)
        try:
            with path.open("rb") as file:
                file.seek(place.position)
                frame = file.read(FRAME.size + place.payload_bytes)
        except OSError as error:
            raise JournalCorruptError(
                f"{path} cannot be read ({error.strerror}): restore it from a copy"
            ) from error
        payload = frame[FRAME.size :]
        if frame[: FRAME.size] != FRAME.pack(place.payload_bytes, zlib.crc32(payload)):
            raise JournalCorruptError(
                f"{path} is damaged at byte {place.position}: restore it from a copy"
            )
        return payload

    def erase(self, places: Sequence[Place]) -> None:
        """Overwrite the payloads of one segment with zeros, durably; the frames stay whole."""
        path = self._folder / NAME.format(places[0].segment)
        with path.open("r+b") as file:
            for place in places:
                silence = bytes(place.payload_bytes)
                file.seek(place.position)
                file.write(FRAME.pack(len(silence), zlib.crc32(silence)) + silence)
            file.flush()
            os.fsync(file.fileno())


def settle(folder: Path, ends: dict[int, int]) -> tuple[int, int]:
    """Bring the files to what the database refers to, after a crash or a clean stop.

    ends: for each segment referred to, where its last frame ends. Returns the bytes cut from
    torn tails and the number of the next segment. Raises JournalCorruptError when audio that
    was acknowledged is missing.
    """
    sizes = {int(path.stem): path.stat().st_size for path in folder.glob("*.seg")}
    torn_bytes = 0
    for number, end in ends.items():
        path = folder / NAME.format(number)
        size = sizes.get(number, 0)
        if size < end:
            raise JournalCorruptError(
                f"{path} holds {size} of {end} acknowledged bytes: restore it from a copy"
            )
        if size > end:
            os.truncate(path, end)
            torn_bytes += size - end
    for number in sizes.keys() - ends.keys():
        torn_bytes += sizes[number]
        (folder / NAME.format(number)).unlink()
    return torn_bytes, max((*sizes, *ends), default=0) + 1


def _create(path: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
    file = os.open(path, flags, 0o600)
    sync_folder(path.parent)  # a file whose name is not on disk is not there after a crash
    return file


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable, where the system can."""
    if os.name == "posix":
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _write_all(file: int, frames: bytes) -> None:
    rest = memoryview(frames)
    while rest:
        rest = rest[os.write(file, rest) :]
