from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from subtone.contracts.voice_intelligence import AcousticFeatures
from subtone.perception.encoder.whisper import Padding, WhisperEncoder
from subtone.perception.heads.acoustic import AcousticContrast, acoustic_window
from subtone.perception.heads.emotion import EmotionHead
from subtone.perception.heads.errors import HeadError
from subtone.perception.heads.files import read_head
from subtone.perception.heads.pooling import Pooling
from subtone.perception.learning.baseline import CLASS_SHARE, centred_on_first
from subtone.perception.learning.cache import FeatureCache
from subtone.perception.learning.clips import load_clip
from subtone.perception.learning.corpora import read_corpus
from subtone.perception.learning.evaluation.protocol import TrainedHead, judge_within, train_for
from subtone.perception.learning.features import WhisperLayers
from subtone.perception.learning.recipes import RENDITIONS
from subtone.perception.learning.splits import speaker_folds
from subtone.perception.learning.training.settings import class_search
from subtone.perception.learning.training.table import build_table
from support_cli import invoke
from support_heads import centre_of
from support_learning import voice, write_wav
from support_whisper import random_weights, save_safetensors

F0_HZ = {"neutral": 120.0, "sad": 110.0, "happy": 200.0, "angry": 240.0}


def corpus(folder: Path, speakers: int = 4, seconds: float = 0.8) -> Path:
    """A manifest of buzzes whose pitch is their emotion."""
    rows = ["path,speaker,emotion,sentence"]
    for s in range(speakers):
        for label, f0_hz in F0_HZ.items():
            for i in range(4 if label == "neutral" else 2):
                name = f"{s}-{label}-{i}.wav"
                sound = voice(seconds, f0_hz * (1 + 0.03 * s + 0.01 * i), seed=100 * s + i)
                write_wav(folder / name, sound)
                rows.append(f"{name},s{s},{label},{i % 2}")
    manifest = folder / "made.csv"
    manifest.write_text("\n".join(rows) + "\n")
    return manifest


def heard(f0_hz: float) -> AcousticFeatures:
    return acoustic_window(voice(1.0, f0_hz))


def test_data_check_shows_what_there_is_and_fails_on_faults(tmp_path: Path) -> None:
    manifest = corpus(tmp_path, speakers=5)
    shown = invoke("data", "check", str(manifest))
    assert shown.exit_code == 0, shown.output
    assert "made: 50 clips of 5 speakers, 0.7 min, 16000 Hz" in shown.output
    assert "angry 10, happy 10, neutral 20, sad 10" in shown.output
    write_wav(tmp_path / "0-sad-0.wav", np.zeros(9_000, np.float32))
    shown = invoke("data", "check", str(manifest))
    assert shown.exit_code == 1
    assert "FAIL  1 clips hold nothing above -70 dB; leave them out" in shown.output
    assert "made.csv: not fit to learn from as it is, see above" in shown.output


def test_what_is_no_data_is_one_line(tmp_path: Path) -> None:
    shown = invoke("data", "check", str(tmp_path))
    assert shown.exit_code == 1
    assert "holds no clips named as any known corpus names them" in shown.output
    assert shown.output.count("\n") == 1


