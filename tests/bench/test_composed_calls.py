"""Composed calls: turn taking, determinism, events, and how states are judged."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bench.composed.compose import GAP_S, ComposedCall, NotComposableError, compose
from bench.composed.events import TRANSCRIPT_DELAY_MS, inbound
from bench.composed.kinds import KINDS, Words
from bench.composed.measure import Sighting, add_up, judge
from bench.composed.texts import AGENT, CUSTOMER
from bench.corpora import CORPUS_RATE_HZ, Clip, by_speaker, frame_levels_db, read_corpus
from bench.telephone import LINE_RATE_HZ, decode
from subtone.contracts.inbound import AudioChunk, CallEnded, CallStarted, TranscriptSegment
from subtone.contracts.vocabulary import AudioEncoding, Role, SessionState

SHORT = {
    kind.name: replace(kind, phases=tuple(replace(p, seconds=6.0) for p in kind.phases))
    for kind in KINDS
}


@pytest.fixture(scope="module")
def speakers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Clip]]:
    """Two speakers of a RAVDESS-like corpus of harmonic tones with silence around them."""
    folder = tmp_path_factory.mktemp("data") / "ravdess"
    folder.mkdir()
    seconds = np.arange(int(1.2 * CORPUS_RATE_HZ)) / CORPUS_RATE_HZ
    silence = np.zeros(CORPUS_RATE_HZ // 2)
    for actor, base_hz in (("01", 120.0), ("02", 210.0)):
        for emotion, intensity, lift in (
            ("01", "01", 1.0),
            ("02", "01", 0.97),
            ("03", "02", 1.3),
            ("05", "01", 1.2),
            ("05", "02", 1.5),
        ):
            for take in ("01", "02"):
                f0_hz = base_hz * lift * (1.0 + 0.02 * int(take))
                tone = sum(np.sin(2 * np.pi * f0_hz * h * seconds) / h for h in range(1, 9))
                clip = np.concatenate([silence, 0.05 * lift * np.asarray(tone), silence])
                path = folder / f"03-01-{emotion}-{intensity}-01-{take}-{actor}.flac"
                soundfile.write(path, clip, CORPUS_RATE_HZ)
    return by_speaker(read_corpus("ravdess", folder.parent))


def _call(speakers: dict[str, list[Clip]], kind: str, seed: int = 1) -> ComposedCall:
    return compose(SHORT[kind], speakers["01"], speakers["02"], "en", seed)


def test_same_arguments_give_the_same_bytes_and_another_seed_does_not(
    speakers: dict[str, list[Clip]],
) -> None:
    assert _call(speakers, "masked") == _call(speakers, "masked")
    assert (
        _call(speakers, "masked").recording.customer
        != _call(speakers, "masked", seed=2).recording.customer
    )


def test_languages_share_the_audio_and_differ_in_words(speakers: dict[str, list[Clip]]) -> None:
    english = compose(SHORT["open"], speakers["01"], speakers["02"], "en", 1)
    chinese = compose(SHORT["open"], speakers["01"], speakers["02"], "zh", 1)
    assert english.recording.customer == chinese.recording.customer
    assert english.recording.agent == chinese.recording.agent
    assert {t.text for t in chinese.recording.turns} <= {
        text for (language, _), pool in CUSTOMER.items() for text in pool if language == "zh"
    } | set(AGENT["zh"])
    assert [(t.t_ms, t.end_ms) for t in english.recording.turns] == [
        (t.t_ms, t.end_ms) for t in chinese.recording.turns
    ]


@pytest.mark.parametrize("kind", sorted(SHORT))
def test_turns_alternate_with_realistic_gaps(speakers: dict[str, list[Clip]], kind: str) -> None:
    call = _call(speakers, kind)
    for before, after in pairwise(call.recording.turns):
        assert before.role is not after.role
        assert GAP_S[0] * 1000 - 2 <= after.t_ms - before.end_ms <= GAP_S[1] * 1000 + 2
    assert len(call.phase_starts_ms) == len(call.kind.phases)
    assert set(call.phase_starts_ms) <= {
        t.t_ms for t in call.recording.turns if t.role is Role.CUSTOMER
    }


def test_words_follow_the_phase(speakers: dict[str, list[Clip]]) -> None:
    call = _call(speakers, "recovery")
    moods = []
    for start, end in pairwise([*call.phase_starts_ms, call.recording.duration_ms]):
        said = {
            t.text
            for t in call.recording.turns
            if t.role is Role.CUSTOMER and start <= t.t_ms < end
        }
        moods.append([mood for mood in Words if said <= set(CUSTOMER["en", mood])])
    assert moods == [[Words.CALM], [Words.SOUR], [Words.CALM]]


def test_each_track_is_silent_while_the_other_speaks(speakers: dict[str, list[Clip]]) -> None:
    call = _call(speakers, "calm")
    tracks = {Role.CUSTOMER: call.recording.customer, Role.AGENT: call.recording.agent}
    levels = {
        role: frame_levels_db(decode(payload, AudioEncoding.MULAW), LINE_RATE_HZ)
        for role, payload in tracks.items()
    }
    for turn in call.recording.turns:
        middle = slice((turn.t_ms + 200) // 10, (turn.end_ms - 200) // 10)
        for role, level in levels.items():
            quietest, loudest = level[middle].min(), level[middle].max()
            assert (quietest > -50.0) if role is turn.role else (loudest < -55.0)


def test_the_tracks_last_as_long_as_the_call(speakers: dict[str, list[Clip]]) -> None:
    call = _call(speakers, "masked")
    assert len(call.recording.customer) == len(call.recording.agent)
    assert (
        abs(len(call.recording.customer) * 1000 / LINE_RATE_HZ - call.recording.duration_ms) <= 1.0
    )


def test_a_missing_voice_is_named(speakers: dict[str, list[Clip]]) -> None:
    without_joy = [c for c in speakers["01"] if c.emotion != "happy"]
    with pytest.raises(NotComposableError, match=r"no 'happy' clip"):
        compose(SHORT["joyful"], without_joy, speakers["02"], "en", 1)


def test_every_pool_is_large_and_without_repeats() -> None:
    for pool in CUSTOMER.values():
        assert len(set(pool)) == len(pool) >= 16
    assert set(CUSTOMER) == {(language, mood) for language in ("en", "zh") for mood in Words}


def test_events_carry_the_whole_call_in_the_order_it_was_had(
    speakers: dict[str, list[Clip]],
) -> None:
    call = _call(speakers, "masked")
    events = list(inbound(call.recording))
    assert isinstance(events[0], CallStarted)
    assert isinstance(events[-1], CallEnded)
    assert [e.t_seen_ms for e in events] == sorted(e.t_seen_ms for e in events)
    audio = [e for e in events if isinstance(e, AudioChunk) and e.track_id == "customer"]
    assert abs(len(b"".join(e.payload for e in audio)) - len(call.recording.customer)) <= 8
    texts = [e for e in events if isinstance(e, TranscriptSegment)]
    assert [e.text for e in texts] == [t.text for t in call.recording.turns]
    assert all(e.t_seen_ms == e.t_end_ms + TRANSCRIPT_DELAY_MS for e in texts)


def _lasting(call: ComposedCall, duration_ms: int) -> ComposedCall:
    return replace(call, recording=replace(call.recording, duration_ms=duration_ms))


def _sightings(call: ComposedCall, *changes: tuple[int, SessionState]) -> list[Sighting]:
    """One sighting a second: the state of the last change, seen 3 s later."""
    at = dict(changes)
    state, seen = SessionState.CALM, []
    for second in range(call.recording.duration_ms // 1000 + 1):
        state = at.get(second, state)
        seen.append(Sighting(second * 1000, second * 1000 + 3000, state))
    return seen


def test_judge_counts_hits_delays_false_alerts_and_recovery(
    speakers: dict[str, list[Clip]],
) -> None:
    call = _lasting(_call(speakers, "recovery"), 30_000)
    call = replace(call, phase_starts_ms=(500, 7_000, 14_500))
    result = judge(
        call,
        _sightings(
            call,
            (2, SessionState.HIDDEN_FRUSTRATION),
            (4, SessionState.CALM),
            (9, SessionState.ESCALATION_RISK),
            (10, SessionState.ACTIVE_ESCALATION),
            (20, SessionState.DEESCALATING),
            (25, SessionState.RESOLVED),
        ),
    )
    assert (result.is_hit, result.delay_ms, result.seen_delay_ms) == (True, 3_000, 6_000)
    assert (result.false_alerts, result.neutral_ms, result.is_flagged) == (1, 7_000, True)
    assert (result.is_recovered, result.recovery_ms) == (True, 10_500)
    assert result.path[-1] == "resolved@25"


def test_a_calm_call_has_no_onset_and_any_alert_is_false(
    speakers: dict[str, list[Clip]],
) -> None:
    call = _lasting(_call(speakers, "calm"), 3_600_000)
    alert = SessionState.HIDDEN_FRUSTRATION
    result = judge(call, _sightings(call, (10, alert), (20, SessionState.CALM), (30, alert)))
    assert (result.is_hit, result.is_recovered, result.is_flagged) == (None, None, False)
    assert add_up([result, replace(result, false_alerts=0)]).false_alerts_per_hour == 1.0


def test_unknown_folder_says_what_to_pass(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="--data"):
        read_corpus("emodb", tmp_path)
