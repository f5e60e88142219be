"""Perception beside a call: bounded, consented, never in the way, and journalled like the rest."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from subtone.contracts.inbound import (
    AudioChunk,
    CallEnded,
    CallStarted,
    ConsentChanged,
    InboundEvent,
    Paused,
    Resumed,
    Track,
)
from subtone.contracts.memory import MemoryFilter, MemoryRecord
from subtone.contracts.outputs import Decision
from subtone.contracts.vocabulary import AudioEncoding, Role, SessionState
from subtone.ingest.files import call_events, read_transcript
from subtone.ingest.wire import StreamMedia, StreamOpened, StreamTrack
from subtone.kernel import pipeline
from subtone.perception.encoder import WhisperEncoder
from subtone.perception.encoding import FloatArray
from subtone.perception.heads.centre import SpeakerCentre
from subtone.perception.heads.contrast import ContrastHead
from subtone.perception.heads.emotion import EmotionHead
from subtone.perception.heads.files import read_head
from subtone.perception.heads.shipped import shipped_path
from subtone.runtime.audio_memory import AudioMemorySystem
from subtone.runtime.config import RuntimeConfig, Scope
from subtone.runtime.config_tree import MemoryConfig, PerceptionConfig
from subtone.runtime.listening.utterances import Findings, Sound, Utterances
from subtone.runtime.live.metrics import Metrics
from subtone.runtime.live.perceiving import Perceiving
from subtone.runtime.live.remembering import running_perception
from support_audio_memory import (
    RATE_HZ,
    RELATIVE,
    real_checkpoint,
    small_checkpoint,
    small_emotion_head,
    speech,
    write_clips,
)
from support_cli import CALLS
from support_heads import contrast
from support_live import Live, eventually, run_live
from support_shared import shared
from support_whisper import WIDTH

TRACKS = (
    Track(track_id="agent", role=Role.AGENT, sample_rate_hz=16_000),
    Track(track_id="customer", role=Role.CUSTOMER, sample_rate_hz=16_000),
)
STARTED = CallStarted(call_id="c", t_event_ms=0, t_seen_ms=0, tracks=TRACKS)


def pcm(samples: FloatArray) -> bytes:
    return (np.clip(samples, -1.0, 1.0) * 32767.0).astype("<i2").tobytes()


def chunk(t_ms: int, ms: int = 500, track: str = "customer", **more: Any) -> AudioChunk:
    return AudioChunk(
        call_id="c",
        t_event_ms=t_ms,
        t_seen_ms=t_ms,
        track_id=track,
        encoding=AudioEncoding.PCM_S16LE,
        payload=bytes(32 * ms),
        **more,
    )


def stamped(kind: type[Any], t_ms: int = 0, **fields: Any) -> InboundEvent:
    event: InboundEvent = kind(call_id="c", t_event_ms=t_ms, t_seen_ms=t_ms, **fields)
    return event


class Recorded:
    """Stands for one call's models: notes what it is given, and waits where told to."""

    def __init__(self) -> None:
        self.heard: list[list[int | None]] = []
        self.forgotten: list[bool] = []  # whether the caller was, too
        self.may_go = threading.Event()
        self.may_go.set()

    def understand(self, sound: Sequence[Sound | None]) -> Findings:
        self.may_go.wait(10.0)
        self.heard.append([None if s is None else s.chunk.t_event_ms for s in sound])
        return Findings()

    def forget(self, *, is_caller_too: bool = False) -> None:
        self.forgotten.append(is_caller_too)


class Line:
    """A running call as far as perception looks at it."""

    class _Live:
        call_id = "c"
        is_voice_allowed = True
        is_paused = False
        customer_track = TRACKS[1]

    live = _Live()


async def heard_by(
    events: Sequence[Sequence[InboundEvent]], models: Recorded, **limits: Any
) -> Perceiving:
    given: list[str] = []
    perceiving = Perceiving(
        lambda _id: models,  # type: ignore[arg-type, return-value]
        lambda call_id, _found: given.append(call_id),
        lambda: 0,
        Metrics(),
        **limits,
    )
    for batch in events:
        perceiving.hear(Line(), batch)  # type: ignore[arg-type]
        await asyncio.sleep(0.05)
    return perceiving


