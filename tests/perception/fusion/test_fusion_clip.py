"""Image and text encoders from ONNX files, on graphs small enough to check by hand."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from subtone.perception.fusion.clip import OnnxImageEncoder, OnnxTextEncoder
from subtone.perception.fusion.images import ImagePreparation, Sides, pixels, read_preparation
from subtone.perception.heads.errors import HeadError
from support_graphs import float_input, integer_input, mean_of, node, write_graph

av = pytest.importorskip("av", reason="reading images needs subtone[media]")


def picture(rgb: Any, codec: str = "png") -> bytes:
    """The bytes of an image file from (height, width, 3) uint8."""
    container = io.BytesIO()
    with av.open(container, "w", format="image2pipe") as file:
        stream = file.add_stream(codec, rate=1)
        stream.height, stream.width = rgb.shape[:2]
        stream.pix_fmt = "rgb24" if codec == "png" else "yuvj444p"
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
        for packet in [*stream.encode(frame), *stream.encode()]:
            file.mux(packet)
    return container.getvalue()


def stripes(height: int, width: int) -> Any:
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[:, : width // 2, 0] = 255  # red on the left
    rgb[:, width // 2 :, 2] = 255  # blue on the right
    return rgb


PICTURES = {codec: picture(stripes(33, 32), codec) for codec in ("png", "mjpeg")}
PLAIN = ImagePreparation(size=8, crop_size=8, do_normalize=False)


@pytest.mark.parametrize("codec", ["png", "mjpeg"])
def test_png_and_jpeg_become_pixels(codec: str) -> None:
    found = pixels(picture(stripes(16, 16), codec), PLAIN)
    assert found.shape == (3, 8, 8)
    assert found[0, :, 1] == pytest.approx(np.ones(8), abs=0.05)
    assert found[2, :, 6] == pytest.approx(np.ones(8), abs=0.05)
    assert found[1] == pytest.approx(np.zeros((8, 8)), abs=0.05)


def test_the_shorter_side_decides_and_the_middle_is_kept() -> None:
    found = pixels(picture(stripes(16, 64)), PLAIN)
    assert found.shape == (3, 8, 8)
    assert found[0, 4, 0] > 0.9 > 0.1 > found[0, 4, 7]


def test_mean_and_deviation_are_taken_off() -> None:
    half = ImagePreparation(
        size=Sides(height=4, width=6),
        do_center_crop=False,
        image_mean=(0.5, 0.5, 0.5),
        image_std=(0.25, 0.5, 0.5),
    )
    found = pixels(picture(np.full((16, 16, 3), 255, np.uint8)), half)
    assert found.shape == (3, 4, 6)
    assert found[:, 2, 2] == pytest.approx([2.0, 1.0, 1.0], abs=0.02)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "neither PNG nor JPEG"),
        (b"#EXTM3U\nhttp://127.0.0.1/x.ts", "neither PNG nor JPEG"),
        (b"GIF89a....", "neither PNG nor JPEG"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 64, "damaged"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 64, "damaged"),
        (picture(stripes(32, 32))[:60], "damaged"),
        (picture(stripes(32, 32), "mjpeg")[:40], "damaged"),
    ],
)
def test_what_is_no_image_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(HeadError, match=f"image: .*{message}"):
        pixels(content, PLAIN)


@pytest.mark.parametrize("codec", ["png", "mjpeg"])
def test_an_image_that_unpacks_to_too_much_is_not_even_opened(
    codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subtone.perception.fusion.images.MAX_PIXELS", 32 * 32)
    pixels(picture(stripes(32, 32), codec), PLAIN)
    monkeypatch.setattr(av, "open", None)
    with pytest.raises(HeadError, match="or 1024 pixels"):
        pixels(PICTURES[codec], PLAIN)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["png", "mjpeg"]), st.integers(0, 2_000), st.integers(1, 255))
def test_a_damaged_image_gives_pixels_or_a_head_error(codec: str, at: int, flip: int) -> None:
    broken = bytearray(PICTURES[codec])
    broken[at % len(broken)] ^= flip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("subtone.perception.fusion.images.MAX_PIXELS", 10_000)
        try:
            assert pixels(bytes(broken), PLAIN).shape == (3, 8, 8)
        except HeadError as error:
            assert str(error).startswith("image: ")


def test_an_image_like_a_thread_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subtone.perception.fusion.images.MAX_PIXELS", 4_096)
    with pytest.raises(HeadError, match="far longer"):
        pixels(picture(stripes(1, 600)), PLAIN)


def test_a_preparation_that_cannot_be_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "preprocessor_config.json"
    path.write_text(json.dumps({"size": {"shortest_edge": 32}, "image_std": [0, 1, 1]}))
    with pytest.raises(HeadError, match="impossible numbers"):
        read_preparation(path)
    path.write_text("[]")
    with pytest.raises(HeadError, match="is no image preparation"):
        read_preparation(path)


def image_model(path: Path) -> Path:
    """The mean of each colour."""
    return write_graph(
        path,
        [mean_of("pixel_values", "image_embeds", [2, 3])],
        inputs={"pixel_values": float_input("batch", 3, "height", "width")},
        outputs={"image_embeds": ("batch", 3)},
    )


def test_an_image_becomes_a_vector_in_its_space(tmp_path: Path) -> None:
    raw = {"size": 8, "crop_size": 8, "do_normalize": False, "unread": 1}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(raw))
    encoder = OnnxImageEncoder(image_model(tmp_path / "vision.onnx"), space="clip")
    found = encoder.encode(picture(stripes(16, 16)))
    assert (found.modality, found.space, found.width) == ("image", "clip", 3)
    assert found.vector == pytest.approx([0.5, 0.0, 0.5], abs=0.03)


def words(path: Path, *, pads: bool = False) -> Path:
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "so": 1, "happy": 2, "[PAD]": 3}, "[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    if pads:
        tokenizer.enable_padding(pad_id=3, pad_token="[PAD]")
    tokenizer.save(str(path))
    return path


def text_model(path: Path, tokens: int | str) -> Path:
    """(sum of ids, number of tokens that the mask keeps)."""
    return write_graph(
        path,
        [
            node("Cast", ["input_ids"], "ids", to=1),
            node("Cast", ["attention_mask"], "mask", to=1),
            node("Mul", ["ids", "mask"], "kept"),
            node("ReduceSum", ["kept", "axes"], "first", keepdims=1),
            node("ReduceSum", ["mask", "axes"], "second", keepdims=1),
            node("Concat", ["first", "second"], "text_embeds", axis=1),
        ],
        inputs={
            "input_ids": integer_input("batch", tokens),
            "attention_mask": integer_input("batch", tokens),
        },
        outputs={"text_embeds": ("batch", 2)},
        weights={"axes": np.array([1], np.int64)},
    )


def test_a_text_becomes_a_vector(tmp_path: Path) -> None:
    words(tmp_path / "tokenizer.json")
    encoder = OnnxTextEncoder(text_model(tmp_path / "text.onnx", "tokens"), space="clip")
    assert encoder.encode("so happy happy").vector.tolist() == [5.0, 3.0]
    assert encoder.encode("happy " * 200).vector.tolist() == [154.0, 77.0]  # cut
    for nothing in ("", "  "):
        with pytest.raises(HeadError, match="text: holds no words"):
            encoder.encode(nothing)


def test_a_model_of_fixed_length_is_padded_by_its_tokenizer(tmp_path: Path) -> None:
    model = text_model(tmp_path / "text.onnx", 5)
    padding = words(tmp_path / "tokenizer.json", pads=True)
    encoder = OnnxTextEncoder(model, space="clip", tokenizer=padding)
    assert encoder.encode("so happy").vector.tolist() == [3.0, 2.0]
    with pytest.raises(HeadError, match="says nothing about padding"):
        OnnxTextEncoder(model, space="clip", tokenizer=words(tmp_path / "plain.json"))


def test_the_wrong_half_is_described(tmp_path: Path) -> None:
    vision = image_model(tmp_path / "vision.onnx")
    words(tmp_path / "tokenizer.json")
    with pytest.raises(HeadError, match="the text half"):
        OnnxTextEncoder(vision, space="clip")
    with pytest.raises(HeadError, match="the vision half"):
        OnnxImageEncoder(text_model(tmp_path / "text.onnx", "n"), space="clip")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(HeadError, match="is no tokenizer"):
        OnnxTextEncoder(tmp_path / "text.onnx", space="clip")
