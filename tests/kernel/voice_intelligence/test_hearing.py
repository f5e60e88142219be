"""Chunks on the call's clock: where samples land, what is kept, who is measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from subtone.contracts.calibration import Calibration
from subtone.contracts.inbound import AudioChunk
from subtone.contracts.outputs import SpeechSegment
from subtone.contracts.vocabulary import AudioEncoding, ChannelStatus, Role
from subtone.kernel.voice_intelligence import hearing
from subtone.kernel.voice_intelligence.hearing import HearingMemory
from support_calls import chunk, started
from support_voice import RATE_HZ, Pcm, silence, speech, turns

CALIBRATION = Calibration()


def hear_all(
    memory: HearingMemory, *chunks: AudioChunk
) -> tuple[HearingMemory, list[SpeechSegment]]:
    segments: list[SpeechSegment] = []
    for piece in chunks:
        memory, heard = hearing.hear(memory, piece, CALIBRATION)
        segments += heard.segments
    memory, ended = hearing.close_tracks(memory)
    return memory, segments + list(ended)


def opened(*roles: Role, **changes: Any) -> HearingMemory:
    return hearing.open_hearing(started(*roles, **changes))


def test_speech_segments_lie_where_speech_was() -> None:
    samples = turns((2.0, speech(2.0)), (3.0, speech(1.5)), (1.0, silence(0.1)))
    _, segments = hear_all(opened(Role.AGENT), chunk(Role.AGENT, 0, samples))
    assert len(segments) == 2
    for segment, (start_ms, end_ms) in zip(segments, [(2_000, 4_000), (7_000, 8_500)], strict=True):
        assert segment.t_event_ms == pytest.approx(start_ms, abs=150)
        assert segment.t_end_ms == pytest.approx(end_ms, abs=350)


def test_a_short_breath_does_not_end_a_segment() -> None:
    samples = turns((1.0, speech(1.0)), (0.2, speech(1.0)), (2.0, silence(0.1)))
    assert len(hear_all(opened(Role.AGENT), chunk(Role.AGENT, 0, samples))[1]) == 1


def test_through_is_the_slowest_track_and_none_without_audio() -> None:
    memory = opened(Role.CUSTOMER, Role.AGENT)
    memory, _ = hearing.hear(memory, chunk(Role.CUSTOMER, 0, silence(3.0)), CALIBRATION)
    assert hearing.through_ms(memory) == 0
    memory, _ = hearing.hear(memory, chunk(Role.AGENT, 0, silence(1.0)), CALIBRATION)
    assert hearing.through_ms(memory) == 1_000
    assert hearing.through_ms(opened()) is None


@pytest.mark.parametrize("skew_ms", [-40, -10, 10, 40])
def test_stamps_may_jitter_without_making_a_gap(skew_ms: int) -> None:
    memory = opened(Role.CUSTOMER)
    memory, _ = hearing.hear(memory, chunk(Role.CUSTOMER, 0, silence(1.0)), CALIBRATION)
    late = chunk(Role.CUSTOMER, 1_000 + skew_ms, silence(1.0))
    memory, heard = hearing.hear(memory, late, CALIBRATION)
    assert not heard.notices
    assert hearing.through_ms(memory) == 2_000
    assert hearing.gap_ms(memory) == 0


def test_a_track_that_starts_late_lies_late() -> None:
    memory, segments = hear_all(
        opened(Role.CUSTOMER),
        chunk(Role.CUSTOMER, 20_000, turns((1.0, speech(3.0)), (1.0, silence(1)))),
    )
    assert segments[0].t_event_ms == pytest.approx(21_000, abs=150)
    reading = hearing.read_voice(memory, 25_000, 5_000, CALIBRATION)
    assert reading.customer.features is not None
    assert reading.customer.features.pitch_mean_hz == pytest.approx(120.0, rel=0.03)


def overlapping() -> tuple[Pcm, Pcm]:
    return turns((1.0, speech(3.0)), (2.0, silence(0.1))), turns(
        (3.0, speech(2.0)), (1.1, silence(0.1))
    )


def test_talk_and_overlap_are_counted_in_the_last_hop() -> None:
    customer, agent = overlapping()
    memory, _ = hear_all(
        opened(Role.CUSTOMER, Role.AGENT),
        chunk(Role.CUSTOMER, 0, customer),
        chunk(Role.AGENT, 0, agent),
    )
    reading = hearing.read_voice(memory, 5_000, 5_000, CALIBRATION)
    assert reading.customer_talk_ms == pytest.approx(3_000, abs=400)
    assert reading.agent_talk_ms == pytest.approx(2_000, abs=400)
    assert reading.overlap_ms == pytest.approx(1_000, abs=400)
    assert reading.agent.status is ChannelStatus.NOT_PERMITTED
    assert reading.agent.features is None


def test_a_calm_window_teaches_only_what_is_new() -> None:
    memory, _ = hear_all(
        opened(Role.CUSTOMER), chunk(Role.CUSTOMER, 0, turns((0.5, speech(9.0)), (1, silence(1))))
    )
    first = hearing.read_voice(memory, 5_000, 5_000, CALIBRATION)
    memory = hearing.learn(memory, first, 5.0, CALIBRATION)
    second = hearing.read_voice(memory, 10_000, 5_000, CALIBRATION)
    memory = hearing.learn(memory, second, 5.0, CALIBRATION)
    baseline = hearing.customer_baseline(memory, CALIBRATION)
    assert baseline is not None
    assert baseline.voiced_ms == first.customer.new_voiced_ms + second.customer.new_voiced_ms
    assert second.customer.features is not None
    assert baseline.voiced_ms == pytest.approx(second.customer.features.voiced_ms, abs=100)
    assert hearing.is_caller_known(memory, CALIBRATION)


def test_nothing_customer_like_has_no_baseline() -> None:
    memory = opened(Role.AGENT)
    assert hearing.customer_baseline(memory, CALIBRATION) is None
    assert not hearing.is_caller_known(memory, CALIBRATION)


def test_forgetting_keeps_the_frames_a_window_still_reaches() -> None:
    memory, _ = hear_all(opened(Role.CUSTOMER), chunk(Role.CUSTOMER, 0, speech(20.0)))
    before = hearing.read_voice(memory, 20_000, 5_000, CALIBRATION)
    memory = hearing.forget_before(memory, 10_000)
    frames = memory.tracks[0].frames
    assert frames is not None
    assert frames.t_start_ms == 10_000
    assert hearing.read_voice(memory, 20_000, 5_000, CALIBRATION) == before


def test_mulaw_and_pcm_of_the_same_voice_read_the_same() -> None:
    samples = speech(6.0)
    magnitude = np.minimum(np.abs(samples.astype(np.int32)), 32_635) + 132  # G.711 bias
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    sign = np.where(samples < 0, 0x80, 0)
    mulaw = (~(sign | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8)
    coded = AudioChunk(
        call_id="c",
        t_seen_ms=0,
        t_event_ms=0,
        track_id=Role.CUSTOMER.value,
        encoding=AudioEncoding.MULAW,
        payload=mulaw.tobytes(),
    )
    readings = []
    for piece in (chunk(Role.CUSTOMER, 0, samples), coded):
        memory, _ = hear_all(opened(Role.CUSTOMER), piece)
        readings.append(hearing.read_voice(memory, 5_000, 5_000, CALIBRATION).customer.features)
    plain, companded = readings
    assert plain is not None
    assert companded is not None
    assert companded.pitch_mean_hz == pytest.approx(plain.pitch_mean_hz, rel=0.01)
    assert companded.energy_mean == pytest.approx(plain.energy_mean, abs=0.5)


def test_a_gap_is_silence_to_who_judges_the_answer() -> None:
    """Half a second of greeting, then lost packets: the pause after it counts."""
    memory = opened(Role.CUSTOMER, is_amd_enabled=True)
    hello = turns((0.5, speech(0.6)), (0.1, silence(0.1)))
    memory, _ = hearing.hear(memory, chunk(Role.CUSTOMER, 0, hello), CALIBRATION)
    after = chunk(Role.CUSTOMER, 3_000, silence(3.0))
    memory, heard = hearing.hear(memory, after, CALIBRATION)
    assert heard.notices[0].code == "audio_gap"
    assert heard.amd is not None
    assert heard.amd.verdict == "human"
    assert memory.tracks[0].through_ms == 6_000
    assert RATE_HZ == 8_000