def run(events: Sequence[Sequence[InboundEvent]], **limits: Any) -> tuple[Recorded, Perceiving]:
    models = Recorded()

    async def test() -> Perceiving:
        perceiving = await heard_by(events, models, **limits)
        await asyncio.sleep(0.05)
        await perceiving.stop()
        return perceiving

    return models, asyncio.run(test())


def test_only_the_customer_is_heard_and_the_end_closes_the_last_utterance() -> None:
    events: list[list[InboundEvent]] = [
        [STARTED, chunk(0), chunk(0, track="agent")],
        [chunk(500), stamped(CallEnded, 1_000, reason="hangup")],
    ]
    assert run(events)[0].heard == [[0], [500, None]]


def test_made_up_sound_is_a_gap() -> None:
    models, _ = run([[STARTED, chunk(0), chunk(500, is_concealed=True), chunk(1_000)]])
    assert models.heard == [[0, None, 1_000]]


def test_of_a_pause_and_after_an_objection_nothing_is_used() -> None:
    paused: list[list[InboundEvent]] = [
        [STARTED, chunk(0, 100), stamped(Paused, 100), chunk(100)],
        [stamped(Resumed, 700), chunk(700)],
    ]
    models, _ = run(paused)
    assert models.heard == [[700]]
    assert models.forgotten == [False, False]
    objected = stamped(ConsentChanged, 100, is_voice_emotion_allowed=False)
    models, _ = run([[STARTED, chunk(0, 100), objected, chunk(100), chunk(600)]])
    assert models.heard == []
    assert models.forgotten == [True]


def test_sound_beyond_the_bound_is_dropped_oldest_first_and_counted() -> None:
    models = Recorded()
    models.may_go.clear()

    async def test() -> Perceiving:
        batches: list[list[InboundEvent]] = [[STARTED, chunk(0)]]
        batches += [[chunk(500 * n)] for n in range(1, 7)]
        perceiving = await heard_by(batches, models, max_waiting_ms=1_000)
        models.may_go.set()
        await asyncio.sleep(0.1)
        await perceiving.stop()
        return perceiving

    perceiving = asyncio.run(test())
    assert models.heard == [[0], [2_500, 3_000]]
    assert perceiving.dropped_ms == 2_000


def test_a_failing_model_costs_its_utterance_and_nothing_else() -> None:
    class Broken(Recorded):
        def understand(self, sound: Sequence[Sound | None]) -> Findings:
            super().understand(sound)
            raise RuntimeError("a model broke")

    models = Broken()

    async def test() -> Perceiving:
        perceiving = await heard_by([[STARTED, chunk(0)], [chunk(500)]], models)
        await asyncio.sleep(0.05)
        await perceiving.stop()
        return perceiving

    perceiving = asyncio.run(test())
    assert models.heard == [[0], [500]]
    assert perceiving.failed_count == 2


# --- one call's models --------------------------------------------------------------------


def sounds(samples: FloatArray, ms: int, start_ms: int = 0) -> list[Sound]:
    step = RATE_HZ * ms // 1000
    return [
        Sound(
            AudioChunk(
                call_id="c",
                t_event_ms=start_ms + n * ms,
                t_seen_ms=0,
                track_id="customer",
                encoding=AudioEncoding.PCM_S16LE,
                payload=pcm(samples[at : at + step]),
            ),
            RATE_HZ,
        )
        for n, at in enumerate(range(0, len(samples), step))
    ]


def utterances(
    tmp_path: Path, kept: list[MemoryRecord] | None = None, **head_changes: Any
) -> Utterances:
    checkpoint = small_checkpoint(tmp_path / "made-up")
    head = small_emotion_head(tmp_path / "emotion.safetensors", "made-up/none", 1, **head_changes)
    valence = contrast(space="made-up/none", layer=1, width=WIDTH)
    return Utterances(
        "c",
        AudioMemorySystem(
            checkpoint, models={"emotion": head}, layer=1, encoder_options={"threads": 1}
        ),
        ("emotion",),
        (ContrastHead(valence),),
        None if kept is None else kept.append,
        max_utterance_ms=6_000,
        now_ms=lambda: 77,
    )


