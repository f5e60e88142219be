"""A listener of made-up models, and the sample call that it hears."""

from __future__ import annotations

from pathlib import Path

from subtone.perception.heads.files import write_head
from subtone.runtime.audio_memory import AudioMemorySystem
from subtone.runtime.listening.contrasts import contrast_heads
from subtone.runtime.listening.listener import Listener
from support_audio_memory import small_checkpoint
from support_heads import contrast
from support_whisper import WIDTH

CHECKPOINT = "made-up"
LABELS = {"arousal": "high", "valence": "negative"}


def small_heads(folder: Path, padding: str = "none") -> dict[str, Path]:
    """Contrast heads with random weights for the small checkpoint, by their task."""
    folder.mkdir(parents=True, exist_ok=True)
    heads = {}
    for seed, (task, label) in enumerate(LABELS.items()):
        heads[task] = folder / f"{task}.safetensors"
        space = f"{CHECKPOINT}/{padding}"
        made = contrast(task, label, seed=seed, space=space, layer=1, width=WIDTH)
        write_head(heads[task], made)
    return heads


def small_system(folder: Path) -> AudioMemorySystem:
    """The small checkpoint, loaded when it is first asked for."""
    return AudioMemorySystem(small_checkpoint(folder / CHECKPOINT), encoder_options={"threads": 1})


def small_listener(folder: Path) -> Listener:
    """Right in every shape, wrong in all it says."""
    heads = small_heads(folder)
    system = small_system(folder)
    return Listener(system, contrast_heads(system, str(heads["arousal"]), str(heads["valence"])))
