"""What a caller may hand over as audio, as blocks of one channel at 16 kHz."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from subtone.ingest.files import probe_audio, read_blocks
from subtone.perception.encoding import SAMPLE_RATE_HZ
from subtone.perception.errors import AudioError

BLOCK_MS: Final = 1_000
MAX_WHOLE_MS: Final = 30 * 60_000  # all layers of half an hour of speech take about 1 GB
MAX_SOURCE_CHARS: Final = 200
DIGEST_CHARS: Final = 16


@dataclass(frozen=True, eq=False, kw_only=True)
class Recording:
    """One channel of a file, or samples [n] in [-1, 1] with their rate."""

    audio: Path | NDArray[Any]
    sample_rate_hz: int
    channel: int = 0
    name: str  # a path, or what the caller calls it

    @classmethod
    def of(
        cls,
        audio: Path | str | NDArray[Any],
        sample_rate_hz: int | None = None,
        channel: int = 0,
        name: str | None = None,
    ) -> Recording:
        """Check what was handed over.

        Raises IngestError for a file that is no audio, AudioError for samples without a rate
        or a channel that is not there.
        """
        if isinstance(audio, Path | str):
            info = probe_audio(audio)
            if not 0 <= channel < info.channel_count:
                raise AudioError(
                    f"{Path(audio).name} has {info.channel_count} channels: there is no channel "
                    f"{channel} (the first is 0)"
                )
            return cls(
                audio=Path(audio),
                sample_rate_hz=SAMPLE_RATE_HZ,
                channel=channel,
                name=name or str(audio),
            )
        if sample_rate_hz is None:
            raise AudioError("samples say nothing about their rate: give sample_rate_hz")
        return cls(audio=audio, sample_rate_hz=sample_rate_hz, name=name or "samples")

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file's bytes or of the samples, in hexadecimal."""
        if isinstance(self.audio, Path):
            with self.audio.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        return hashlib.sha256(np.ascontiguousarray(self.audio).tobytes()).hexdigest()

    @property
    def source(self) -> str:
        """What the memory knows it by: the end of its name, its content and its channel."""
        end = f"#{self.digest[:DIGEST_CHARS]}" + (f"/{self.channel}" if self.channel else "")
        return self.name[-(MAX_SOURCE_CHARS - len(end)) :] + end

    def blocks(self) -> Iterator[NDArray[Any]]:
        """The channel's samples, a second at a time."""
        if isinstance(self.audio, Path):
            for block in read_blocks(self.audio, SAMPLE_RATE_HZ, BLOCK_MS):
                yield block[:, self.channel]
        else:
            step = self.sample_rate_hz * BLOCK_MS // 1000
            for at in range(0, len(self.audio), max(step, 1)):
                yield self.audio[at : at + step]

    def samples(self) -> NDArray[Any]:
        """All of it. Raises AudioError above MAX_WHOLE_MS."""
        if not isinstance(self.audio, Path):
            self._require_whole(round(1000 * len(self.audio) / self.sample_rate_hz))
            return self.audio
        blocks, heard = [], 0
        for block in self.blocks():
            heard += len(block)
            self._require_whole(heard * 1000 // SAMPLE_RATE_HZ)
            blocks.append(block)
        return np.concatenate(blocks)

    def _require_whole(self, duration_ms: int) -> None:
        if duration_ms > MAX_WHOLE_MS:
            raise AudioError(
                f"{self.name} is longer than {MAX_WHOLE_MS // 60_000} minutes, which is the most "
                "that is held whole: remember it, which goes utterance by utterance, or cut it"
            )
