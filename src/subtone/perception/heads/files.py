"""Head files: safetensors with a JSON card in the metadata, strictly checked both ways.

| tensors | shape | when |
|---|---|---|
| ``standardise.mean``, ``standardise.scale`` | (input) | always; scale > 0 |
| those of the network | ``networks.SHAPES`` | always |
| ``attention.weight``, ``.bias``, ``.vector`` | (a, width), (a), (a) | attentive pooling |
| ``domain.mean``, ``.variance``, ``.factors`` | (input), (input), (rank, input) | a domain |

``input`` is the pooled width of all its layers, ``output`` the number of labels (free where
there are none).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from subtone.contracts.memory import Encoding, HeadSpec
from subtone.perception.encoding import EncodedAudio, FloatArray
from subtone.perception.heads.card import HeadCard, check_card
from subtone.perception.heads.domain import TrainingDomain
from subtone.perception.heads.errors import HeadError
from subtone.perception.heads.networks import SHAPES, forward
from subtone.perception.heads.pooling import (
    Pooling,
    attentive_statistics,
    layer_states,
    pooled_width,
)
from subtone.perception.heads.tensors import (
    TRAIN_AGAIN,
    read_tensors,
    tensors_to_bytes,
    write_whole,
)

METADATA_KEY: Final = "subtone_head"
FLOATS: Final = ("float16", "float32", "float64")

DOMAIN = {
    "domain.mean": ("input",),
    "domain.variance": ("input",),
    "domain.factors": ("rank", "input"),
}
ATTENTION = {
    "attention.weight": ("attention", "width"),
    "attention.bias": ("attention",),
    "attention.vector": ("attention",),
}
STANDARDISE = {"standardise.mean": ("input",), "standardise.scale": ("input",)}
POSITIVE = ("standardise.scale", "domain.variance")


@dataclass(frozen=True, eq=False)
class StoredHead:
    """A card and its tensors (float32), checked against each other. Raises HeadError."""

    card: HeadCard
    tensors: Mapping[str, FloatArray]

    def __post_init__(self) -> None:
        check_card(self.card)
        object.__setattr__(self, "tensors", _checked(self.card, self.tensors))

    @cached_property
    def model(self) -> str:
        """Name and digest: which head gave a finding."""
        return f"{self.card.name}@{hashlib.sha256(to_bytes(self)).hexdigest()[:12]}"

    @property
    def size_bytes(self) -> int:
        """Memory its weights take."""
        return sum(tensor.nbytes for tensor in self.tensors.values())

    @property
    def spec(self) -> HeadSpec:
        """The contract: the space is that of the layer's pooled vectors."""
        return HeadSpec(
            name=self.card.name,
            space=self.space,
            layer=self.card.layer,
            width=self.card.width,
            labels=self.card.labels,
            is_calibrated=self.card.temperature is not None,
        )

    @property
    def space(self) -> str:
        """Which vectors this head reads, as ``Encoding.space`` names them."""
        if self.card.pooling is Pooling.NONE:
            return self.card.space
        return f"{self.card.space}/L{self.card.layer}"

    @cached_property
    def domain(self) -> TrainingDomain | None:
        """Where the head was trained, where its file says so."""
        if self.card.domain_reference is None:
            return None
        return TrainingDomain(
            mean=self.tensors["domain.mean"],
            variance=self.tensors["domain.variance"],
            factors=self.tensors["domain.factors"],
            reference=self.card.domain_reference,
        )

    def pool(self, audio: EncodedAudio) -> FloatArray:
        """The vector this head reads from a recording that has speech.

        Raises HeadError where the recording was encoded by another encoder.
        """
        self._require_encoder(audio)
        if self.card.pooling is Pooling.ATTENTIVE:
            parts = (self.tensors[name] for name in ATTENTION)
            return attentive_statistics(layer_states(audio, self.card.layer), *parts)
        return self.select(audio.pooled)

    @property
    def layers(self) -> tuple[int, ...]:
        """The layers it reads, in the order of its input."""
        return (self.card.layer, *self.card.also_layers)

    def select(self, pooled: FloatArray) -> FloatArray:
        """(input) out of (layers, 2 * width): the part this head reads.

        Raises HeadError where the pooled layers come from another encoder.
        """
        if max(self.layers) >= len(pooled) or pooled.shape[1] != 2 * self.card.width:
            raise HeadError(
                self.card.name,
                f"was given what does not come from the encoder it reads: {len(pooled)} layers of "
                f"width {pooled.shape[1] // 2}",
                "use the encoder it was trained with, and begin a speaker's baseline with it",
            )
        rows = pooled[list(self.layers)]
        if self.card.pooling is Pooling.MEAN:
            rows = rows[:, : self.card.width]
        vector: FloatArray = rows.reshape(-1)
        return vector

    def standardise(self, x: FloatArray) -> FloatArray:
        """(..., input): in deviations of the training data."""
        mean, scale = self.tensors["standardise.mean"], self.tensors["standardise.scale"]
        standard: FloatArray = ((x - mean) / scale).astype(np.float32)
        return standard

    def outputs(self, x: FloatArray) -> FloatArray:
        """(rows, input) pooled vectors to (rows, output) logits or unit vectors."""
        return forward(self.card.network, self.tensors, self.standardise(x))

    def score(self, encoding: Encoding) -> tuple[float, ...]:
        """One value per label from a pooled contract, [mean; std] for audio.

        Raises HeadError for another space or width, for attentive pooling, which reads
        frames, and for a head that is relative to the speaker.
        """
        if self.card.is_relative_to_speaker:
            raise HeadError(
                self.card.name,
                "reads the difference from a speaker's first utterances",
                "give its task the encoded audio and the speaker's centre",
            )
        if self.card.pooling is Pooling.ATTENTIVE or self.card.also_layers:
            raise HeadError(
                self.card.name, "reads more than one pooled layer", "give it the encoded audio"
            )
        self.require_space(encoding.space)
        wanted = self.card.width * (1 if self.card.pooling is Pooling.NONE else 2)
        if len(encoding.vector) != wanted:
            raise self._wrong_width(f"a vector of {len(encoding.vector)}", wanted)
        vector = np.array(encoding.vector, np.float32)[: self.input_width]
        return tuple(self.outputs(vector[None])[0].tolist())

    @property
    def input_width(self) -> int:
        """Length of the vector the network reads."""
        return len(self.layers) * pooled_width(self.card.pooling, self.card.width)

    def require_space(self, space: str) -> None:
        """Raises HeadError where the vectors come from another space than the training's."""
        if space != self.space:
            raise HeadError(
                self.card.name,
                f"was trained in the space {self.space}, and was given {space}",
                "use the encoder it was trained with, or a head made for this encoder",
            )

    def _require_encoder(self, audio: EncodedAudio) -> None:
        if not audio.windows:
            raise HeadError(self.card.name, "was given a recording without speech", "skip it")
        self.require_space(f"{audio.space}/L{self.card.layer}")
        layers, _, width = audio.windows[0].states.shape
        if width != self.card.width:
            raise self._wrong_width(f"states of width {width}", self.card.width)
        if self.card.layer >= layers:
            raise HeadError(
                self.card.name,
                f"reads layer {self.card.layer}, and the encoder gives 0 to {layers - 1}",
                "use the encoder it was trained with",
            )

    def _wrong_width(self, given: str, wanted: int) -> HeadError:
        return HeadError(
            self.card.name,
            f"reads a width of {wanted}, and was given {given}",
            "use the encoder it was trained with, or a head made for this encoder",
        )


