"""Training of contrast heads: one logit against the caller's own normal.

Arousal tells high from low: anger, joy, fear and surprise from neutral, sadness, boredom and
calm. Valence tells unpleasant from pleasant *at high arousal*: anger from joy, which no
acoustic feature does. Both read the difference from the speaker's neutral speech.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from subtone.perception.encoding import FloatArray
from subtone.perception.learning.baseline import centred_table
from subtone.perception.learning.clips import Clip
from subtone.perception.learning.training.classes import (
    ClassHead,
    train_classes,
)
from subtone.perception.learning.training.linear import Reals
from subtone.perception.learning.training.settings import (
    Setting,
    arousal_setting,
    valence_setting,
)
from subtone.perception.learning.training.table import Table


@dataclass(frozen=True, eq=False)
class ContrastFit:
    """A trained contrast; a larger logit is more of ``label``."""

    task: str
    label: str
    head: ClassHead  # its second label is the one meant

    def logits(self, moved: FloatArray) -> Reals:
        """(clips) calibrated log-odds of (clips, layers, n) less the speaker's normal."""
        both = self.head.logits(moved)
        odds: Reals = (both[:, 1] - both[:, 0]) / self.head.temperature
        return odds


def is_high_arousal(clip: Clip) -> str | None:
    """The side: 1-high or 0-low; None for what is neither, like disgust."""
    if clip.arousal_sign > 0:
        return "1-high"
    if clip.arousal_sign < 0 or clip.label == "neutral":
        return "0-low"
    return None


def is_negative_valence(clip: Clip) -> str | None:
    """The side: 1-negative for anger, 0-positive for joy; None for everything else."""
    return {"angry": "1-negative", "happy": "0-positive"}.get(clip.label)


def train_contrast(
    table: Table,
    task: str,
    label: str,
    side_of: Callable[[Clip], str | None],
    setting: Setting,
) -> ContrastFit:
    """Train on every rendition, each centred on its speaker's neutral clips.

    Speakers without neutral clips are left out. Raises LearningError as ``train_classes``.
    """
    usable = centred_table(table)
    return ContrastFit(task, label, train_classes(usable, side_of, (setting,), is_centred=True))


def train_arousal(table: Table, setting: Setting | None = None) -> ContrastFit:
    """High against low arousal."""
    setting = setting or arousal_setting(table.n_layers)
    return train_contrast(table, "arousal", "high", is_high_arousal, setting)


def train_valence(table: Table, setting: Setting | None = None) -> ContrastFit:
    """Unpleasant against pleasant, at high arousal."""
    setting = setting or valence_setting(table.n_layers)
    return train_contrast(table, "valence", "negative", is_negative_valence, setting)
