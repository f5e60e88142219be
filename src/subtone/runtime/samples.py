"""Where the sample calls are: inside the wheel, or in a checkout's examples folder."""

from __future__ import annotations

from pathlib import Path

import subtone

PACKAGE = Path(subtone.__file__).parent


def sample_call(name: str) -> tuple[Path, Path]:
    """Audio and transcript of one sample call.

    Raises FileNotFoundError naming the place where it should be.
    """
    for folder in (PACKAGE / "examples", PACKAGE.parents[1] / "examples" / "calls"):
        audio, text = folder / f"{name}.flac", folder / f"{name}.jsonl"
        if audio.is_file() and text.is_file():
            return audio, text
    raise FileNotFoundError(2, "sample call is missing; reinstall subtone", str(folder / name))
