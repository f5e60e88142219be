"""One tick decided, and decided again with one score held down."""

from __future__ import annotations

import pytest

from subtone.contracts.calibration import Calibration
from subtone.contracts.vocabulary import Channel, SessionState, TextDimension, VoiceDimension
from subtone.kernel.decision import (
    DecisionMemory,
    Step,
    decide,
    final_state,
    observed_peaks,
    scored_dimensions,
)
from subtone.kernel.signal_correlation.moment import MomentInput
from support_moments import NO_TEXT, given_at, voice, words

CALIBRATION = Calibration()


def masked(ticks: int) -> tuple[list[Step], DecisionMemory]:
    """Calm words over an agitated voice, from the first tick on."""
    memory, steps = DecisionMemory(), []
    for tick in range(1, ticks + 1):
        given: MomentInput = given_at(tick, words(0.05), voice(0.9))
        steps.append(Step(memory, given))
        memory, _ = decide(memory, given, CALIBRATION)
    return steps, memory


def test_masking_is_confirmed_on_the_second_tick_and_the_state_says_since_when() -> None:
    _, memory = masked(2)
    assert memory.session.state is SessionState.HIDDEN_FRUSTRATION
    assert memory.since_ms == 10_000
    later, decided = decide(memory, given_at(3, words(0.05), voice(0.9)), CALIBRATION)
    assert not decided.is_transition or later.since_ms == 15_000


def test_a_customer_who_waits_has_not_calmed_down() -> None:
    """Open anger in a chat, then 90 s without a word: nothing to judge by moves nothing."""
    memory = DecisionMemory()
    for tick in (1, 2):
        memory, _ = decide(memory, given_at(tick, words(0.95), voice(None)), CALIBRATION)
    angry = memory.session
    assert angry.state is SessionState.ACTIVE_ESCALATION
    for tick in range(3, 21):
        memory, decided = decide(memory, given_at(tick, NO_TEXT, voice(None)), CALIBRATION)
        assert (decided.score.coverage, decided.edge) == (0.0, "no_evidence")
        assert memory.session == angry
    memory, decided = decide(memory, given_at(21, words(0.0), voice(None)), CALIBRATION)
    assert decided.edge != "no_evidence"
    assert memory.session != angry


def test_run_again_unchanged_it_ends_where_it_ended() -> None:
    steps, memory = masked(4)
    held = final_state(steps, CALIBRATION, Channel.VOICE, VoiceDimension.AGITATION, 1.0)
    assert held is memory.session.state


def test_without_the_agitation_it_would_have_stayed_calm() -> None:
    steps, _ = masked(2)
    quiet = final_state(steps, CALIBRATION, Channel.VOICE, VoiceDimension.AGITATION, 0.2)
    assert quiet is SessionState.CALM
    other = final_state(steps, CALIBRATION, Channel.TEXT, TextDimension.FRUSTRATION, 0.0)
    assert other is SessionState.HIDDEN_FRUSTRATION


def test_peaks_are_the_highest_of_all_steps_and_leave_calm_out() -> None:
    memory = DecisionMemory()
    steps = [
        Step(memory, given_at(1, words(0.3), voice(0.4))),
        Step(memory, given_at(2, words(0.1), voice(None))),
    ]
    peaks = observed_peaks(steps)
    assert peaks[Channel.TEXT, TextDimension.FRUSTRATION] == pytest.approx(0.3)
    assert peaks[Channel.VOICE, VoiceDimension.AGITATION] == pytest.approx(0.4)
    assert (Channel.TEXT, TextDimension.CALM) not in peaks
    assert len(scored_dimensions(steps[1].given)) == 4
