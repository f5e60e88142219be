"""Heads learn what is there, nothing where there is nothing, and the same twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from subtone.contracts.calibration import VoiceCalibration
from subtone.perception.encoding import FloatArray
from subtone.perception.heads.centre import SpeakerCentre
from subtone.perception.heads.emotion import EmotionHead
from subtone.perception.heads.files import StoredHead, to_bytes
from subtone.perception.heads.networks import Network, forward, softmax
from subtone.perception.learning.baseline import (
    CLASS_SHARE,
    centred_on_all,
    centred_on_first,
    centred_table,
)
from subtone.perception.learning.errors import LearningError
from subtone.perception.learning.evaluation.protocol import (
    TrainedHead,
    contrast_odds,
    judge_across,
    judge_networks,
    judge_pair,
    judge_within,
    train_for,
)
from subtone.perception.learning.splits import speaker_folds
from subtone.perception.learning.training.classes import ClassHead, train_classes
from subtone.perception.learning.training.combination import combine
from subtone.perception.learning.training.contrasts import train_arousal, train_valence
from subtone.perception.learning.training.epochs import Recipe
from subtone.perception.learning.training.export import (
    class_head_file,
    contrast_head_file,
    licence_of,
)
from subtone.perception.learning.training.linear import (
    Fit,
    components_of,
    fit_linear,
    mean_map,
)
from subtone.perception.learning.training.mlp import _gradients, _initial, train_mlp
from subtone.perception.learning.training.networks import NetworkHead, train_network
from subtone.perception.learning.training.settings import Setting, class_search, middle_layers
from subtone.perception.learning.training.table import Table
from support_heads import centre_of, encoded, encoded_window
from support_learning import LAYERS, WIDTH, clip, table

pytest.importorskip("sklearn")

SEARCH = tuple(Setting((at,), Fit.DISCRIMINANT, 0.3) for at in range(LAYERS))


def label_of(one: object) -> str | None:
    return one.label  # type: ignore[attr-defined, no-any-return]  # a clip


def test_the_layer_that_hears_best_is_chosen_and_the_head_is_right() -> None:
    head = train_classes(table(), label_of, SEARCH)
    assert head.setting == SEARCH[1]
    assert head.labels == ("angry", "happy", "neutral")
    heard = table(speakers=3)
    said = head.shares(heard.values["telephone"]).argmax(axis=1)
    assert (
        np.mean([head.labels[i] == c.label for i, c in zip(said, heard.clips, strict=True)]) > 0.9
    )
    assert head.shares(heard.values["wide"]).sum(axis=1) == pytest.approx(1.0)


def test_the_search_is_about_the_middle_of_an_encoder_of_any_depth() -> None:
    assert [middle_layers(n) for n in (3, 5, 7, 13, 33)] == [
        (1,),
        (1, 2, 3),
        (2, 3, 4),
        (4, 6, 8),
        (11, 16, 21),
    ]
    assert {s.layers for s in class_search(7)} == {(3,), (2, 3, 4)}
    assert {s.layers for s in class_search(1)} == {(0,)}


def test_labels_without_meaning_are_not_learnt() -> None:
    rng = np.random.default_rng(1)
    made = table(speakers=8)
    shuffled = Table(
        tuple(
            replace(c, label=str(label))
            for c, label in zip(
                made.clips, rng.permutation([c.label for c in made.clips]), strict=True
            )
        ),
        made.values,
    )
    (result, _) = judge_within(
        shuffled,
        label_of,
        SEARCH[:1],
        speaker_folds(shuffled.clips, 4),
        features="made-up",
        test="made-up",
    )
    assert result.figures["uar"].value == pytest.approx(1 / 3, abs=0.12)


def test_a_label_of_one_speaker_cannot_be_learnt() -> None:
    made = table()
    lonely = tuple(
        replace(c, label="sad") if c.speaker == "s0" and c.label == "angry" else c
        for c in made.clips
    )
    with pytest.raises(LearningError, match="one speaker alone says sad"):
        train_classes(Table(lonely, made.values), label_of, SEARCH)
    with pytest.raises(LearningError, match="fewer than two labels"):
        train_classes(made, lambda _: "voice", SEARCH)


def test_several_layers_vote_by_the_mean_of_their_logits() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (60, 2, 5)).astype(np.float32)
    y = np.arange(60) % 3
    maps = [
        fit_linear(components_of(x[:, at], is_centred=False), y, Fit.LOGISTIC, 0.5) for at in (0, 1)
    ]
    joined = mean_map(maps)(x.reshape(60, 10))
    assert joined == pytest.approx((maps[0](x[:, 0]) + maps[1](x[:, 1])) / 2)


@pytest.mark.parametrize("n", [8, 40])
def test_components_turn_without_losing_anything(n: int) -> None:
    x = np.random.default_rng(0).normal(3.0, 2.0, (n, 20)).astype(np.float32)
    part = components_of(x, is_centred=False)
    standard = (x - part.mean) / part.scale
    assert part.rows @ part.axes == pytest.approx(standard, abs=1e-3)
    assert part.axes @ part.axes.T == pytest.approx(np.eye(len(part.axes)), abs=1e-4)


def test_the_gradients_are_those_of_the_loss() -> None:
    rng = np.random.default_rng(0)
    recipe = Recipe(dropout=0.0, smoothing=0.0)
    tensors = {k: v.astype(np.float64) for k, v in _initial(6, 3, rng).items()}
    x, y = rng.normal(0, 1, (7, 6)), np.arange(7) % 3
    target, weight = np.eye(3)[y], np.ones(7)

    def loss() -> float:
        hidden = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
        hidden = hidden * tensors["norm.weight"] + tensors["norm.bias"]
        for name in ("hidden1", "hidden2"):
            hidden = np.maximum(hidden @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"], 0)
        logits = hidden @ tensors["output.weight"].T + tensors["output.bias"]
        return float((np.log(np.exp(logits).sum(1)) - logits[np.arange(7), y]).mean())

    found = _gradients(tensors, x, target, weight, recipe, rng)  # type: ignore[arg-type]  # exact
    for name, at in (
        ("norm.bias", 2),
        ("hidden1.weight", 9),
        ("hidden2.bias", 5),
        ("output.weight", 4),
    ):
        flat = tensors[name].reshape(-1)
        flat[at] += 1e-5
        above = loss()
        flat[at] -= 2e-5
        expected = (above - loss()) / 2e-5
        flat[at] += 1e-5
        assert found[name].reshape(-1)[at] == pytest.approx(expected, abs=1e-5)


def test_a_network_learns_stops_early_and_is_the_same_twice() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(240) % 3
    x = (np.eye(8)[y] * 3 + rng.normal(0, 1, (240, 8))).astype(np.float32)

    def right(logits: FloatArray) -> float:
        return float((logits.argmax(axis=1) == y[180:]).mean())

    recipe = Recipe(seed=3, max_epochs=30, patience=4)
    tensors, epoch = train_mlp(x[:180], y[:180], 3, recipe, (right, x[180:]))
    again, _ = train_mlp(x[:180], y[:180], 3, recipe, (right, x[180:]))
    assert right(forward(Network.MLP, tensors, x[180:])) > 0.85
    assert epoch < 30
    assert all(np.array_equal(tensors[k], again[k]) for k in tensors)
    for recalls in judge_networks(
        Table(
            table().clips, {b: np.repeat(v, 2, axis=1)[:, :4] for b, v in table().values.items()}
        ),
        label_of,
        2,
        [0],
    ).values():
        assert recalls[0] > 0.5


def test_a_test_is_centred_on_other_neutral_clips_only() -> None:
    clips = [clip("a", "neutral", i) for i in range(4)] + [clip("a", "angry"), clip("b", "angry")]
    x = np.array([[1.0], [2.0], [4.0], [8.0], [100.0], [7.0]], np.float32)
    moved, has_normal = centred_on_first(x, clips)
    assert has_normal.tolist() == [True, True, True, True, True, False]
    for i in range(4):
        others = np.delete(x[:4, 0], i)
        assert moved[i, 0] == pytest.approx(x[i, 0] - others.mean())
    assert moved[5, 0] == 7.0
    everything, _ = centred_on_all(x, clips)
    assert everything[4, 0] == pytest.approx(100.0 - 3.75)
    more, _ = centred_on_first(x, clips, most=4, share=0.5)
    assert more[4, 0] == pytest.approx(100.0 - 3.75 / 2)
    assert more[0, 0] == pytest.approx(1.0 - (2.0 + 4.0 + 8.0) / 6)
    taught = centred_table(Table(tuple(clips), {"wide": x}), 0.5)
    assert [c.voice for c in taught.clips] == ["made-up/a"] * 5
    assert taught.values["wide"][0, 0] == pytest.approx(1.0 - 3.75 / 2)


def test_where_nobody_has_a_normal_nothing_is_taught_and_nothing_is_judged() -> None:
    made = table()
    bare = made.where(lambda c: c.label != "neutral")
    with pytest.raises(LearningError, match="nobody's own normal is known; add such clips"):
        centred_table(bare)
    few = made.where(lambda c: c.label != "neutral" or c.path.stem.endswith("-0"))
    plain, *others = judge_within(
        few,
        label_of,
        SEARCH[:1],
        speaker_folds(few.clips, 3),
        features="x",
        test="made-up",
        bands=("wide",),
        normals=(0, 3),
    )
    assert (plain.features, others) == ("x", [])
    one = few.voices[0]
    some = made.where(lambda c: c in few.clips or c.voice == one)
    (judged,) = judge_within(
        some,
        label_of,
        SEARCH[:1],
        speaker_folds(some.clips, 6),
        features="x",
        test="made-up",
        bands=("wide",),
        normals=(3,),
    )
    assert set(judged.judged.voices) == {one}


def test_a_file_against_the_normal_hears_as_the_evaluation_does() -> None:
    made = wide_table()
    setting = Setting((1, 2), Fit.LOGISTIC, 0.1)
    head = train_classes(centred_table(made, CLASS_SHARE), label_of, [setting])
    stored = class_head_file(
        *(head, made),
        name="x",
        task="emotion",
        space="made-up",
        figures={},
        share=CLASS_SHARE,
    )
    assert (stored.card.is_relative_to_speaker, stored.card.share_of_normal) == (True, 0.5)
    assert "--network linear --baseline speaker --data" in stored.card.data
    assert stored.domain is not None
    rows = np.flatnonzero(made.voices == made.voices[0])
    normal = [i for i in rows if made.clips[i].label == "neutral"][:3]
    other = [i for i in rows if made.clips[i].label != "neutral"]
    part = made.take(np.array([*normal, *other]))
    moved, is_heard = centred_on_first(part.values["wide"], part.clips, share=CLASS_SHARE)
    expected = TrainedHead(head=head, domain=stored.domain).shares(moved)[is_heard]
    clips = [
        encoded(encoded_window(frames_pooling_to(values)), space="made-up")
        for values in part.values["wide"]
    ]
    centre, loaded = centre_of(*clips[:3]), EmotionHead(stored)
    found = [[p.probability for p in loaded(one, centre).probabilities] for one in clips[3:]]
    assert len(found) == len(expected) == len(other)
    assert np.array(found) == pytest.approx(expected, abs=1e-4)


def test_voices_that_lie_apart_are_told_better_against_their_own_normal() -> None:
    made, rng = table(), np.random.default_rng(2)
    offset = {voice: rng.normal(0.0, 6.0, WIDTH) for voice in sorted(set(made.voices))}
    moved = made.mapped(
        lambda values, clips: (
            values + np.array([offset[c.voice] for c in clips], np.float32)[:, None]
        )
    )
    plain, three, seven = (
        judge_within(
            moved,
            label_of,
            SEARCH[1:2],
            speaker_folds(moved.clips, 3),
            features="x",
            test="made-up",
            bands=("wide",),
            normals=normals,
        )[-1]
        for normals in ((0,), (3,), (3, 7))
    )
    assert plain.figures["uar"].value < three.figures["uar"].value - 0.05
    assert (three.features, seven.features) == ("x, normal of 3", "x, normal of 7")


def test_contrasts_transfer_to_a_corpus_whose_voices_lie_elsewhere() -> None:
    train, test = table(corpus="one"), table(speakers=4, corpus="two")
    moved = Table(test.clips, {band: values + 5.0 for band, values in test.values.items()})
    setting = Setting((1,), Fit.LOGISTIC, 0.1)
    for fit, pair in (
        (train_arousal(train, setting), ("angry", "neutral")),
        (train_valence(train, setting), ("angry", "happy")),
    ):
        odds = contrast_odds(fit, moved, "telephone")
        result = judge_pair(odds, moved, pair, features="x", trained_on="one", band="telephone")
        assert result.auc.value > 0.95
        assert (result.speakers, result.tested_on) == (4, "two")
    weak = Table(
        train.clips,
        {
            b: np.random.default_rng(5).normal(0, 1, v.shape).astype("f4")
            for b, v in train.values.items()
        },
    )
    good, noise = train_valence(train, setting), train_valence(weak, setting)
    assert combine(good, noise).share == 0.0
    assert combine(good, good).share == 0.5
    joined = combine(good, good)
    assert joined(np.ones(1), np.ones(1)) == pytest.approx(1.5 / joined.first_spread)
    assert combine(good, noise)(odds, odds * np.nan) == pytest.approx(
        odds / joined.first_spread, nan_ok=True
    )


def test_what_a_combination_gains_is_over_the_better_of_its_parts() -> None:
    made = table(speakers=4)
    truth = np.array([c.label == "angry" for c in made.clips], np.float64)
    poor = np.random.default_rng(3).normal(0.0, 1.0, len(truth))
    better = poor + truth
    result = judge_pair(
        poor,
        made,
        ("angry", "happy"),
        features="x",
        trained_on="one",
        band="wide",
        parts=[poor, better],
    )
    assert result.gain is not None
    assert result.gain.value < 0.0
    assert result.gain.low <= result.gain.value <= result.gain.high


def test_of_several_corpora_confidence_is_of_the_one_that_was_held_out() -> None:
    parts = [table(corpus=name) for name in ("one", "two", "three")]
    turned = [  # the same emotions, heard in other dimensions
        Table(p.clips, {b: np.roll(v, by, axis=2) for b, v in p.values.items()})
        for by, p in enumerate(parts)
    ]
    clips = tuple(c for part in parts for c in part.clips)
    alone, apart = (
        Table(clips, {b: np.concatenate([p.values[b] for p in of]) for b in parts[0].values})
        for of in (parts, turned)
    )
    heads = [train_classes(one, label_of, SEARCH[1:2]) for one in (alone, apart)]
    assert heads[1].temperature > 3.0 * heads[0].temperature
    without = alone.where(lambda c: not (c.corpus != "one" and c.label == "happy"))
    assert np.isfinite(train_classes(without, label_of, SEARCH[1:2]).temperature)


def test_a_head_is_judged_on_the_labels_both_corpora_have() -> None:
    train, test = table(corpus="one"), table(speakers=4, corpus="two")
    head = train_for(train, label_of, SEARCH, is_centred=False)
    kept = test.where(lambda c: c.label != "happy")
    (result,) = judge_across(head, train, kept, label_of, features="x", bands=("wide",))
    assert result.judged.labels == ("angry", "neutral")
    assert result.figures["uar"].value > 0.9
    heard = kept.values["wide"]
    assert head.shares(heard) == pytest.approx(head.head.shares(heard), abs=0.1)
    far = head.shares(heard + 100.0).max(axis=1)
    assert far.max() < head.shares(heard).max(axis=1).min()
    with pytest.raises(LearningError, match="speak on both sides"):
        judge_across(head, train, train, label_of, features="x")


def test_files_say_what_was_trained_and_score_as_the_head_did() -> None:
    made = wide_table()
    setting = Setting((1, 2), Fit.LOGISTIC, 0.1)
    head = train_classes(made, label_of, [setting])

    def filed(trained: ClassHead | NetworkHead) -> StoredHead:
        return class_head_file(
            trained, made, name="made-up", task="emotion", space="made-up", figures={"uar": 0.9}
        )

    stored = filed(head)
    audio = encoded(encoded_window(frames_pooling_to(made.values["wide"][0])), space="made-up")
    expected = head.logits(made.values["wide"][:1])[0]
    assert stored.outputs(stored.pool(audio)[None])[0] == pytest.approx(expected, abs=1e-3)
    assert stored.card.temperature == head.temperature
    assert stored.card.licence == "Apache-2.0"
    assert "made-up: 108 acted clips of 6 speakers, language en, CC0-1.0" in stored.card.data
    assert to_bytes(stored) == to_bytes(filed(train_classes(made, label_of, [setting])))

    small = train_network(made, label_of, (1, 2), Recipe(max_epochs=3))
    logits = filed(small).outputs(filed(small).pool(audio)[None]).astype(np.float64)
    shares = softmax(logits / small.temperature)
    assert shares == pytest.approx(small.shares(made.values["wide"][:1]), abs=1e-3)

    fit = train_valence(made, setting)
    contrast = contrast_head_file(fit, made, name="valence", space="made-up", figures={})
    assert (contrast.card.labels, contrast.card.is_relative_to_speaker) == (("negative",), True)
    assert SpeakerCentre().is_established is False
    moved = made.values["wide"][:1] - made.values["wide"][1:2]
    logit = contrast.outputs(contrast.select(moved[0])[None])[0, 0] / fit.head.temperature
    assert logit == pytest.approx(fit.logits(moved)[0], abs=1e-3)


def wide_table() -> Table:
    """Means and deviations, as a pooled layer is; deviations are positive."""
    made = table()
    return Table(
        made.clips,
        {
            band: np.concatenate([v, 1.0 + np.abs(v) / 10], axis=2)
            for band, v in made.values.items()
        },
    )


def frames_pooling_to(pooled: FloatArray) -> FloatArray:
    """(layers, 80, width) frames whose mean and deviation are the pooled ones."""
    mean, std = pooled[:, None, :WIDTH], pooled[:, None, WIDTH:]
    sign = np.where(np.arange(80) % 2, 1.0, -1.0)[None, :, None]
    return (mean + sign * std).astype(np.float32)


def test_the_acoustic_space_is_fourteen_features_whose_priors_the_kernel_has() -> None:
    from subtone.perception.heads.acoustic import ACOUSTIC_FEATURES, acoustic_vector

    assert len(ACOUSTIC_FEATURES) == 14
    assert set(ACOUSTIC_FEATURES) <= {str(p.feature) for p in VoiceCalibration().priors}
    assert acoustic_vector(np.zeros(100, np.float32)).tolist() == [0.0] * len(ACOUSTIC_FEATURES)


def test_a_head_is_bound_by_the_licences_of_its_data() -> None:
    made = table(speakers=2, each=1)
    assert licence_of(made) == "Apache-2.0"
    bound = Table(tuple(replace(c, licence="CC BY-NC-SA 4.0") for c in made.clips), made.values)
    assert licence_of(bound) == "bound by its data: CC BY-NC-SA 4.0"
