"""The kinds of composed call, as data: which voice says which words for how long."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bench.corpora import Clip
from subtone.contracts.vocabulary import SessionState


class Voice(StrEnum):
    """How the customer sounds."""

    NEUTRAL = "neutral"
    ANGRY_NORMAL = "angry, normal intensity"
    ANGRY_STRONG = "angry, strong"
    HAPPY = "happy"

    def admits(self, clip: Clip) -> bool:
        """Whether a clip sounds like this; corpora without intensity grades count as strong."""
        emotions, strengths = _VOICES[self]
        return clip.emotion in emotions and clip.is_strong in strengths


_ANY = (True, False, None)
_VOICES: dict[Voice, tuple[tuple[str, ...], tuple[bool | None, ...]]] = {
    Voice.NEUTRAL: (("neutral", "calm"), _ANY),
    Voice.ANGRY_NORMAL: (("angry",), (False,)),
    Voice.ANGRY_STRONG: (("angry",), (True, None)),
    Voice.HAPPY: (("happy",), _ANY),
}


class Words(StrEnum):
    """What the customer says."""

    CALM = "calm"
    SOUR = "sour"
    GLAD = "glad"


@dataclass(frozen=True)
class Phase:
    """One stretch of a call."""

    voice: Voice
    words: Words
    seconds: float


@dataclass(frozen=True)
class Kind:
    """One kind of call; the change happens at the start of the second phase."""

    name: str
    phases: tuple[Phase, ...]
    expected: SessionState | None  # the state that names what changed; None: no alert is right
    has_recovery: bool = False  # the last phase is calm again and should end calm or resolved


_NEUTRAL_START = Phase(Voice.NEUTRAL, Words.CALM, 60.0)

KINDS: tuple[Kind, ...] = (
    Kind(
        "masked",
        (_NEUTRAL_START, Phase(Voice.ANGRY_STRONG, Words.CALM, 60.0)),
        SessionState.HIDDEN_FRUSTRATION,
    ),
    Kind(
        "mild",
        (_NEUTRAL_START, Phase(Voice.ANGRY_NORMAL, Words.CALM, 60.0)),
        SessionState.HIDDEN_FRUSTRATION,
    ),
    Kind(
        "open",
        (_NEUTRAL_START, Phase(Voice.ANGRY_STRONG, Words.SOUR, 60.0)),
        SessionState.ACTIVE_ESCALATION,
    ),
    Kind("joyful", (_NEUTRAL_START, Phase(Voice.HAPPY, Words.GLAD, 60.0)), None),
    Kind("calm", (Phase(Voice.NEUTRAL, Words.CALM, 180.0),), None),
    Kind(
        "recovery",
        (
            _NEUTRAL_START,
            Phase(Voice.ANGRY_STRONG, Words.SOUR, 60.0),
            Phase(Voice.NEUTRAL, Words.CALM, 90.0),
        ),
        SessionState.ACTIVE_ESCALATION,
        has_recovery=True,
    ),
)
