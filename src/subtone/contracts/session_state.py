"""Domain session_state (L4): score, state, reasons, advice (7)."""

from __future__ import annotations

from subtone.contracts.base import Contract, Count, Name, SeenMs, TimeMs, Unit01
from subtone.contracts.calibration import Calibration
from subtone.contracts.signal_correlation import Conflict, HeadShare
from subtone.contracts.vocabulary import (
    Action,
    DriftState,
    SessionState,
    Signal,
)
from subtone.contracts.voice_intelligence import TextSpan


class LocalText(Contract, frozen=True, kw_only=True):
    """One sentence in both languages of the product."""

    en: str
    zh: str


class Detail(Contract, frozen=True, kw_only=True):
    """One named number inside a contributor."""

    name: Name
    value: float


class ScoreContributor(Contract, frozen=True, kw_only=True):
    """One of the three weighted terms of the escalation score."""

    signal: Signal
    score: Unit01
    weight: Unit01  # effective weight, after renormalisation; 0 when the signal is missing
    contribution: Unit01  # weight x score
    share: Unit01  # of the sum of contributions
    details: tuple[Detail, ...]


class EscalationScore(Contract, frozen=True, kw_only=True):
    """0.3 drift + 0.4 conflict + 0.3 emotion, with the open-distress floor."""

    t_event_ms: TimeMs
    score: Unit01
    raw: Unit01
    floor: Unit01
    is_floor_applied: bool
    coverage: Unit01  # share of the weights whose signal exists
    contributors: tuple[ScoreContributor, ...]
    dominant_signal: Signal


class Counterfactual(Contract, frozen=True, kw_only=True):
    """The smallest change to one dimension under which this transition would not have happened.

    Found by re-running the pure kernel, not by a model of it.
    """

    channel: Name
    dimension: Name
    stayed_below: Unit01
    observed: Unit01  # its peak over the moments that were re-run
    sentence: LocalText


class WordEvidence(Contract, frozen=True, kw_only=True):
    """The words of one turn that carried the decision."""

    turn_id: Name
    t_event_ms: TimeMs
    t_end_ms: TimeMs
    quote: str
    spans: tuple[TextSpan, ...]


class VoiceEvidence(Contract, frozen=True, kw_only=True):
    """The seconds of voice that carried the decision, and how they stood out."""

    t_start_ms: TimeMs
    t_end_ms: TimeMs
    observation: LocalText


class StateBasis(Contract, frozen=True, kw_only=True):
    """Everything a person needs to check one decision."""

    t_event_ms: TimeMs
    score: EscalationScore
    dominant_signal: Signal
    drift_state: DriftState
    conflict: Conflict | None
    path: LocalText  # the decision in words
    reasons: tuple[LocalText, ...]
    words: tuple[WordEvidence, ...]
    voice: tuple[VoiceEvidence, ...]
    heads: tuple[HeadShare, ...] = ()  # models that had a say in the voice channel
    counterfactuals: tuple[Counterfactual, ...]
    calibration_version: Name


class StateTransition(Contract, frozen=True, kw_only=True):
    """One edge of the session machine, taken."""

    t_event_ms: TimeMs
    t_seen_ms: SeenMs
    from_state: SessionState
    to_state: SessionState
    edge: Name
    score: Unit01
    masked: bool
    basis: StateBasis


class SessionSnapshot(Contract, frozen=True, kw_only=True):
    """Where the session stands after one moment."""

    call_id: Name
    t_event_ms: TimeMs
    t_seen_ms: SeenMs
    state: SessionState
    since_ms: TimeMs
    masked: bool
    has_escalation_request: bool
    score: EscalationScore
    drift_state: DriftState
    moment_index: Count


class PolicyRecommendation(Contract, frozen=True, kw_only=True):
    """What to do now, and why."""

    t_event_ms: TimeMs
    state: SessionState
    action: Action
    reason: LocalText


__all__ = [
    "Calibration",
    "Counterfactual",
    "Detail",
    "EscalationScore",
    "LocalText",
    "PolicyRecommendation",
    "ScoreContributor",
    "SessionSnapshot",
    "StateBasis",
    "StateTransition",
    "VoiceEvidence",
    "WordEvidence",
]
