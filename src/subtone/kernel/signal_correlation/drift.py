"""The drift machine: how the two channels stand to each other over time.

Two smoothed negativities become a region (Schmitt triggers) and a joint trend (least
squares over 30 s); region, trend and intervention select one edge of DRIFT_EDGES; an edge
is taken once confirmed. Source: SCIENCE sections 5.1 and 5.2, where its properties are
proved: total, strongly connected, settling in at most 3 transitions under constant input.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

from subtone.contracts.calibration import DriftCalibration
from subtone.contracts.signal_correlation import DriftAssessment
from subtone.contracts.vocabulary import DriftState, Region, TrendSymbol

AP = DriftState.ALIGNED_POSITIVE
AN = DriftState.ALIGNED_NEGATIVE
DV = DriftState.DIVERGING
CE = DriftState.CROSS_ESCALATING
DC = DriftState.CROSS_DEESCALATING

HOLD = "hold"
CHANNEL_MISSING = "channel_missing"
VOICE_FOLLOWS_TEXT = "voice_follows_text"

Regions = tuple[Region, ...]
Trends = tuple[TrendSymbol, ...]

POSITIVE: Regions = (Region.POSITIVE,)
NEGATIVE: Regions = (Region.NEGATIVE,)
VOICE_WORSE: Regions = (Region.VOICE_WORSE,)
TEXT_WORSE: Regions = (Region.TEXT_WORSE,)
SPLIT: Regions = VOICE_WORSE + TEXT_WORSE
NOT_POSITIVE: Regions = NEGATIVE + SPLIT
ANY_REGION: Regions = tuple(Region)

WORSENING: Trends = (TrendSymbol.WORSENING,)
BETTERING: Trends = (TrendSymbol.BETTERING,)
FLAT: Trends = (TrendSymbol.FLAT,)
NOT_WORSENING: Trends = BETTERING + FLAT
ANY_TREND: Trends = tuple(TrendSymbol)

_WORDS: dict[Regions | Trends, str] = {
    POSITIVE: "P",
    NEGATIVE: "N",
    VOICE_WORSE: "D+",
    TEXT_WORSE: "D-",
    SPLIT: "D",
    NOT_POSITIVE: "not P",
    WORSENING: "W",
    BETTERING: "B",
    FLAT: "F",
    NOT_WORSENING: "not W",
}


@dataclass(frozen=True, slots=True)
class DriftEdge:
    """One edge and the inputs that select it."""

    from_state: DriftState
    to_state: DriftState
    edge: str
    regions: Regions = ANY_REGION
    trends: Trends = ANY_TREND
    intervention: bool | None = None  # needs a fresh one, needs none, or does not matter
    is_immediate: bool = False  # taken at once; the others wait for confirmation

    @property
    def condition(self) -> str:
        """The inputs in SCIENCE's letters, e.g. ``N and not W``; i is a fresh intervention."""
        words = [_WORDS[inputs] for inputs in (self.regions, self.trends) if inputs in _WORDS]
        if self.intervention is not None:
            words.append("i" if self.intervention else "not i")
        return " and ".join(words)


# Rows of one state exclude one another (intervention before worsening before region is
# written into the conditions), so their order carries no meaning. Unlisted inputs hold.
DRIFT_EDGES: tuple[DriftEdge, ...] = (
    DriftEdge(AP, AN, "both_turn_negative", NEGATIVE),
    DriftEdge(AP, DV, "voice_agitated", VOICE_WORSE),
    DriftEdge(AP, DV, "text_sours", TEXT_WORSE),
    DriftEdge(AN, AP, "recovered", POSITIVE),
    DriftEdge(AN, CE, "both_worsening", NOT_POSITIVE, WORSENING, is_immediate=True),
    DriftEdge(AN, DC, "natural_cooling", NEGATIVE, BETTERING),
    DriftEdge(AN, DV, "channels_split", SPLIT, NOT_WORSENING),
    DriftEdge(DV, AP, "divergence_closed", POSITIVE),
    DriftEdge(DV, CE, "both_worsening", NOT_POSITIVE, WORSENING, is_immediate=True),
    DriftEdge(DV, AN, "text_follows_voice", NEGATIVE, NOT_WORSENING),
    DriftEdge(CE, DC, "intervention", intervention=True, is_immediate=True),
    DriftEdge(CE, DC, "natural_cooling", trends=BETTERING, intervention=False),
    DriftEdge(CE, DC, "calmed", POSITIVE, FLAT, intervention=False),
    DriftEdge(CE, DV, "one_side_eases", SPLIT, FLAT, intervention=False),
    DriftEdge(DC, AP, "resolved", POSITIVE, NOT_WORSENING),
    DriftEdge(DC, CE, "relapse", NOT_POSITIVE, WORSENING, intervention=False, is_immediate=True),
    DriftEdge(DC, AN, "stalled_negative", NEGATIVE, FLAT, intervention=False),
    DriftEdge(DC, DV, "residual_split", SPLIT, FLAT, intervention=False),
)

