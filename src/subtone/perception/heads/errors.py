"""What can go wrong with a head, a model beside it, or what is given to either."""

from __future__ import annotations

from subtone.perception.errors import PerceptionError


class HeadError(PerceptionError):
    """A head cannot be used; the message is one line that says whose fault it is.

    Args:
        source: what is at fault: a file's name without its folder, a head, a model, a caller.
        cause: what is wrong with it.
        advice: what the person responsible for it can do.

    """

    def __init__(self, source: str, cause: str, advice: str) -> None:
        super().__init__(f"{source}: {cause}; {advice}")
        self.source = source
        self.cause = cause
        self.advice = advice


class VoiceprintError(PerceptionError):
    """Voices were to be recognised where nobody allowed it."""


def missing_extra(package: str, extra: str) -> HeadError:
    """The refusal where an optional package is not installed."""
    return HeadError(package, "is not installed", f"run: pip install subtone[{extra}]")
