"""A dedicated emotion model (wav2vec2, HuBERT, emotion2vec ...) behind the head's interface.

A folder with ``model.onnx`` and ``config.json`` as Hugging Face exports it, or an ONNX file
with its labels beside it. Input: 16 kHz mono waveform, float, (1, samples); with a second
input of integers it is the attention mask. Output: logits, the first float output of rank 2
and as many columns as labels. Other models' words are mapped onto ours by ``LABEL_MAP``; what
it does not hold (boredom, frustration, "other") is dropped, the rest renormalised, and the
share that was dropped lowers the reliability.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from subtone.contracts.memory import EmotionFinding
from subtone.perception.encoding import SAMPLE_RATE_HZ, EncodedAudio, FloatArray
from subtone.perception.heads.card import EMOTIONS
from subtone.perception.heads.emotion import emotion_finding, silent_finding
from subtone.perception.heads.errors import HeadError
from subtone.perception.heads.graph import Graph
from subtone.perception.heads.networks import softmax
from subtone.perception.tasks import Needs

T = TypeVar("T")

MIN_SAMPLES: Final = SAMPLE_RATE_HZ // 2
NORMALISE_EPS: Final = 1e-7  # Wav2Vec2FeatureExtractor
DEFAULT_TRUST: Final = 0.5  # nobody has measured a foreign model on these callers

LABEL_MAP: Final[Mapping[str, str]] = {
    **{emotion: emotion for emotion in EMOTIONS},
    "neu": "neutral",
    "calm": "neutral",
    "hap": "happy",
    "happiness": "happy",
    "joy": "happy",
    "excited": "happy",
    "exc": "happy",
    "sadness": "sad",
    "ang": "angry",
    "anger": "angry",
    "fea": "fear",
    "fearful": "fear",
    "dis": "disgust",
    "disgusted": "disgust",
    "sur": "surprise",
    "surprised": "surprise",
    "中立": "neutral",
    "开心": "happy",
    "难过": "sad",
    "生气": "angry",
    "恐惧": "fear",
    "厌恶": "disgust",
    "吃惊": "surprise",
}


class EmotionModel:
    """An ONNX classifier of the waveform. Raises HeadError where it cannot be used.

    path: the ONNX file, or the folder that holds ``model.onnx``. labels: as the model orders
    them; None reads ``config.json`` (id2label) or ``labels.txt`` (one a line) beside the file.
    normalises: zero mean and unit variance per recording; None reads ``do_normalize`` of
    ``preprocessor_config.json``, and without one does it, as wav2vec2's extractor does.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        labels: Sequence[str] | None = None,
        normalises: bool | None = None,
        threshold: float = 0.0,
        trust: float = DEFAULT_TRUST,
        threads: int = 1,
    ) -> None:
        file = Path(path)
        file = file / "model.onnx" if file.is_dir() else file
        self._graph = Graph(file, threads)
        self._labels = tuple(labels if labels is not None else _labels_beside(file))
        self._normalises = _says_normalise(file) if normalises is None else normalises
        self._threshold, self._trust = threshold, trust
        self.model = self._graph.name if file.name != "model.onnx" else file.parent.name
        self.name = "emotion"
        self.needs = Needs(samples=True)
        self.size_bytes = self._graph.size_bytes
        sound = [p for p in self._graph.inputs if p.is_float and len(p.shape) == 2]
        masks = [p for p in self._graph.inputs if not p.is_float and len(p.shape) == 2]
        if len(sound) != 1 or len(sound) + len(masks) != len(self._graph.inputs) or len(masks) > 1:
            raise self._unfit()
        self._sound = sound[0].name
        self._mask = masks[0] if masks else None
        count = len(self._labels)
        fitting = [
            p for p in self._graph.outputs if len(p.shape) == 2 and p.shape[1] in (None, count)
        ]
        if not fitting or not fitting[0].is_float:
            raise self._unfit()
        self._output = fitting[0].name
        self._target = tuple(_mapped(label) for label in self._labels)
        if not any(self._target):
            raise HeadError(
                self.model,
                "none of its labels is an emotion that subtone knows",
                f"name them as one of: {', '.join(sorted(LABEL_MAP))}",
            )

    @property
    def dropped_labels(self) -> tuple[str, ...]:
        """Labels of the model that mean none of the seven emotions."""
        pairs = zip(self._labels, self._target, strict=True)
        return tuple(label for label, target in pairs if target is None)

    @property
    def emotions(self) -> tuple[str, ...]:
        """The emotions it can name, in the house's order."""
        return tuple(emotion for emotion in EMOTIONS if emotion in self._target)

    def __call__(self, audio: EncodedAudio) -> EmotionFinding:
        """How a recording sounded: the mean over its windows by length, those of half a second on.

        Reads the samples only, so no encoder pass is needed for it. Raises HeadError where
        the model fails.
        """
        heard = [w.samples for w in audio.windows if len(w.samples) >= MIN_SAMPLES]
        if not heard:
            return silent_finding(self.model, is_calibrated=False)
        lengths = np.array([len(samples) for samples in heard], np.float64)
        return self._mapped_finding(
            lengths / lengths.sum() @ np.stack([self._shares(samples) for samples in heard])
        )

    def _shares(self, samples: FloatArray) -> NDArray[np.float64]:
        fed = samples.astype(np.float32)
        if self._normalises:
            fed = (fed - fed.mean()) / np.sqrt(fed.var() + np.float32(NORMALISE_EPS))
        feed: dict[str, NDArray[Any]] = {self._sound: fed[None]}
        if self._mask is not None:
            kind = np.int32 if self._mask.kind == "tensor(int32)" else np.int64
            feed[self._mask.name] = np.ones((1, len(fed)), kind)
        logits = self._graph.run(feed, self._output)
        if logits.shape != (1, len(self._labels)):
            raise HeadError(
                self.model,
                f"gave {logits.shape} for {len(self._labels)} labels",
                "give the labels this model was trained with",
            )
        return softmax(logits[0].astype(np.float64))

    def _mapped_finding(self, shares: NDArray[np.float64]) -> EmotionFinding:
        kept = np.array(
            [
                sum(float(s) for s, t in zip(shares, self._target, strict=True) if t == emotion)
                for emotion in self.emotions
            ]
        )
        mapped = min(float(kept.sum()), 1.0)
        if mapped == 0.0:  # all of it on labels that were dropped, to the last digit
            return silent_finding(self.model, is_calibrated=False)
        return emotion_finding(
            self.emotions,
            kept / kept.sum(),
            threshold=self._threshold,
            reliability=mapped * self._trust,
            is_calibrated=False,
            model=self.model,
        )

    def _unfit(self) -> HeadError:
        return self._graph.refusal(
            f"a waveform (batch, samples), at most one mask, and logits (batch, "
            f"{len(self._labels)})"
        )