_EDGE_OF_CELL = {
    (row.from_state, region, trend, is_fresh): row
    for row in DRIFT_EDGES
    for region, trend, is_fresh in product(row.regions, row.trends, (False, True))
    if row.intervention in (None, is_fresh)
}


def drift_step(
    state: DriftState, region: Region, trend: TrendSymbol, is_intervention_fresh: bool
) -> tuple[DriftState, str]:
    """Next state and edge name of one cell, ``hold`` where no edge is listed; total."""
    row = _EDGE_OF_CELL.get((state, region, trend, is_intervention_fresh))
    return (state, HOLD) if row is None else (row.to_state, row.edge)


TREND_SPAN_MS = 30_000  # the calibration's worse and better are changes over this time


@dataclass(frozen=True, slots=True)
class DriftMemory:
    """What the machine carries from moment to moment."""

    state: DriftState = AP
    region: Region = Region.POSITIVE  # of the last moment with both channels
    is_level_high: bool = False  # Schmitt trigger of the mean; latches below an open gap too
    last_split: Region = Region.VOICE_WORSE  # which side was worse when they last diverged
    history: tuple[tuple[int, float, float], ...] = ()  # (t_ms, text, voice), both present
    pending: DriftState | None = None
    pending_ticks: int = 0
    intervention_ms: int | None = None


def intervene(memory: DriftMemory, t_ms: int) -> DriftMemory:
    """Note that a person stepped in at t_ms; call it when the call's clock has reached t_ms."""
    return replace(memory, intervention_ms=t_ms)


