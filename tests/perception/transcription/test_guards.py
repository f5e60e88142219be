from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.perception.transcription.guards import (
    Decoded,
    GuardLimits,
    compression_ratio,
    longest_run,
    refusal,
)

LIMITS = GuardLimits()


def decoded(
    text: str,
    *,
    log_probability: float = -0.3,
    no_speech: float = 0.01,
    tokens: tuple[int, ...] = (),
) -> Decoded:
    return Decoded(tokens or tuple(range(len(text.split()))), text, log_probability, no_speech)


@pytest.mark.parametrize(
    ("said", "speech_s", "reason"),
    [
        (decoded("I would like my money back please"), 3.0, None),
        (decoded("no no no"), 1.0, None),
        (decoded("thank you", no_speech=0.9), 1.0, None),
        (decoded("thank you", no_speech=0.9, log_probability=-1.2), 1.0, "no_speech"),
        (decoded("thank you", log_probability=-1.2), 1.0, "log_probability"),
        (decoded("thing", tokens=(1, *[2] * 6)), 3.0, "repetition"),
        (decoded("so what", tokens=(1, 2) * 5), 3.0, "repetition"),
        (decoded("going on and " * 40), 60.0, "compression"),
        (decoded("thank you very much for watching this video"), 0.5, "speech_rate"),
        (decoded("感谢您的收看请订阅我们的频道"), 0.5, "speech_rate"),
        (decoded("我想退这个订单"), 1.0, None),
        (decoded(""), 0.0, None),
    ],
)
def test_what_nobody_said_is_refused_for_its_reason(
    said: Decoded, speech_s: float, reason: str | None
) -> None:
    assert refusal(said, speech_s, LIMITS) == reason


@given(
    st.lists(st.integers(0, 3), max_size=6),
    st.lists(st.integers(0, 3), min_size=1, max_size=12),
    st.integers(1, 9),
)
def test_a_repeated_phrase_is_counted(before: list[int], phrase: list[int], repeats: int) -> None:
    assert longest_run([*before, *phrase * repeats]) >= repeats


@given(st.lists(st.integers(), unique=True))
def test_what_never_repeats_is_one_run(tokens: list[int]) -> None:
    assert longest_run(tokens) == min(len(tokens), 1)


def test_compression_is_zlibs() -> None:
    assert compression_ratio("") == 0.0
    assert compression_ratio("ha" * 200) > 20.0
    assert compression_ratio("every word here is different") < 1.1
