"""Voices are judged by heads that never heard them, band by band."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from subtone.perception.encoder.whisper import WhisperEncoder
from subtone.perception.encoding import FloatArray
from subtone.perception.heads.files import to_bytes
from subtone.perception.heads.registry import load_head
from subtone.perception.learning.cache import FeatureCache
from subtone.perception.learning.errors import LearningError
from subtone.perception.learning.features import Acoustics, WhisperLayers
from subtone.perception.learning.recipes import LearningTask, train_head
from subtone.perception.learning.voice_trials import (
    CONDITIONS,
    Trials,
    VoiceTable,
    best_layer,
    equal_error,
    held_out_trials,
)
from subtone.perception.learning.voices import train_voices, voice_layers
from support_learning import clip, voice, write_wav
from support_whisper import random_weights, save_safetensors

WIDTH, EACH = 16, 8


def voices(speakers: int = 12, *, is_person_heard: bool = True, seed: int = 0) -> VoiceTable:
    """Moods move every voice far along two directions; people differ in layer 1 alone."""
    rng = np.random.default_rng(seed)
    moods, people = rng.normal(size=(2, WIDTH)), rng.normal(size=(speakers, WIDTH))
    who = np.repeat(np.arange(speakers), EACH)
    swing = 6.0 * rng.normal(size=(len(who), 1, 2)) @ moods + 20.0
    layers = swing + 0.3 * rng.normal(size=(len(who), 3, WIDTH))
    if is_person_heard:
        layers[:, 1] += people[who]
    wide: FloatArray = layers.astype(np.float32)
    heard: FloatArray = wide + 1.0 + rng.normal(0.0, 0.1, wide.shape).astype(np.float32)
    names = np.array([f"v{s:02}" for s in who])
    return VoiceTable({"wide": wide, "telephone": heard}, names, np.full(len(who), "made-up"))


def errors(table: VoiceTable, layer: int = 1) -> tuple[dict[str, float], dict[str, float]]:
    judged, plain = held_out_trials(table, 6, lambda _: layer)
    return tuple(  # type: ignore[return-value]  # two of them
        {name: equal_error(t, resamples=0).rate.value for name, t in found.items()}
        for found in (judged, plain)
    )


def test_equal_error_by_hand() -> None:
    apart = equal_error(Trials({0: np.array([0.9, 0.8])}, {(0, 1): np.array([0.1, 0.2])}))
    assert (apart.rate.value, apart.rate.high, apart.threshold) == (0.0, 0.0, 0.8)
    half = Trials({0: np.array([0.9, 0.3, 0.2])}, {(0, 1): np.array([0.1, 0.25, 0.8])})
    assert equal_error(half, resamples=0).rate.value == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="pairs of one voice"):
        equal_error(Trials({0: np.zeros(0)}, {(0, 1): np.ones(2)}))
    with pytest.raises(ValueError, match="pairs of two"):
        equal_error(Trials({0: np.ones(2)}, {(0, 1): np.zeros(0)}))


def test_many_cosines_are_cut_where_few_would_be() -> None:
    rng = np.random.default_rng(1)
    same, different = rng.normal(0.6, 0.1, 9_000), rng.normal(0.4, 0.1, 9_000)
    found = equal_error(Trials({0: same, 1: same}, {(0, 1): different}))
    assert found.rate.value == pytest.approx(0.1587, abs=0.01)  # one deviation from each mean
    assert found.threshold == pytest.approx(0.5, abs=0.01)
    assert found.rate.low <= found.rate.value <= found.rate.high


def test_the_interval_is_wide_where_groups_differ() -> None:
    clear, unclear = np.full(50, 0.9), np.linspace(0.0, 1.0, 50)
    trials = Trials(
        {0: clear, 1: clear, 2: unclear, 3: unclear},
        {two: np.linspace(0.0, 0.6, 50) for two in combinations(range(4), 2)},
    )
    rate = equal_error(trials).rate
    assert rate.low < rate.value - 0.1
    assert rate.high > rate.value + 0.05


def test_a_head_never_learns_from_the_voices_it_is_judged_on() -> None:
    table, heard = voices(12), []
    groups = table.groups(6)

    def choose(known: VoiceTable) -> int:
        heard.append(set(known.voices))
        return 1

    judged, _ = held_out_trials(table, 6, choose)
    assert set(judged) == set(CONDITIONS)
    two_groups = list(combinations(range(6), 2))
    everyone = set(table.voices)
    assert [everyone - known for known in heard] == [
        set(table.voices[np.isin(groups, two)]) for two in two_groups
    ]
    for trials in judged.values():
        assert list(trials.different) == two_groups
        assert {len(cosines) for cosines in trials.different.values()} == {2 * (2 * EACH) ** 2}
        assert {len(cosines) for cosines in trials.same.values()} == {5 * 2 * EACH * (EACH - 1)}


def test_a_turned_voice_is_told_past_its_moods_and_a_plain_one_is_not() -> None:
    judged, plain = errors(voices(24))
    for condition in CONDITIONS:
        assert plain[condition] > 0.4
        assert judged[condition] < 0.25


def test_where_nobody_differs_it_is_chance() -> None:
    judged, _ = errors(voices(24, is_person_heard=False))
    assert list(judged.values()) == pytest.approx([0.5] * 3, abs=0.06)


def test_conditions_read_the_band_they_name() -> None:
    table = voices(24)
    rng = np.random.default_rng(5)
    noise: FloatArray = rng.normal(size=table.values["wide"].shape).astype(np.float32)
    deaf = replace(table, values={"wide": table.values["wide"], "telephone": noise})
    judged, _ = errors(deaf)
    assert judged["wide"] < 0.35
    assert judged["telephone"] == pytest.approx(0.5, abs=0.06)
    assert judged["across"] == pytest.approx(0.5, abs=0.06)


def test_voices_of_two_corpora_are_not_compared() -> None:
    table = voices(12)
    split = replace(table, corpora=np.where(table.voices < "v06", "one", "two"))
    judged, _ = held_out_trials(split, 12, lambda _: 1)
    compared = {two for two, cosines in judged["wide"].different.items() if len(cosines)}
    halves = (range(6), range(6, 12))
    assert compared == {two for half in halves for two in combinations(half, 2)}


def test_the_layer_that_tells_people_apart_is_chosen() -> None:
    assert best_layer(voices(12), (0, 1, 2)) == 1
    assert [voice_layers(n) for n in (3, 5, 7, 33)] == [
        (0, 1),
        (0, 1, 2, 3),
        (1, 2, 3, 4),
        (10, 11, 16, 21),
    ]


def test_a_speaker_head_is_trained_carded_loaded_and_the_same_again(tmp_path: Path) -> None:
    encoder = WhisperEncoder(save_safetensors(tmp_path / "encoder", random_weights()), threads=1)
    clips = []
    for s in range(6):
        for i in range(3):
            path = write_wav(tmp_path / f"{s}-{i}.wav", voice(2.5, 100.0 + 30 * s, seed=9 * s + i))
            clips.append(clip(f"s{s}", "neutral", i, path=path))
    alone = clip("s9", "neutral", path=write_wav(tmp_path / "alone.wav", voice(1.0)))
    cache, extractor = FeatureCache(tmp_path / "cache"), WhisperLayers(encoder)
    heads = [
        train_head([*clips, alone], LearningTask.SPEAKER, extractor, cache, name="made")
        for _ in range(2)
    ]
    assert to_bytes(heads[0]) == to_bytes(heads[1])
    card = heads[0].card
    assert (card.task, card.layer, card.gives_space) in {("voice", n, "voice/made") for n in (0, 1)}
    assert "18 acted clips of 6 speakers" in card.data
    assert "renditions: wide, telephone; made by: subtone train --task speaker" in card.data
    assert "biometric" in card.intended_use
    for condition in CONDITIONS:
        low, value, high = (card.figures[f"eer_{condition}{end}"] for end in ("_low", "", "_high"))
        assert 0.0 <= low <= value <= high <= 1.0
        assert 0.0 <= card.figures[f"raw_eer_{condition}"] <= 1.0
    assert card.abstention_threshold == max(card.figures["threshold_telephone"], 0.0)
    out = tmp_path / "voice.safetensors"
    out.write_bytes(to_bytes(heads[0]))
    speaker = load_head("speaker", path=out, is_voiceprint_allowed=True)
    recordings = [encoder.encode(voice(2.5, 100.0, seed=s), 16_000) for s in (90, 91)]
    assert speaker.enrol(recordings).shape == (card.width,)  # type: ignore[attr-defined]


def test_voices_need_layers_and_speakers_enough(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path)
    with pytest.raises(LearningError, match="leave out --features acoustics"):
        train_head([clip("a", "neutral")], LearningTask.SPEAKER, Acoustics(), cache, name="x")
    few = [clip(f"s{s}", "neutral", i) for s in range(5) for i in range(2)]
    few.append(clip("s5", "neutral"))
    with pytest.raises(LearningError, match=r"^5 speakers have two clips or more"):
        train_voices(few, None, cache, name="x")  # type: ignore[arg-type]  # refused before