def write_head(path: Path | str, head: StoredHead) -> None:
    """Write the file whole or not at all; the same head gives the same bytes."""
    write_whole(Path(path), to_bytes(head))


def to_bytes(head: StoredHead) -> bytes:
    """The file's content."""
    card = msgspec.json.encode(head.card, order="deterministic").decode()
    return tensors_to_bytes(head.tensors, {METADATA_KEY: card})


def read_head(path: Path | str) -> StoredHead:
    """Read and check a head file.

    Raises HeadError: not a head file, a card of another version, tensors missing, unknown,
    of another shape or not finite, labels the task does not know.
    """
    source = Path(path)
    raw, metadata = read_tensors(source)
    if METADATA_KEY not in metadata:
        raise HeadError(
            source.name,
            "is a safetensors file without a head's card",
            "give a file that write_head made, not an encoder's weights",
        )
    try:
        card = msgspec.json.decode(metadata[METADATA_KEY], type=HeadCard)
        return StoredHead(card, raw)
    except msgspec.ValidationError as error:
        raise HeadError(source.name, f"its card does not hold: {error}", TRAIN_AGAIN) from error
    except msgspec.DecodeError as error:
        raise HeadError(source.name, f"its card is not JSON: {error}", TRAIN_AGAIN) from error
    except HeadError as error:
        raise HeadError(source.name, error.cause, error.advice) from error


def _checked(card: HeadCard, tensors: Mapping[str, Any]) -> dict[str, FloatArray]:
    shapes = {**STANDARDISE, **SHAPES[card.network]}
    if card.pooling is Pooling.ATTENTIVE:
        shapes |= ATTENTION
    if card.domain_reference is not None:
        shapes |= DOMAIN
    if missing := sorted(shapes.keys() - tensors.keys()):
        raise HeadError(card.name, f"lacks the tensors {', '.join(missing)}", TRAIN_AGAIN)
    if unknown := sorted(tensors.keys() - shapes.keys()):
        raise HeadError(card.name, f"has unknown tensors {', '.join(unknown)}", TRAIN_AGAIN)
    layers = 1 + len(card.also_layers)
    sizes = {"width": card.width, "input": layers * pooled_width(card.pooling, card.width)}
    if card.labels:
        sizes["output"] = len(card.labels)
    return {name: _tensor(card.name, name, tensors[name], shapes[name], sizes) for name in shapes}


def _tensor(
    head: str, name: str, value: Any, shape: tuple[str, ...], sizes: dict[str, int]
) -> FloatArray:
    if not isinstance(value, np.ndarray) or value.dtype.name not in FLOATS:
        raise HeadError(head, f"{name} does not hold floats", TRAIN_AGAIN)
    if value.ndim != len(shape):
        raise HeadError(head, f"{name} has {value.ndim} axes, not {len(shape)}", TRAIN_AGAIN)
    for axis, found in zip(shape, value.shape, strict=True):
        wanted = sizes.setdefault(axis, found)
        if found != wanted or (found == 0 and axis != "rank"):
            raise HeadError(
                head, f"{name} has {found} along {axis}, the card means {wanted}", TRAIN_AGAIN
            )
    with np.errstate(over="ignore"):
        tensor = value.astype(np.float32)
    if not np.isfinite(tensor).all():
        raise HeadError(head, f"{name} holds values that are not finite", TRAIN_AGAIN)
    if name in POSITIVE and not (tensor > 0.0).all():
        raise HeadError(head, f"{name} holds values that are not positive", TRAIN_AGAIN)
    tensor.flags.writeable = False
    return tensor
