"""The contrast heads that an operator's words mean, for the encoder that is in use."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from subtone.perception.heads.contrast import ContrastHead
from subtone.perception.heads.errors import HeadError
from subtone.perception.heads.files import read_head
from subtone.perception.heads.shipped import shipped_for
from subtone.runtime.audio_memory import AudioMemorySystem

SHIPPED: Final = "shipped"
NONE: Final = "none"


def contrast_heads(
    system: AudioMemorySystem, arousal: str = SHIPPED, valence: str = SHIPPED
) -> tuple[ContrastHead, ...]:
    """Each contrast's head: ``shipped`` where there is one, ``none``, or a file.

    Raises HeadError for a file that cannot be read or is no head of that contrast.
    """
    given = {"arousal": arousal, "valence": valence}
    return tuple(
        _opened(task, path)
        for task, said in given.items()
        if (path := _file_of(system, task, said)) is not None
    )


def _file_of(system: AudioMemorySystem, task: str, said: str) -> Path | None:
    if said == NONE:
        return None
    return shipped_for(system.encoder.space, task) if said == SHIPPED else Path(said)


def _opened(task: str, path: Path) -> ContrastHead:
    head = ContrastHead(read_head(path))
    if head.name != task:
        raise HeadError(
            path.name, f"is a head for {head.name}, not for {task}", "give each its own file"
        )
    return head
