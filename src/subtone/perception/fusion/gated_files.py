"""A trained gated fusion as a safetensors file with a JSON card, checked when it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from subtone.perception.fusion.gated import GatedFusion
from subtone.perception.heads.errors import HeadError
from subtone.perception.heads.tensors import (
    TRAIN_AGAIN,
    read_tensors,
    tensors_to_bytes,
    write_whole,
)

METADATA_KEY: Final = "subtone_gated_fusion"

Names = Annotated[tuple[str, ...], Meta(min_length=1, max_length=64)]


class _Card(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    modalities: Names
    labels: Names
    format_version: Annotated[int, Meta(ge=1, le=1)] = 1


def write_gated(path: Path | str, fusion: GatedFusion) -> None:
    """Write the file whole or not at all."""
    card = _Card(modalities=fusion.modalities, labels=fusion.labels)
    described = {METADATA_KEY: msgspec.json.encode(card).decode()}
    write_whole(Path(path), tensors_to_bytes(fusion.parameters, described))


def read_gated(path: Path | str) -> GatedFusion:
    """Read a file that ``write_gated`` made. Raises HeadError where it is another, or damaged."""
    source = Path(path)
    tensors, metadata = read_tensors(source)
    try:
        card = msgspec.json.decode(metadata.get(METADATA_KEY, ""), type=_Card)
    except msgspec.DecodeError as error:
        raise HeadError(source.name, f"has no fusion's card ({error})", TRAIN_AGAIN) from error
    sizes = {"modalities": len(card.modalities), "labels": len(card.labels)}
    shapes = _shapes(card.modalities)
    if tensors.keys() != shapes.keys():
        wrong = ", ".join(sorted(tensors.keys() ^ shapes.keys()))
        raise HeadError(source.name, f"lacks, or should not have, {wrong}", TRAIN_AGAIN)
    parameters: dict[str, NDArray[np.float64]] = {}
    for name, shape in shapes.items():
        tensor = tensors[name]
        fits = len(shape) == tensor.ndim and all(
            sizes.setdefault(axis, size) == size
            for axis, size in zip(shape, tensor.shape, strict=True)
        )
        if not fits or not np.isfinite(tensor).all():
            raise HeadError(source.name, f"{name} does not fit, or is not finite", TRAIN_AGAIN)
        if name.endswith(".scale") and not (tensor > 0.0).all():
            raise HeadError(source.name, f"{name} is not positive", TRAIN_AGAIN)
        parameters[name] = tensor.astype(np.float64)
    return GatedFusion(modalities=card.modalities, labels=card.labels, parameters=parameters)


def _shapes(modalities: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    shapes: dict[str, tuple[str, ...]] = {
        "gate.mask": ("modalities", "modalities"),
        "gate.bias": ("modalities",),
        "output.weight": ("labels", "hidden"),
        "output.bias": ("labels",),
    }
    for name in modalities:
        width = f"width of {name}"
        shapes |= {
            f"{name}.mean": (width,),
            f"{name}.scale": (width,),
            f"{name}.weight": ("hidden", width),
            f"{name}.bias": ("hidden",),
            f"{name}.gate": ("modalities", width),
        }
    return shapes
