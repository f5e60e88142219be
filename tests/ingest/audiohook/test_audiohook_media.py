"""Choosing media, durations, and the token bucket."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.ingest.audiohook.media import choose_media, tracks_of
from subtone.ingest.audiohook.messages import (
    AudioHookError,
    MediaOffer,
    Open,
    parse_duration_samples,
    parse_parameters,
)
from subtone.ingest.audiohook.rates import TokenBucket


def offer(spec: str) -> MediaOffer:
    name, channels, rate = spec.split()
    return MediaOffer(
        type="audio", format=name, channels=tuple(channels.split("+")), rate=int(rate)
    )


BEST_FIRST = [
    "PCMU external+internal 8000",
    "L16 external+internal 8000",
    "PCMU internal+external 8000",
    "L16 internal+external 8000",
    "PCMU external 8000",
    "L16 external 8000",
    "PCMU internal 8000",
    "L16 internal 8000",
]
USELESS = [
    "PCMU external 16000",
    "OPUS external 8000",
    "PCMU external+external 8000",
    "PCMU other 8000",
    "PCMU external+internal+other 8000",
]


@given(st.permutations(BEST_FIRST + USELESS), st.integers(0, len(BEST_FIRST)))
def test_the_best_offer_is_taken_in_any_order(offered: list[str], worst: int) -> None:
    left = [offer(spec) for spec in offered if spec not in BEST_FIRST[:worst]]
    expected = offer(BEST_FIRST[worst]) if worst < len(BEST_FIRST) else None
    assert choose_media(left) == expected


def test_tracks_follow_the_wire_s_order_and_roles_the_names() -> None:
    tracks = tracks_of(offer("PCMU internal+external 8000"))
    assert [(track.track_id, track.role.value) for track in tracks] == [
        ("internal", "agent"),
        ("external", "customer"),
    ]


@pytest.mark.parametrize(
    ("text", "samples"),
    [
        ("PT0S", 0),
        ("PT1S", 8_000),
        ("PT1.5S", 12_000),
        ("PT.5S", 4_000),
        ("PT2.S", 16_000),
        ("PT0.000125S", 1),
        ("PT0.0000624S", 0),
        ("PT0.0000625S", 1),  # half a sample rounds up
        ("PT4.100000000000001S", 32_800),  # what JavaScript makes of 4.1
        ("PT604800S", 4_838_400_000),
    ],
)
def test_durations_are_exact(text: str, samples: int) -> None:
    assert parse_duration_samples(text, 8_000) == samples


@given(st.text(max_size=12) | st.from_regex(r"P?T?[0-9.]{0,30}S?", fullmatch=True))
def test_any_other_duration_is_refused(text: str) -> None:
    try:
        samples = parse_duration_samples(text, 8_000)
    except AudioHookError:
        return
    assert abs(samples / 8_000 - float(text[2:-1])) <= 1 / 16_000 + 1e-6


@given(st.recursive(st.none() | st.text() | st.integers(), st.lists, max_leaves=8))
def test_parameters_are_the_type_s_or_refused(value: object) -> None:
    with pytest.raises(AudioHookError):
        parse_parameters(msgspec.Raw(msgspec.json.encode(value)), Open)


def test_a_bucket_refills_up_to_its_capacity() -> None:
    bucket = TokenBucket(capacity=3, refill_per_s=2)
    for _ in range(3):
        taken = bucket.spend(1, 0)
        assert taken is not None
        bucket = taken
    assert bucket.spend(1, 499) is None
    after = bucket.spend(1, 500)
    assert after is not None
    assert after.spend(3, 100_000) is not None
    assert after.spend(4, 100_000) is None


def test_a_clock_that_steps_back_neither_takes_nor_gives() -> None:
    bucket: TokenBucket | None = TokenBucket(capacity=3, refill_per_s=2)
    for t_ms in (9_000, 0, 5_000):
        assert bucket is not None
        bucket = bucket.spend(1, t_ms)
    assert bucket is not None
    assert bucket.spend(1, 9_000) is None
    assert bucket.spend(1, 9_500) is not None
