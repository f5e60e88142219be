"""What deserves an alert, as data: rules on states and edges, quiet hours, a budget.

A rule never looks at raw signals; the session machine has judged those. It says which
judgements matter to whom, for how long they must stand, and how often they may be told.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta

from subtone.contracts.base import Contract, ContractError, DurationMs, Name, Unit01
from subtone.contracts.vocabulary import SessionState
from subtone.kernel.session_state.machine import SESSION_EDGES

HOUR_MS = 3_600_000
Slots = Annotated[int, Meta(ge=0, le=10_000, description="alerts in any hour")]


class AlertRulesError(ValueError):
    """The rules file cannot be used; one line says what is wrong and what to do."""


class AlertSeverity(StrEnum):
    """How soon a person should look, mildest first."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for the mildest."""
        return _SEVERITIES.index(self)


_SEVERITIES = list(AlertSeverity)


class Weekday(StrEnum):
    """Day of the week, Monday first."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


class DedupField(StrEnum):
    """What two findings must share to be told as one alert; the tenant always."""

    CALL = "call"
    RULE = "rule"
    TEAM = "team"
    STATE = "state"  # the state in which the finding began


class CallLabels(Contract, frozen=True, kw_only=True):
    """Whose call it is: which rules apply, and who is told."""

    call_id: Name
    tenant: Name = "default"
    team: Name = "default"
    supervisor: Name = "default"


class QuietHours(Contract, frozen=True, kw_only=True):
    """A stretch of local time, ``start`` included and ``end`` not; it may cross midnight.

    ``days`` are the days on which it starts. Equal ends mean the whole day.
    """

    start: dt.time
    end: dt.time
    days: tuple[Weekday, ...] = tuple(Weekday)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.start.tzinfo is not None or self.end.tzinfo is not None:
            raise ContractError("QuietHours are local times; name the zone in time_zone")

    def holds_at(self, local: dt.datetime) -> bool:
        """Whether a local time lies inside."""
        now, today = local.time(), _weekday(local)
        if self.start < self.end:
            return self.start <= now < self.end and today in self.days
        yesterday = _weekday(local - dt.timedelta(days=1))
        is_evening = now >= self.start and today in self.days
        return is_evening or (now < self.end and yesterday in self.days)


class AlertRule(Contract, frozen=True, kw_only=True):
    """One thing to tell.

    It begins to hold in any of ``states``, when any of ``edges`` is taken (a name such as
    ``stalled_high``, or ``from->to``), or, with ``on_escalation_request``, when the customer
    asked for a supervisor; an edge's finding stands while the session stays where it led.
    Durations are on the call's media clock, except for ``retract_ms``.
    """

    name: Name
    severity: AlertSeverity
    states: tuple[SessionState, ...] = ()
    edges: tuple[Name, ...] = ()
    on_escalation_request: bool = False
    min_score: Unit01 = 0.0
    hysteresis: Unit01 = 0.1  # once it holds, the score may fall this far below min_score
    min_coverage: Unit01 = 0.0  # share of the score's weights that had a signal
    dwell_ms: DurationMs = 0  # must hold this long before it is told
    clear_ms: DurationMs = 5_000  # must be over this long before it counts as over
    cooldown_ms: DurationMs = 60_000  # after that, silent on this call for this long
    retract_ms: DurationMs = 20_000  # over within this much wall time of the telling: taken back
    dedup: tuple[DedupField, ...] = (DedupField.CALL,)
    tenants: tuple[Name, ...] = ()  # none means all
    teams: tuple[Name, ...] = ()
    quiet_hours: tuple[QuietHours, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.states or self.edges or self.on_escalation_request):
            raise ContractError(
                f"rule {self.name!r} can never hold; give it states, edges or on_escalation_request"
            )
        unknown = [edge for edge in self.edges if edge not in EDGE_NAMES]
        if unknown:
            raise ContractError(
                f"rule {self.name!r} names the edge {unknown[0]!r}, which the session machine "
                "does not have; see docs/state-machines.md"
            )

    def is_for(self, labels: CallLabels) -> bool:
        """Whether the rule applies to such a call at all."""
        return (not self.tenants or labels.tenant in self.tenants) and (
            not self.teams or labels.team in self.teams
        )


class AlertBudget(Contract, frozen=True, kw_only=True):
    """How many alerts one supervisor can act on in any 60 minutes."""

    per_hour: Slots = 12
    per_supervisor: dict[str, Slots] = msgspec.field(default_factory=dict)
    reserved_for_critical: Slots = 2  # of them, half at most; only critical alerts take these
    gather_ms: Annotated[int, Meta(ge=0, le=600_000)] = 0
    """Milliseconds a milder alert waits to be ranked with what else comes up; critical: 0."""

    def slots_for(self, supervisor: str) -> int:
        """Alerts this supervisor may get in any hour."""
        return self.per_supervisor.get(supervisor, self.per_hour)


_S = SessionState
DEFAULT_RULES = (
    AlertRule(
        name="active_escalation", severity=AlertSeverity.CRITICAL, states=(_S.ACTIVE_ESCALATION,)
    ),
    AlertRule(
        name="escalation_risk",
        severity=AlertSeverity.WARNING,
        states=(_S.ESCALATION_RISK, _S.ACTIVE_ESCALATION),
    ),
    AlertRule(
        name="hidden_frustration",
        severity=AlertSeverity.INFO,
        states=(_S.HIDDEN_FRUSTRATION,),
        dwell_ms=10_000,
    ),
    AlertRule(
        name="asked_for_supervisor", severity=AlertSeverity.WARNING, on_escalation_request=True
    ),
)


class AlertRules(Contract, frozen=True, kw_only=True):
    """Everything the engine follows; what a TOML file of rules holds."""

    rules: tuple[AlertRule, ...] = DEFAULT_RULES
    budget: AlertBudget = AlertBudget()
    time_zone: Name = "UTC"  # IANA name, for quiet hours

    def __post_init__(self) -> None:
        super().__post_init__()
        names = [rule.name for rule in self.rules]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ContractError(f"two rules are called {twice[0]!r}; give each its own name")
        try:
            _zone(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ContractError(
                f"time_zone {self.time_zone!r} is not known here; use an IANA name such as "
                "Asia/Shanghai, and have the system's time zone data or the tzdata package"
            ) from error

    def named(self) -> Mapping[str, AlertRule]:
        """The rules by name."""
        return {rule.name: rule for rule in self.rules}

    def is_quiet(self, rule: AlertRule, t_ms: int) -> bool:
        """Whether the rule is silent at a wall time, in milliseconds since the Unix epoch."""
        if not rule.quiet_hours:
            return False
        local = dt.datetime.fromtimestamp(t_ms / 1000, _zone(self.time_zone))
        return any(hours.holds_at(local) for hours in rule.quiet_hours)


def read_rules(toml: str | bytes) -> AlertRules:
    """Read rules from TOML; what it leaves out keeps its default.

    Raises AlertRulesError: not TOML, an unknown key, a value out of its range, an edge or a
    time zone that does not exist, two rules of one name.
    """
    try:
        return msgspec.toml.decode(toml, type=AlertRules)
    except (msgspec.DecodeError, ValueError) as error:
        raise AlertRulesError(f"the alert rules cannot be used: {error}; correct them") from error


def _weekday(local: dt.datetime) -> Weekday:
    return list(Weekday)[local.weekday()]


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def transition_name(from_state: SessionState, to_state: SessionState) -> str:
    """How a rule names a transition whatever its edge."""
    return f"{from_state.value}->{to_state.value}"


EDGE_NAMES = frozenset(
    name
    for edge in SESSION_EDGES
    for name in (edge.edge, transition_name(edge.from_state, edge.to_state))
)
"""Every name that may stand in ``AlertRule.edges``."""
