"""Whisper's encoder: speech windows in, every layer's states out, one pass per window."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subtone.perception.checkpoints import Checkpoint, open_checkpoint
from subtone.perception.encoder.audio import as_samples, at_16_khz, in_blocks
from subtone.perception.encoder.graph import Precision
from subtone.perception.encoder.loading import load_weights
from subtone.perception.encoder.log_mel import HOP_SAMPLES, log_mel
from subtone.perception.encoder.session import EncoderSession
from subtone.perception.encoder.windows import MAX_WINDOW_MS, SpeechWindow, SpeechWindows
from subtone.perception.encoding import (
    FRAMES_PER_SECOND,
    SAMPLE_RATE_HZ,
    EncodedAudio,
    EncodedWindow,
    FloatArray,
)
from subtone.perception.errors import AudioError

_FRAME_SAMPLES = SAMPLE_RATE_HZ // FRAMES_PER_SECOND
_LEAST_SAMPLES = SAMPLE_RATE_HZ // 10
_STEP_FRAMES = 25
_MOST_BATCH = 8
_MOST_STATES_BYTES = 2**28  # of one run: all layers of large-v3 over 30 s are 253 MB


class Padding(StrEnum):
    """What follows a window's audio in the encoder's input.

    ``none`` rounds up to the next half second: windows of like length share a batch, and no
    state can be taken for a spectrogram (CTranslate2 tells them apart by their shape, and 80
    or 128 frames are also numbers of mel bands). ``window`` fills 30 s as Whisper was
    trained; a 5 s window then costs about nine times as much.
    """

    NONE = "none"
    WINDOW = "window"


class WhisperEncoder:
    """Encodes recordings, batches and streams; safe to share between threads.

    Args:
        checkpoint: a published name, a local folder, or an opened checkpoint.
        precision: of the blocks; None takes float16 on a GPU and int8 on a CPU.
        padding: part of the space's name, for the two give different vectors.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: of the CPU; 0 is one per core.
        max_window_ms: longest window, at most 30 s.

    Raises CheckpointError for files that cannot be used.

    """

    def __init__(
        self,
        checkpoint: Checkpoint | Path | str,
        *,
        precision: Precision | None = None,
        padding: Padding = Padding.NONE,
        device: str = "auto",
        threads: int = 0,
        max_window_ms: int = MAX_WINDOW_MS,
    ) -> None:
        if not isinstance(checkpoint, Checkpoint):
            checkpoint = open_checkpoint(checkpoint)
        weights = load_weights(checkpoint)
        SpeechWindows(0, max_window_ms)  # refuses a length nothing can be cut to
        self.checkpoint = checkpoint
        self.padding = Padding(padding)
        self.n_layers = len(weights.blocks) + 1
        self.width = weights.width
        self.n_mels = weights.n_mels
        self._most_frames = len(weights.positions)
        self._max_window_ms = max_window_ms
        self._session = EncoderSession(weights, precision, device, threads)
        self.precision = self._session.precision
        self._count = threading.Lock()
        self._passes = 0

    @property
    def passes(self) -> int:
        """Windows encoded so far."""
        return self._passes

    @property
    def name(self) -> str:
        """Model, digest of its weights and precision."""
        return f"{self.checkpoint.name}@{self.checkpoint.digest[:12]}/{self.precision}"

    @property
    def space(self) -> str:
        """Stem of the spaces of its vectors; comparable within one padding only."""
        return f"{self.checkpoint.name}/{self.padding}"

    def encode(
        self, samples: NDArray[Any], sample_rate_hz: int, t_start_ms: int = 0
    ) -> EncodedAudio:
        """All speech windows of one mono recording in [-1, 1].

        Raises AudioError for samples or a rate that are not speech's.
        """
        return self.encode_batch([samples], sample_rate_hz, t_start_ms)[0]

    def encode_batch(
        self, recordings: Sequence[NDArray[Any]], sample_rate_hz: int, t_start_ms: int = 0
    ) -> list[EncodedAudio]:
        """Several recordings at once; windows of like length share a run."""
        recordings = [_one_channel(samples) for samples in recordings]
        found = [
            list(self._speech(in_blocks(samples, sample_rate_hz), sample_rate_hz, t_start_ms))
            for samples in recordings
        ]
        encoded = iter(self._encode([window for windows in found for window in windows]))
        return [
            EncodedAudio(
                encoder=self.name,
                space=self.space,
                duration_ms=round(1000 * len(samples) / sample_rate_hz),
                windows=tuple(next(encoded) for _ in windows),
            )
            for samples, windows in zip(recordings, found, strict=True)
        ]

    def encode_stream(
        self, blocks: Iterable[NDArray[Any]], sample_rate_hz: int, t_start_ms: int = 0
    ) -> Iterator[EncodedWindow]:
        """Windows of a recording of any length, each as soon as it is complete.

        Memory is bounded by one block and one window. Raises AudioError as ``encode``.
        """
        for window in self._speech(blocks, sample_rate_hz, t_start_ms):
            yield from self._encode([window])

    def encode_window(
        self, samples: NDArray[Any], t_event_ms: int = 0, padding: Padding | None = None
    ) -> EncodedWindow:
        """One window as it is, without the silence gate; 16 kHz mono, 0.1 to 30 s."""
        samples = as_samples(samples)
        most = self._most_frames * _FRAME_SAMPLES
        if not _LEAST_SAMPLES <= len(samples) <= most:
            raise AudioError(
                f"a window of {1000 * len(samples) // SAMPLE_RATE_HZ} ms: give 100 to "
                f"{1000 * most // SAMPLE_RATE_HZ} ms, or use encode, which cuts"
            )
        return self._encode([SpeechWindow(t_event_ms, samples)], padding)[0]

    def _speech(
        self, blocks: Iterable[NDArray[Any]], sample_rate_hz: int, t_start_ms: int
    ) -> Iterator[SpeechWindow]:
        windows = SpeechWindows(t_start_ms, self._max_window_ms)
        for block in at_16_khz(blocks, sample_rate_hz):
            yield from windows.feed(block)
        yield from windows.end()

    def _encode(
        self, windows: Sequence[SpeechWindow], padding: Padding | None = None
    ) -> list[EncodedWindow]:
        """The windows in their order, run in batches of equal length."""
        by_length: dict[int, list[int]] = defaultdict(list)
        for i, window in enumerate(windows):
            by_length[self._frames(len(window.samples), padding or self.padding)].append(i)
        done: dict[int, EncodedWindow] = {}
        for frames, members in by_length.items():
            window_bytes = 4 * self.n_layers * frames * self.width
            size = min(max(_MOST_STATES_BYTES // window_bytes, 1), _MOST_BATCH)
            for at in range(0, len(members), size):
                batch = members[at : at + size]
                run = self._run([windows[i] for i in batch], frames)
                done.update(zip(batch, run, strict=True))
        return [done[i] for i in range(len(windows))]

    def _frames(self, n_samples: int, padding: Padding) -> int:
        if padding is Padding.WINDOW:
            return self._most_frames
        steps = -(-n_samples // (_FRAME_SAMPLES * _STEP_FRAMES))
        return min(steps * _STEP_FRAMES, self._most_frames)

    def _run(self, windows: Sequence[SpeechWindow], frames: int) -> list[EncodedWindow]:
        mels = np.zeros((len(windows), self.n_mels, frames * _FRAME_SAMPLES // HOP_SAMPLES), "f4")
        for mel, window in zip(mels, windows, strict=True):
            padded = np.zeros(frames * _FRAME_SAMPLES, np.float32)
            padded[: len(window.samples)] = window.samples
            mel[:] = log_mel(padded, self.n_mels)
        layers = self._session.run(mels)
        with self._count:
            self._passes += len(windows)
        return [_encoded(window, layers, i) for i, window in enumerate(windows)]


def _encoded(window: SpeechWindow, layers: list[FloatArray], i: int) -> EncodedWindow:
    valid = max(len(window.samples) // _FRAME_SAMPLES, 1)
    return EncodedWindow(
        t_event_ms=window.t_event_ms,
        t_end_ms=window.t_event_ms + round(1000 * len(window.samples) / SAMPLE_RATE_HZ),
        samples=window.samples,
        states=np.stack([layer[i, :valid] for layer in layers]),
        decoder_states=layers[-1][i].copy(),
    )


def _one_channel(samples: NDArray[Any]) -> NDArray[Any]:
    array = np.asarray(samples)
    as_samples(array[:0] if array.ndim == 1 else array)  # the values are checked block by block
    return array
