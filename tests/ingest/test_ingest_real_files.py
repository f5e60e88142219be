"""Real recordings and a peer's real output, where the checkout has them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from subtone.contracts.inbound import AudioChunk
from subtone.contracts.vocabulary import Role
from subtone.ingest.files import Transcript, call_events, probe_audio, read_blocks, read_transcript


def shared(name: str) -> Path:
    path = Path(__file__).resolve().parents[2].parent / "shared" / "data" / name
    if not path.exists():
        reason = f"the shared data folder has no {name}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@pytest.mark.parametrize(
    ("name", "rate_hz", "channel_count", "duration_ms"),
    [
        ("auto_repairs_40.stereo.flac", 8000, 2, 245_380),
        ("auto_repairs_49.stereo.flac", 8000, 2, 237_560),
        ("support_call_mono.flac", 16_000, 1, 120_000),
    ],
)
def test_recorded_calls(name: str, rate_hz: int, channel_count: int, duration_ms: int) -> None:
    info = probe_audio(shared(f"calls/{name}"))
    assert (info.sample_rate_hz, info.channel_count) == (rate_hz, channel_count)
    assert info.duration_ms == duration_ms


def test_a_real_call_arrives_sample_for_sample() -> None:
    path = shared("calls/auto_repairs_40.stereo.flac")
    events = call_events(
        path, [Role.AGENT, Role.CUSTOMER], Transcript(), call_id="c1", chunk_ms=700
    )
    payloads = [e.payload for e in events if isinstance(e, AudioChunk) and e.track_id == "customer"]
    caller = np.frombuffer(b"".join(payloads), "<i2")
    expected, _ = soundfile.read(path, dtype="int16")
    assert np.array_equal(caller, expected[:, 1])


def test_16_khz_halves_to_8_khz() -> None:
    count = sum(len(b) for b in read_blocks(shared("calls/support_call_mono.flac"), 8000, 1000))
    assert count == 120 * 8000


def test_the_peers_own_example() -> None:
    transcript = read_transcript(shared("reference/transcribe_call_analytics_example.json"))
    assert len(transcript.turns) == 37
    assert {turn.role for turn in transcript.turns} == {Role.AGENT, Role.CUSTOMER}
    first = transcript.turns[0]
    assert (first.t_event_ms, first.t_end_ms, len(first.words)) == (40, 5050, 19)
    assert transcript.warnings == ()
