"""Whether one rule holds on one call: hysteresis, dwell, clearing and cooldown.

All of it on the call's media clock, so a late or fast stream changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from subtone.contracts.outputs import Decision
from subtone.contracts.vocabulary import SessionState
from subtone.surfaces.alerts.rules import AlertRule, transition_name


@dataclass(frozen=True, slots=True)
class RuleTrack:
    """One rule on one call; times are event times in milliseconds."""

    since_ms: int | None = None  # since when the rule has held
    entered: SessionState | None = None  # the state in which it began to
    is_active: bool = False  # it held long enough: an alert stands for it
    left_ms: int | None = None  # active, and since when it no longer holds
    quiet_until_ms: int = 0


IDLE = RuleTrack()


def track_rule(track: RuleTrack, rule: AlertRule, decision: Decision) -> RuleTrack:
    """Take one decision of the call; decisions come in event-time order."""
    t_ms = decision.snapshot.t_event_ms
    holds = _holds(track, rule, decision)
    if track.is_active:
        if holds:
            return replace(track, left_ms=None)
        left_ms = t_ms if track.left_ms is None else track.left_ms
        if t_ms - left_ms >= rule.clear_ms:
            return RuleTrack(quiet_until_ms=t_ms + rule.cooldown_ms)
        return replace(track, left_ms=left_ms)
    if not holds:
        return replace(track, since_ms=None, entered=None)
    since_ms = t_ms if track.since_ms is None else track.since_ms
    return replace(
        track,
        since_ms=since_ms,
        entered=track.entered or decision.snapshot.state,
        is_active=t_ms - since_ms >= rule.dwell_ms and t_ms >= track.quiet_until_ms,
    )


def _holds(track: RuleTrack, rule: AlertRule, decision: Decision) -> bool:
    """Whether the rule holds now; what already held keeps holding by hysteresis."""
    seen, taken = decision.snapshot, decision.transition
    held = track.since_ms is not None
    threshold = rule.min_score - (rule.hysteresis if held else 0.0)
    if seen.score.score < threshold or seen.score.coverage < rule.min_coverage:
        return False
    is_edge = taken is not None and (
        taken.edge in rule.edges or transition_name(taken.from_state, taken.to_state) in rule.edges
    )
    is_edge_standing = held and bool(rule.edges) and seen.state is track.entered
    is_requested = rule.on_escalation_request and seen.has_escalation_request
    return seen.state in rule.states or is_edge or is_edge_standing or is_requested
