"""The heads that come with subtone; ``scripts/make_heads.py`` makes them again, byte for byte.

Trained on EMO-DB alone (acted German, CC0-1.0), the one emotion corpus here whose licence
allows it. Each card says what it was trained on and how it did on people it had not heard.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Final

from subtone.perception.heads.errors import HeadError

SHIPPED: Final = (
    "whisper-base-emotion",
    "whisper-base-arousal",
    "whisper-base-valence",
    "acoustics-emotion",
    "acoustics-arousal",
    "acoustics-valence",
)

PADDING: Final = "none"  # what all of them were trained on


def shipped_for(space: str, task: str) -> Path | None:
    """The head of a task that was made for an encoder's space, such as ``whisper-base/none``."""
    checkpoint, _, padding = space.partition("/")
    name = f"{checkpoint}-{task}"
    return shipped_path(name) if padding == PADDING and name in SHIPPED else None


def shipped_path(name: str) -> Path:
    """The file of one of ``SHIPPED``. Raises HeadError for another name."""
    if name not in SHIPPED:
        raise HeadError(name, "no such head is shipped", f"choose one of: {', '.join(SHIPPED)}")
    return Path(str(files(__name__).joinpath(f"{name}.safetensors")))
