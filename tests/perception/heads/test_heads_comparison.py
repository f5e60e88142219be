"""Heads side by side: figures that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from subtone.contracts.memory import EmotionFinding
from subtone.perception.encoding import EncodedAudio, FloatArray
from subtone.perception.heads.comparison import Candidate, LabelledClip, compare
from subtone.perception.heads.emotion import emotion_finding
from support_heads import speech

LABELS = ("happy", "angry")


def clip(speaker: str, emotion: str, heard: str, share: float = 0.9) -> LabelledClip:
    """A clip that carries in its samples what the fake head will say of it."""
    samples = np.full(16_000, share, np.float32)
    samples[0] = LABELS.index(heard)
    return LabelledClip(speaker=speaker, emotion=emotion, samples=samples)


def prepare(samples: FloatArray) -> EncodedAudio:
    audio = speech(frames=50)
    audio.windows[0].samples[:] = samples
    return audio


def find(audio: EncodedAudio) -> EmotionFinding:
    first, share = audio.windows[0].samples[:2].tolist()
    shares = np.array([share, 1 - share] if first == 0 else [1 - share, share])
    return emotion_finding(
        LABELS, shares, threshold=0.7, reliability=1.0, is_calibrated=False, model="fake"
    )


HEAD = Candidate(prepare=prepare, find=find, size_bytes=10, shared_bytes=90, tasks=("emotion", "x"))


def test_recall_accuracy_and_coverage_by_hand() -> None:
    clips = [
        clip("a", "happy", "happy"),
        clip("a", "happy", "happy", share=0.6),
        clip("b", "happy", "angry"),
        clip("b", "angry", "angry"),
    ]
    (row,) = compare({"one": HEAD}, clips)
    assert row.unweighted_recall.value == pytest.approx((2 / 3 + 1) / 2)
    assert row.weighted_accuracy.value == pytest.approx(3 / 4)
    assert row.coverage == pytest.approx(3 / 4)
    assert row.answered_accuracy == pytest.approx(2 / 3)
    assert (row.clips, row.speakers, row.own_bytes, row.shared_bytes) == (4, 2, 10, 90)
    assert row.tasks == ("emotion", "x")
    assert row.own_cpu_ms_per_s >= 0.0


def test_the_interval_is_over_speakers() -> None:
    good = [clip("a", e, e) for e in LABELS for _ in range(50)]
    bad = [clip("b", e, LABELS[1 - LABELS.index(e)]) for e in LABELS for _ in range(50)]
    (row,) = compare({"one": HEAD}, good + bad)
    # two speakers, one always right, one always wrong: drawing speakers gives 0, .5 or 1
    assert row.weighted_accuracy.value == 0.5
    assert (row.weighted_accuracy.low, row.weighted_accuracy.high) == (0.0, 1.0)


def test_a_class_the_head_cannot_name_counts_as_never_recalled() -> None:
    clips = [clip("a", "happy", "happy"), clip("b", "disgust", "happy")]
    (row,) = compare({"one": HEAD}, clips)
    assert row.unweighted_recall.value == 0.5


def test_rows_come_in_the_order_given_and_no_clips_is_an_error() -> None:
    rows = compare({"b": HEAD, "a": HEAD}, [clip("a", "happy", "happy")])
    assert [row.head for row in rows] == ["b", "a"]
    with pytest.raises(ValueError, match="at least one"):
        compare({"a": HEAD}, [])
