"""Corpora whose labels are in the names of files and folders, as published.

Each pattern is matched against the end of the path below the corpus's folder, with ``/``
between the parts; its groups are speaker, emotion and, where texts repeat, sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Naming:
    """How one corpus names its clips."""

    corpus: str
    pattern: re.Pattern[str]
    labels: Mapping[str, str]  # the corpus's code to our label
    language: Callable[[re.Match[str]], str]
    licence: str
    speaker: Callable[[re.Match[str]], str] = lambda match: match["speaker"]
    sentence: Callable[[re.Match[str]], str | None] = lambda match: match["sentence"]


def _always(language: str) -> Callable[[re.Match[str]], str]:
    return lambda _: language


def _savee_sentence(match: re.Match[str]) -> str:
    """Sentences 1 to 3 are common to all emotions, the others belong to one."""
    is_common = int(match["sentence"]) <= 3
    return f"common-{match['sentence']}" if is_common else match["emotion"] + match["sentence"]


def _esd_sentence(match: re.Match[str]) -> str:
    """350 texts, each said once per emotion under consecutive numbers."""
    language = _esd_language(match)
    return f"{language}-{(int(match['number']) - 1) % 350 + 1}"


def _esd_language(match: re.Match[str]) -> str:
    return "zh" if int(match["speaker"]) <= 10 else "en"


_END = r"\.[A-Za-z0-9]+$"
_WORDS = {
    "angry": "angry",
    "anger": "angry",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happy",
    "happiness": "happy",
    "neutral": "neutral",
    "sad": "sad",
    "sadness": "sad",
    "surprise": "surprise",
    "surprised": "surprise",
}


def _words() -> str:
    return "|".join(sorted(_WORDS, key=len, reverse=True))


NAMINGS: Final = (
    Naming(
        corpus="ravdess",  # Livingstone and Russo 2018; audio or video, speech (not song)
        pattern=re.compile(
            r"0[13]-01-(?P<emotion>0[1-8])-0[12]-(?P<sentence>0[12])-0[12]-(?P<speaker>\d\d)" + _END
        ),
        labels={
            "01": "neutral",
            "02": "calm",
            "03": "happy",
            "04": "sad",
            "05": "angry",
            "06": "fear",
            "07": "disgust",
            "08": "surprise",
        },
        language=_always("en"),
        licence="CC BY-NC-SA 4.0",
    ),
    Naming(
        corpus="emodb",  # Burkhardt et al. 2005
        pattern=re.compile(
            r"(?P<speaker>\d\d)(?P<sentence>[ab]\d\d)(?P<emotion>[WLEAFTN])[a-z]" + _END
        ),
        labels={
            "W": "angry",
            "L": "boredom",
            "E": "disgust",
            "A": "fear",
            "F": "happy",
            "T": "sad",
            "N": "neutral",
        },
        language=_always("de"),
        licence="CC0-1.0",
    ),
    Naming(
        corpus="cremad",  # Cao et al. 2014
        pattern=re.compile(
            r"(?P<speaker>1\d{3})_(?P<sentence>[A-Z]{3})_(?P<emotion>ANG|DIS|FEA|HAP|NEU|SAD)"
            r"_[A-Z]{1,2}" + _END
        ),
        labels={
            "ANG": "angry",
            "DIS": "disgust",
            "FEA": "fear",
            "HAP": "happy",
            "NEU": "neutral",
            "SAD": "sad",
        },
        language=_always("en"),
        licence="ODbL-1.0",
    ),
    Naming(
        corpus="tess",  # Pichora-Fuller and Dupuis 2020; a few files say OA for OAF
        pattern=re.compile(
            r"(?P<speaker>OA|YA)F?_(?P<sentence>[a-z-]+)_"
            r"(?P<emotion>angry|disgust|fear|happy|neutral|ps|sad)" + _END
        ),
        labels=_WORDS | {"ps": "surprise"},
        language=_always("en"),
        licence="CC BY-NC-ND 4.0",
    ),
    Naming(
        corpus="savee",  # Haq and Jackson 2010
        pattern=re.compile(
            r"(?P<speaker>DC|JE|JK|KL)[/_](?P<emotion>sa|su|[adfhn])(?P<sentence>\d\d)" + _END
        ),
        labels={
            "a": "angry",
            "d": "disgust",
            "f": "fear",
            "h": "happy",
            "n": "neutral",
            "sa": "sad",
            "su": "surprise",
        },
        language=_always("en"),
        licence="research only",
        sentence=_savee_sentence,
    ),
    Naming(
        corpus="esd",  # Zhou et al. 2021
        pattern=re.compile(
            r"(?P<emotion>Angry|Happy|Neutral|Sad|Surprise)/(?:[a-z]+/)?"
            r"(?P<speaker>00[01]\d|0020)_(?P<number>\d{6})" + _END
        ),
        labels={word.capitalize(): label for word, label in _WORDS.items()},
        language=_esd_language,
        licence="research only",
        sentence=_esd_sentence,
    ),
    Naming(
        corpus="casia",  # CASIA Chinese emotion corpus, 2008
        pattern=re.compile(
            r"(?P<speaker>[A-Za-z]+)/(?P<emotion>angry|fear|happy|neutral|sad|surprise)/"
            r"(?P<sentence>\d+)" + _END
        ),
        labels=_WORDS,
        language=_always("zh"),
        licence="proprietary",
    ),
    Naming(
        corpus="nemo",  # Christop 2024
        pattern=re.compile(
            rf"(?P<speaker>[A-Z]{{2}}\d)_(?P<emotion>{_words()})_(?P<sentence>\d+)" + _END
        ),
        labels=_WORDS,
        language=_always("pl"),
        licence="CC BY-NC-SA 4.0",
    ),
    Naming(
        corpus="emotale",  # Hjuler et al. 2025
        pattern=re.compile(
            r"(?P<country>DK|EN)_(?P<speaker>\d{3})_(?P<emotion>[ABHNS])_(?P<number>\d+)" + _END
        ),
        labels={"A": "angry", "B": "boredom", "H": "happy", "N": "neutral", "S": "sad"},
        language=lambda match: {"DK": "da", "EN": "en"}[match["country"]],
        licence="none stated",
        sentence=lambda match: f"{match['country']}-{match['number']}",
    ),
)
