"""Head files: what is written is read, and what does not fit is refused with a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from subtone.contracts.memory import HeadSpec
from subtone.perception.heads.errors import HeadError
from subtone.perception.heads.files import METADATA_KEY, StoredHead, read_head, to_bytes, write_head
from subtone.perception.heads.networks import Network
from subtone.perception.heads.pooling import Pooling
from support_heads import (
    SPACE,
    WIDTH,
    card,
    contrast,
    encoded,
    projection,
    speech,
    stored,
    tensors,
)

HEADS = {
    "linear": stored(),
    "mlp": stored(network=Network.MLP, pooling=Pooling.MEAN),
    "attentive": stored(pooling=Pooling.ATTENTIVE),
    "contrast": contrast(),
    "projection": projection(),
}


@pytest.mark.parametrize("kind", HEADS)
def test_a_head_comes_back_as_it_was_written(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "head.safetensors"
    write_head(path, HEADS[kind])
    again = read_head(path)
    assert again.card == HEADS[kind].card
    assert again.model == HEADS[kind].model
    audio = speech(3)
    before, after = (h.outputs(h.pool(audio)[None]) for h in (HEADS[kind], again))
    assert np.array_equal(before, after)
    assert [p.name for p in tmp_path.iterdir()] == ["head.safetensors"]


def test_the_same_head_gives_the_same_bytes() -> None:
    assert to_bytes(stored()) == to_bytes(stored())
    assert stored().model != stored(seed=1).model
    assert stored().model.startswith("made-up@")


def test_the_spec_names_the_space_of_the_layer() -> None:
    assert stored().spec == HeadSpec(
        name="made-up",
        space=f"{SPACE}/L1",
        layer=1,
        width=WIDTH,
        labels=("neutral", "happy", "angry"),
        is_calibrated=True,
    )


def test_a_pooled_contract_scores_as_the_recording_does() -> None:
    audio = speech(4)
    for pooling in (Pooling.MEAN, Pooling.MEAN_STD):
        head = stored(pooling=pooling)
        expected = head.outputs(head.pool(audio)[None])[0]
        assert head.score(audio.encoding(1)) == pytest.approx(expected, abs=1e-5)
    with pytest.raises(HeadError, match="whisper-small-made-up/L1, and was given"):
        head.score(audio.encoding(2))


def test_the_share_of_the_normal_outlives_its_file(tmp_path: Path) -> None:
    for head, share, is_said in (
        (stored(), 0.0, False),
        (contrast(), 1.0, False),
        (stored(is_relative_to_speaker=True, speaker_share=0.5), 0.5, True),
    ):
        write_head(tmp_path / "head.safetensors", head)
        assert read_head(tmp_path / "head.safetensors").card.share_of_normal == share
        assert (b"speaker_share" in to_bytes(head)) is is_said  # older files keep their digest


def test_a_head_relative_to_the_speaker_scores_no_vector_alone() -> None:
    with pytest.raises(HeadError, match="difference from a speaker's first utterances"):
        contrast().score(speech().encoding(1))


def test_half_precision_is_read_as_floats() -> None:
    head = stored()
    halved: dict[str, Any] = {
        name: value.astype(np.float16) for name, value in head.tensors.items()
    }
    again = StoredHead(head.card, halved)
    assert again.tensors["linear.weight"].dtype == np.float32


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ("neutral", "bored", "angry")}, "emotions that are not known: bored"),
        ({"labels": ("neutral", "angry", "angry")}, "names a label twice"),
        ({"labels": ("neutral",)}, "at least two emotions"),
        ({"temperature": 0.0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"abstention_threshold": 1.5}, "abstention_threshold"),
        ({"domain_reference": None}, "nothing says when not to trust it"),
        ({"format_version": 2}, "has version 2, this subtone knows 1"),
        ({"task": "projection"}, "task and network disagree"),
        ({"gives_space": "x"}, "either labels or a vector"),
        ({"task": "voice"}, "a voice head gives a vector"),
        ({"task": "valence", "labels": ("positive",)}, "has the one label negative"),
        ({"is_relative_to_speaker": True, "pooling": Pooling.ATTENTIVE}, "pools by mean"),
        ({"speaker_share": 0.5}, "is not relative to it"),
        ({"is_relative_to_speaker": True, "speaker_share": 0.0}, "speaker_share"),
        ({"is_relative_to_speaker": True, "speaker_share": 1.1}, "speaker_share"),
        (
            {
                "task": "valence",
                "labels": ("negative",),
                "is_relative_to_speaker": True,
                "speaker_share": 0.5,
            },
            "whose normal is taken off whole",
        ),
        ({"figures": {"uar": float("inf")}}, "not finite"),
        ({"width": "4"}, "width"),
    ],
)
def test_a_card_that_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(HeadError, match=message):
        StoredHead(card(**changes), tensors(card()))


def broken(name: str, value: Any) -> dict[str, Any]:
    return {**tensors(card()), name: value}


@pytest.mark.parametrize(
    ("given_tensors", "message"),
    [
        (broken("linear.weight", np.zeros((3, 7), np.float32)), "7 along input, the card means 8"),
        (broken("linear.bias", np.zeros(2, np.float32)), "2 along output, the card means 3"),
        (broken("linear.bias", np.zeros((3, 1), np.float32)), "2 axes, not 1"),
        (broken("linear.bias", np.zeros(3, np.int64)), "does not hold floats"),
        (broken("linear.bias", np.array([0, np.nan, 0], np.float32)), "not finite"),
        (broken("linear.bias", np.array([0, 1e300, 0])), "not finite"),
        (broken("standardise.scale", np.zeros(8, np.float32)), "not positive"),
        (broken("surprise", np.zeros(8, np.float32)), "unknown tensors surprise"),
        ({"linear.bias": np.zeros(3, np.float32)}, "lacks the tensors domain.factors"),
    ],
)
def test_tensors_that_do_not_fit_the_card_are_refused(
    given_tensors: dict[str, Any], message: str
) -> None:
    with pytest.raises(HeadError, match=message):
        StoredHead(card(), given_tensors)


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (speech(space="another"), "was trained in the space whisper-small-made-up/L1"),
        (speech(width=5), "reads a width of 4, and was given states of width 5"),
        (speech(layers=1), "reads layer 1, and the encoder gives 0 to 0"),
        (encoded(), "without speech"),
    ],
)
def test_an_encoder_that_does_not_fit_is_named(audio: Any, message: str) -> None:
    with pytest.raises(HeadError, match=message) as refused:
        stored().pool(audio)
    assert str(refused.value).startswith("made-up: ")


def written(folder: Path, content: bytes) -> Path:
    path = folder / "head.safetensors"
    path.write_bytes(content)
    return path


def test_an_encoders_weights_are_no_head(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"x": np.zeros(2, np.float32)}, path)
    with pytest.raises(HeadError, match=r"model\.safetensors: .*without a head's card"):
        read_head(path)


def test_a_card_from_elsewhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "head.safetensors"
    for text, message in (("{", "not JSON"), ('{"name": "x", "hat": 1}', "does not hold")):
        save_file({"x": np.zeros(2, np.float32)}, path, {METADATA_KEY: text})
        with pytest.raises(HeadError, match=message):
            read_head(path)


def test_a_missing_file_is_named_without_its_folder(tmp_path: Path) -> None:
    with pytest.raises(HeadError, match=r"^gone\.safetensors: cannot be read") as refused:
        read_head(tmp_path / "gone.safetensors")
    assert str(tmp_path) not in str(refused.value)


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, 3_000), flip=st.integers(0, 7))
def test_a_damaged_file_gives_a_head_error_or_a_head(
    cut: int, flip: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    whole = bytearray(to_bytes(stored()))
    folder = tmp_path_factory.mktemp("damaged")
    with pytest.raises(HeadError):
        read_head(written(folder, bytes(whole[: min(cut, len(whole) - 1)])))
    whole[cut % len(whole)] ^= 1 << flip
    try:
        read_head(written(folder, bytes(whole)))
    except HeadError as error:
        assert str(error).startswith("head.safetensors: ")
