"""Audio files as a stream of float blocks; a long recording is never held whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from subtone.contracts.base import MAX_CALL_MS
from subtone.contracts.outputs import Notice
from subtone.ingest.errors import IngestError
from subtone.ingest.files import media
from subtone.ingest.files.containers import HEAD_BYTES, declared_data
from subtone.ingest.files.opening import open_regular
from subtone.ingest.files.samples import NARROW_HZ, WIDE_HZ, FloatBlock, regroup, resample

MIN_SOURCE_RATE_HZ = 4_000  # below this no pitch or formant of speech is left to measure
MAX_SOURCE_RATE_HZ = 384_000
MAX_CHANNELS = 32
DECODE_FRAMES = 16_384


@dataclass(frozen=True, kw_only=True)
class AudioInfo:
    """What a file is, before its samples are read."""

    sample_rate_hz: int  # as found in the file
    channel_count: int
    duration_ms: int | None  # None where the container does not say
    container: str  # e.g. "WAV", "FLAC", "mov,mp4,m4a,3gp,3g2,mj2"

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What a person should know about the source before trusting the analysis."""
        if self.sample_rate_hz < NARROW_HZ:
            return (Notice(t_event_ms=0, code="source_below_8_khz_upsampled"),)
        return ()


@dataclass(frozen=True, kw_only=True)
class _Source:
    info: AudioInfo
    blocks: Iterator[FloatBlock]


def probe_audio(path: Path | str) -> AudioInfo:
    """Read the headers of an audio file.

    Raises:
        IngestError: not readable, not audio, no samples, or visibly cut short.

    """
    with _open_source(Path(path)) as source:
        return source.info


