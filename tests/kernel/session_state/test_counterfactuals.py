"""What would have changed a verdict: exact, minimal, cheap, and verified by re-running."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from subtone.contracts.vocabulary import Channel, SessionState, TextDimension, VoiceDimension
from subtone.kernel.session_state.explain import Dimension, Rerun, counterfactuals

S = SessionState
AGITATION = (Channel.VOICE, VoiceDimension.AGITATION)
STRESS = (Channel.VOICE, VoiceDimension.STRESS)
FRUSTRATION = (Channel.TEXT, TextDimension.FRUSTRATION)
URGENCY = (Channel.TEXT, TextDimension.URGENCY)
Key = tuple[Channel, Dimension]


def threshold_rerun(thresholds: dict[Key, float], calls: list[float] | None = None) -> Rerun:
    """The transition happens unless some dimension is held at or below its threshold."""

    def rerun(channel: Channel, dimension: Dimension, ceiling: float) -> SessionState:
        if calls is not None:
            calls.append(ceiling)
        is_prevented = ceiling <= thresholds.get((channel, dimension), -1.0)
        return S.CALM if is_prevented else S.HIDDEN_FRUSTRATION

    return rerun


@given(st.floats(0.001, 1.0), st.floats(0.0, 0.999))
def test_ceiling_is_exact_to_a_128th_and_costs_eight_runs(observed: float, part: float) -> None:
    threshold = observed * part
    calls: list[float] = []
    rerun = threshold_rerun({AGITATION: threshold}, calls)
    (found,) = counterfactuals(rerun, {AGITATION: observed}, S.CALM)
    assert threshold - 1 / 128 <= found.stayed_below <= threshold
    assert found.stayed_below < found.observed == observed
    assert rerun(*AGITATION, found.stayed_below) is S.CALM
    assert len(calls) == 9  # 7 bisections, the one at zero, and the line above


def test_sentence_rounds_towards_what_was_verified() -> None:
    (found,) = counterfactuals(threshold_rerun({AGITATION: 0.4299}), {AGITATION: 0.71}, S.CALM)
    assert (found.channel, found.dimension) == ("voice", "agitation")
    assert found.sentence.en == (
        "would not have left calm had the voice's agitation stayed at or below 0.42 (peak 0.71)"
    )
    assert found.sentence.zh == "若语音激动度保持在 0.42 或以下（峰值 0.71），则不会离开平静"


def test_a_dimension_that_cannot_prevent_it_is_not_reported() -> None:
    calls: list[float] = []
    assert counterfactuals(threshold_rerun({}, calls), {AGITATION: 0.9}, S.CALM) == ()
    assert calls == [0.0]


def test_a_dimension_that_was_never_there_is_not_run() -> None:
    calls: list[float] = []
    rerun = threshold_rerun({AGITATION: 0.5}, calls)
    assert counterfactuals(rerun, {AGITATION: 0.0}, S.CALM) == ()
    assert calls == []


def test_at_most_three_with_the_largest_relative_slack_first() -> None:
    thresholds: dict[Key, float] = {
        AGITATION: 0.45,  # peak .9: half
        STRESS: 0.1,  # peak .2: half, listed later
        FRUSTRATION: 0.06,  # peak .6: nine tenths
        URGENCY: 0.45,  # peak .5: one tenth
    }
    observed: dict[Key, float] = {AGITATION: 0.9, STRESS: 0.2, FRUSTRATION: 0.6, URGENCY: 0.5}
    found = counterfactuals(threshold_rerun(thresholds), observed, S.CALM)
    assert [f.dimension for f in found] == ["frustration", "agitation", "stress"]
