"""Published checkpoints by name, as CTranslate2 files; names as faster-whisper uses them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Published:
    """One checkpoint on the Hugging Face hub."""

    name: str
    repository: str
    download_mb: int  # approximately
    width: int
    blocks: int  # of the encoder

    @property
    def is_multilingual(self) -> bool:
        """Whether it was trained on more than English."""
        return not (self.name.endswith(".en") or self.name.startswith("distil-large"))


def _systran(name: str, download_mb: int, width: int, blocks: int) -> Published:
    stem = name.removeprefix("distil-")
    kind = "faster-whisper" if stem == name else "faster-distil-whisper"
    return Published(name, f"Systran/{kind}-{stem}", download_mb, width, blocks)


CHECKPOINTS: Final[dict[str, Published]] = {
    row.name: row
    for row in (
        _systran("tiny", 78, 384, 4),
        _systran("tiny.en", 78, 384, 4),
        _systran("base", 148, 512, 6),
        _systran("base.en", 148, 512, 6),
        _systran("small", 486, 768, 12),
        _systran("small.en", 486, 768, 12),
        _systran("medium", 1_530, 1024, 24),
        _systran("medium.en", 1_530, 1024, 24),
        _systran("large-v1", 3_090, 1280, 32),
        _systran("large-v2", 3_090, 1280, 32),
        _systran("large-v3", 3_090, 1280, 32),
        Published(
            "large-v3-turbo", "mobiuslabsgmbh/faster-whisper-large-v3-turbo", 1_620, 1280, 32
        ),
        _systran("distil-small.en", 336, 768, 12),
        _systran("distil-medium.en", 794, 1024, 24),
        _systran("distil-large-v2", 1_520, 1280, 32),
        _systran("distil-large-v3", 1_520, 1280, 32),
        Published("distil-large-v3.5", "distil-whisper/distil-large-v3.5-ct2", 1_520, 1280, 32),
    )
}
