"""Packets carry the recording, and the network does what it was told, the same every time."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from subtone.contracts.vocabulary import AudioEncoding, Role
from subtone.ingest.errors import IngestError
from subtone.kernel.voice_intelligence.acoustics import decode_payload
from subtone.runtime.simulate import twilio
from subtone.runtime.simulate.packets import Network, Packet, impaired, packets_of, to_mulaw

ROLES = (Role.AGENT, Role.CUSTOMER)


def test_every_mulaw_code_is_its_own_nearest() -> None:
    every = bytes(range(256))
    linear = decode_payload(AudioEncoding.MULAW, every)
    again = decode_payload(AudioEncoding.MULAW, to_mulaw(linear))
    assert np.array_equal(again, linear)  # the two zeros are one value


@settings(max_examples=50)
@given(st.lists(st.floats(-1.5, 1.5), min_size=1, max_size=200))
def test_coding_errs_by_no_more_than_half_a_step(values: list[float]) -> None:
    samples = np.clip(np.array(values, np.float32), -1.0, 1.0)
    decoded = decode_payload(AudioEncoding.MULAW, to_mulaw(samples))
    limit = float(np.abs(decode_payload(AudioEncoding.MULAW, bytes(range(256)))).max())
    error = np.abs(decoded - np.clip(samples, -limit, limit))
    assert (error <= np.maximum(np.abs(samples) / 32.0, 0.0003)).all()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "call.wav"
    t_s = np.arange(8_000) / 8_000
    stereo = np.stack([0.5 * np.sin(2 * np.pi * 300 * t_s), 0.5 * np.cos(2 * np.pi * 500 * t_s)], 1)
    soundfile.write(path, stereo, 8_000)
    return path


def test_packets_hold_every_sample_in_time_order(recording: Path) -> None:
    packets = list(packets_of(recording, ROLES))
    assert len(packets) == 100
    assert [p.t_ms for p in packets] == sorted(p.t_ms for p in packets)
    sound, _ = soundfile.read(recording, dtype="float32")
    for track in (0, 1):
        joined = b"".join(p.payload for p in packets if p.track == track)
        assert np.abs(decode_payload(AudioEncoding.MULAW, joined) - sound[:, track]).max() < 0.02
    with pytest.raises(IngestError, match="2 channels"):
        list(packets_of(recording, (Role.CUSTOMER,)))


def test_the_network_loses_doubles_and_reorders_the_same_way_every_time() -> None:
    packets = [Packet(0, n, 20 * n, 20.0 * n + 20.0, b"") for n in range(2_000)]
    bad = Network(loss=0.05, duplicate=0.03, reorder=0.1, jitter_ms=15.0)
    arrived = impaired(packets, bad)
    assert arrived == impaired(packets, bad)
    assert arrived != impaired(packets, Network(loss=0.05, duplicate=0.03, reorder=0.1, seed=2))
    numbers = [p.number for p in arrived]
    assert 1_870 < len(set(numbers)) < 1_930
    assert 30 < len(numbers) - len(set(numbers)) < 90
    assert numbers != sorted(numbers)
    assert [p.send_ms for p in arrived] == sorted(p.send_ms for p in arrived)
    assert impaired(packets, Network()) == packets


def test_twilio_messages_look_like_the_wire(recording: Path) -> None:
    packets = list(packets_of(recording, ROLES))
    sent = [(t, json.loads(m)) for t, m in twilio.messages("CA1", "MZ1", ROLES, packets)]
    assert [m["event"] for _, m in sent[:3]] == ["connected", "start", "media"]
    assert sent[1][1]["start"]["tracks"] == ["outbound", "inbound"]
    first = sent[2][1]
    assert (first["sequenceNumber"], first["media"]["chunk"]) == ("2", "1")
    assert first["media"]["timestamp"] == "155"
    assert base64.b64decode(first["media"]["payload"]) == packets[0].payload
    assert sent[-1][1]["event"] == "stop"
    assert int(sent[-1][1]["sequenceNumber"]) == len(packets) + 2
    assert [t for t, _ in sent] == sorted(t for t, _ in sent)