def _mapped(label: str) -> str | None:
    """The first part that is known: emotion2vec writes both names, "生气/angry"."""
    parts = (part.strip().lower() for part in label.split("/"))
    return next((LABEL_MAP[part] for part in parts if part in LABEL_MAP), None)


class _Config(msgspec.Struct, frozen=True):
    id2label: dict[str, str] = {}


class _Preprocessor(msgspec.Struct, frozen=True):
    do_normalize: bool = True
    sampling_rate: int = 16_000


def _labels_beside(file: Path) -> tuple[str, ...]:
    listed = file.with_name("labels.txt")
    if listed.exists():
        return tuple(line for line in listed.read_text("utf-8").splitlines() if line.strip())
    path = file.with_name("config.json")
    named = _decode(path, _Config).id2label if path.exists() else {}
    if not named or set(named) != {str(i) for i in range(len(named))}:
        raise HeadError(
            file.name,
            "nothing beside it names its labels 0 to K-1",
            "put its config.json with id2label there, or labels.txt with one label a line",
        )
    return tuple(named[str(i)] for i in range(len(named)))


def _says_normalise(file: Path) -> bool:
    path = file.with_name("preprocessor_config.json")
    if not path.exists():
        return True
    said = _decode(path, _Preprocessor)
    if said.sampling_rate != 16_000:
        raise HeadError(
            path.name, f"asks for {said.sampling_rate} Hz", "give a model that hears 16000 Hz"
        )
    return said.do_normalize


def _decode(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (msgspec.DecodeError, OSError) as error:
        raise HeadError(path.name, f"cannot be read ({error})", "export the model again") from error
