"""One tick decided: correlation, score and session machine in a row, and what-if re-runs.

A decision is a pure function of the memory before the tick and the tick's input. Keeping
the last few of both is therefore enough to answer "would it have happened without this?"
by running the very same code again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import msgspec

from subtone.contracts.calibration import Calibration
from subtone.contracts.session_state import EscalationScore
from subtone.contracts.vocabulary import (
    Channel,
    SessionState,
    TextDimension,
    VoiceDimension,
)
from subtone.contracts.voice_intelligence import TextEmotionScores, VoiceEmotionScores
from subtone.kernel.session_state.escalation import score_escalation
from subtone.kernel.session_state.machine import (
    NO_EVIDENCE,
    START,
    SessionMemory,
    step_session,
)
from subtone.kernel.signal_correlation.moment import (
    Correlated,
    MomentInput,
    MomentMemory,
    correlate,
)

Dimension = TextDimension | VoiceDimension


@dataclass(frozen=True, slots=True)
class DecisionMemory:
    """Everything that is carried from tick to tick."""

    moments: MomentMemory = field(default_factory=MomentMemory)
    session: SessionMemory = START
    since_ms: int = 0  # when the session entered its state


@dataclass(frozen=True, slots=True)
class Decided:
    """What one tick led to."""

    correlated: Correlated
    score: EscalationScore
    from_state: SessionState
    to_state: SessionState
    edge: str

    @property
    def is_transition(self) -> bool:
        """Whether the session changed its state."""
        return self.from_state is not self.to_state


@dataclass(frozen=True, slots=True)
class Step:
    """One tick as it can be run again."""

    before: DecisionMemory
    given: MomentInput


def decide(
    memory: DecisionMemory, given: MomentInput, calibration: Calibration
) -> tuple[DecisionMemory, Decided]:
    """Run one tick through correlation, score and session machine."""
    moments, correlated = correlate(memory.moments, given, calibration)
    score = score_escalation(
        given.t_event_ms,
        correlated.moment.text_negativity,
        correlated.moment.voice_negativity,
        correlated.drift.state,
        correlated.conflict,
        calibration.session,
        calibration.conflict,
    )
    session, edge = memory.session, NO_EVIDENCE
    if score.coverage > 0.0:  # a silent caller has not calmed down
        is_masked = correlated.conflict.is_masking_confirmed
        session, edge = step_session(session, score.score, is_masked, calibration.session)
    decided = Decided(correlated, score, memory.session.state, session.state, edge)
    since_ms = given.t_event_ms if decided.is_transition else memory.since_ms
    return DecisionMemory(moments, session, since_ms), decided


def final_state(
    steps: Sequence[Step],
    calibration: Calibration,
    channel: Channel,
    dimension: Dimension,
    ceiling: float,
) -> SessionState:
    """Run the steps again with one score held at or below a ceiling, and say where they end."""
    memory = steps[0].before
    for step in steps:
        held = _held_below(step.given, channel, dimension, ceiling)
        memory, _ = decide(memory, held, calibration)
    return memory.session.state


def observed_peaks(steps: Sequence[Step]) -> dict[tuple[Channel, Dimension], float]:
    """The highest value of every score over the steps; calm is left out, it never alarms."""
    peaks: dict[tuple[Channel, Dimension], float] = {}
    for step in steps:
        for key, value in scored_dimensions(step.given).items():
            if key[1] not in (TextDimension.CALM, VoiceDimension.CALM):
                peaks[key] = max(value, peaks.get(key, 0.0))
    return peaks


def scored_dimensions(given: MomentInput) -> dict[tuple[Channel, Dimension], float]:
    """Every emotion score of one tick, where its channel has evidence."""
    text, voice = given.text.scores, given.voice.scores
    found: dict[tuple[Channel, Dimension], float] = {}
    if text is not None:
        found |= {(Channel.TEXT, d): getattr(text, d) for d in TextDimension}
    if voice is not None:
        found |= {(Channel.VOICE, d): getattr(voice, d) for d in VoiceDimension}
    return found


def _held_below(
    given: MomentInput, channel: Channel, dimension: Dimension, ceiling: float
) -> MomentInput:
    if channel is Channel.TEXT:
        text = _capped(given.text.scores, dimension, ceiling)
        return replace(given, text=replace(given.text, scores=text))
    voice = _capped(given.voice.scores, dimension, ceiling)
    return replace(given, voice=replace(given.voice, scores=voice))


ScoresT = TypeVar("ScoresT", TextEmotionScores, VoiceEmotionScores)


def _capped(scores: ScoresT | None, dimension: Dimension, ceiling: float) -> ScoresT | None:
    if scores is None:
        return None
    value = min(ceiling, getattr(scores, dimension))
    return msgspec.structs.replace(scores, **{dimension: value})
