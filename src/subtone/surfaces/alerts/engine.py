"""From decisions to alerts: pure, over all calls at once.

``step(memory, given, t_ms, rules) -> (memory, alerts)``. What happens is one chain for
everything: rules that hold on a call join an *episode* (one alert); whatever an episode has
to tell and has not told waits; the most urgent of what waits goes out while its supervisor
has a free slot. A slot pays for the whole alert: its escalations and its retraction are
sent without another one, and none of it is ever dropped: what is not sent is listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby

import msgspec

from subtone.contracts.base import Name
from subtone.contracts.outputs import Decision
from subtone.contracts.vocabulary import Action
from subtone.surfaces.alerts.alert import (
    Alert,
    AlertChange,
    HoldReason,
    Routing,
    Verdict,
    alert_id,
    raise_alert,
)
from subtone.surfaces.alerts.rules import (
    HOUR_MS,
    AlertRule,
    AlertRules,
    AlertSeverity,
    CallLabels,
    DedupField,
)
from subtone.surfaces.alerts.tracking import IDLE, RuleTrack, track_rule

KEPT_ALERTS = 1_000
"""Closed alerts the memory keeps, for verdicts that come later and the live precision."""

_ACTIONS = list(Action)

# --- what happens ---------------------------------------------------------------------------


class Given(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Base of what the engine is told."""


class Observed(Given, frozen=True, kw_only=True):
    """The kernel decided one moment of a call."""

    labels: CallLabels
    decision: Decision


class CallOver(Given, frozen=True, kw_only=True):
    """A call ended; what stood for it no longer does."""

    call_id: Name


class TimePassed(Given, frozen=True, kw_only=True):
    """Nothing happened; slots may have become free and quiet hours may have ended."""


class Acknowledged(Given, frozen=True, kw_only=True):
    """A person took the alert: it was useful."""

    alert_id: Name
    by: Name


class Dismissed(Given, frozen=True, kw_only=True):
    """A person put the alert away and said why; its episode stays silent from now on."""

    alert_id: Name
    by: Name
    reason: Verdict

    def __post_init__(self) -> None:
        if self.reason is Verdict.USEFUL:
            raise ValueError("a useful alert is acknowledged, not dismissed; give another reason")


AlertInput = Observed | CallOver | TimePassed | Acknowledged | Dismissed

# --- what is remembered ---------------------------------------------------------------------

Level = tuple[int, int]  # severity, action