@pytest.mark.parametrize("ms", [100, 500, 2_000])
def test_how_sound_is_cut_into_chunks_changes_nothing(tmp_path: Path, ms: int) -> None:
    samples = speech(24.0)
    whole = utterances(tmp_path / "whole").understand([*sounds(samples, 24_000), None])
    models = utterances(tmp_path / "parts")
    parts = [models.understand([sound]) for sound in sounds(samples, ms)]
    parts.append(models.understand([None]))
    spans = [(h.head, h.t_start_ms, h.t_event_ms) for part in parts for h in part.heads]
    assert spans == [(h.head, h.t_start_ms, h.t_event_ms) for h in whole.heads]
    assert len(spans) >= 4


def test_contrasts_speak_once_three_utterances_are_known_and_every_utterance_is_kept(
    tmp_path: Path,
) -> None:
    kept: list[MemoryRecord] = []
    found = utterances(tmp_path, kept).understand([*sounds(speech(40.0), 1_000), None])
    emotions = [h for h in found.heads if h.head == "emotion"]
    contrasts = [h for h in found.heads if h.head == "valence"]
    assert len(kept) == len(emotions) >= 5
    assert len(contrasts) == len(emotions) - 3
    assert {h.track_id for h in found.heads} == {"customer"}
    assert {(r.call_id, r.role, r.source, r.t_seen_ms) for r in kept} == {
        ("c", Role.CUSTOMER, "call:c", 77)
    }
    assert [r.t_event_ms for r in kept] == [h.t_start_ms for h in emotions]


def test_a_class_head_against_the_callers_normal_speaks_when_contrasts_do(tmp_path: Path) -> None:
    kept: list[MemoryRecord] = []
    models = utterances(tmp_path, kept, **RELATIVE)
    found = models.understand([*sounds(speech(40.0), 1_000), None])
    emotions = [h for h in found.heads if h.head == "emotion"]
    contrasts = [h for h in found.heads if h.head == "valence"]
    assert [h.t_start_ms for h in emotions] == [h.t_start_ms for h in contrasts]
    assert len(kept) - len(emotions) == 3
    assert [r.emotion for r in kept[:3]] == [None] * 3
    encoder = WhisperEncoder(tmp_path / "made-up", threads=1)
    windows = encoder.encode_stream([speech(40.0)], RATE_HZ)
    heard = [replace(encoder.encode(speech(1.0), RATE_HZ), windows=(w,)) for w in windows]
    head = EmotionHead(read_head(tmp_path / "emotion.safetensors"))
    centre = SpeakerCentre()
    for one in heard[:3]:
        centre = centre.add(one)
    for at, result in enumerate(emotions[:2]):
        direct = head(heard[3 + at], centre)
        assert {v.label: v.value for v in result.values} == pytest.approx(
            {p.label: p.probability for p in direct.probabilities}, abs=1e-4
        )
        assert result.reliability == pytest.approx(direct.reliability, rel=1e-3)


def test_a_gap_in_time_ends_an_utterance_and_the_next_lies_where_it_was_said(
    tmp_path: Path,
) -> None:
    models = utterances(tmp_path)
    early, late = sounds(speech(3.0), 500), sounds(speech(3.0), 500, start_ms=60_000)
    found = models.understand([*early, *late, None])
    starts = [h.t_start_ms for h in found.heads if h.head == "emotion"]
    assert len(starts) == 2
    assert starts[1] - starts[0] == 60_000


def test_what_is_forgotten_leaves_nothing(tmp_path: Path) -> None:
    models = utterances(tmp_path)
    models.understand(sounds(speech(3.0), 500))
    models.forget()
    assert models.understand([None]) == Findings()


# --- a server -----------------------------------------------------------------------------


