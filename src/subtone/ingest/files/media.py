"""Audio streams of containers libsndfile cannot read, through PyAV (FFmpeg), if installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from subtone.contracts.base import MAX_CALL_MS
from subtone.ingest.errors import IngestError
from subtone.ingest.files.samples import FloatBlock

if TYPE_CHECKING:
    from av import AudioFrame, AudioResampler, AudioStream
    from av.container import InputContainer

# FFmpeg would otherwise also follow playlists (hls, concat, sdp ...): a file sent to us could
# then make it read other files of this machine or call out to the network.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,ogg,flac,wav,aiff,au,caf,mp3,aac,amr,amrnb,amrwb,"
    "ac3,eac3,asf,avi,flv,mpeg,mpegts,gsm,wv,ape,tta,w64"
)
_MAX_JITTER_S = 0.05  # containers round their time stamps; a longer hole is silence
_MAX_SHORTFALL_S = 0.5
_SILENCE_FRAMES = 16_384


@dataclass(frozen=True, kw_only=True)
class OpenedMedia:
    """One decoded audio stream; ``blocks`` are float32 (frames, channels)."""

    sample_rate_hz: int
    channel_count: int
    duration_ms: int | None
    container: str
    blocks: Iterator[FloatBlock]


@contextmanager
def open_media(name: str, stream: BinaryIO, refusal: str) -> Iterator[OpenedMedia]:
    """Open the first audio stream of a container.

    Args:
        name: file name for messages.
        stream: the file, at its beginning.
        refusal: why libsndfile did not read it.

    Raises:
        IngestError: PyAV is not installed, or finds no audio it can decode.

    """
    try:
        import av
    except ImportError as error:
        raise IngestError(
            name,
            f"libsndfile cannot read it ({refusal})",
            "for m4a, mp4, webm or amr run: pip install 'subtone[media]'; else convert it to WAV",
        ) from error
    options = {"format_whitelist": _FORMATS, "protocol_whitelist": "none"}
    try:
        container = av.open(
            stream, mode="r", container_options=options, metadata_errors="backslashreplace"
        )
    except (av.FFmpegError, OSError, ValueError) as error:
        # OSError and ValueError: our own stream refuses an impossible seek of a damaged file
        raise IngestError(
            name,
            f"is not audio that libsndfile ({refusal}) or FFmpeg can read, or it is damaged",
            "export it as WAV or FLAC",
        ) from error
    with container:
        audio = _first_audio(name, container)
        declared_s = _declared_s(container, audio)
        yield OpenedMedia(
            sample_rate_hz=audio.rate or 0,
            channel_count=audio.channels,
            duration_ms=None if declared_s is None else round(declared_s * 1000),
            container=container.format.name,
            blocks=_blocks(name, container, audio, declared_s),
        )


def _first_audio(name: str, container: InputContainer) -> AudioStream:
    if not container.streams.audio:
        raise IngestError(name, "has no audio stream", "export the call with its sound")
    audio = container.streams.audio[0]
    # PyAV's types do not say so, but a stream without a decoder has no codec context.
    if getattr(audio, "codec_context", None) is None:
        raise IngestError(name, "has audio FFmpeg cannot decode", "export it as WAV or FLAC")
    return audio


def _declared_s(container: InputContainer, audio: AudioStream) -> float | None:
    """The duration the header declares; FFmpeg's own estimates are not declarations."""
    if audio.duration is not None and audio.time_base and "mov" in container.format.name:
        return float(audio.duration * audio.time_base)
    is_matroska = "matroska" in container.format.name
    if is_matroska and container.duration is not None and len(container.streams) == 1:
        return container.duration / 1_000_000
    return None


def _blocks(
    name: str, container: InputContainer, audio: AudioStream, declared_s: float | None
) -> Iterator[FloatBlock]:
    import av

    rate, channel_count = audio.rate, audio.channels
    resampler = av.AudioResampler(format="fltp", layout=audio.layout, rate=rate)
    clock = _FrameClock(rate)
    position = 0
    for frame in _frames(name, container, audio):
        for silence in _silence(name, clock.frames_before(frame) - position, rate):
            position += silence
            yield np.zeros((silence, channel_count), np.float32)
        frame.pts = None
        for planar in _planar(name, resampler, frame):
            position += planar.samples
            yield np.ascontiguousarray(planar.to_ndarray().T, dtype=np.float32)
    if declared_s is not None and position / rate < declared_s - _MAX_SHORTFALL_S:
        raise IngestError(
            name,
            f"is cut short or damaged: {position / rate:.1f} s of {declared_s:.1f} s are readable",
            "copy the file again",
        )


def _frames(name: str, container: InputContainer, audio: AudioStream) -> Iterator[AudioFrame]:
    import av

    seconds = 0.0
    try:
        for frame in container.decode(audio):
            seconds += frame.samples / max(frame.sample_rate, 1)
            yield frame
    except (av.FFmpegError, OSError) as error:
        raise IngestError(
            name,
            f"is damaged: FFmpeg stopped after {seconds:.1f} s ({error.strerror})",
            "copy the file again, or cut it before the damage",
        ) from error


def _planar(name: str, resampler: AudioResampler, frame: AudioFrame) -> list[AudioFrame]:
    try:
        return resampler.resample(frame)
    except ValueError as error:  # also FFmpeg's: PyAV resamplers are fixed to one input format
        raise IngestError(
            name, "changes its sample format on the way", "export it as WAV or FLAC"
        ) from error


class _FrameClock:
    """Turns time stamps into positions; the media clock starts with the first sample."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._first_s: float | None = None

    def frames_before(self, frame: AudioFrame) -> int:
        """Samples that should precede ``frame``; 0 where it has no time stamp."""
        if frame.pts is None or not frame.time_base:
            return 0
        stamp_s = float(frame.pts * frame.time_base)
        if self._first_s is None:
            self._first_s = stamp_s
        return round((stamp_s - self._first_s) * self._rate_hz)


def _silence(name: str, missing: int, rate_hz: int) -> Iterator[int]:
    """Sizes of the silent blocks that fill a hole (a sender that pauses sends nothing)."""
    if missing * 1000 > MAX_CALL_MS * rate_hz:
        raise IngestError(name, "has time stamps beyond 7 days", "export it as WAV or FLAC")
    if missing <= _MAX_JITTER_S * rate_hz:
        return
    while missing > 0:
        yield min(missing, _SILENCE_FRAMES)
        missing -= _SILENCE_FRAMES