@dataclass(frozen=True, slots=True)
class Episode:
    """One open alert: on which calls, by which rules, and what of it was told."""

    alert_id: str
    members: frozenset[tuple[str, str]]  # call id, rule name
    told: Level | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A slot that was used."""

    t_ms: int
    severity: AlertSeverity


@dataclass(frozen=True, slots=True)
class AlertMemory:
    """Everything carried from step to step; bounded by the calls in progress."""

    t_ms: int = 0
    tracks: Mapping[str, Mapping[str, RuleTrack]] = field(default_factory=dict)  # call, rule
    episodes: Mapping[str, Episode] = field(default_factory=dict)  # by dedup key
    alerts: Mapping[str, Alert] = field(default_factory=dict)  # last revisions, oldest first
    sent: Mapping[str, tuple[Sent, ...]] = field(default_factory=dict)  # tenant and supervisor


def step(
    memory: AlertMemory, given: AlertInput, t_ms: int, rules: AlertRules
) -> tuple[AlertMemory, tuple[Alert, ...]]:
    """Take one thing that happened.

    Args:
        memory: what the last step returned, or ``AlertMemory()``.
        given: what happened. Verdicts on an alert that is not in ``memory.alerts`` change
            nothing; look there first.
        t_ms: wall time in milliseconds since the Unix epoch; a step back counts as none.
        rules: what to follow; may change between steps, open alerts then close.

    Returns:
        The new memory and every alert that changed, one revision each, in order of id within
        urgency. Keep them all; send those routed ``send``.

    """
    work = _Work(memory, max(memory.t_ms, t_ms), rules)
    match given:
        case Observed():
            work.observe(given.labels, given.decision)
        case CallOver():
            work.end_call(given.call_id)
        case Acknowledged():
            work.judge(given.alert_id, AlertChange.ACKNOWLEDGED, Verdict.USEFUL, given.by)
        case Dismissed():
            work.judge(given.alert_id, AlertChange.DISMISSED, given.reason, given.by)
    work.release()
    return work.finish()


def urgency(alert: Alert) -> tuple[int, int, float, int, str]:
    """Sort key, most urgent first: severity, advised action, score, age, id."""
    severity, action = _level(alert)
    return -severity, -action, -alert.score, alert.t_raised_ms, alert.alert_id


def _level(alert: Alert) -> Level:
    return alert.severity.rank, _ACTIONS.index(alert.action)


def _dedup_key(rule: AlertRule, labels: CallLabels, track: RuleTrack) -> str:
    parts = {
        DedupField.CALL: labels.call_id,
        DedupField.RULE: rule.name,
        DedupField.TEAM: labels.team,
        DedupField.STATE: track.entered.value if track.entered else "",
    }
    named = [f"{f.value}={parts[f]}" for f in DedupField if f in rule.dedup]
    return msgspec.json.encode([labels.tenant, *named]).decode()


@dataclass(slots=True)
class _Work:
    """One step under way; mutable only inside ``step``."""

    before: AlertMemory
    t_ms: int
    rules: AlertRules
    tracks: dict[str, Mapping[str, RuleTrack]] = field(init=False)
    episodes: dict[str, Episode] = field(init=False)
    alerts: dict[str, Alert] = field(init=False)
    sent: dict[str, tuple[Sent, ...]] = field(init=False)
    sending: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.tracks = dict(self.before.tracks)
        self.episodes = dict(self.before.episodes)
        self.alerts = dict(self.before.alerts)
        recent = {
            who: tuple(s for s in sent if s.t_ms > self.t_ms - HOUR_MS)
            for who, sent in self.before.sent.items()
        }
        self.sent = {who: sent for who, sent in recent.items() if sent}

    def change(self, identity: str, **changes: object) -> None:
        self.alerts[identity] = msgspec.structs.replace(self.alerts[identity], **changes)

    # --- joining and leaving ---

    def observe(self, labels: CallLabels, decision: Decision) -> None:
        before = self.tracks.get(labels.call_id, {})
        after = {
            rule.name: track_rule(before.get(rule.name, IDLE), rule, decision)
            for rule in self.rules.rules
            if rule.is_for(labels)
        }
        self.tracks[labels.call_id] = after
        named = self.rules.named()
        active = [name for name, track in after.items() if track.is_active]
        for name in sorted(active, key=lambda name: -named[name].severity.rank):
            self._join(named[name], labels, after[name], decision)
        gone = {
            (labels.call_id, name)
            for name, track in before.items()
            if track.is_active and name not in active
        }
        self._leave(gone, AlertChange.CLEARED)

    def end_call(self, call_id: str) -> None:
        gone = {(call_id, name) for name in self.tracks.pop(call_id, {})}
        self._leave(gone, AlertChange.CALL_ENDED)

    def _join(
        self, rule: AlertRule, labels: CallLabels, track: RuleTrack, decision: Decision
    ) -> None:
        """Let an active rule stand in its episode, and tell the worst of what it saw."""
        key, member = _dedup_key(rule, labels, track), (labels.call_id, rule.name)
        episode = self.episodes.get(key)
        if episode is None:
            seen = decision.snapshot
            identity = alert_id(
                key, labels.call_id, rule.name, str(seen.t_event_ms), str(seen.t_seen_ms)
            )
            self.episodes[key] = Episode(identity, frozenset({member}))
            self.alerts[identity] = raise_alert(identity, rule, labels, decision, self.t_ms)
            return
        if member not in episode.members:
            self.episodes[key] = replace(episode, members=episode.members | {member})
        if track.left_ms is not None:
            return  # it stands only until it has been over for long enough
        known = self.alerts[episode.alert_id]
        fresh = raise_alert(episode.alert_id, rule, labels, decision, self.t_ms)
        is_worse = (_level(fresh), fresh.score) > (_level(known), known.score)
        if is_worse and (episode.told is None or _level(fresh) > episode.told):
            self.alerts[episode.alert_id] = msgspec.structs.replace(
                fresh,
                revision=known.revision,
                change=known.change,
                routing=known.routing,
                hold_reason=known.hold_reason,
                supervisor=known.supervisor,
                t_raised_ms=known.t_raised_ms,
                t_sent_ms=known.t_sent_ms,
                verdict=known.verdict,
                judged_by=known.judged_by,
            )

    def _leave(self, gone: set[tuple[str, str]], change: AlertChange) -> None:
        if not gone:
            return
        for key, episode in list(self.episodes.items()):
            if not episode.members & gone:
                continue
            members = episode.members - gone
            if members:
                self.episodes[key] = replace(episode, members=members)
            else:
                del self.episodes[key]
                self._close(episode, change)

    def _close(self, episode: Episode, change: AlertChange) -> None:
        known = self.alerts[episode.alert_id]
        rule = self.rules.named().get(known.rule)
        is_retracted = (
            change is AlertChange.CLEARED
            and rule is not None
            and known.verdict is None
            and known.t_sent_ms is not None
            and self.t_ms - known.t_sent_ms <= rule.retract_ms
        )
        if is_retracted:
            self._send(episode.alert_id, change=AlertChange.RETRACTED, is_open=False)
        else:
            self._list(episode.alert_id, change=change, is_open=False)

    # --- judging ---

    def judge(self, identity: str, change: AlertChange, verdict: Verdict, by: str) -> None:
        known = self.alerts.get(identity)
        if known is not None and (known.verdict, known.judged_by) != (verdict, by):
            self._list(identity, change=change, verdict=verdict, judged_by=by)

    # --- telling ---

    def release(self) -> None:
        """Send what waits, most urgent first, as far as quiet hours and slots let it."""
        waiting = sorted(self._waiting(), key=lambda item: (self._payer(item[2]), *item[:2]))
        for _, batch in groupby(waiting, key=lambda item: self._payer(item[2])):
            ranked = list(batch)
            fresh = [a for _, key, a in ranked if self.episodes[key].told is None]
            is_gathering = not any(map(self._is_ripe, fresh))
            for _, key, alert in ranked:
                self._route(key, alert, is_gathering=is_gathering)

    def _waiting(self) -> Iterator[tuple[tuple[int, int, float, int, str], str, Alert]]:
        """What has something to tell and may: urgency, dedup key, alert."""
        named = self.rules.named()
        for key, episode in self.episodes.items():
            alert = self.alerts[episode.alert_id]
            is_told = episode.told is not None and _level(alert) <= episode.told
            is_handled = alert.verdict is not None and (
                episode.told is None or alert.verdict is not Verdict.USEFUL
            )
            if is_told or is_handled:
                continue
            rule = named.get(alert.rule)
            if rule is not None and self.rules.is_quiet(rule, self.t_ms):
                self._wait(episode, alert, HoldReason.QUIET_HOURS)
            else:
                yield urgency(alert), key, alert

    def _route(self, key: str, alert: Alert, *, is_gathering: bool) -> None:
        episode, payer = self.episodes[key], self._payer(alert)
        if episode.told is None:
            if is_gathering:
                self._wait(episode, alert, HoldReason.GATHERING)
                return
            if not self._has_slot(payer, alert):
                self._wait(episode, alert, HoldReason.BUDGET)
                return
            self.sent[payer] = (*self.sent.get(payer, ()), Sent(self.t_ms, alert.severity))
        self.episodes[key] = replace(episode, told=_level(alert))
        is_first = episode.told is None
        self._send(
            alert.alert_id,
            change=AlertChange.RAISED if is_first else AlertChange.ESCALATED,
            t_sent_ms=self.t_ms if is_first else alert.t_sent_ms,
        )

    def _list(self, identity: str, **changes: object) -> None:
        self.change(identity, routing=Routing.LIST, hold_reason=None, **changes)

    def _send(self, identity: str, **changes: object) -> None:
        self.sending.add(identity)
        self.change(identity, routing=Routing.SEND, hold_reason=None, **changes)

    def _wait(self, episode: Episode, alert: Alert, reason: HoldReason) -> None:
        if alert.routing is not Routing.HOLD or alert.hold_reason is not reason:
            self.change(episode.alert_id, routing=Routing.HOLD, hold_reason=reason)

    def _is_ripe(self, alert: Alert) -> bool:
        is_urgent = alert.severity is AlertSeverity.CRITICAL
        return is_urgent or self.t_ms - alert.t_raised_ms >= self.rules.budget.gather_ms

    def _has_slot(self, payer: str, alert: Alert) -> bool:
        budget, used = self.rules.budget, self.sent.get(payer, ())
        slots = budget.slots_for(alert.supervisor)
        if alert.severity is not AlertSeverity.CRITICAL:
            used_mildly = sum(s.severity is not AlertSeverity.CRITICAL for s in used)
            if used_mildly >= slots - min(budget.reserved_for_critical, slots // 2):
                return False
        return len(used) < slots

    def _payer(self, alert: Alert) -> str:
        return f"{len(alert.tenant)}:{alert.tenant}:{alert.supervisor}"

    # --- the end of the step ---

    def finish(self) -> tuple[AlertMemory, tuple[Alert, ...]]:
        calls = {e.alert_id: len({call for call, _ in e.members}) for e in self.episodes.values()}
        for identity, count in calls.items():
            if self.alerts[identity].call_count < count:
                self.change(identity, call_count=count)
        changed = [n for n, alert in self.alerts.items() if self.before.alerts.get(n) is not alert]
        for name in changed:
            alert = self.alerts[name]
            is_sent_before = alert.routing is Routing.SEND and name not in self.sending
            self.change(
                name,
                revision=alert.revision + (name in self.before.alerts),
                routing=Routing.LIST if is_sent_before else alert.routing,
                t_changed_ms=self.t_ms,
            )
        emitted = sorted((self.alerts[name] for name in changed), key=urgency)
        closed = [name for name, alert in self.alerts.items() if not alert.is_open]
        for name in closed[: max(0, len(closed) - KEPT_ALERTS)]:
            del self.alerts[name]
        memory = AlertMemory(self.t_ms, self.tracks, self.episodes, self.alerts, self.sent)
        return memory, tuple(emitted)