def stream(live: Live, call_id: str, samples: FloatArray) -> None:
    """A caller's voice into the hub, as a media socket would bring it."""
    hub = live.parts.hub
    hub.call(call_id)
    tracks = (StreamTrack(track_id="customer", role=Role.CUSTOMER, sample_rate_hz=16_000),)
    opened = StreamOpened(provider="test", stream_id="s", call_id=call_id, tracks=tracks)
    media = [
        StreamMedia(
            track_id="customer",
            t_stream_ms=at * 1000 // RATE_HZ,
            encoding=AudioEncoding.PCM_S16LE,
            sample_rate_hz=RATE_HZ,
            payload=pcm(samples[at : at + RATE_HZ // 5]),
        )
        for at in range(0, len(samples), RATE_HZ // 5)
    ]
    hub.receive(call_id, "s", [opened, *media])


def test_a_callers_words_are_heard_journalled_scored_and_remembered(tmp_path: Path) -> None:
    samples = np.concatenate([speech(8.0), np.zeros(2 * RATE_HZ, np.float32)])

    async def test(live: Live) -> None:
        stream(live, "CA1", samples)

        async def has_words() -> bool:
            answer = await live.call("GET", "/v1/calls/CA1/timeline", Scope.READ)
            return any(i["kind"] == "turn" for i in answer.json().get("items", []))

        await eventually(has_words)
        items = (await live.call("GET", "/v1/calls/CA1/timeline", Scope.READ)).json()["items"]
        turns = [i["item"] for i in items if i["kind"] == "turn"]
        assert turns[0]["turn"]["role"] == "customer"
        assert turns[0]["turn"]["words"]
        assert turns[0]["scored"] is not None
        store = live.parts.perception.store
        assert store is not None
        assert store.count(MemoryFilter(call_id="CA1")) >= 1
        live.parts.hub.calls["CA1"].live.end("test", live.parts.now_ms())

        async def is_over() -> bool:
            return "CA1" not in live.parts.hub.calls

        await eventually(is_over)
        await live.call("PUT", "/v1/calls/CA1/hold", Scope.ADMIN)
        refused = await live.call("DELETE", "/v1/memories?call_id=CA1", Scope.ADMIN)
        assert (refused.status_code, "legal hold" in refused.text) == (409, True)
        kept = await live.call("DELETE", "/v1/memories?everything=true", Scope.ADMIN)
        assert kept.json()["records"] == 0
        await live.call("DELETE", "/v1/calls/CA1/hold", Scope.ADMIN)
        erased = await live.call("DELETE", "/v1/calls/CA1", Scope.ADMIN)
        assert erased.status_code == 200, erased.text
        assert store.count(MemoryFilter(call_id="CA1")) == 0

    run_live(
        tmp_path / "journal",
        test,
        perception=PerceptionConfig(checkpoint=str(real_checkpoint())),
        memory=MemoryConfig(path=str(tmp_path / "memory"), are_calls_remembered=True),
    )


def audio_of(path: Path) -> dict[str, Any]:
    return {"content": path.read_bytes(), "headers": {"content-type": "audio/wav"}}


def test_recordings_are_understood_remembered_found_and_forgotten_over_http(
    tmp_path: Path,
) -> None:
    (clip,) = write_clips(tmp_path / "clips", 1)
    head = small_emotion_head(tmp_path / "emotion.safetensors", "made-up/none", 1)

    async def test(live: Live) -> None:
        async def ask(method: str, path: str, scope: Scope, **more: Any) -> httpx.Response:
            return await live.call(method, f"/v1/memories{path}", scope, **more)

        heard = await ask("POST", "?tasks=emotion", Scope.INGEST, **audio_of(clip))
        assert heard.status_code == 200, heard.text
        assert heard.json()["record_ids"] == []
        assert heard.json()["emotion"]["probabilities"]
        assert heard.json()["transcription"] is None
        kept = await ask(
            "POST", "?tasks=emotion&has_consent=true&call_id=CA9", Scope.INGEST, **audio_of(clip)
        )
        (record_id,) = kept.json()["record_ids"]
        (hit,) = (await ask("POST", "/search", Scope.READ, **audio_of(clip))).json()["found"]
        assert (hit["hit"]["record_id"], hit["hit"]["route"]) == (record_id, "audio")
        assert hit["record"]["encodings"] == []
        (hit,) = (await ask("GET", "?call_id=CA9", Scope.READ)).json()["found"]
        assert hit["hit"]["route"] == "filter"
        assert (await ask("GET", "?text=door", Scope.READ)).json() == {"found": []}
        assert (await ask("DELETE", "", Scope.ADMIN)).status_code == 400
        assert (await ask("DELETE", "?call_id=CA9", Scope.OPERATE)).status_code == 403
        receipt = await ask("DELETE", "?call_id=CA9", Scope.ADMIN)
        assert receipt.json()["records"] == 1
        assert (await ask("GET", "", Scope.READ)).json() == {"found": []}
        broken = await ask("POST", "", Scope.INGEST, content=b"no audio")
        assert broken.status_code == 422
        unknown = await ask("POST", "?tasks=magic", Scope.INGEST, **audio_of(clip))
        assert unknown.status_code == 400
        assert "no task is called magic" in unknown.json()["detail"]

    run_live(
        tmp_path / "journal",
        test,
        perception=PerceptionConfig(
            checkpoint=str(small_checkpoint(tmp_path / "made-up")),
            tasks=("emotion",),
            emotion_model=str(head),
        ),
        memory=MemoryConfig(path=str(tmp_path / "memory")),
    )


def test_without_models_or_memory_the_routes_say_what_is_not_set(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        answer = await live.call("POST", "/v1/memories", Scope.INGEST, content=b"x")
        assert (answer.status_code, "perception.checkpoint" in answer.text) == (404, True)
        answer = await live.call("GET", "/v1/memories", Scope.READ)
        assert (answer.status_code, "memory.path" in answer.text) == (404, True)

    run_live(tmp_path, test)


def test_utterances_are_padded_as_the_operator_says(tmp_path: Path) -> None:
    checkpoint = str(small_checkpoint(tmp_path / "made-up"))

    async def space(**given: Any) -> str:
        perception = PerceptionConfig(checkpoint=checkpoint, tasks=(), **given)
        async with running_perception(RuntimeConfig(perception=perception), lambda: 0) as found:
            assert found.system is not None
            return found.system.encoder.space

    assert asyncio.run(space()) == "made-up/none"
    assert asyncio.run(space(padding="window")) == "made-up/window"


def test_with_the_models_taken_by_default_the_sample_call_still_hides_its_frustration() -> None:
    system = AudioMemorySystem(
        shared("models", "whisper-base-encoder"), encoder_options={"threads": 1}
    )
    config = PerceptionConfig()
    assert (config.arousal_head, config.valence_head) == ("shipped", "shipped")
    contrasts = [
        ContrastHead(read_head(shipped_path(f"whisper-base-{task}")))
        for task in ("arousal", "valence")
    ]
    models = Utterances(
        "c", system, ("emotion",), contrasts, None, max_utterance_ms=15_000, now_ms=lambda: 0
    )
    transcript = read_transcript(CALLS / "hidden_frustration.en.jsonl")
    state = pipeline.start()
    decisions: list[Decision] = []
    rates: dict[str, int] = {}
    for event in call_events(
        CALLS / "hidden_frustration.en.flac",
        [Role.AGENT, Role.CUSTOMER],
        transcript,
        call_id="c",
        chunk_ms=1_000,
    ):
        found: tuple[InboundEvent, ...] = ()
        if isinstance(event, CallStarted):
            rates = {t.track_id: t.sample_rate_hz for t in event.tracks if t.role is Role.CUSTOMER}
        elif isinstance(event, AudioChunk) and event.track_id in rates:
            found = models.understand([Sound(event, rates[event.track_id])]).heads
        for taken in (event, *found):
            state, outputs = pipeline.feed(state, taken)
            decisions += outputs.decisions
    moved = [d.transition for d in decisions if d.transition is not None]
    assert [(t.to_state, t.masked) for t in moved][:1] == [(SessionState.HIDDEN_FRUSTRATION, True)]
    assert moved[0].basis.heads
    assert moved[0].t_event_ms == 65_000  # as without models
