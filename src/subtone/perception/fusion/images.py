"""From the bytes of a PNG or JPEG to the pixels a CLIP-type model takes."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import numpy as np
from msgspec import Meta

from subtone.perception.encoding import FloatArray
from subtone.perception.heads.errors import HeadError, missing_extra

MAX_IMAGE_BYTES: Final = 32 * 1024 * 1024
MAX_PIXELS: Final = 64_000_000
# a demuxer by first bytes: FFmpeg must never guess, some of its formats fetch other files
PNG: Final = b"\x89PNG\r\n\x1a\n"
DEMUXERS: Final = {PNG: "png_pipe", b"\xff\xd8\xff": "jpeg_pipe"}
START_OF_SCAN: Final = 0xDA
START_OF_FRAME: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # those are tables

Side = Annotated[int, Meta(ge=1, le=4_096)]


class Sides(msgspec.Struct, frozen=True):
    """A size as preprocessor_config.json writes it."""

    shortest_edge: Side | None = None
    height: Side | None = None
    width: Side | None = None


class ImagePreparation(msgspec.Struct, frozen=True):
    """The parts of preprocessor_config.json that matter; CLIP's values where it is silent."""

    size: Sides | Side = 224
    crop_size: Sides | Side = 224
    do_center_crop: bool = True
    do_normalize: bool = True
    rescale_factor: float = 1.0 / 255.0
    image_mean: tuple[float, float, float] = (0.48145466, 0.4578275, 0.40821073)
    image_std: tuple[float, float, float] = (0.26862954, 0.26130258, 0.27577711)


def read_preparation(path: Path | str) -> ImagePreparation:
    """Read preprocessor_config.json. Raises HeadError."""
    source = Path(path)
    try:
        found = msgspec.json.decode(source.read_bytes(), type=ImagePreparation)
    except (msgspec.DecodeError, OSError) as error:
        raise HeadError(
            source.name, f"is no image preparation ({error})", "take the model's own file"
        ) from error
    numbers = (found.rescale_factor, *found.image_mean, *found.image_std)
    if not all(np.isfinite(numbers)) or min(found.image_std) <= 0.0:
        raise HeadError(source.name, "has impossible numbers", "take the model's own file")
    return found


def pixels(image: bytes, preparation: ImagePreparation) -> FloatArray:
    """(3, height, width), resized, cropped to the middle and normalised.

    Raises HeadError: no PNG or JPEG, damaged, too large, or PyAV is not installed.
    """
    frame = _decoded(image)
    height, width = _resized(frame.height, frame.width, preparation.size)
    if height * width > MAX_PIXELS:
        raise HeadError("image", "is far longer than it is wide, or wider", "crop it")
    rgb = frame.reformat(width, height, "rgb24", interpolation="BICUBIC").to_ndarray()
    if preparation.do_center_crop:
        rgb = _centre(rgb, *_sides(preparation.crop_size))
    values = rgb.astype(np.float32) * np.float32(preparation.rescale_factor)
    if preparation.do_normalize:
        mean, std = preparation.image_mean, preparation.image_std
        values = (values - np.array(mean, np.float32)) / np.array(std, np.float32)
    return np.ascontiguousarray(values.transpose(2, 0, 1))


def _decoded(image: bytes) -> Any:
    signature = next((sign for sign in DEMUXERS if image.startswith(sign)), None)
    if signature is None:
        raise HeadError("image", "is neither PNG nor JPEG", "convert it")
    # FFmpeg decodes while it opens, so what a header declares is judged before
    declared = _png_pixels(image) if signature == PNG else _jpeg_pixels(image)
    if len(image) > MAX_IMAGE_BYTES or declared > MAX_PIXELS:
        raise HeadError(
            "image",
            f"has more than {MAX_IMAGE_BYTES} bytes or {MAX_PIXELS} pixels",
            "send a smaller one",
        )
    try:
        import av
    except ImportError as error:
        raise missing_extra("av", "media") from error
    try:
        with av.open(io.BytesIO(image), "r", format=DEMUXERS[signature]) as container:
            return next(container.decode(container.streams.video[0]))
    except (av.FFmpegError, IndexError, StopIteration, ValueError) as error:
        raise HeadError("image", f"is damaged ({error})", "send it again") from error


def _png_pixels(image: bytes) -> int:
    """As declared by IHDR, which comes first (PNG, 5.6)."""
    if len(image) < 24 or image[12:16] != b"IHDR":
        raise HeadError("image", "is damaged (no header)", "send it again")
    width, height = struct.unpack(">II", image[16:24])
    return int(width * height)


def _jpeg_pixels(image: bytes) -> int:
    """The largest frame header before the first scan (ITU-T T.81, B.2.2)."""
    largest, at = 0, 2
    while at + 9 <= len(image) and image[at] == 0xFF:
        marker, length = image[at + 1], int.from_bytes(image[at + 2 : at + 4], "big")
        if marker == START_OF_SCAN:
            break
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker in START_OF_FRAME:
            height, width = struct.unpack(">HH", image[at + 5 : at + 9])
            largest = max(largest, height * width)
        at += 2 + length
    if largest == 0:
        raise HeadError("image", "is damaged (no frame header)", "send it again")
    return largest


def _sides(size: Sides | int) -> tuple[int, int]:
    if isinstance(size, int):
        return size, size
    edge = size.shortest_edge or 224
    return size.height or edge, size.width or edge


def _resized(height: int, width: int, size: Sides | int) -> tuple[int, int]:
    """Both sides given: exactly those; one given: the shorter side, the proportions kept."""
    if isinstance(size, Sides) and size.height and size.width:
        return size.height, size.width
    edge, _ = _sides(size)
    scale = edge / min(height, width)
    return max(edge, round(height * scale)), max(edge, round(width * scale))


def _centre(rgb: Any, height: int, width: int) -> Any:
    """The middle; black around it where the image is smaller."""
    short = [max(0, want - have) for want, have in zip((height, width), rgb.shape, strict=False)]
    if any(short):
        rgb = np.pad(rgb, [*((s // 2, s - s // 2) for s in short), (0, 0)])
    top, left = (rgb.shape[0] - height) // 2, (rgb.shape[1] - width) // 2
    return rgb[top : top + height, left : left + width]
