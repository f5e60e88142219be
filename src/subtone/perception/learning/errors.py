"""What can go wrong while learning: each error says whose fault it is and what to do."""

from __future__ import annotations

from subtone.perception.errors import PerceptionError


class LearningError(PerceptionError):
    """Data, a split or a recipe cannot be used as asked; the message is one line."""


class LeakedSplitError(LearningError):
    """A speaker, or a sentence, is on both sides of a split."""


def train_extra(package: str) -> LearningError:
    """The refusal where a package of the train extra is not installed."""
    return LearningError(f"{package}: this needs the train extra; install subtone[train]")