def step_drift(
    memory: DriftMemory,
    t_ms: int,
    text_negativity: float | None,
    voice_negativity: float | None,
    calibration: DriftCalibration,
) -> tuple[DriftMemory, DriftAssessment]:
    """One moment of the smoothed negativities, each in [0, 1] or None when missing.

    With a channel missing the machine holds and its memory stands: the assessment repeats
    the last region, gap 0 and, as level, the negativity that is there. Values older than
    30 s never enter a trend or a confirmation, so neither bridges a long absence. Raises
    ValueError when t_ms does not advance (the caller must feed moments in event order).
    """
    is_fresh = (
        memory.intervention_ms is not None
        and 0 <= t_ms - memory.intervention_ms <= calibration.intervention_fresh_ms
    )
    if text_negativity is None or voice_negativity is None:
        present = voice_negativity if text_negativity is None else text_negativity
        return memory, DriftAssessment(
            t_event_ms=t_ms,
            state=memory.state,
            from_state=memory.state,
            edge=HOLD,
            cause=CHANNEL_MISSING,
            region=memory.region,
            trend=TrendSymbol.FLAT,
            gap=0.0,
            level=0.0 if present is None else present,
            is_intervention_fresh=is_fresh,
        )
    if memory.history and memory.history[-1][0] >= t_ms:
        raise ValueError(
            f"drift moment at {t_ms} ms follows one at {memory.history[-1][0]} ms: "
            "feed moments in event-time order"
        )

    recent = tuple(point for point in memory.history if t_ms - point[0] <= TREND_SPAN_MS)
    history = (*recent, (t_ms, text_negativity, voice_negativity))[-calibration.slope_ticks :]
    is_level_high = _is_level_high(memory, text_negativity, voice_negativity, calibration)
    region = _region(memory, text_negativity, voice_negativity, is_level_high, calibration)
    last_split = region if region in SPLIT else memory.last_split
    trend = _trend(history, calibration)

    row = _EDGE_OF_CELL.get((memory.state, region, trend, is_fresh))
    pending = None if row is None else row.to_state
    is_same_target = bool(recent) and pending == memory.pending
    pending_ticks = 0 if row is None else 1 + (memory.pending_ticks if is_same_target else 0)
    is_taken = row is not None and (row.is_immediate or pending_ticks >= calibration.confirm_ticks)
    state, edge, cause = memory.state, HOLD, HOLD
    if row is not None and is_taken:
        state, edge, cause = row.to_state, row.edge, row.edge
        pending, pending_ticks = None, 0
        if edge == "text_follows_voice" and last_split == Region.TEXT_WORSE:
            cause = VOICE_FOLLOWS_TEXT

    return replace(
        memory,
        state=state,
        region=region,
        is_level_high=is_level_high,
        last_split=last_split,
        history=history,
        pending=pending,
        pending_ticks=pending_ticks,
    ), DriftAssessment(
        t_event_ms=t_ms,
        state=state,
        from_state=memory.state,
        edge=edge,
        cause=cause,
        region=region,
        trend=trend,
        gap=voice_negativity - text_negativity,
        level=(text_negativity + voice_negativity) / 2.0,
        is_intervention_fresh=is_fresh,
    )


def _is_level_high(
    memory: DriftMemory, text: float, voice: float, calibration: DriftCalibration
) -> bool:
    """Schmitt trigger of the mean negativity."""
    mean = (text + voice) / 2.0
    if memory.is_level_high:
        return mean > calibration.level_off
    return mean >= calibration.level_on


def _region(
    memory: DriftMemory,
    text: float,
    voice: float,
    is_level_high: bool,
    calibration: DriftCalibration,
) -> Region:
    """Schmitt trigger of the gap first; the level decides where the channels agree."""
    gap, low, high = abs(voice - text), min(text, voice), max(text, voice)
    if memory.region in SPLIT:
        is_open = (
            gap > calibration.gap_off and low < calibration.low_off and high > calibration.peak_off
        )
    else:
        is_open = (
            gap >= calibration.gap_on and low < calibration.low_on and high >= calibration.peak_on
        )
    if is_open:
        return Region.VOICE_WORSE if voice > text else Region.TEXT_WORSE
    return Region.NEGATIVE if is_level_high else Region.POSITIVE


def _trend(
    history: tuple[tuple[int, float, float], ...], calibration: DriftCalibration
) -> TrendSymbol:
    """Joint trend of both channels; flat below three moments."""
    if len(history) < 3:
        return TrendSymbol.FLAT
    times_ms, text, voice = zip(*history, strict=True)
    text_change, voice_change = _change_30s(times_ms, text), _change_30s(times_ms, voice)
    if (
        min(text_change, voice_change) >= calibration.worse
        and (text[-1] + voice[-1]) / 2.0 >= calibration.worse_floor
    ):
        return TrendSymbol.WORSENING
    if (text_change + voice_change) / 2.0 <= calibration.better and max(
        text_change, voice_change
    ) <= calibration.better_max:
        return TrendSymbol.BETTERING
    return TrendSymbol.FLAT


def _change_30s(times_ms: tuple[int, ...], values: tuple[float, ...]) -> float:
    """Least-squares slope over the actual times, as a change per TREND_SPAN_MS.

    Missing moments leave holes, so the points are not equally spaced.
    """
    n = len(values)
    centre_ms, mean = sum(times_ms) / n, sum(values) / n
    spread = sum((t - centre_ms) ** 2 for t in times_ms)
    covered = sum((t - centre_ms) * (v - mean) for t, v in zip(times_ms, values, strict=True))
    return covered / spread * TREND_SPAN_MS
