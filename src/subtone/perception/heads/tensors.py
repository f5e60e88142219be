"""Safetensors files in and out; what is inside is checked by those who know what it means."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from subtone.perception.heads.errors import HeadError, missing_extra

MAX_FILE_BYTES: Final = 256 * 1024 * 1024
TRAIN_AGAIN: Final = "the file is at fault: write it again from the training that made it"


def tensors_to_bytes(tensors: Mapping[str, Any], metadata: Mapping[str, str]) -> bytes:
    """A safetensors file's content; the same input gives the same bytes."""
    try:
        from safetensors.numpy import save
    except ImportError as error:
        raise missing_extra("safetensors", "memory") from error
    dense = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    return save(dense, dict(metadata))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def read_tensors(source: Path) -> tuple[dict[str, Any], Mapping[str, str]]:
    """Tensors and metadata, unchecked. Raises HeadError: not readable, not safetensors."""
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise missing_extra("safetensors", "memory") from error
    try:
        if source.stat().st_size > MAX_FILE_BYTES:
            raise HeadError(
                source.name,
                f"is larger than {MAX_FILE_BYTES} bytes",
                "a head is small: check that it is no encoder",
            )
        with safe_open(source, "np") as opened:
            return {name: opened.get_tensor(name) for name in opened.keys()}, (  # noqa: SIM118
                opened.metadata() or {}
            )
    except OSError as error:
        raise HeadError(
            source.name, f"cannot be read ({error.strerror})", "check the path and its permissions"
        ) from error
    except (SafetensorError, TypeError, AttributeError) as error:  # the latter two: bfloat16
        raise HeadError(source.name, f"is not safetensors of floats ({error})", TRAIN_AGAIN) from (
            error
        )
