"""What one call's states say about the machine, and how calls of a kind add up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.composed.compose import ComposedCall
from subtone.contracts.vocabulary import SessionState

ALERTS = frozenset(
    (
        SessionState.HIDDEN_FRUSTRATION,
        SessionState.ESCALATION_RISK,
        SessionState.ACTIVE_ESCALATION,
    )
)
AT_EASE = frozenset((SessionState.CALM, SessionState.RESOLVED))


@dataclass(frozen=True)
class Sighting:
    """The state after one moment: when it was true, and when a supervisor could see it."""

    t_event_ms: int
    t_seen_ms: int
    state: SessionState


@dataclass(frozen=True)
class CallResult:
    """What one call showed."""

    call_id: str
    kind: str
    language: str
    is_hit: bool | None  # the expected state came after the onset; None where none is expected
    delay_ms: int | None  # onset to the first moment in the expected state
    seen_delay_ms: int | None  # the same on the receiver's clock: with watermark and text delay
    false_alerts: int  # entries into an alert state while the caller was neutral
    neutral_ms: int  # how long the caller was neutral before any change
    is_flagged: bool  # any alert state after the onset
    is_recovered: bool | None  # at ease after the relief; None where no relief is composed
    recovery_ms: int | None
    path: tuple[str, ...]  # every change of state with its second, "hidden_frustration@75"


@dataclass(frozen=True)
class KindResult:
    """Calls of one kind in one language."""

    kind: str
    language: str
    calls: int
    hits: int | None
    median_delay_s: float | None
    median_seen_delay_s: float | None
    false_alerts_per_hour: float
    flagged: int
    recovered: int | None
    median_recovery_s: float | None


def judge(call: ComposedCall, sightings: Sequence[Sighting]) -> CallResult:
    """Compare the states of one call with what was composed."""
    expected = call.kind.expected
    changed = [s for s in sightings if call.onset_ms < s.t_event_ms]
    hit = next((s for s in changed if s.state is expected), None)
    relieved = [s for s in sightings if s.t_event_ms > call.relief_ms]
    eased = next((s for s in relieved if s.state in AT_EASE), None)
    return CallResult(
        call_id=call.recording.call_id,
        kind=call.kind.name,
        language=call.language,
        is_hit=None if expected is None else hit is not None,
        delay_ms=None if hit is None else hit.t_event_ms - call.onset_ms,
        seen_delay_ms=None if hit is None else hit.t_seen_ms - call.onset_ms,
        false_alerts=_entries(s for s in sightings if s.t_event_ms <= call.onset_ms),
        neutral_ms=call.onset_ms,
        is_flagged=any(s.state in ALERTS for s in changed),
        is_recovered=eased is not None if call.kind.has_recovery else None,
        recovery_ms=eased.t_event_ms - call.relief_ms if eased and call.kind.has_recovery else None,
        path=_path(sightings),
    )


def _entries(sightings: Iterable[Sighting]) -> int:
    """How often an alert state was entered from a state that is none."""
    count, was_alert = 0, False
    for sighting in sightings:
        is_alert = sighting.state in ALERTS
        count += is_alert and not was_alert
        was_alert = is_alert
    return count


def _path(sightings: Sequence[Sighting]) -> tuple[str, ...]:
    steps: list[str] = []
    previous = None
    for sighting in sightings:
        if sighting.state is not previous:
            steps.append(f"{sighting.state.value}@{sighting.t_event_ms // 1000}")
        previous = sighting.state
    return tuple(steps)


def add_up(results: Sequence[CallResult]) -> KindResult:
    """Sum calls of one kind and language; raises ValueError on a mixture or on none."""
    (kind,) = {r.kind for r in results}
    languages = {r.language for r in results}
    hits = [r for r in results if r.is_hit]
    recovered = [r for r in results if r.is_recovered]
    hours = sum(r.neutral_ms for r in results) / 3_600_000
    return KindResult(
        kind=kind,
        language="+".join(sorted(languages)),
        calls=len(results),
        hits=None if results[0].is_hit is None else len(hits),
        median_delay_s=_median_s([r.delay_ms for r in hits]),
        median_seen_delay_s=_median_s([r.seen_delay_ms for r in hits]),
        false_alerts_per_hour=sum(r.false_alerts for r in results) / hours,
        flagged=sum(r.is_flagged for r in results),
        recovered=None if results[0].is_recovered is None else len(recovered),
        median_recovery_s=_median_s([r.recovery_ms for r in recovered]),
    )


def _median_s(delays_ms: Iterable[int | None]) -> float | None:
    known = [d for d in delays_ms if d is not None]
    return median(known) / 1000 if known else None
