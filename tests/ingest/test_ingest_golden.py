"""Authored files against what metadata.json says they hold, or must be refused for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from subtone.ingest.errors import IngestError
from subtone.ingest.files import probe_audio, read_blocks, read_transcript

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "ingest"
EXPECTED: dict[str, dict[str, Any]] = json.loads((GOLDEN / "metadata.json").read_text("utf-8"))


def test_every_golden_file_is_described() -> None:
    described = {name for group in EXPECTED.values() if isinstance(group, dict) for name in group}
    assert {path.name for path in GOLDEN.iterdir()} == described | {"metadata.json"}


@pytest.mark.parametrize("name", EXPECTED["transcripts"])
def test_a_golden_transcript_gives_its_turns(name: str) -> None:
    turns = read_transcript(GOLDEN / name).turns
    found = [
        {
            "t_event_ms": turn.t_event_ms,
            "t_end_ms": turn.t_end_ms,
            "role": turn.role.value,
            "text": turn.text,
        }
        for turn in turns
    ]
    assert found == EXPECTED["transcripts"][name]


@pytest.mark.parametrize("name", EXPECTED["refused_transcripts"])
def test_a_bad_transcript_is_refused_by_place_not_by_words(name: str) -> None:
    with pytest.raises(IngestError) as refusal:
        read_transcript(GOLDEN / name)
    message = str(refusal.value)
    assert message.startswith(f"{name}: ")
    assert all(part in message for part in EXPECTED["refused_transcripts"][name]), message
    assert "secretword" not in message
    assert "\n" not in message


@pytest.mark.parametrize("name", EXPECTED["audio"])
def test_golden_audio_is_read_whole(name: str) -> None:
    expected = EXPECTED["audio"][name]
    info = probe_audio(GOLDEN / name)
    assert (info.sample_rate_hz, info.channel_count) == (
        expected["sample_rate_hz"],
        expected["channel_count"],
    )
    assert (info.duration_ms, info.container) == (expected["duration_ms"], expected["container"])
    sound = np.concatenate(list(read_blocks(GOLDEN / name, 8000, 30)))
    assert sound.shape == (expected["frames"], 1)
    if expected["peak"] is not None:
        assert np.abs(sound).max() * 32_768 == expected["peak"]


@pytest.mark.parametrize("name", EXPECTED["refused_audio"])
def test_bad_audio_is_refused_with_its_cause(name: str) -> None:
    with pytest.raises(IngestError) as refusal:
        list(read_blocks(GOLDEN / name, 8000, 1000))
    message = str(refusal.value)
    assert message.startswith(f"{name}: ")
    assert all(part in message for part in EXPECTED["refused_audio"][name]), message


def test_a_rate_below_8_khz_is_noticed() -> None:
    (notice,) = probe_audio(GOLDEN / "slow.au").notices
    assert notice.code == "source_below_8_khz_upsampled"
    assert probe_audio(GOLDEN / "tone.wav").notices == ()


def test_the_peer_format_brings_word_times() -> None:
    turn = read_transcript(GOLDEN / "call_analytics.json").turns[0]
    assert [(word.t_event_ms, word.t_end_ms, word.text) for word in turn.words[:2]] == [
        (0, 300, "Good"),
        (300, 600, "morning,"),
    ]
    assert len(turn.words) == 6  # punctuation carries no time


def test_disorder_and_empty_turns_are_counted() -> None:
    warnings = read_transcript(GOLDEN / "chat.jsonl").warnings
    assert [(notice.code, notice.count) for notice in warnings] == [
        ("transcript_out_of_order", 1),
        ("transcript_empty_turn", 1),
    ]
