"""Which language is spoken, read from the shared encoding by the decoder's first step."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Protocol

from subtone.contracts.memory import LabelProbability, LanguageFinding
from subtone.perception.encoding import EncodedAudio, EncodedWindow
from subtone.perception.tasks import Needs

_ENOUGH = 0.5
_SHOWN = 5


class LanguageDecoder(Protocol):
    """What is asked of a Whisper decoder."""

    @property
    def is_multilingual(self) -> bool:
        """Whether it knows more than English."""
        ...

    def languages(self, window: EncodedWindow) -> dict[str, float]:
        """Probability by language code, likeliest first."""
        ...


@dataclass(frozen=True)
class DetectLanguage:
    """The task ``language``: windows weighted by their speech.

    Abstains (None) without speech and below a share of ``least_confidence``. An English-only
    checkpoint cannot tell: it answers ``en`` with confidence 0 and no probabilities, and the
    model's name says that this was assumed. The shares are those of all languages; the
    likeliest five are given, and the rest as ``other``.
    """

    decoder: LanguageDecoder
    least_confidence: float = _ENOUGH

    name = "language"
    needs = Needs(decoder=True)

    def __call__(self, encoded: EncodedAudio) -> LanguageFinding:
        """The language of a recording. Raises PerceptionError for another model's encoding."""
        if not self.decoder.is_multilingual:
            return LanguageFinding(
                language="en" if encoded.windows else None,
                confidence=0.0,
                probabilities=(),
                model=f"{encoded.encoder} (English only: assumed, not detected)",
            )
        shares: dict[str, float] = defaultdict(float)
        total = sum(window.valid_frames for window in encoded.windows)
        for window in encoded.windows:
            for code, share in self.decoder.languages(window).items():
                shares[code] += share * window.valid_frames / total
        ranked = sorted(shares.items(), key=lambda pair: -pair[1])
        likeliest, confidence = ranked[0] if ranked else (None, 0.0)
        return LanguageFinding(
            language=likeliest if confidence >= self.least_confidence else None,
            confidence=min(confidence, 1.0),
            probabilities=_shown(ranked),
            model=encoded.encoder,
        )


def _shown(ranked: list[tuple[str, float]]) -> tuple[LabelProbability, ...]:
    if not ranked:
        return ()
    shown = [LabelProbability(label=code, probability=min(p, 1.0)) for code, p in ranked[:_SHOWN]]
    rest = sum(share for _, share in ranked[_SHOWN:])
    return (*shown, LabelProbability(label="other", probability=min(rest, 1.0)))
