"""The drift machine: properties of the table, of the numeric front end, and of absence."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subtone.contracts.base import ContractError
from subtone.contracts.calibration import DriftCalibration
from subtone.contracts.signal_correlation import DriftAssessment
from subtone.contracts.vocabulary import DriftState, Region, TrendSymbol
from subtone.kernel.signal_correlation.drift import (
    AN,
    AP,
    CE,
    DC,
    DRIFT_EDGES,
    DV,
    HOLD,
    DriftMemory,
    drift_step,
    intervene,
    step_drift,
)

CALIBRATION = DriftCalibration()
HOP_MS = 5_000
SYMBOLS = tuple(product(Region, TrendSymbol, (False, True)))
CELLS = {(state, *symbol): drift_step(state, *symbol) for state in DriftState for symbol in SYMBOLS}
EDGES = {(cell[0], to, edge) for cell, (to, edge) in CELLS.items() if edge != HOLD}
SEVERITY = {AP: 0, DC: 1, DV: 2, AN: 3, CE: 4}


class Call:
    """Feeds one call, tick by tick."""

    def __init__(self, memory: DriftMemory | None = None) -> None:
        self.memory = memory or DriftMemory()
        self.t_ms = 0
        self.taken: list[tuple[DriftState, DriftState, str]] = []

    def step(self, text: float | None, voice: float | None) -> DriftAssessment:
        self.t_ms += HOP_MS
        self.memory, seen = step_drift(self.memory, self.t_ms, text, voice, CALIBRATION)
        if seen.edge != HOLD:
            self.taken.append((seen.from_state, seen.state, seen.edge))
        return seen

    def hold(self, text: float | None, voice: float | None, ticks: int) -> DriftAssessment:
        for _ in range(ticks - 1):
            self.step(text, voice)
        return self.step(text, voice)

    def intervene(self) -> None:
        self.memory = intervene(self.memory, self.t_ms)


# --- the table ------------------------------------------------------------------------------


def test_table_is_total_and_unambiguous() -> None:
    assert len(CELLS) == 120
    assert len(DRIFT_EDGES) == len(EDGES) == 18
    for state, region, trend, is_fresh in CELLS:
        matching = [
            row
            for row in DRIFT_EDGES
            if row.from_state == state
            and region in row.regions
            and trend in row.trends
            and row.intervention in (None, is_fresh)
        ]
        expected = (matching[0].to_state, matching[0].edge) if matching else (state, HOLD)
        assert len(matching) <= 1
        assert CELLS[state, region, trend, is_fresh] == expected
    assert all(row.from_state != row.to_state for row in DRIFT_EDGES)


def test_edges_are_the_published_ones() -> None:
    published = {
        (AP, AN, "both_turn_negative", "N"),
        (AP, DV, "voice_agitated", "D+"),
        (AP, DV, "text_sours", "D-"),
        (AN, AP, "recovered", "P"),
        (AN, CE, "both_worsening", "not P and W"),
        (AN, DC, "natural_cooling", "N and B"),
        (AN, DV, "channels_split", "D and not W"),
        (DV, AP, "divergence_closed", "P"),
        (DV, CE, "both_worsening", "not P and W"),
        (DV, AN, "text_follows_voice", "N and not W"),
        (CE, DC, "intervention", "i"),
        (CE, DC, "natural_cooling", "B and not i"),
        (CE, DC, "calmed", "P and F and not i"),
        (CE, DV, "one_side_eases", "D and F and not i"),
        (DC, AP, "resolved", "P and not W"),
        (DC, CE, "relapse", "not P and W and not i"),
        (DC, AN, "stalled_negative", "N and F and not i"),
        (DC, DV, "residual_split", "D and F and not i"),
    }
    assert {(r.from_state, r.to_state, r.edge, r.condition) for r in DRIFT_EDGES} == published
    immediate = {row.edge for row in DRIFT_EDGES if row.is_immediate}
    assert immediate == {"both_worsening", "relapse", "intervention"}


@pytest.mark.parametrize("start", DriftState)
def test_every_state_is_reachable_from_every_state_and_can_be_left(start: DriftState) -> None:
    seen, todo = {start}, [start]
    while todo:
        here = todo.pop()
        found = {to for source, to, _ in EDGES if source == here} - seen
        seen |= found
        todo += found
    assert seen == set(DriftState)
    assert any(source == start for source, _, _ in EDGES)


def test_constant_symbol_settles_within_three_transitions() -> None:
    longest = 0
    for start, symbol in product(DriftState, SYMBOLS):
        path = [start]
        while (to := CELLS[(path[-1], *symbol)][0]) != path[-1]:
            assert to not in path, f"cycle under {symbol} from {start}"
            path.append(to)
        longest = max(longest, len(path) - 1)
    assert longest == 3


def test_severity_is_monotone() -> None:
    for (state, region, trend, is_fresh), (to, _) in CELLS.items():
        if trend == TrendSymbol.WORSENING and region != Region.POSITIVE and not is_fresh:
            assert SEVERITY[to] >= SEVERITY[state]
        if region == Region.POSITIVE and trend != TrendSymbol.WORSENING:
            assert SEVERITY[to] <= SEVERITY[state]


@pytest.mark.parametrize("start", DriftState)
def test_sustained_positive_input_returns_to_aligned_positive(start: DriftState) -> None:
    state = start
    for _ in range(3):
        state, _ = drift_step(state, Region.POSITIVE, TrendSymbol.FLAT, False)
    assert state == AP


def test_both_staying_negative_latches_cross_escalation() -> None:
    assert drift_step(CE, Region.NEGATIVE, TrendSymbol.FLAT, False) == (CE, HOLD)


# --- the numeric front end ------------------------------------------------------------------


def test_random_calls_use_only_table_edges_settle_and_do_not_flap() -> None:
    rng = random.Random(7)
    visited = set()
    noise = 0.024  # 4 x .025 is the gap's hysteresis band
    for _ in range(60):
        call = Call()
        text, voice, text_aim, voice_aim = (rng.random() for _ in range(4))
        for _ in range(250):
            if rng.random() < 0.05:
                text_aim, voice_aim = rng.random(), rng.random()
            text = min(1.0, max(0.0, text + 0.15 * (text_aim - text) + rng.gauss(0, 0.01)))
            voice = min(1.0, max(0.0, voice + 0.15 * (voice_aim - voice) + rng.gauss(0, 0.01)))
            if rng.random() < 0.01:
                call.intervene()
            visited.add(call.step(text, voice).state)
        assert set(call.taken) <= EDGES

        call.hold(text, voice, 21)
        settled = len(call.taken)
        call.hold(text, voice, 40)
        assert len(call.taken) == settled

        for _ in range(200):
            call.step(
                min(1.0, max(0.0, text + rng.uniform(-noise, noise))),
                min(1.0, max(0.0, voice + rng.uniform(-noise, noise))),
            )
        assert len(call.taken) - settled <= 2
    assert visited == set(DriftState)


@given(
    levels=st.lists(
        st.tuples(
            st.one_of(st.none(), st.floats(0, 1)),
            st.one_of(st.none(), st.floats(0, 1)),
            st.integers(1, 60_000),
        ),
        max_size=40,
    )
)
@settings(max_examples=60, deadline=None)
def test_any_input_gives_a_consistent_bounded_memory(
    levels: list[tuple[float | None, float | None, int]],
) -> None:
    memory, t_ms = DriftMemory(), 0
    for text, voice, advance_ms in levels:
        t_ms += advance_ms
        before = memory
        memory, seen = step_drift(memory, t_ms, text, voice, CALIBRATION)
        assert step_drift(before, t_ms, text, voice, CALIBRATION) == (memory, seen)
        assert seen.from_state == before.state
        assert seen.state == memory.state
        assert (seen.edge == HOLD) == (seen.state == seen.from_state)
        assert seen.edge == HOLD or (seen.from_state, seen.state, seen.edge) in EDGES
        assert len(memory.history) <= CALIBRATION.slope_ticks
        assert (memory.pending is None) == (memory.pending_ticks == 0)


def test_agitated_voice_needs_two_ticks() -> None:
    call = Call()
    call.hold(0.05, 0.10, 7)
    first = call.step(0.05, 0.60)
    assert (first.state, first.edge, first.region) == (AP, HOLD, Region.VOICE_WORSE)
    second = call.step(0.05, 0.60)
    assert (second.from_state, second.state, second.edge) == (AP, DV, "voice_agitated")
    assert second.cause == "voice_agitated"
    assert second.gap == pytest.approx(0.55)
    assert second.level == pytest.approx(0.325)


def test_one_tick_of_agitation_is_forgotten() -> None:
    call = Call()
    for _ in range(5):
        call.step(0.05, 0.60)
        call.step(0.05, 0.10)
    assert call.taken == []


def test_both_worsening_is_taken_at_once() -> None:
    call = Call(DriftMemory(state=AN, region=Region.NEGATIVE, is_level_high=True))
    call.hold(0.55, 0.55, 2)
    seen = call.step(0.60, 0.60)
    assert seen.trend == TrendSymbol.WORSENING
    assert (seen.from_state, seen.state, seen.edge) == (AN, CE, "both_worsening")


@pytest.mark.parametrize(
    ("change_30s", "trend"),
    [
        ((0.09, 0.09), TrendSymbol.WORSENING),
        ((0.09, 0.07), TrendSymbol.FLAT),
        ((-0.18, 0.01), TrendSymbol.BETTERING),
        ((-0.20, 0.03), TrendSymbol.FLAT),
        ((-0.07, -0.08), TrendSymbol.FLAT),
        ((-0.09, -0.09), TrendSymbol.BETTERING),
    ],
)
def test_trend_is_the_change_over_thirty_seconds(
    change_30s: tuple[float, float], trend: TrendSymbol
) -> None:
    call = Call()
    for tick in range(7):
        seen = call.step(0.6 + change_30s[0] * tick / 6, 0.6 + change_30s[1] * tick / 6)
    assert seen.trend == trend


def test_low_levels_never_worsen() -> None:
    call = Call()
    for tick in range(7):
        seen = call.step(0.2 + 0.02 * tick, 0.2 + 0.02 * tick)
    assert seen.trend == TrendSymbol.FLAT


@pytest.mark.parametrize(
    ("path", "region"),
    [
        ([(0.16, 0.40)], Region.POSITIVE),  # gap below .25
        ([(0.13, 0.39)], Region.POSITIVE),  # peak below .40
        ([(0.13, 0.40)], Region.VOICE_WORSE),
        ([(0.40, 0.13)], Region.TEXT_WORSE),
        ([(0.45, 0.75)], Region.NEGATIVE),  # the lower one is high itself
        ([(0.13, 0.40), (0.15, 0.31)], Region.VOICE_WORSE),  # held open by hysteresis
        ([(0.13, 0.40), (0.15, 0.29)], Region.POSITIVE),  # gap closed
        ([(0.10, 0.40), (0.05, 0.30)], Region.POSITIVE),  # peak gone
        ([(0.40, 0.80), (0.54, 0.80)], Region.VOICE_WORSE),
        ([(0.40, 0.80), (0.55, 0.80)], Region.NEGATIVE),  # the words have followed
        ([(0.49, 0.50)], Region.POSITIVE),
        ([(0.50, 0.50)], Region.NEGATIVE),
        ([(0.50, 0.50), (0.41, 0.41)], Region.NEGATIVE),
        ([(0.50, 0.50), (0.40, 0.40)], Region.POSITIVE),
    ],
)
def test_region_thresholds(path: list[tuple[float, float]], region: Region) -> None:
    call = Call()
    for text, voice in path:
        seen = call.step(text, voice)
    assert seen.region == region


@pytest.mark.parametrize(
    ("split", "cause"),
    [((0.10, 0.70), "text_follows_voice"), ((0.70, 0.10), "voice_follows_text")],
)
def test_closing_into_negative_names_the_side_that_followed(
    split: tuple[float, float], cause: str
) -> None:
    call = Call()
    call.hold(*split, 8)
    assert call.memory.state == DV
    call = Call(replace(call.memory, history=()))  # a jump without a trend
    call.step(0.70, 0.70)
    seen = call.step(0.70, 0.70)
    assert (seen.from_state, seen.state, seen.edge) == (DV, AN, "text_follows_voice")
    assert seen.cause == cause


def test_intervention_counts_for_thirty_seconds_and_never_before_it_happened() -> None:
    memory = intervene(DriftMemory(state=CE, region=Region.NEGATIVE, is_level_high=True), 60_000)
    for t_ms, is_fresh in ((59_999, False), (60_000, True), (90_000, True), (90_001, False)):
        _, seen = step_drift(memory, t_ms, 0.8, 0.8, CALIBRATION)
        assert seen.is_intervention_fresh == is_fresh
        assert (seen.state, seen.edge) == ((DC, "intervention") if is_fresh else (CE, HOLD))


# --- absence --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "voice", "level"), [(None, 0.7, 0.7), (0.3, None, 0.3), (None, None, 0.0)]
)
def test_missing_channel_holds(text: float | None, voice: float | None, level: float) -> None:
    call = Call()
    call.hold(0.1, 0.7, 3)
    before = call.memory
    seen = call.hold(text, voice, 50)
    assert call.memory == before
    assert (seen.state, seen.from_state, seen.edge) == (DV, DV, HOLD)
    assert seen.cause == "channel_missing"
    assert (seen.region, seen.trend) == (Region.VOICE_WORSE, TrendSymbol.FLAT)
    assert (seen.gap, seen.level) == (0.0, level)


def test_absence_is_not_bridged_by_a_trend() -> None:
    low = Call(DriftMemory(state=AN, region=Region.NEGATIVE, is_level_high=True))
    low.hold(0.45, 0.45, 7)
    low.hold(None, 0.45, 7)
    back = [low.step(0.80, 0.80) for _ in range(4)]
    assert [seen.trend for seen in back] == [TrendSymbol.FLAT] * 4
    assert low.taken == []


def test_a_short_hole_keeps_the_slope_in_media_time() -> None:
    call = Call()
    trends = []
    for tick in range(14):
        level = 0.5 + 0.09 * tick / 6  # .09 per 30 s, whatever is missing in between
        trends.append(call.step(None if tick % 2 else level, level).trend)
    assert trends[6::2] == [TrendSymbol.WORSENING] * 4


def test_a_pending_edge_does_not_survive_a_long_absence() -> None:
    short, long = Call(), Call()
    for call, absent in ((short, 2), (long, 7)):
        call.step(0.05, 0.60)
        call.hold(None, 0.60, absent)
        call.step(0.05, 0.60)
    assert short.memory.state == DV
    assert long.memory.state == AP
    assert long.step(0.05, 0.60).state == DV


def test_time_must_advance() -> None:
    memory, _ = step_drift(DriftMemory(), 5_000, 0.1, 0.1, CALIBRATION)
    with pytest.raises(ValueError, match="event-time order"):
        step_drift(memory, 5_000, 0.1, 0.1, CALIBRATION)


def test_not_a_number_is_refused() -> None:
    with pytest.raises(ContractError):
        step_drift(DriftMemory(), 5_000, float("nan"), 0.1, CALIBRATION)
