"""The alert: what was observed on one call, why it was told, and what became of it.

One alert is one episode; each change of it is a revision of the same id. It carries all a
person needs to check it: the terms of the score, reasons, what would have changed the
verdict, and where in the words and the audio to look.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from enum import StrEnum

import msgspec

from subtone.contracts.base import Contract, Count, Name, SeenMs, TimeMs, Unit01
from subtone.contracts.outputs import Decision
from subtone.contracts.session_state import (
    Counterfactual,
    LocalText,
    VoiceEvidence,
    WordEvidence,
)
from subtone.contracts.vocabulary import Action, Channel, SessionState, Signal, SpanKind
from subtone.surfaces.alerts.rules import AlertRule, AlertSeverity, CallLabels

ID_CHARS = 32
Redact = Callable[[str], str]


class AlertChange(StrEnum):
    """What a revision says that the one before it did not."""

    RAISED = "raised"
    ESCALATED = "escalated"
    RETRACTED = "retracted"  # over soon after it was told
    CLEARED = "cleared"
    CALL_ENDED = "call_ended"
    ACKNOWLEDGED = "acknowledged"
    DISMISSED = "dismissed"


class Routing(StrEnum):
    """What to do with a revision; every one is kept in the list."""

    SEND = "send"
    HOLD = "hold"  # waits; it is sent when a slot is free, should it still stand then
    LIST = "list"  # nobody needs to be told


class HoldReason(StrEnum):
    """Why an alert waits."""

    BUDGET = "budget"
    QUIET_HOURS = "quiet_hours"
    GATHERING = "gathering"


class Verdict(StrEnum):
    """What a person said of an alert."""

    USEFUL = "useful"  # acknowledged
    FALSE_ALARM = "false_alarm"
    NOT_ACTIONABLE = "not_actionable"
    ALREADY_HANDLED = "already_handled"
    DUPLICATE = "duplicate"
    WRONG_RECIPIENT = "wrong_recipient"


class ScoreTerm(Contract, frozen=True, kw_only=True):
    """One term of the score; the contributions add up to its raw value."""

    signal: Signal
    score: Unit01
    weight: Unit01
    contribution: Unit01


class EvidenceOffset(Contract, frozen=True, kw_only=True):
    """Characters of a turn's text as it was said, before any redaction; end exclusive."""

    start: Count
    end: Count
    kind: SpanKind


class AlertEvidence(Contract, frozen=True, kw_only=True):
    """Where to look or listen, on the call's media clock."""

    channel: Channel
    t_start_ms: TimeMs
    t_end_ms: TimeMs
    turn_id: Name | None = None
    quote: str | None = None
    offsets: tuple[EvidenceOffset, ...] = ()
    observation: LocalText | None = None


class Alert(Contract, frozen=True, kw_only=True):
    """One revision of one alert."""

    alert_id: Name  # the same for all revisions, and on every replay
    revision: Count
    change: AlertChange
    routing: Routing
    hold_reason: HoldReason | None
    is_open: bool
    rule: Name
    severity: AlertSeverity
    call_id: Name
    tenant: Name
    team: Name
    supervisor: Name
    call_count: Count  # calls this alert stands for; more than one where dedup spans calls
    state: SessionState
    edge: Name | None  # taken at the moment that is told, if one was
    is_masked: bool
    score: Unit01
    terms: tuple[ScoreTerm, ...]
    coverage: Unit01
    dominant_signal: Signal
    action: Action
    advice: LocalText
    path: LocalText
    reasons: tuple[LocalText, ...]
    counterfactuals: tuple[Counterfactual, ...]
    evidence: tuple[AlertEvidence, ...]
    calibration_version: Name
    t_event_ms: TimeMs  # the moment that is told, on the call's media clock
    t_raised_ms: SeenMs  # wall clock, as are the next two
    t_changed_ms: SeenMs
    t_sent_ms: SeenMs | None  # first handed to delivery
    verdict: Verdict | None = None
    judged_by: Name | None = None


def alert_id(*parts: str) -> str:
    """A deterministic id: the same parts give the same 32 hexadecimal characters."""
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:ID_CHARS]


def raise_alert(
    identity: str, rule: AlertRule, labels: CallLabels, decision: Decision, t_ms: int
) -> Alert:
    """The first revision, held until the engine routes it."""
    basis, advice, taken = decision.basis, decision.recommendation, decision.transition
    return Alert(
        alert_id=identity,
        revision=0,
        change=AlertChange.RAISED,
        routing=Routing.HOLD,
        hold_reason=None,
        is_open=True,
        rule=rule.name,
        severity=rule.severity,
        call_id=labels.call_id,
        tenant=labels.tenant,
        team=labels.team,
        supervisor=labels.supervisor,
        call_count=1,
        state=decision.snapshot.state,
        edge=taken.edge if taken is not None else None,
        is_masked=decision.snapshot.masked,
        score=basis.score.score,
        terms=tuple(
            ScoreTerm(signal=c.signal, score=c.score, weight=c.weight, contribution=c.contribution)
            for c in basis.score.contributors
        ),
        coverage=basis.score.coverage,
        dominant_signal=basis.dominant_signal,
        action=advice.action,
        advice=advice.reason,
        path=basis.path,
        reasons=basis.reasons,
        counterfactuals=basis.counterfactuals,
        evidence=(*map(_from_words, basis.words), *map(_from_voice, basis.voice)),
        calibration_version=basis.calibration_version,
        t_event_ms=basis.t_event_ms,
        t_raised_ms=t_ms,
        t_changed_ms=t_ms,
        t_sent_ms=None,
    )


def redacted(alert: Alert, redact: Redact) -> Alert:
    """The alert with every free text passed through ``redact``; what delivery must send.

    What no encoding can carry becomes a question mark.
    """

    def safe(text: str) -> str:
        return redact(text).encode(errors="replace").decode()

    def both(text: LocalText) -> LocalText:
        return LocalText(en=safe(text.en), zh=safe(text.zh))

    replace = msgspec.structs.replace
    return replace(
        alert,
        advice=both(alert.advice),
        path=both(alert.path),
        reasons=tuple(both(reason) for reason in alert.reasons),
        counterfactuals=tuple(
            replace(found, sentence=both(found.sentence)) for found in alert.counterfactuals
        ),
        evidence=tuple(
            replace(
                item,
                quote=None if item.quote is None else safe(item.quote),
                observation=None if item.observation is None else both(item.observation),
            )
            for item in alert.evidence
        ),
    )


def _from_words(found: WordEvidence) -> AlertEvidence:
    return AlertEvidence(
        channel=Channel.TEXT,
        t_start_ms=found.t_event_ms,
        t_end_ms=found.t_end_ms,
        turn_id=found.turn_id,
        quote=found.quote,
        offsets=tuple(EvidenceOffset(start=s.start, end=s.end, kind=s.kind) for s in found.spans),
    )


def _from_voice(found: VoiceEvidence) -> AlertEvidence:
    return AlertEvidence(
        channel=Channel.VOICE,
        t_start_ms=found.t_start_ms,
        t_end_ms=found.t_end_ms,
        observation=found.observation,
    )
