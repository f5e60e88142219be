"""The verdict is the one the matrix was made for."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from subtone.contracts.probing import Concentration, Entanglement, Presence, ProbeReport
from subtone.perception.probing import ProbeData, ProbeError, probe
from support_probing import EMOTIONS, QUICK, made_up


def verdict_of(data: ProbeData) -> ProbeReport:
    return probe(data, effort=QUICK)


def test_a_dimension_that_is_the_label_is_found_and_named() -> None:
    report = verdict_of(made_up("one", 16))
    assert report.verdict.presence is Presence.PRESENT
    assert report.verdict.concentration is Concentration.ONE_DIMENSION
    best = report.importance.top[0]
    assert (best.dimension, best.is_beyond_null) == (3, True)
    assert report.concentration[0].top.value > 0.95
    assert report.concentration[0].random.value < 0.6


def test_emotion_spread_over_all_dimensions_is_called_distributed() -> None:
    report = verdict_of(made_up("spread", 256))
    assert report.verdict.presence is Presence.PRESENT
    assert report.verdict.concentration is Concentration.DISTRIBUTED
    assert report.verdict.entanglement is Entanglement.SEPARABLE
    assert report.verdict.k_for_most is not None
    assert report.verdict.k_for_most > 4
    assert report.scores[0].unseen.low > 0.9


def test_a_label_that_is_the_speaker_is_killed_by_the_control() -> None:
    """With the speakers on both sides it looks perfect; nothing of it is emotion."""
    report = verdict_of(made_up("speaker"))
    assert report.scores[0].seen.value > 0.95
    assert report.scores[0].unseen.value < 0.4
    assert report.verdict.presence is Presence.NOT_SHOWN
    assert report.verdict.concentration is Concentration.NOT_JUDGED
    assert report.verdict.entanglement is Entanglement.NOT_JUDGED
    assert report.verdict.top_dimension_share is None
    by_speaker = report.controls[0]
    assert by_speaker.seen.value > 0.95
    assert by_speaker.selectivity_seen.value < 0.05
    assert by_speaker.selectivity_unseen.high < 0.1


def test_emotion_along_the_directions_of_voices_goes_with_them() -> None:
    report = verdict_of(made_up("voice"))
    assert report.verdict.presence is Presence.PRESENT
    assert report.verdict.entanglement is Entanglement.ENTANGLED
    strict, same, _ = report.removal[0].effects
    assert strict.after.value < strict.before.value - 0.15
    assert same.random.value > same.after.value + 0.1


def test_emotion_along_the_directions_of_words_goes_with_them() -> None:
    report = verdict_of(made_up("words"))
    assert report.verdict.presence is Presence.PRESENT
    speaker, _, sentence = report.removal
    assert [one.removed for one in report.removal] == ["speaker", "emotion", "sentence"]
    same, words, strict = sentence.effects
    assert (same.factor, same.held_out) == ("emotion", "speakers")
    assert (words.factor, words.held_out) == ("sentence", "speakers")
    assert words.before.low > words.chance
    assert words.after.value == pytest.approx(words.chance, abs=0.05)
    assert same.random.value > same.after.value + 0.1
    assert same.cost.low > 0.0
    assert strict.before.value == pytest.approx(speaker.effects[0].before.value, abs=0.02)


def test_emotion_apart_from_the_words_outlives_them() -> None:
    *_, sentence = verdict_of(made_up("spread", 256)).removal
    same, words, strict = sentence.effects
    assert words.after.value < 0.4
    for effect in (strict, same):
        assert effect.after.value > effect.before.value - 0.05


def test_of_two_sentences_none_is_erased_where_one_is_held_out() -> None:
    data = made_up("spread", 24)
    two = tuple("ab"[sentence in ("t0", "t1")] for sentence in data.sentence)
    *_, sentence = verdict_of(made_up("spread", 24, sentence=two)).removal
    assert [effect.held_out for effect in sentence.effects] == ["speakers", "speakers"]
    assert sentence.rank == 1.0


def test_words_that_nobody_repeats_are_not_erased() -> None:
    data = made_up("spread", 24)
    own = tuple(f"{s}{t}" for s, t in zip(data.speaker, data.sentence, strict=True))
    report = verdict_of(made_up("spread", 24, sentence=own))
    assert [one.removed for one in report.removal] == ["speaker", "emotion"]
    assert any("some sentences have one speaker only" in text for text in report.not_tested)


def test_where_there_is_nothing_nothing_is_shown() -> None:
    report = verdict_of(made_up("nowhere"))
    assert report.verdict.presence is Presence.NOT_SHOWN
    assert report.importance.beyond_null <= 2
    # the pairs of speaker and sentence have emotions of their own: they cannot be generalised
    assert report.scores[0].unseen.value == pytest.approx(1.0 / EMOTIONS, abs=0.1)


def test_the_same_seed_gives_the_same_report_and_it_survives_the_wire() -> None:
    data = made_up("spread", 24)
    baselines = {"half": data.vectors[:, :12]}
    first, again = (probe(data, baselines, seed=4, effort=QUICK) for _ in range(2))
    assert first == again
    assert msgspec.json.decode(msgspec.json.encode(first), type=ProbeReport) == first
    assert probe(data, baselines, seed=5, effort=QUICK) != first
    (name, gain), *_ = first.gain
    assert name == "half"
    assert gain.value == pytest.approx(
        first.scores[0].unseen.value - first.scores[1].unseen.value, abs=1e-6
    )


def test_without_sentences_nothing_is_claimed_about_them() -> None:
    report = verdict_of(made_up("spread", 24, has_sentences=False, gender=(None,) * 144))
    assert report.subject.sentences == 1
    assert report.words_alone is None
    assert [c.fixed_to for c in report.controls] == ["speaker"]
    assert any("unseen sentences" in text for text in report.not_tested)
    assert any("gender" in text for text in report.not_tested)
    assert [f.factor for f in report.disentanglement[0].factors] == ["emotion", "speaker"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"emotion": ("angry",) * 143}, "143 values of emotion for 144 vectors"),
        ({"vectors": np.full((144, 3), np.nan, np.float32)}, "NaN"),
        ({"vectors": np.zeros((144, 0), np.float32)}, "rows of numbers"),
        ({"vectors": np.ones((144, 3), np.float32)}, "all vectors are the same"),
        (
            {
                "vectors": np.zeros((6_000, 2), np.float32),
                **dict.fromkeys(("emotion", "speaker", "sentence", "gender"), ("a",) * 6000),
            },
            "6000 clips, at most 5000",
        ),
        ({"emotion": ("angry",) * 144}, "6 speakers and 1 emotions"),
        ({"speaker": ("a", "b", "c") * 48}, "3 speakers"),
    ],
)
def test_what_cannot_be_probed_is_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ProbeError, match=says):
        made_up("one", **change)


def test_a_baseline_of_other_rows_is_refused() -> None:
    with pytest.raises(ProbeError, match="baseline mel"):
        probe(made_up("one"), {"mel": np.zeros((3, 2), np.float32)}, effort=QUICK)


def test_a_clip_that_leaves_nothing_to_learn_from_is_refused() -> None:
    """All but the first speaker say one sentence: without it only that speaker is left."""
    data = made_up("one")
    said = tuple("own" if s == "s0" and t == "t0" else "shared"
                 for s, t in zip(data.speaker, data.sentence, strict=True))  # fmt: skip
    with pytest.raises(ProbeError, match="18 clips cannot be judged"):
        probe(made_up("one", sentence=said), effort=QUICK)


@pytest.mark.parametrize("width", [1, 2])
def test_next_to_no_clips_and_dimensions_still_give_a_report(width: int) -> None:
    """Four speakers, two emotions, one clip of each; with one dimension only a line is drawn."""
    rng = np.random.default_rng(0)
    data = ProbeData(
        vectors=rng.standard_normal((8, width)).astype(np.float32),
        emotion=("angry", "calm") * 4,
        speaker=tuple("aabbccdd"),
        sentence=("",) * 8,
        gender=(None,) * 8,
        corpus="tiny",
        language="none",
        band="wide",
        is_acted=False,
    )
    report = verdict_of(data)
    assert report.geometry.clips == 8
    assert [p.k for p in report.concentration] == [1, 2][:width]
    assert "acted speech" in report.not_tested


def test_copies_of_one_dimension_are_as_good_as_one() -> None:
    data = made_up("one", 16)
    copied = np.repeat(data.vectors[:, 3:4], 16, axis=1)
    report = verdict_of(made_up("one", vectors=copied))
    assert report.verdict.concentration is Concentration.ONE_DIMENSION
    rest = report.concentration[0].without_top
    assert rest is not None
    assert rest.value == pytest.approx(report.concentration[0].top.value, abs=0.02)
    assert report.importance.clusters == 1


def test_a_control_with_fewer_values_than_emotions_is_no_measure() -> None:
    """Two sentences would make it a task of two classes, whose chance is one half."""
    data = made_up("spread", 24)
    two = tuple("ab"[int(s[1]) % 2] for s in data.sentence)
    report = verdict_of(made_up("spread", 24, sentence=two))
    assert [c.fixed_to for c in report.controls] == ["speaker", "speaker and sentence"]
    assert any("a control fixed to sentences" in text for text in report.not_tested)
