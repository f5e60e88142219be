import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from subtone.contracts.calibration import Calibration
from subtone.contracts.vocabulary import Channel, Direction
from subtone.contracts.voice_intelligence import EmotionPoint, EmotionTrend
from subtone.kernel.voice_intelligence.tracker import (
    TrackMemory,
    deviation_of,
    open_track,
    track,
)

CALIBRATION = replace(  # one tick is one half-life, so that the arithmetic can be read
    Calibration(), alignment=replace(Calibration().alignment, smoothing_half_life_s=5.0)
)
HOP_MS = 5_000


def run(
    values: Sequence[float | None], z: Sequence[float] | None = None
) -> tuple[TrackMemory, list[EmotionPoint | None], list[EmotionTrend | None]]:
    memory = open_track(Channel.VOICE, "agitation")
    points: list[EmotionPoint | None] = []
    trends: list[EmotionTrend | None] = []
    for i, value in enumerate(values):
        memory, point, trend = track(
            memory,
            t_ms=(i + 1) * HOP_MS,
            value=value,
            z=None if z is None else z[i],
            confidence=0.5,
            hop_s=HOP_MS / 1000,
            calibration=CALIBRATION,
        )
        points.append(point)
        trends.append(trend)
    return memory, points, trends


def test_pinned_smoothing() -> None:
    _, points, _ = run([0.2, 0.6, 0.6])
    assert [p.smoothed for p in points if p] == pytest.approx([0.2, 0.4, 0.5])
    assert points[2] is not None
    assert (points[2].value, points[2].confidence, points[2].t_event_ms) == (0.6, 0.5, 15_000)


@pytest.mark.parametrize(
    ("values", "change", "direction"),
    [
        ([0.3] * 7, 0.0, Direction.FLAT),
        ([0.2, 0.9], 0.0, Direction.FLAT),  # two samples are no trend
        ([0.0, 0.4, 0.4], 0.3, Direction.RISING),  # smoothed 0, .2, .3
        ([0.4, 0.0, 0.0], -0.3, Direction.FALLING),
        ([0.2, 0.25, 0.25], 0.0375, Direction.FLAT),
    ],
)
def test_pinned_trend(values: list[float], change: float, direction: Direction) -> None:
    trend = run(values)[2][-1]
    assert trend is not None
    assert trend.change_30s == pytest.approx(change)
    assert trend.direction is direction


def test_trend_covers_thirty_seconds() -> None:
    memory, _, trends = run([1.0, 1.0, 0.0, *[0.0] * 30])
    assert len(memory.smoothed) == 7
    last = trends[-1]
    assert last is not None
    assert last.change_30s == pytest.approx(0.0, abs=1e-6)


def test_pinned_cusum_and_onset() -> None:
    z = [0.0, 0.4, 2.0, 2.0, 2.0, 2.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, 1.0]
    _, _, trends = run([0.2] * len(z), z)
    found = [(t.cusum, t.onset_ms) for t in trends if t]
    assert [s for s, _ in found] == pytest.approx(
        [0, 0, 1.5, 3.0, 4.5, 6.0, 4.5, 3.0, 1.5, 0, 0, 0, 0.5]
    )
    # The rise began with the third sample; it is told with the alarm and held until S is 0.
    assert [onset for _, onset in found] == [None] * 5 + [15_000] * 4 + [None] * 4


def test_missing_evidence_holds() -> None:
    memory, points, trends = run([None, 0.9, 0.9, 0.9, 0.9, None])
    assert points[0] is None
    assert trends[0] is None
    assert points[-1] is None
    before, held = trends[-2], trends[-1]
    assert before is not None
    assert held is not None
    assert held.cusum == before.cusum
    assert held.onset_ms == before.onset_ms == 10_000
    assert memory.smoothed[-1] == memory.smoothed[-2]


def test_relief_is_seen_soon_after_a_long_rise() -> None:
    z = [3.0] * 200 + [0.0] * 20
    _, _, trends = run([0.9] * 200 + [0.2] * 20, z)
    assert trends[199] is not None
    assert trends[199].cusum == 10.0
    assert trends[199].onset_ms == HOP_MS
    assert trends[-1] is not None
    assert trends[-1].onset_ms is None


@pytest.mark.parametrize(
    ("value", "z"), [(0.2, 0.0), (0.4536, 1.0), (0.7338, 2.0), (0.0, -3.0), (1.0, 3.0), (0.99, 3.0)]
)
def test_deviation_is_the_inverse_of_the_score(value: float, z: float) -> None:
    assert deviation_of(value, CALIBRATION.voice) == pytest.approx(z, abs=1e-3)


def test_a_track_without_z_reads_it_back_from_the_score() -> None:
    values = [0.2, 0.7, 0.7, 0.7, 0.7, 0.7]
    z = [deviation_of(v, CALIBRATION.voice) for v in values]
    assert run(values) == run(values, z)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.one_of(st.none(), st.floats(0, 1)), st.floats(-3, 3)), min_size=1, max_size=40
    )
)
def test_any_track_keeps_its_contracts(samples: list[tuple[float | None, float]]) -> None:
    memory, points, trends = run([v for v, _ in samples], [z for _, z in samples])
    assert (memory.cusum == 0.0) == (memory.run_start_ms is None)
    for point, (value, _) in zip(points, samples, strict=True):
        assert (point is None) == (value is None)
    for trend in trends:
        if trend is not None and trend.onset_ms is not None:
            assert trend.cusum > 0.0
            assert trend.onset_ms <= trend.t_event_ms


def samples_to_alarm(shift: float, runs: int) -> float:
    """Mean samples until the alarm, by a vectorised copy of the recursion."""
    rng = np.random.default_rng(4)
    limit = CALIBRATION.alignment
    cusum, waited, total, done = np.zeros(runs), np.zeros(runs), 0.0, 0
    while done < 20 * runs:
        cusum = np.maximum(0.0, cusum + rng.standard_normal(runs) + shift - limit.cusum_slack)
        waited += 1
        alarmed = cusum >= limit.cusum_alarm
        total += float(waited[alarmed].sum())
        done += int(alarmed.sum())
        cusum[alarmed] = waited[alarmed] = 0.0
    return total / done


def test_published_cusum_figures() -> None:
    """SCIENCE section 4: false alarms about every 992 samples (930 exactly), delay 10.4 and 4.0."""
    assert samples_to_alarm(0.0, 500) == pytest.approx(960, rel=0.08)
    assert samples_to_alarm(1.0, 500) == pytest.approx(10.4, abs=0.3)
    assert samples_to_alarm(2.0, 500) == pytest.approx(4.0, abs=0.15)


def test_the_tracker_alarms_where_the_recursion_does() -> None:
    rng = np.random.default_rng(5)
    z = np.clip(rng.standard_normal(400) + 0.3, -3, 3).tolist()
    cusum, expected = 0.0, math.inf
    for i, deviation in enumerate(z):
        cusum = max(0.0, cusum + deviation - 0.5)
        if cusum >= 5.0:
            expected = i
            break
    _, _, trends = run([0.2] * 400, z)
    found = next(i for i, t in enumerate(trends) if t is not None and t.onset_ms is not None)
    assert found == expected
