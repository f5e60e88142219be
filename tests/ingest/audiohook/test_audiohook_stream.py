"""AudioHook streams: the recorded sessions, samples and their clock."""

from __future__ import annotations

import json
from collections import defaultdict

from subtone.contracts.base import MAX_CALL_MS
from subtone.contracts.vocabulary import AudioEncoding, Role
from subtone.ingest.audiohook import (
    AudioHookCodec,
)
from subtone.ingest.audiohook.codec import (
    MAX_GAP_LEAD_MS,
    MAX_UNEXPLAINED_LEAD_MS,
    State,
)
from subtone.ingest.wire import (
    Received,
    SignalKind,
    StreamClosed,
    StreamMedia,
    StreamOpened,
    StreamTrack,
)
from support_audiohook import (
    CONVERSATION,
    FRAME,
    ORGANIZATION,
    SAID,
    SESSION,
    STEREO,
    Client,
    Json,
    kind_of,
    media_of,
    media_times,
    opened_client,
    signal,
)
from support_shared import shared

# --- the recorded session ------------------------------------------------------------------------


def recorded_sessions() -> dict[str, list[tuple[str, Json]]]:
    sessions: dict[str, list[tuple[str, Json]]] = defaultdict(list)
    for line in (
        shared("protocols", "audiohook", "audiohook_session.jsonl").read_text().splitlines()
    ):
        record = json.loads(line)
        sessions[record["m"]["id"]].append((record["dir"], record["m"]))
    return sessions


def test_the_recorded_sessions_get_the_recorded_replies() -> None:
    """Five sessions; audio, which was not recorded, is filled in up to each position."""
    seen = {}
    for session_id, records in recorded_sessions().items():
        parameters = records[0][1]["parameters"]
        codec = AudioHookCodec(organization_id=parameters["organizationId"], session_id=session_id)
        events: list[object] = []
        owed: list[Json] = []
        channel_count = 0
        for direction, message in records:
            if direction == "s>c":
                assert owed.pop(0) == message
                if message["type"] == "opened":
                    channel_count = len(message["parameters"]["media"][0]["channels"])
                continue
            assert not owed
            target_ms = round(float(message["position"][2:-1]) * 1000)
            while channel_count and codec.position_ms < target_ms:
                events += codec.receive(bytes(1_600 * channel_count), target_ms).events
            got = codec.receive(json.dumps(message), target_ms)
            events += got.events
            owed += [json.loads(reply) for reply in got.replies]
            assert codec.position_error_ms == 0
            assert got.is_over == (message["type"] == "close")
        assert not owed
        assert codec.ignored_count == 0
        seen[session_id] = events

    probe = seen.pop("4cc938d9-00b0-4962-96d4-f7c8048ae31e")
    assert probe == []

    mono = seen.pop(SESSION)
    opened = StreamOpened(
        provider="genesys-audiohook",
        stream_id=SESSION,
        call_id=CONVERSATION,
        tracks=(StreamTrack(track_id="external", role=Role.CUSTOMER, sample_rate_hz=8000),),
        attributes=(("organizationId", ORGANIZATION),),
    )
    media = [
        StreamMedia(
            track_id="external",
            t_stream_ms=t_ms,
            encoding=AudioEncoding.MULAW,
            sample_rate_hz=8000,
            payload=bytes(1_600),
        )
        for t_ms in range(0, 4_000, 200)
    ]
    assert mono == [opened, *media, StreamClosed(reason="end")]

    assert len(seen) == 3
    for events in seen.values():
        first, *media_events, last = events
        assert isinstance(first, StreamOpened)
        assert [(track.track_id, track.role) for track in first.tracks] == [
            ("external", Role.CUSTOMER),
            ("internal", Role.AGENT),
        ]
        assert [event.t_stream_ms for event in media_events if isinstance(event, StreamMedia)] == [
            t_ms for t_ms in range(0, 2_000, 200) for _ in range(2)
        ]
        assert last == StreamClosed(reason="end")


# --- the clock -----------------------------------------------------------------------------------


def test_sides_are_split_and_placed_by_samples() -> None:
    client = opened_client()
    times = []
    for count in (1, 7, 3, 160, 5):  # 125 µs each
        got = client.deliver(bytes([1, 2]) * count)
        assert [(event.track_id, event.payload) for event in media_of(got)] == [
            ("external", b"\x01" * count),
            ("internal", b"\x02" * count),
        ]
        times.append(media_times(got)[0])
    assert times == [0, 0, 1, 1, 21]
    assert client.codec.position_ms == 22


