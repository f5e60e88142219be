"""The card of a head file: what the head is, and what nobody should use it for."""

from __future__ import annotations

import math
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from subtone.perception.heads.errors import HeadError
from subtone.perception.heads.networks import Network
from subtone.perception.heads.pooling import Pooling

FORMAT_VERSION: Final = 1

EMOTIONS: Final = ("neutral", "happy", "sad", "angry", "fear", "disgust", "surprise")
# the one label of a contrast head; a larger logit means more of it
CONTRASTS: Final = {"arousal": "high", "valence": "negative"}

Text = Annotated[str, Meta(min_length=1, max_length=2_000)]
ShortName = Annotated[str, Meta(min_length=1, max_length=150)]
Layer = Annotated[int, Meta(ge=0, le=255)]
Positive = Annotated[float, Meta(gt=0.0)]
Share = Annotated[float, Meta(gt=0.0, le=1.0)]


class HeadCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything about a head that is not a weight."""

    name: ShortName
    task: ShortName  # "emotion", "arousal", "valence", "voice", "projection", or one's own
    space: ShortName  # the encoder's stem; of a pooled vector (pooling none), its whole space
    layer: Layer = 0
    also_layers: tuple[Layer, ...] = ()  # pooled too, their vectors after the first layer's
    pooling: Pooling
    width: Annotated[int, Meta(ge=1, le=16_384)]  # of the states, before pooling
    network: Network
    labels: tuple[ShortName, ...] = ()  # in the order of the outputs; none where it gives a vector
    is_relative_to_speaker: bool = False  # reads the difference from the caller's first speech
    speaker_share: Share | UnsetType = UNSET  # of it, taken off; all where nothing is said
    temperature: Positive | None = None  # divides the logits; None: not calibrated
    # of the top probability; of a voice head, the cosine from which two voices are one
    abstention_threshold: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0
    domain_reference: Positive | None = None  # see domain.TrainingDomain; None: no statistics
    gives_space: ShortName | None = None  # of a vector: which others it may be compared with
    licence: ShortName
    data: Text  # corpora, speakers, band, language, acted or natural
    figures: dict[str, float] = {}
    intended_use: Text
    format_version: int = FORMAT_VERSION

    @property
    def share_of_normal(self) -> float:
        """How much of the speaker's own normal is taken off what the head reads, in [0, 1]."""
        if not self.is_relative_to_speaker:
            return 0.0
        return 1.0 if self.speaker_share is UNSET else self.speaker_share


def check_card(card: HeadCard) -> None:
    """The ranges, which a constructor does not check, and what types cannot say.

    Raises HeadError.
    """
    try:
        msgspec.convert(msgspec.to_builtins(card), HeadCard)
    except (msgspec.ValidationError, TypeError) as error:
        raise HeadError(
            card.name, f"its card does not hold: {error}", "the file is at fault: correct its card"
        ) from error
    cause = next((cause for is_broken, cause in _faults(card) if is_broken), None)
    if cause is not None:
        raise HeadError(card.name, cause, "the file is at fault: correct its card")


def _faults(card: HeadCard) -> list[tuple[bool, str]]:
    unknown = sorted(set(card.labels) - set(EMOTIONS)) if card.task == "emotion" else []
    contrast = CONTRASTS.get(card.task)
    is_projection = card.network is Network.PROJECTION
    numbers = (
        card.temperature or 1.0,
        card.domain_reference or 1.0,
        card.abstention_threshold,
        *card.figures.values(),
    )
    return [
        (
            card.format_version != FORMAT_VERSION,
            f"its card has version {card.format_version}, this subtone knows {FORMAT_VERSION}",
        ),
        (bool(unknown), f"names emotions that are not known: {', '.join(unknown)}"),
        (len(set(card.labels)) != len(card.labels), "names a label twice"),
        (card.task == "emotion" and len(card.labels) < 2, "needs at least two emotions"),
        (
            contrast is not None and card.labels != (contrast,),
            f"an {card.task} head has the one label {contrast}",
        ),
        (
            (card.task == "emotion" or contrast is not None) and card.domain_reference is None,
            "lacks the statistics of its training domain, so nothing says when not to trust it",
        ),
        (is_projection != (card.task == "projection"), "task and network disagree: projection"),
        (
            bool(card.labels) == (card.gives_space is not None),
            "gives either labels or a vector in a space",
        ),
        (is_projection and card.gives_space is None, "a projection gives a vector"),
        (card.task == "voice" and card.gives_space is None, "a voice head gives a vector"),
        (
            card.is_relative_to_speaker and card.pooling is Pooling.ATTENTIVE,
            "a head relative to the speaker pools by mean or mean_std, or reads a pooled vector",
        ),
        (
            bool(card.also_layers) and card.pooling in (Pooling.NONE, Pooling.ATTENTIVE),
            "a head of several layers pools by mean or mean_std",
        ),
        (
            len({card.layer, *card.also_layers}) != 1 + len(card.also_layers),
            "names a layer twice",
        ),
        (
            contrast is not None and card.share_of_normal != 1.0,
            "a contrast is relative to the speaker, whose normal is taken off whole",
        ),
        (
            card.speaker_share is not UNSET and not card.is_relative_to_speaker,
            "says which share of the speaker's normal is taken off, and is not relative to it",
        ),
        (not all(math.isfinite(n) for n in numbers), "holds a number that is not finite"),
    ]
