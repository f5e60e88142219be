"""What the kernel knows about one call between two events."""

from __future__ import annotations

from dataclasses import dataclass, field

from subtone.contracts import inbound as ev
from subtone.contracts.calibration import Calibration
from subtone.contracts.outputs import AnalysedTurn
from subtone.contracts.signal_correlation import AlignedMoment, EmotionCorrelation
from subtone.contracts.voice_intelligence import TextEmotionScores
from subtone.kernel.decision import DecisionMemory, Step
from subtone.kernel.voice_intelligence.hearing import HearingMemory
from subtone.kernel.voice_intelligence.tracker import TrackMemory
from subtone.kernel.voice_intelligence.tracks import OPENING


class PeerError(ValueError):
    """The event stream broke its contract: the sender's fault, said in one line."""


@dataclass(frozen=True, slots=True)
class CallState:
    """Everything the kernel knows about one call; small, explicit, replayable."""

    calibration: Calibration
    call: ev.CallStarted | None = None
    hearing: HearingMemory = field(default_factory=HearingMemory)
    turns: tuple[AnalysedTurn, ...] = ()  # customer turns that are still fresh
    heads: tuple[ev.HeadResult, ...] = ()
    interventions_ms: tuple[int, ...] = ()  # not yet seen by a moment
    emotion_tracks: tuple[TrackMemory, ...] = OPENING
    memory: DecisionMemory = field(default_factory=DecisionMemory)
    steps: tuple[Step, ...] = ()  # the last few ticks, as they can be run again
    moments: tuple[AlignedMoment, ...] = ()  # of those ticks
    correlation: EmotionCorrelation | None = None
    clock_ms: int = 0  # what Ticks, and in a chat the texts, have passed
    late_count: int = 0
    is_ended: bool = False

    @property
    def decided_ms(self) -> int:
        """Event time of the last closed moment."""
        return self.memory.moments.t_event_ms

    @property
    def moment_count(self) -> int:
        """Moments closed so far."""
        return self.memory.moments.moment_count

    @property
    def text_scores(self) -> list[TextEmotionScores]:
        """Scores of the customer turns that are still fresh."""
        return [t.scored.scores for t in self.turns if t.scored is not None]
