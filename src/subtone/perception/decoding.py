"""The two tasks that run Whisper's decoder, as heads; one decoder in memory serves both."""

from __future__ import annotations

import threading
from typing import Any, Final, Generic, TypeVar
from weakref import WeakValueDictionary

from subtone.contracts.memory import LanguageFinding, Transcription
from subtone.perception.checkpoints import Checkpoint
from subtone.perception.encoding import EncodedAudio
from subtone.perception.transcription.language import DetectLanguage
from subtone.perception.tasks import Task
from subtone.perception.transcription import Transcribe, WhisperDecoder

T = TypeVar("T")

_decoders: Final[WeakValueDictionary[str, WhisperDecoder]] = WeakValueDictionary()
_opening: Final = threading.Lock()


class DecoderHead(Generic[T]):
    """A task on the decoder as a head that can be loaded and unloaded."""

    def __init__(self, task: Task[T], decoder: WhisperDecoder) -> None:
        self._task = task
        self.size_bytes = decoder.checkpoint.weights_path.stat().st_size

    def find(self, audio: EncodedAudio) -> T:
        """The task's finding about one recording."""
        return self._task(audio)


def load_transcription(checkpoint: Checkpoint, **settings: Any) -> DecoderHead[Transcription]:
    """settings: those of ``Transcribe``."""
    decoder = _decoder(checkpoint)
    return DecoderHead(Transcribe(decoder, **settings), decoder)


def load_language(checkpoint: Checkpoint, **settings: Any) -> DecoderHead[LanguageFinding]:
    """settings: those of ``DetectLanguage``."""
    decoder = _decoder(checkpoint)
    return DecoderHead(DetectLanguage(decoder, **settings), decoder)


def _decoder(checkpoint: Checkpoint) -> WhisperDecoder:
    """One for each checkpoint; gone from memory with the last head that uses it."""
    with _opening:
        decoder = _decoders.get(checkpoint.digest)
        if decoder is None:
            decoder = _decoders[checkpoint.digest] = WhisperDecoder(checkpoint)
        return decoder