def read_blocks(path: Path | str, target_rate_hz: int, block_ms: int) -> Iterator[FloatBlock]:
    """Stream a file's samples, resampled.

    Yields:
        float32 arrays (frames, channels) of exactly ``block_ms`` each, the last may be
        shorter; full scale is 1.0, and a float source may exceed it.

    Raises:
        IngestError: as ``probe_audio``, and for NaN or infinite samples or a file that
            ends before its header says.
        ValueError: the target is neither 8000 nor 16000 Hz, or ``block_ms`` is below 1.

    """
    if target_rate_hz not in (NARROW_HZ, WIDE_HZ) or block_ms < 1:
        raise ValueError("target_rate_hz must be 8000 or 16000, block_ms at least 1")
    return _stream(Path(path), target_rate_hz, target_rate_hz * block_ms // 1000)


def _stream(path: Path, target_rate_hz: int, frame_count: int) -> Iterator[FloatBlock]:
    is_silent = True
    with _open_source(path) as source:
        info = source.info
        sound = _checked(path.name, source)
        at_target = resample(sound, info.sample_rate_hz, target_rate_hz, info.channel_count)
        for block in regroup(at_target, frame_count):
            is_silent = False
            yield block
    if is_silent:
        raise _no_audio(path.name)


def _checked(name: str, source: _Source) -> Iterator[FloatBlock]:
    """The same blocks, refused at the first sample that is no number or beyond a call."""
    rate = source.info.sample_rate_hz
    position = 0
    for block in source.blocks:
        if not np.isfinite(block).all():
            frame, channel = np.argwhere(~np.isfinite(block))[0]
            raise IngestError(
                name,
                f"channel {channel + 1} holds a sample that is not a number "
                f"at {(position + frame) / rate:.3f} s",
                "export it again as 16-bit PCM",
            )
        position += len(block)
        _refuse_too_long(name, position / rate)
        yield block


@contextmanager
def _open_source(path: Path) -> Iterator[_Source]:
    """Read by libsndfile where it knows the content, else FFmpeg through PyAV where installed."""
    with ExitStack() as stack:
        stream = stack.enter_context(open_regular(path))
        _refuse_if_cut(path.name, stream)
        try:
            sound = stack.enter_context(soundfile.SoundFile(stream))
            refusal = "its header does not say how long it is"
        except soundfile.SoundFileError as error:
            sound = None
            refusal = getattr(error, "error_string", str(error)).strip(". ")
        # A piped FLAC declares no length, and soundfile cannot read on past a block of it.
        if sound is not None and sound.frames / max(sound.samplerate, 1) < 1e9:
            source = _sndfile_source(path.name, sound)
        else:
            stream.seek(0)
            opened = stack.enter_context(media.open_media(path.name, stream, refusal))
            info = AudioInfo(
                sample_rate_hz=opened.sample_rate_hz,
                channel_count=opened.channel_count,
                duration_ms=opened.duration_ms,
                container=opened.container,
            )
            source = _Source(info=info, blocks=opened.blocks)
        _refuse_unusable(path.name, source.info)
        yield source


def _sndfile_source(name: str, sound: soundfile.SoundFile) -> _Source:
    if sound.frames == 0:
        raise _no_audio(name)
    info = AudioInfo(
        sample_rate_hz=sound.samplerate,
        channel_count=sound.channels,
        duration_ms=-(-sound.frames * 1000 // max(sound.samplerate, 1)),
        container=sound.format,
    )
    return _Source(info=info, blocks=_sndfile_blocks(name, sound))


def _sndfile_blocks(name: str, sound: soundfile.SoundFile) -> Iterator[FloatBlock]:
    position = 0
    while position < sound.frames:
        try:
            block: FloatBlock = sound.read(DECODE_FRAMES, dtype="float32", always_2d=True)
        except soundfile.SoundFileError as error:
            raise _cut(
                name, position / sound.samplerate, sound.frames / sound.samplerate
            ) from error
        if not len(block):
            raise _cut(name, position / sound.samplerate, sound.frames / sound.samplerate)
        position += len(block)
        yield block


def _refuse_if_cut(name: str, stream: BinaryIO) -> None:
    head = stream.read(HEAD_BYTES)
    size = os.fstat(stream.fileno()).st_size
    stream.seek(0)
    declared = declared_data(head)
    if declared is None:
        return
    present = max(0, size - declared.offset)
    if present > 1 and declared.byte_count == 0:
        raise IngestError(
            name,
            f"its header says there are no samples, yet {present} bytes follow: "
            "the recorder did not finish the file",
            "repair the header, for example with: ffmpeg -ignore_length 1 -i in.wav out.wav",
        )
    if declared.byte_count - present > 1:  # one byte: some writers count the pad byte
        raise IngestError(
            name,
            f"is cut short: its header declares {declared.byte_count} bytes of samples, "
            f"{present} are there ({present / declared.byte_count:.0%} readable)",
            "copy the file again, or repair its header to analyse what is there",
        )


def _refuse_unusable(name: str, info: AudioInfo) -> None:
    if not MIN_SOURCE_RATE_HZ <= info.sample_rate_hz <= MAX_SOURCE_RATE_HZ:
        raise IngestError(
            name,
            f"has a sample rate of {info.sample_rate_hz} Hz",
            f"export it with {MIN_SOURCE_RATE_HZ} to {MAX_SOURCE_RATE_HZ} Hz",
        )
    if not 1 <= info.channel_count <= MAX_CHANNELS:
        raise IngestError(
            name,
            f"has {info.channel_count} channels",
            f"export at most {MAX_CHANNELS}, one per speaker",
        )
    if info.duration_ms is not None:
        _refuse_too_long(name, info.duration_ms / 1000)


def _refuse_too_long(name: str, duration_s: float) -> None:
    if duration_s * 1000 > MAX_CALL_MS:
        raise IngestError(name, "is longer than 7 days", "split it into calls")


def _no_audio(name: str) -> IngestError:
    return IngestError(name, "contains no audio (0 samples)", "check how it was recorded")


def _cut(name: str, readable_s: float, declared_s: float) -> IngestError:
    return IngestError(
        name,
        f"is cut short or damaged: {readable_s:.1f} s of {declared_s:.1f} s are readable",
        "copy the file again, or cut it before the damage",
    )
