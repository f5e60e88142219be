"""Labelled texts for fitting and measuring, and the one split between the two.

A record belongs to the fitted part when the CRC-32 of its key (a comment's text, a dialogue's
name) modulo 10 is below 7 for helpdesk dialogues and below 5 for comments and television. Every
other record is held out: nothing is fitted to it, chosen on it or read while fitting. Both
languages of one helpdesk dialogue share a key.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
ANGER_EN = {"anger", "annoyance", "disapproval", "disgust"}
ANGER_ZH = {"anger", "disgust", "negative-other"}
CORPORA = {"en": "GoEmotions", "zh": "CPED"}
_PARTS = 10
_FITTED_DIALOGUES, _FITTED_LABELLED = 7, 5


@dataclass(frozen=True)
class Labelled:
    """One text that a person called anger-like or not."""

    key: str  # texts of one key are never split
    origin: str  # the television series; a comment is its own
    text: str
    is_angry: bool

    @property
    def is_held_out(self) -> bool:
        """Whether it is kept from everything that is fitted."""
        return _part(self.key) >= _FITTED_LABELLED


@dataclass(frozen=True)
class Dialogue:
    """A customer's turns and the annotators' mean satisfaction, -2 to 2."""

    key: str
    turns: tuple[str, ...]
    satisfaction: float

    @property
    def is_held_out(self) -> bool:
        """Whether it is kept from everything that is fitted."""
        return _part(self.key) >= _FITTED_DIALOGUES


def _part(key: str) -> int:
    return zlib.crc32(key.encode()) % _PARTS


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Records of a JSON Lines file."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def labelled(data: Path, language: str) -> list[Labelled]:
    """GoEmotions (en; anger, annoyance, disapproval, disgust) or CPED (zh)."""
    if language == "en":
        return [
            Labelled(r["text"], r["text"], r["text"], not ANGER_EN.isdisjoint(r["labels"]))
            for r in read(data / "text" / "goemotions_dev.jsonl")
        ]
    return [
        Labelled(
            r["dialogue"], r["dialogue"].partition("_")[0], r["text"], r["emotion"] in ANGER_ZH
        )
        for r in read(data / "text" / "cped_valid.jsonl")
    ]


def dialogues(data: Path, language: str) -> list[Dialogue]:
    """Helpdesk dialogues in which the customer said anything."""
    found = []
    for r in read(data / "text" / f"helpdesk_{language}.jsonl"):
        turns = tuple(t["text"] for t in r["turns"] if t["sender"] == "customer")
        if turns:
            found.append(Dialogue(r["id"], turns, r["satisfaction_mean"]))
    return found
