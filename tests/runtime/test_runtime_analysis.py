"""Files to a finished analysis: chunking changes nothing, talk is timed, who called is judged."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile

from subtone.contracts.analysis import CallAnalysis
from subtone.contracts.calibration import Calibration
from subtone.contracts.inbound import HeadResult
from subtone.contracts.vocabulary import AmdVerdict, Role
from subtone.ingest.errors import IngestError
from subtone.ingest.files import Transcript, call_events
from subtone.kernel.voice_intelligence.head_evidence import head_evidence
from subtone.runtime import analysis as module
from subtone.runtime.analysis import Direction, analyse_files
from subtone.runtime.samples import sample_call
from subtone.surfaces.results import summary, timeline_lines
from support_cli import CALLS, lines_of, write_lines, write_silence, write_tone
from support_listening import small_listener

BOTH = [Role.AGENT, Role.CUSTOMER]


def excerpt(folder: Path, name: str, from_s: int, seconds: int) -> tuple[Path, Path]:
    """A stretch of a sample call and the turns inside it."""
    audio, text = folder / "excerpt.flac", folder / "excerpt.jsonl"
    sound, rate_hz = soundfile.read(
        CALLS / f"{name}.flac", start=8_000 * from_s, frames=8_000 * seconds, dtype="int16"
    )
    soundfile.write(audio, sound, rate_hz)
    rows = []
    for row in lines_of(CALLS / f"{name}.jsonl"):
        times = {k: row[k] - 1_000 * from_s for k in ("t_ms", "end_ms") if k in row}
        if all(0 <= t <= 1_000 * seconds for t in times.values()):
            rows.append(row | times)
    return audio, write_lines(text, rows)


def test_chunk_size_changes_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = excerpt(tmp_path, "intervention.en", 40, 30)
    assert '"event"' in files[1].read_text()
    encoded = []
    for chunk_ms in (20, 333, 2_000, 60_000):
        monkeypatch.setattr(module, "CHUNK_MS", chunk_ms)
        encoded.append(msgspec.json.encode(analyse_files(*files, BOTH)))
    assert len(msgspec.json.decode(encoded[0], type=CallAnalysis).decisions) == 6
    assert len(set(encoded)) == 1


def test_an_analysis_survives_its_json(tmp_path: Path) -> None:
    found = analyse_files(*excerpt(tmp_path, "hidden_frustration.en", 50, 20), BOTH)
    assert msgspec.json.decode(msgspec.json.encode(found), type=CallAnalysis) == found


def test_talk_and_envelope_follow_the_sound(tmp_path: Path) -> None:
    """Speech of the agent alone, then of the customer alone, 15 s each."""
    sound, rate_hz = soundfile.read(CALLS / "calm.zh.flac", dtype="float32")
    turns = [t for t in lines_of(CALLS / "calm.zh.jsonl") if t["t_ms"] < 30_000]
    cut = 15_000 * rate_hz // 1_000
    halves = sound[: 2 * cut].copy()
    halves[cut:, 0] = halves[:cut, 1] = 0.0
    soundfile.write(tmp_path / "halves.flac", halves, rate_hz)
    found = analyse_files(tmp_path / "halves.flac", None, BOTH)
    assert found.duration_ms == 30_000
    for side, (track, role, begin_ms) in enumerate(
        zip(found.tracks, BOTH, (0, 15_000), strict=True)
    ):
        spoken_ms = sum(
            max(0, min(t["end_ms"], begin_ms + 15_000) - max(t["t_ms"], begin_ms))
            for t in turns
            if t["role"] == role
        )
        assert track.role is role
        assert abs(track.talk_ms - spoken_ms) < 0.25 * spoken_ms
        assert track.talk_ms == sum(s.t_end_ms - s.t_event_ms for s in track.segments)
        assert all(begin_ms - 50 <= s.t_event_ms < begin_ms + 15_000 for s in track.segments)
        assert len(track.envelope) == -(-30_000 // track.envelope_hop_ms)
        assert max(track.envelope) == pytest.approx(np.abs(halves[:, side]).max(), abs=1e-3)


@pytest.mark.parametrize("direction", Direction)
def test_a_machine_is_judged_where_the_customer_answered(direction: Direction) -> None:
    found = analyse_files(*sample_call("answering_machine.en"), BOTH, direction=direction)
    if direction is Direction.INBOUND:
        assert found.amd is None
    else:
        assert found.amd is not None
        assert found.amd.verdict is AmdVerdict.MACHINE
        assert found.amd.track_id == "customer"


@pytest.mark.parametrize("direction", Direction)
def test_a_call_the_agent_opens_is_judged_only_when_told(
    tmp_path: Path, direction: Direction
) -> None:
    files = excerpt(tmp_path, "calm.zh", 0, 20)
    found = analyse_files(*files, BOTH, direction=direction)
    assert (found.amd is not None) is (direction is Direction.OUTBOUND)


@pytest.mark.parametrize("direction", Direction)
def test_a_recording_in_which_nobody_speaks_names_no_machine_by_itself(
    tmp_path: Path, direction: Direction
) -> None:
    silence = write_silence(tmp_path / "call.flac", 1 / 60, channel_count=2)
    found = analyse_files(silence, None, BOTH, direction=direction)
    assert (found.amd is not None) is (direction is Direction.OUTBOUND)


def test_nobody_is_judged_or_scored_without_roles(tmp_path: Path) -> None:
    found = analyse_files(write_tone(tmp_path / "call.wav", 6.0, 2), None, None)
    assert found.is_timing_only
    assert found.amd is None
    assert [t.role for t in found.tracks] == [Role.UNKNOWN] * 2
    assert not any(t.is_emotion_scored for t in found.tracks)
    assert {d.moment.voice for d in found.decisions} == {None}


def test_agents_are_scored_on_request_and_never_move_the_state(tmp_path: Path) -> None:
    files = excerpt(tmp_path, "open_anger.zh", 50, 30)
    plain = analyse_files(*files, BOTH)
    asked = analyse_files(*files, BOTH, is_agent_voice_scored=True)
    assert [t.is_emotion_scored for t in plain.tracks] == [False, True]
    assert [t.is_emotion_scored for t in asked.tracks] == [True, True]
    assert [d.snapshot for d in asked.decisions] == [d.snapshot for d in plain.decisions]


def test_nothing_of_a_pause_is_kept(tmp_path: Path) -> None:
    audio, _ = excerpt(tmp_path, "open_anger.zh", 50, 20)
    rows: list[dict[str, object]] = [
        {"t_ms": 1_000, "role": "customer", "text": "before"},
        {"t_ms": 5_000, "event": "paused"},
        {"t_ms": 7_000, "role": "customer", "text": "four one one one"},
        {"t_ms": 12_000, "event": "resumed"},
    ]
    found = analyse_files(audio, write_lines(tmp_path / "paused.jsonl", rows), BOTH)
    assert b"four one" not in msgspec.json.encode(found)
    for track in found.tracks:
        inside = slice(5_000 // track.envelope_hop_ms, 12_000 // track.envelope_hop_ms)
        assert max(track.envelope) > 0.05
        assert set(track.envelope[inside]) == {0.0}
        assert not [s for s in track.segments if s.t_event_ms < 12_000 and s.t_end_ms > 5_000]


@pytest.mark.parametrize("withdrawn_ms", [0, 8_000])
def test_a_voice_without_consent_is_timed_and_not_scored(tmp_path: Path, withdrawn_ms: int) -> None:
    audio, _ = excerpt(tmp_path, "open_anger.zh", 50, 20)
    rows: list[dict[str, object]] = [
        {"t_ms": withdrawn_ms, "event": "consent_withdrawn"},
        {"t_ms": 100, "role": "agent", "text": "hello"},
    ]
    found = analyse_files(audio, write_lines(tmp_path / "events.jsonl", rows), BOTH)
    was_heard = withdrawn_ms > 0
    assert [t.is_emotion_scored for t in found.tracks] == [False, was_heard]
    assert found.is_timing_only is not was_heard
    assert all(t.talk_ms > 1_000 for t in found.tracks)
    assert {d.moment.voice for d in found.decisions if d.moment.t_event_ms > withdrawn_ms} == {None}


def test_one_customer_is_scored_and_the_summary_says_which(tmp_path: Path) -> None:
    audio, _ = excerpt(tmp_path, "open_anger.zh", 50, 20)
    found = analyse_files(audio, None, [Role.CUSTOMER, Role.CUSTOMER])
    assert [(t.track_id, t.is_emotion_scored) for t in found.tracks] == [
        ("customer", True),
        ("customer_2", False),
    ]


def test_what_was_analysed_is_named(tmp_path: Path) -> None:
    files = excerpt(tmp_path, "calm.zh", 0, 20)
    found = analyse_files(*files, BOTH)
    assert (found.call_id, found.source) == ("excerpt", "excerpt.flac")
    assert [t.sample_rate_hz for t in found.tracks] == [8_000, 8_000]
    assert found.calibration == Calibration()
    chat = analyse_files(None, files[1], None)
    assert (chat.source, chat.tracks, chat.is_timing_only) == ("excerpt.jsonl", (), False)
    with pytest.raises(ValueError, match="name an audio file"):
        analyse_files(None, None, None)
    with pytest.raises(IngestError, match="2 channels, but 1 role"):
        analyse_files(files[0], None, [Role.CUSTOMER])


def test_another_calibration_decides_and_is_named(tmp_path: Path) -> None:
    files = excerpt(tmp_path, "open_anger.zh", 50, 30)
    strict = Calibration(version="strict-1")
    found = analyse_files(*files, BOTH, calibration=strict)
    assert found.calibration == strict
    assert {d.basis.calibration_version for d in found.decisions} == {"strict-1"}


def test_progress_only_grows_and_reaches_the_end(tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    audio = write_tone(tmp_path / "call.wav", 9.5)
    analyse_files(
        audio, None, [Role.CUSTOMER], on_progress=lambda done, total: seen.append((done, total))
    )
    done = [d for d, _ in seen]
    assert done == sorted(done)
    assert {total for _, total in seen} == {9_500}
    assert done[-1] == 9_500


def test_silence_claims_no_more_than_was_heard(tmp_path: Path) -> None:
    audio = write_silence(tmp_path / "silence.flac", hours=1 / 60)
    found = analyse_files(audio, None, [Role.CUSTOMER])
    assert found.tracks[0].talk_ms == 0
    assert found.tracks[0].segments == ()
    assert found.alignment is not None
    assert found.alignment.coverage == 0.0
    assert {d.snapshot.score.coverage for d in found.decisions} == {0.0}
    assert summary(found)["final_state"] is None
    assert all(json.loads(line)["state"] is None for line in timeline_lines(found))


def test_warnings_of_the_transcript_and_the_source_come_first(tmp_path: Path) -> None:
    rows = [
        {"t_ms": 900, "role": "customer", "text": "one"},
        {"t_ms": 100, "role": "customer", "text": "two"},
        {"t_ms": 950, "role": "customer", "text": "  "},
    ]
    audio = tmp_path / "narrow.wav"
    soundfile.write(audio, np.zeros(12_000), 6_000)
    found = analyse_files(audio, write_lines(tmp_path / "t.jsonl", rows), [Role.CUSTOMER])
    assert [(n.code, n.count) for n in found.notices][:3] == [
        ("transcript_out_of_order", 1),
        ("transcript_empty_turn", 1),
        ("source_below_8_khz_upsampled", 1),
    ]
    assert [t.turn.text for t in found.turns] == ["two", "one"]
    assert json.loads(msgspec.json.encode(found))["tracks"][0]["source_rate_hz"] == 6_000


# --- with a listener ------------------------------------------------------------------------


@pytest.mark.parametrize("has_text", [True, False])
def test_with_a_listener_too_chunk_size_changes_no_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_text: bool
) -> None:
    audio, text = excerpt(tmp_path, "intervention.en", 0, 70)
    ears = small_listener(tmp_path)
    encoded = []
    for chunk_ms in (20, 333, 2_000, 60_000, 2_000):
        monkeypatch.setattr(module, "CHUNK_MS", chunk_ms)
        found = analyse_files(audio, text if has_text else None, BOTH, listener=ears)
        encoded.append(msgspec.json.encode(found))
    decisions = msgspec.json.decode(encoded[0], type=CallAnalysis).decisions
    assert sum(bool(d.moment.heads) for d in decisions) >= 4
    assert len(set(encoded)) == 1


def test_no_finding_is_late(tmp_path: Path) -> None:
    """Each moment has heard every utterance that ended before it, and none that ended after."""
    audio, ears = CALLS / "hidden_frustration.en.flac", small_listener(tmp_path)
    told: list[HeadResult] = []
    for _, some in ears.listen(call_events(audio, BOTH, Transcript(), call_id="c")):
        told += some
    found = analyse_files(audio, None, BOTH, listener=ears)
    heard = 0
    for decision in found.decisions:
        moment = decision.moment
        before = [f for f in told if f.t_event_ms <= moment.t_event_ms]
        wanted = head_evidence(moment.t_event_ms, before[-16:], Calibration())
        assert tuple(share.evidence for share in moment.heads) == wanted
        heard += bool(wanted)
    assert heard >= 10


def test_a_listener_changes_neither_words_nor_measurements(tmp_path: Path) -> None:
    files = excerpt(tmp_path, "intervention.en", 0, 70)
    plain = analyse_files(*files, BOTH)
    asked = analyse_files(*files, BOTH, listener=small_listener(tmp_path))
    assert asked.turns == plain.turns
    assert asked.tracks == plain.tracks
    assert any(d.moment.heads for d in asked.decisions)
    for before, after in zip(plain.decisions, asked.decisions, strict=True):
        assert after.moment.text == before.moment.text
        assert after.moment.features == before.moment.features


def test_models_that_never_had_a_say_are_noted(tmp_path: Path) -> None:
    files = excerpt(tmp_path, "open_anger.zh", 0, 20)
    found = analyse_files(*files, BOTH, listener=small_listener(tmp_path))
    assert "models_silent" in {n.code for n in found.notices}
    assert not any(d.moment.heads for d in found.decisions)
    assert "models_silent" not in {n.code for n in analyse_files(*files, BOTH).notices}


def test_after_an_objection_no_model_has_a_say(tmp_path: Path) -> None:
    audio = CALLS / "hidden_frustration.en.flac"
    rows: list[dict[str, object]] = [
        {"t_ms": 60_000, "event": "consent_withdrawn"},
        {"t_ms": 100, "role": "agent", "text": "hello"},
    ]
    text = write_lines(tmp_path / "events.jsonl", rows)
    found = analyse_files(audio, text, BOTH, listener=small_listener(tmp_path))
    said = [d.moment.t_event_ms for d in found.decisions if d.moment.heads]
    assert said
    assert max(said) <= 60_000


def test_a_listener_hears_the_call_before_it_is_analysed(tmp_path: Path) -> None:
    seen: list[int] = []
    analyse_files(
        CALLS / "calm.zh.flac",
        None,
        BOTH,
        listener=small_listener(tmp_path),
        on_progress=lambda done, _total: seen.append(done),
    )
    end = seen.index(seen[-1])
    assert seen[: end + 1] == sorted(seen[: end + 1])
    assert seen[end + 1] == 0