def test_pcm_is_split_by_sample_not_by_byte() -> None:
    client = opened_client(media=[STEREO | {"format": "L16"}])
    got = client.deliver(b"\x01\x02\x03\x04\x05\x06\x07\x08")
    assert [(event.encoding, event.payload) for event in media_of(got)] == [
        (AudioEncoding.PCM_S16LE, b"\x01\x02\x05\x06"),
        (AudioEncoding.PCM_S16LE, b"\x03\x04\x07\x08"),
    ]
    client.deliver(b"\x01\x02\x03\x04\x05\x06")
    assert client.heard[-1]["parameters"]["info"].endswith("multiple of 4 bytes")


def test_empty_audio_is_nothing() -> None:
    client = opened_client()
    assert client.deliver(b"") == Received()
    assert client.codec.ignored_count == 1


def test_discarded_audio_is_a_gap() -> None:
    client = opened_client()
    client.deliver(FRAME)
    got = client.say("discarded", "PT0.6S", start="PT0.2S", discarded="PT0.4S")
    assert got.events == (signal(SignalKind.DISCARDED, 200, "400"),)
    assert media_times(client.deliver(FRAME)) == [600, 600]
    assert client.say("discarded", start="PT0S", discarded="PT0.1S").events == ()  # known already
    assert client.codec.position_ms == 800


def test_a_pause_is_a_gap_whether_the_client_s_clock_ran_or_stood() -> None:
    ran = opened_client()
    ran.deliver(FRAME)
    assert ran.say("paused", "PT0.2S").events == (signal(SignalKind.PAUSED, 200),)
    ran.say("ping", "PT9S")  # in a pause a running clock is no loss
    got = ran.say("resumed", "PT30.2S", start="PT0.2S", discarded="PT30S")
    assert got.events == (
        signal(SignalKind.DISCARDED, 200, "30000"),
        signal(SignalKind.RESUMED, 30_200),
    )
    assert media_times(ran.deliver(FRAME)) == [30_200, 30_200]

    stood = opened_client()
    stood.deliver(FRAME)
    stood.say("paused", "PT0.2S")
    got = stood.say("resumed", "PT0.2S", start="PT0.2S", discarded="PT0S")
    assert got.events == (signal(SignalKind.RESUMED, 200),)
    assert media_times(stood.deliver(FRAME)) == [200, 200]


def test_keys_pressed_in_a_pause_stay_private() -> None:
    client = opened_client()
    client.say("paused")
    assert client.say("dtmf", digit="4") == Received()


def test_audio_lost_without_a_word_shows_in_the_client_s_position() -> None:
    client = opened_client()
    client.deliver(FRAME)
    assert client.say("ping", "PT1.2S").events == ()
    assert client.codec.position_error_ms == MAX_UNEXPLAINED_LEAD_MS
    got = client.say("ping", "PT1.200125S")
    assert got.events == ()
    got = client.say("ping", "PT1.201S")
    assert got.events == (signal(SignalKind.DISCARDED, 200, "1001"),)
    assert client.codec.position_ms == 1_201
    assert client.say("ping", "PT0S").events == ()  # never back
    assert client.codec.position_error_ms == -1_201
    assert client.codec.position_ms == 1_201


def test_gaps_cannot_outrun_time() -> None:
    client = opened_client()  # at 1 000 ms
    message = client.message("discarded", start="PT0S", discarded="PT40S")
    assert client.deliver(message, 1_000 + 40_000 - MAX_GAP_LEAD_MS).events
    message = client.message("discarded", start="PT40S", discarded="PT1S")
    got = client.deliver(message, 1_000 + 40_999 - MAX_GAP_LEAD_MS)
    assert [kind_of(event) for event in got.events] == ["closed"]
    client = opened_client()
    client.say("ping", "PT3600S")
    assert client.codec.state is State.LEAVING


def test_a_session_may_start_late_in_the_stream_but_not_last_for_ever() -> None:
    client = Client()
    message = client.message("open", f"PT{MAX_CALL_MS / 1000 - 0.2}S", **SAID["open"])
    client.deliver(message)
    assert media_times(client.deliver(FRAME)) == [MAX_CALL_MS - 200] * 2
    client.deliver(FRAME[:16])
    assert client.heard[-1]["parameters"]["info"].endswith("longer than 7 days")
