"""A small made-up checkpoint, a real one where it is there, and clips that hold speech."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile

from subtone.ingest.files import read_blocks
from subtone.perception.encoding import FloatArray
from subtone.perception.heads.card import EMOTIONS
from subtone.perception.heads.files import write_head
from support_cli import CALLS
from support_heads import stored
from support_shared import shared
from support_whisper import WIDTH, random_weights, save_safetensors

RATE_HZ = 16_000
FIRST_WORD_S = 3.5
RELATIVE: Final[dict[str, Any]] = {"is_relative_to_speaker": True, "speaker_share": 0.5}
TINY = ("models", "whisper-tiny.en-relearned-ct2-int8")


def small_checkpoint(folder: Path) -> Path:
    """An encoder with random weights: right in shape, wrong in everything it says."""
    folder.mkdir(parents=True, exist_ok=True)
    return save_safetensors(folder, random_weights())


def real_checkpoint() -> Path:
    """The shared tiny.en; skips where it is absent."""
    return shared(*TINY)


@cache
def customer_voice() -> FloatArray:
    """The customer of a sample call: 16 kHz, speech with turns of silence between."""
    blocks = read_blocks(CALLS / "hidden_frustration.en.flac", RATE_HZ, 1_000)
    return np.concatenate([block[:, 1] for block in blocks])


def speech(seconds: float, start_s: float = 0.0) -> FloatArray:
    """A stretch of it, from where the customer first speaks."""
    first = int((FIRST_WORD_S + start_s) * RATE_HZ)
    return customer_voice()[first : first + int(seconds * RATE_HZ)]


def write_clips(folder: Path, count: int, seconds: float = 6.0) -> list[Path]:
    """Files of different speech, in order."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        paths.append(folder / f"clip{number:03d}.wav")
        soundfile.write(paths[-1], speech(seconds, start_s=0.1 * number), RATE_HZ)
    return paths


def small_emotion_head(path: Path, space: str, layer: int, **changes: Any) -> Path:
    """An emotion head with random weights for the small checkpoint."""
    write_head(path, stored(space=space, layer=layer, width=WIDTH, labels=EMOTIONS, **changes))
    return path
