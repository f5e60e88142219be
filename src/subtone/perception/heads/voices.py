"""From a recording to a voice vector: a speaker model's, or pooled Whisper's, as a baseline."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Protocol

import numpy as np

from subtone.perception.encoding import SAMPLE_RATE_HZ, EncodedAudio, FloatArray
from subtone.perception.heads.errors import HeadError
from subtone.perception.heads.fbank import WindowShape, log_mel_bank
from subtone.perception.heads.files import StoredHead
from subtone.perception.heads.graph import Graph
from subtone.perception.heads.networks import unit_rows
from subtone.perception.heads.pooling import Pooling
from subtone.perception.tasks import Needs

BANDS: Final = 80
MODEL_MIN_MS: Final = 1_000  # [E]: below a second all speaker models degrade steeply
POOLED_MIN_MS: Final = 2_000  # [E]
MODEL_THRESHOLD: Final = 0.5  # [E]: cosine; calibrate on your own line
POOLED_THRESHOLD: Final = 0.99  # equal error on EMO-DB, layers 1 and 2 of whisper-base


class VoiceEmbedder(Protocol):
    """Turns the speech of a recording into one vector of its speaker's voice."""

    @property
    def model(self) -> str:
        """Name of the model, and the space its vectors live in."""
        ...

    @property
    def needs(self) -> Needs:
        """What it reads of the encoding."""
        ...

    @property
    def min_speech_ms(self) -> int:
        """Less speech than this says nothing about a voice."""
        ...

    @property
    def threshold(self) -> float:
        """Cosine from which two vectors count as one voice."""
        ...

    def embed(self, audio: EncodedAudio) -> FloatArray:
        """(width) of length 1; the recording has speech. Raises HeadError."""
        ...


class OnnxVoice:
    """A speaker-embedding model exported to ONNX.

    One float input and at least one float output of rank 2 (or 1); the first such output is
    the embedding. The input's shape says what the model reads:

    - (batch, frames, 80): a Kaldi filter bank with the mean over time removed, as WeSpeaker
      (ResNet, ECAPA-TDNN, CAM++; Hamming window) and 3D-Speaker (``window="povey"``) export;
    - (batch, samples): the waveform at 16 kHz in [-1, 1].

    Models exported for sherpa-onnx say in their metadata whether they want samples in
    [-1, 1] (``normalize_samples``); with the mean removed that changes nothing but the
    logarithm's floor, so it is not read. NeMo's models use another filter bank: refused.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        window: WindowShape = "hamming",
        threshold: float = MODEL_THRESHOLD,
        threads: int = 1,
    ) -> None:
        self._graph = Graph(path, threads)
        self._window: WindowShape = window
        self.model = self._graph.name
        self.min_speech_ms = MODEL_MIN_MS
        self.threshold = threshold
        self.needs = Needs(samples=True)
        self.size_bytes = self._graph.size_bytes
        inputs = self._graph.inputs
        outputs = [p for p in self._graph.outputs if p.is_float and len(p.shape) in (1, 2)]
        if len(inputs) != 1 or not inputs[0].is_float or not outputs:
            raise self._unfit()
        if self._graph.metadata.get("framework") == "nemo":
            raise HeadError(
                self.model,
                "was made for NeMo's own filter bank",
                "give a WeSpeaker or 3D-Speaker model",
            )
        self._input, self._output = inputs[0].name, outputs[0].name
        match inputs[0].shape:
            case (_, _, size) if size == BANDS:
                self._is_waveform = False
            case (_, _):
                self._is_waveform = True
            case _:
                raise self._unfit()

    def embed(self, audio: EncodedAudio) -> FloatArray:
        """The mean voice of the windows by length; short ones count where there are no others."""
        every = [window.samples for window in audio.windows]
        enough = MODEL_MIN_MS * SAMPLE_RATE_HZ // 1000
        pieces = [samples for samples in every if len(samples) >= enough]
        pieces = pieces or [np.concatenate(every)]
        total = sum(len(samples) * self._voice(samples) for samples in pieces)
        return _unit(np.asarray(total, np.float32), self.model)

    def _voice(self, samples: FloatArray) -> FloatArray:
        fed = samples.astype(np.float32)
        if not self._is_waveform:
            fed = log_mel_bank(samples, BANDS, self._window)
            fed = fed - fed.mean(axis=0)
        vector = self._graph.run({self._input: fed[None]}, self._output).reshape(-1)
        return _unit(vector, self.model)

    def _unfit(self) -> HeadError:
        return self._graph.refusal(
            "one float input, (batch, frames, 80) or (batch, samples), and a vector out"
        )


class PooledVoice:
    """The mean of a middle layer as it is: what Whisper happens to keep of a voice.

    A baseline and no more: pooled vectors all point the same way, and between people it is
    little better than chance (equal error rate .40 to .43 on EMO-DB, 10 speakers).
    """

    def __init__(self, *, layer: int | None = None, threshold: float = POOLED_THRESHOLD) -> None:
        self._layer = layer
        self.model = "whisper-pooled" if layer is None else f"whisper-pooled/L{layer}"
        self.min_speech_ms = POOLED_MIN_MS
        self.threshold = threshold
        self.needs = Needs(layers=() if layer is None else (layer,))
        self.size_bytes = 0

    def embed(self, audio: EncodedAudio) -> FloatArray:
        """The voice of the whole recording."""
        layers, width = len(audio.pooled), audio.pooled.shape[1] // 2
        layer = layers // 2 if self._layer is None else self._layer
        if layer >= layers:
            raise HeadError(self.model, f"the encoder has {layers} layers", "choose one of them")
        return _unit(audio.pooled[layer, :width], self.model)


class TrainedVoice:
    """Pooled Whisper, turned so that what differs within one voice counts little.

    A head file of task "voice" (``voice_training.voice_tensors`` makes its weights); its
    abstention threshold is the cosine from which two recordings count as one voice.
    Raises HeadError for a head of another task.
    """

    def __init__(self, head: StoredHead) -> None:
        if head.card.task != "voice" or head.card.pooling is Pooling.NONE:
            raise HeadError(
                head.card.name, f"is a head for {head.card.task}, not for voices", "give one"
            )
        self._head = head
        self.model = head.model
        self.min_speech_ms = POOLED_MIN_MS
        self.threshold = head.card.abstention_threshold
        self.needs = Needs(layers=head.layers)
        self.size_bytes = head.size_bytes

    def embed(self, audio: EncodedAudio) -> FloatArray:
        """The voice of the whole recording. Raises HeadError where its encoder is another one."""
        return _unit(self._head.outputs(self._head.pool(audio)[None])[0], self.model)


def speech_ms(audio: EncodedAudio) -> int:
    """Speech that was encoded, all windows together."""
    return sum(len(window.samples) for window in audio.windows) * 1000 // SAMPLE_RATE_HZ


def _unit(vector: FloatArray, model: str) -> FloatArray:
    if not vector.any():
        raise HeadError(model, "gave a vector of zeros", "the model or the recording is at fault")
    return unit_rows(vector).astype(np.float32)
