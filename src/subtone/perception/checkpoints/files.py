"""One checkpoint's folder: which layout its files have and what they are called."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from subtone.perception.errors import CheckpointError

# A local folder under a published name holds that model, in whatever format.
_PUBLISHED_FOLDER = re.compile(
    r"(?:faster-)?(?P<distil>distil-)?whisper-"
    r"(?P<name>(?:tiny|base|small|medium)(?:\.en)?|large-v\d(?:\.\d)?(?:-turbo)?)"
    r"(?:-(?:encoder|ct2|int8|float16|fp16|float32))*"
)


class Layout(StrEnum):
    """How the weights are stored."""

    CTRANSLATE2 = "ctranslate2"
    SAFETENSORS = "safetensors"


WEIGHTS_FILES = {Layout.CTRANSLATE2: "model.bin", Layout.SAFETENSORS: "model.safetensors"}


@dataclass(frozen=True)
class Checkpoint:
    """The files of one Whisper model on this machine."""

    name: str  # of the model: whisper-base, or the folder's own
    folder: Path
    layout: Layout

    @property
    def weights_path(self) -> Path:
        """The file that holds the weights."""
        return self.folder / WEIGHTS_FILES[self.layout]

    @property
    def has_decoder(self) -> bool:
        """Whether text can be decoded with these files: CTranslate2's hold both halves."""
        return self.layout is Layout.CTRANSLATE2

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the weights, as hexadecimal digits."""
        return file_digest(self.weights_path)


def file_digest(path: Path) -> str:
    """SHA-256 of a file; raises CheckpointError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from error


def open_folder(folder: Path, name: str | None = None) -> Checkpoint:
    """Recognise a local folder; the weights are not read yet.

    Raises CheckpointError when the folder holds no Whisper weights subtone can read.
    """
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: is no folder; give the folder that holds the weights")
    layout = next((kind for kind, file in WEIGHTS_FILES.items() if (folder / file).is_file()), None)
    if layout is None:
        expected = " or ".join(WEIGHTS_FILES.values())
        raise CheckpointError(
            f"{folder}: holds no {expected}; subtone reads CTranslate2 and safetensors "
            "checkpoints in one file"
        )
    if not (folder / "config.json").is_file():
        raise CheckpointError(f"{folder}: has no config.json; fetch it with the weights")
    return Checkpoint(name or model_name(folder), folder, layout)


def model_name(folder: Path) -> str:
    """Whisper's own name where the folder is called after a published model."""
    folder_name = folder.resolve().name
    known = _PUBLISHED_FOLDER.fullmatch(folder_name)
    return f"{known['distil'] or ''}whisper-{known['name']}" if known else folder_name