def test_a_head_is_trained_written_and_the_same_again(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("av")
    manifest = corpus(tmp_path)
    command = ["train", "--data", str(manifest), "--features", "acoustics"]
    command += ["--cache", str(tmp_path / "cache")]
    outs = [tmp_path / "one.safetensors", tmp_path / "two.safetensors"]
    for out in outs:
        shown = invoke(*command, "--task", "arousal", "--name", "made-arousal", "--out", str(out))
        assert shown.exit_code == 0, shown.output
    assert outs[0].read_bytes() == outs[1].read_bytes()
    head = read_head(outs[0])
    assert head.card.figures["auc_angry_neutral_wide"] > 0.9
    assert "made by: subtone train --task arousal --features acoustics --network" in head.card.data
    contrast = AcousticContrast(head)
    calm = [heard(f0_hz) for f0_hz in (118.0, 120.0, 123.0)]
    excited, relaxed = contrast(heard(240.0), calm), contrast(heard(119.0), calm)
    assert excited is not None and relaxed is not None
    assert excited.values[0].value > relaxed.values[0].value
    assert contrast(heard(240.0), calm[:2]) is None
    shown = invoke(*command, "--task", "emotion", "--out", str(tmp_path / "emotion.safetensors"))
    assert shown.exit_code == 0, shown.output
    emotion = read_head(tmp_path / "emotion.safetensors")
    assert emotion.card.labels == ("angry", "happy", "neutral", "sad")
    assert emotion.card.figures["uar_telephone"] > 0.5
    with pytest.raises(HeadError, match="is a head for emotion, not for arousal"):
        AcousticContrast(emotion)


def test_pooling_is_learnt_where_asked_and_refused_where_it_cannot_be(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("av")
    manifest = corpus(tmp_path)
    save_safetensors(tmp_path / "encoder", random_weights())
    out = tmp_path / "attentive.safetensors"
    command = ["train", "--data", str(manifest), "--pooling", "attentive", "--out", str(out)]
    command += ["--encoder", str(tmp_path / "encoder"), "--cache", str(tmp_path / "cache")]
    for options, advice in (
        (("--task", "arousal"), "arousal: a contrast pools evenly; leave out --pooling attentive"),
        (("--task", "speaker"), "leave out --features acoustics, --network mlp and --pooling"),
        (("--task", "emotion", "--network", "mlp"), "leave out --features acoustics and --network"),
        (("--task", "emotion", "--features", "acoustics"), "reads an encoder's frames"),
    ):
        refused = invoke(*command, *options)
        assert refused.exit_code == 1
        assert advice in refused.output
        assert not out.exists()
    shown = invoke(*command, "--task", "emotion")
    assert shown.exit_code == 0, shown.output
    assert "  linear_uar_wide: 0." in shown.output
    assert "  inner_uar_mean: 0." in shown.output
    head = read_head(out)
    assert (head.card.pooling, head.card.labels) == (
        Pooling.ATTENTIVE,
        ("angry", "happy", "neutral", "sad"),
    )
    audio = WhisperEncoder(tmp_path / "encoder").encode(voice(1.0, 200.0), 16_000)
    finding = EmotionHead(head)(audio)
    assert sum(p.probability for p in finding.probabilities) == pytest.approx(1.0)


def test_a_head_serves_the_padding_it_was_trained_with(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("av")
    checkpoint, out = tmp_path / "encoder", tmp_path / "padded.safetensors"
    weights = random_weights()
    weights["embed_positions.weight"] = weights["embed_positions.weight"][:100]  # a window of 2 s
    save_safetensors(checkpoint, weights)
    command = ["train", "--data", str(corpus(tmp_path)), "--task", "emotion", "--out", str(out)]
    command += ["--encoder", str(checkpoint), "--cache", str(tmp_path / "cache")]
    shown = invoke(*command, "--padding", "window")
    assert shown.exit_code == 0, shown.output
    head = read_head(out)
    assert head.card.space == "encoder/window"
    assert "--padding window --data CORPUS" in head.card.data
    sound = voice(1.0, 200.0)
    padded = WhisperEncoder(checkpoint, padding=Padding.WINDOW).encode(sound, 16_000)
    assert EmotionHead(head)(padded).probabilities
    with pytest.raises(HeadError, match="encoder/none"):
        EmotionHead(head)(WhisperEncoder(checkpoint).encode(sound, 16_000))


def test_a_head_against_the_speakers_own_normal_is_trained_and_hears_as_it_was_judged(
    tmp_path: Path,
) -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("av")
    manifest = corpus(tmp_path, seconds=2.0)
    save_safetensors(tmp_path / "encoder", random_weights())
    out = tmp_path / "own.safetensors"
    command = ["train", "--data", str(manifest), "--baseline", "speaker", "--out", str(out)]
    command += ["--encoder", str(tmp_path / "encoder"), "--cache", str(tmp_path / "cache")]
    for options in (
        ("--task", "valence"),
        ("--task", "language"),
        ("--task", "speaker"),
        ("--task", "emotion", "--network", "mlp"),
        ("--task", "emotion", "--pooling", "attentive"),
        ("--task", "emotion", "--features", "acoustics"),
    ):
        refused = invoke(*command, *options)
        assert refused.exit_code == 1
        assert "leave out --baseline speaker" in refused.output
        assert not out.exists()
    shown = invoke(*command, "--task", "emotion")
    assert shown.exit_code == 0, shown.output
    assert "--network linear --baseline speaker --data CORPUS" in shown.output
    head = read_head(out)
    assert (head.card.is_relative_to_speaker, head.card.share_of_normal) == (True, 0.5)
    assert head.domain is not None

    encoder = WhisperEncoder(tmp_path / "encoder")
    clips = read_corpus(manifest)
    table = build_table(clips, WhisperLayers(encoder), RENDITIONS, FeatureCache(tmp_path / "cache"))
    search = class_search(table.n_layers)
    taught = train_for(table, lambda clip: clip.emotion, search, is_centred=True).head
    judged = judge_within(
        table,
        lambda clip: clip.emotion,
        search,
        speaker_folds(clips, 4),
        features="",
        test="",
        normals=(3,),
    )
    for result in judged:
        figure = round(result.figures["uar"].value, 3)
        assert head.card.figures[f"uar_{result.band}"] == figure
    moved, has_normal = centred_on_first(table.values["wide"], clips, share=CLASS_SHARE)
    assert has_normal.all()
    shares = TrainedHead(head=taught, domain=head.domain).shares(moved)
    loaded = EmotionHead(head)
    neutral = [
        i for i, clip in enumerate(clips) if clip.label == "neutral" and clip.speaker == "s0"
    ]
    heard = {i: encoder.encode(load_clip(clips[i]), 16_000) for i in neutral}
    for judged_at in neutral:
        centre = centre_of(*(audio for i, audio in heard.items() if i != judged_at))
        found = loaded(heard[judged_at], centre).probabilities
        assert [p.label for p in found] == list(taught.labels)
        assert [p.probability for p in found] == pytest.approx(
            shares[judged_at].tolist(),
            abs=0.01,  # utterances weigh by their length
        )
        assert not loaded(heard[judged_at]).probabilities


def test_without_enough_neutral_clips_nothing_is_judged_against_them(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("av")
    manifest = corpus(tmp_path)
    save_safetensors(tmp_path / "encoder", random_weights())
    rows = manifest.read_text().splitlines()
    command = ["train", "--task", "emotion", "--baseline", "speaker", "--data", str(manifest)]
    command += ["--encoder", str(tmp_path / "encoder"), "--cache", str(tmp_path / "cache")]
    command += ["--out", str(tmp_path / "own.safetensors")]
    for left_out, cause in (
        ("neutral-[123]", "no speaker has 3 neutral clips beside the one that is judged"),
        ("neutral", "no speaker has a clip labelled neutral"),
    ):
        kept = [row for row in rows if not re.search(left_out, row)]
        manifest.write_text("\n".join(kept) + "\n")
        refused = invoke(*command)
        assert refused.exit_code == 1
        assert cause in refused.output


def test_a_speaker_head_says_what_it_makes(tmp_path: Path) -> None:
    manifest = corpus(tmp_path, speakers=6)
    save_safetensors(tmp_path / "encoder", random_weights())
    out = tmp_path / "voice.safetensors"
    shown = invoke(
        *("train", "--task", "speaker", "--data", str(manifest), "--out", str(out)),
        *("--encoder", str(tmp_path / "encoder"), "--cache", str(tmp_path / "cache")),
    )
    assert shown.exit_code == 0, shown.output
    assert "  eer_across: 0." in shown.output
    assert "makes voiceprints, biometric data" in shown.output
    assert f"--speaker-model {out} --allow-voiceprints" in shown.output
    assert read_head(out).card.task == "voice"
    refused = invoke(
        *("train", "--task", "speaker", "--data", str(manifest), "--out", str(out)),
        *("--features", "acoustics"),
    )
    assert refused.exit_code == 1
    assert "leave out --features acoustics" in refused.output


def test_an_evaluation_is_lines_figures_and_a_page_that_fetches_nothing(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("av")
    manifest = corpus(tmp_path)
    save_safetensors(tmp_path / "encoder", random_weights())
    page, figures = tmp_path / "page.html", tmp_path / "figures.json"
    shown = invoke(
        *("evaluate", "--data", str(manifest), "--encoder", str(tmp_path / "encoder")),
        *("--cache", str(tmp_path / "cache"), "--page", str(page), "--json", str(figures)),
    )
    assert shown.exit_code == 0, shown.output
    assert "made: 40 clips, 4 speakers, 4 labels" in shown.output
    found = json.loads(figures.read_text())
    by_features = {(r["features"], r["band"]): r for r in found["classes"]}
    acoustics = by_features["acoustics", "wide"]["figures"]["uar"]
    assert acoustics["low"] <= acoustics["value"] <= acoustics["high"]
    assert acoustics["value"] > 0.5
    assert sum(map(sum, by_features["whisper", "telephone"]["confusion"])) == 40
    text = page.read_text()
    assert "<svg" in text
    assert "http" not in text.replace("http-equiv", "")
    assert "<script" not in text
