"""The words of emotion corpora, as ours: seven classes, and the signs of arousal and valence.

Signs follow the circumplex (Russell 1980): arousal +1 is high, valence +1 is pleasant, 0 is
neither. A word without a class (boredom, frustration, contempt) still has signs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Meaning:
    """What one word of a corpus says about a voice."""

    emotion: str | None  # one of heads.card.EMOTIONS
    arousal: int  # -1, 0, 1
    valence: int  # -1, 0, 1


MEANINGS: Final = {
    "neutral": Meaning("neutral", 0, 0),
    "calm": Meaning("neutral", -1, 1),
    "happy": Meaning("happy", 1, 1),
    "excited": Meaning("happy", 1, 1),
    "sad": Meaning("sad", -1, -1),
    "angry": Meaning("angry", 1, -1),
    "fear": Meaning("fear", 1, -1),
    "disgust": Meaning("disgust", 0, -1),
    "surprise": Meaning("surprise", 1, 0),
    "boredom": Meaning(None, -1, -1),
    "frustrated": Meaning(None, 1, -1),
    "contempt": Meaning(None, 0, -1),
}

_SYNONYMS: Final = {
    "anger": "angry",
    "bored": "boredom",
    "disgusted": "disgust",
    "excitement": "excited",
    "fearful": "fear",
    "frustration": "frustrated",
    "happiness": "happy",
    "joy": "happy",
    "pleasant_surprise": "surprise",
    "sadness": "sad",
    "surprised": "surprise",
}


def label_of(word: str) -> str | None:
    """Our word for a corpus's whole word in any case; None where it means none of ours."""
    plain = word.strip().lower()
    plain = _SYNONYMS.get(plain, plain)
    return plain if plain in MEANINGS else None
