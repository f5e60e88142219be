"""Small made-up encodings and head files."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from subtone.perception.encoding import EncodedAudio, EncodedWindow, FloatArray
from subtone.perception.heads.card import HeadCard
from subtone.perception.heads.centre import SpeakerCentre
from subtone.perception.heads.files import StoredHead
from subtone.perception.heads.networks import Network
from subtone.perception.heads.pooling import Pooling, pooled_width

SPACE = "whisper-small-made-up"
WIDTH = 4
LAYERS = 3


def encoded_window(states: FloatArray, t_event_ms: int = 0) -> EncodedWindow:
    """states: (layers, frames, width)."""
    frames = states.shape[1]
    generator = np.random.default_rng(frames)
    return EncodedWindow(
        t_event_ms=t_event_ms,
        t_end_ms=t_event_ms + frames * 20,
        samples=generator.uniform(-0.5, 0.5, frames * 320).astype(np.float32),
        states=states.astype(np.float32),
        decoder_states=states[-1].astype(np.float32),
    )


def encoded(*windows: EncodedWindow, space: str = SPACE) -> EncodedAudio:
    return EncodedAudio(
        encoder="made-up",
        space=space,
        duration_ms=max((w.t_end_ms for w in windows), default=0),
        windows=windows,
    )


def speech(
    seed: int = 0,
    *,
    frames: int = 80,
    shift: float = 0.0,
    width: int = WIDTH,
    layers: int = LAYERS,
    space: str = SPACE,
) -> EncodedAudio:
    """One window of normally distributed states about ``shift``."""
    generator = np.random.default_rng(seed)
    states = generator.normal(shift, 1.0, (layers, frames, width))
    return encoded(encoded_window(states.astype(np.float32)), space=space)


def centre_of(*audio: EncodedAudio) -> SpeakerCentre:
    """What is known of a caller after these utterances."""
    centre = SpeakerCentre()
    for one in audio:
        centre = centre.add(one)
    return centre


def network_tensors(network: Network, inputs: int, outputs: int, seed: int = 0) -> dict[str, Any]:
    generator = np.random.default_rng(seed)

    def some(*shape: int) -> FloatArray:
        return generator.normal(size=shape).astype(np.float32)

    match network:
        case Network.LINEAR:
            return {"linear.weight": some(outputs, inputs), "linear.bias": some(outputs)}
        case Network.MLP:
            return {
                "norm.weight": some(inputs),
                "norm.bias": some(inputs),
                "hidden1.weight": some(6, inputs),
                "hidden1.bias": some(6),
                "hidden2.weight": some(5, 6),
                "hidden2.bias": some(5),
                "output.weight": some(outputs, 5),
                "output.bias": some(outputs),
            }
        case Network.PROJECTION:
            return {
                "hidden.weight": some(6, inputs),
                "hidden.bias": some(6),
                "output.weight": some(outputs, 6),
                "output.bias": some(outputs),
            }


def card(**changes: Any) -> HeadCard:
    """The card of a calibrated linear emotion head."""
    usual = HeadCard(
        name="made-up",
        task="emotion",
        space=SPACE,
        layer=1,
        pooling=Pooling.MEAN_STD,
        width=WIDTH,
        network=Network.LINEAR,
        labels=("neutral", "happy", "angry"),
        temperature=2.0,
        domain_reference=1.2,
        licence="CC0-1.0",
        data="made up",
        figures={"uar": 0.5},
        intended_use="tests",
    )
    return msgspec.structs.replace(usual, **changes)


def tensors(of: HeadCard, seed: int = 0, outputs: int | None = None) -> dict[str, Any]:
    """Every tensor the card asks for."""
    inputs = pooled_width(of.pooling, of.width)
    found = network_tensors(of.network, inputs, outputs or len(of.labels), seed)
    found["standardise.mean"] = np.full(inputs, 0.1, np.float32)
    found["standardise.scale"] = np.full(inputs, 2.0, np.float32)
    if of.domain_reference is not None:
        found["domain.mean"] = np.zeros(inputs, np.float32)
        found["domain.variance"] = np.ones(inputs, np.float32)
        found["domain.factors"] = np.zeros((2, inputs), np.float32)
    if of.pooling is Pooling.ATTENTIVE:
        generator = np.random.default_rng(seed + 1)
        found["attention.weight"] = generator.normal(size=(3, of.width)).astype(np.float32)
        found["attention.bias"] = generator.normal(size=3).astype(np.float32)
        found["attention.vector"] = generator.normal(size=3).astype(np.float32)
    return found


def stored(seed: int = 0, outputs: int | None = None, **changes: Any) -> StoredHead:
    of = card(**changes)
    return StoredHead(of, tensors(of, seed, outputs))


def contrast(task: str = "valence", label: str = "negative", **changes: Any) -> StoredHead:
    return stored(
        **{
            "name": task,
            "task": task,
            "labels": (label,),
            "is_relative_to_speaker": True,
            "temperature": None,
            **changes,
        }
    )


def projection(outputs: int = 8, **changes: Any) -> StoredHead:
    return stored(
        outputs=outputs,
        **{
            "task": "projection",
            "network": Network.PROJECTION,
            "labels": (),
            "temperature": None,
            "domain_reference": None,
            "gives_space": "shared-8",
            **changes,
        },
    )
