"""Hand-made contrast sets: what a person would say about each message."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from subtone.contracts.calibration import TextCalibration
from subtone.contracts.vocabulary import Language, Role, SpanKind
from subtone.contracts.voice_intelligence import TextEmotionScores, TextTurn
from subtone.kernel.voice_intelligence.text_emotion import score_text
from subtone.kernel.voice_intelligence.text_features import measure_text

CALIBRATION = TextCalibration()
DIMENSIONS = ("frustration", "confusion", "urgency", "calm", "positivity", "confidence")
MIN_ITEMS = 80
COMPARISONS: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    "less_frustrated_than": ("frustration", lambda a, b: a < b),
    "more_frustrated_than": ("frustration", lambda a, b: a > b),
    "as_frustrated_as": ("frustration", lambda a, b: a == pytest.approx(b)),
    "less_confused_than": ("confusion", lambda a, b: a < b),
    "more_urgent_than": ("urgency", lambda a, b: a > b),
    "less_urgent_than": ("urgency", lambda a, b: a < b),
}


def score(text: str) -> TextEmotionScores:
    turn = TextTurn(
        turn_id="t",
        role=Role.CUSTOMER,
        t_event_ms=0,
        t_end_ms=0,
        t_seen_ms=0,
        text=text,
        language=Language.UNDETERMINED,
    )
    return score_text(turn, measure_text(turn, CALIBRATION), CALIBRATION)


def items(language: str) -> list[dict[str, Any]]:
    path = Path(__file__).with_name(f"contrast_{language}.jsonl")
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def failures(item: dict[str, Any]) -> list[str]:
    """Every expectation of an item that its text does not meet."""
    got = score(item["text"])
    found = []
    for key, expected in item["expect"].items():
        if key in COMPARISONS:
            field, holds = COMPARISONS[key]
            actual, other = getattr(got, field), getattr(score(expected), field)
            if not holds(actual, other):
                found.append(f"{key} {expected!r}: {actual:.3f} against {other:.3f}")
            continue
        name, _, bound = key.rpartition("_")
        if name in DIMENSIONS:
            actual = getattr(got, name)
            if not (actual >= expected if bound == "min" else actual <= expected + 1e-9):
                found.append(f"{key} {expected}: {actual:.3f}")
        elif key == "dominant":
            if got.dominant_emotion != expected:
                found.append(f"dominant {expected}: {got.dominant_emotion}")
        elif key == "is_rhetorical":
            if any(s.kind is SpanKind.RHETORICAL_QUESTION for s in got.spans) is not expected:
                found.append(f"is_rhetorical {expected}")
        elif getattr(got, key) is not expected:
            found.append(f"{key} {expected}")
    return found


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_set_is_large_and_has_no_duplicates(language: str) -> None:
    texts = [item["text"] for item in items(language)]
    assert len(texts) >= MIN_ITEMS
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    "item",
    [item for language in ("en", "zh") for item in items(language) if not item["hard"]],
    ids=lambda item: item["text"],
)
def test_plain_readings_hold(item: dict[str, Any]) -> None:
    assert failures(item) == [], item["text"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_sarcasm_without_markers_is_counted_not_hidden(
    language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Irony that only the world knows about: the count of misses is printed."""
    hard = [item for item in items(language) if item["hard"]]
    missed = [item["text"] for item in hard if failures(item)]
    with capsys.disabled():
        sys.stdout.write(
            f"\n{language}: {len(missed)} of {len(hard)} hard items missed: {missed}\n"
        )
    assert all(item["tag"] == "sarcasm" for item in hard)
