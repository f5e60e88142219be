"""Encoder weights out of a checkpoint's files: Hugging Face safetensors or CTranslate2."""

from __future__ import annotations

import json

import numpy as np

from subtone.perception.checkpoints import Checkpoint, Layout, read_ct2, require_recorded
from subtone.perception.checkpoints.ct2_binary import Ct2Model
from subtone.perception.encoder.weights import (
    HEAD_WIDTH,
    Block,
    EncoderWeights,
    Linear,
    Norm,
)
from subtone.perception.encoding import FloatArray
from subtone.perception.errors import CheckpointError, memory_extra

_FIRST = "conv1.weight"  # whatever stands before it stands before every encoder tensor


def load_weights(checkpoint: Checkpoint) -> EncoderWeights:
    """The encoder of a checkpoint, checked for shape and finite values.

    Raises CheckpointError for files that are damaged, hold something else, or are no longer
    those that were pulled.
    """
    require_recorded(checkpoint)
    load = _from_ct2 if checkpoint.layout is Layout.CTRANSLATE2 else _from_safetensors
    weights = load(checkpoint)
    weights.require_consistent(str(checkpoint.weights_path))
    return weights


def _from_safetensors(checkpoint: Checkpoint) -> EncoderWeights:
    path = checkpoint.weights_path
    with memory_extra():
        from safetensors import SafetensorError, safe_open
    try:
        with safe_open(path, framework="np") as file:
            first = next((key for key in file.keys() if key.endswith(_FIRST)), None)  # noqa: SIM118
            if first is None:
                raise CheckpointError(f"{path}: has no {_FIRST}; it is not a Whisper encoder")
            before = first.removesuffix(_FIRST)
            tensors: dict[str, FloatArray] = {
                key.removeprefix(before): file.get_tensor(key).astype(np.float32)
                for key in file.keys()  # noqa: SIM118  # the file is no mapping
                if key.startswith(before) and "decoder." not in key
            }
    except (SafetensorError, OSError, TypeError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error}); fetch it again") from error
    n_heads = _n_heads(checkpoint)
    try:
        return _hugging_face(tensors, n_heads)
    except KeyError as error:
        raise CheckpointError(
            f"{path}: has no {error.args[0]}; it is not a whole Whisper encoder"
        ) from error


def _n_heads(checkpoint: Checkpoint) -> int:
    config = checkpoint.folder / "config.json"
    try:
        return int(json.loads(config.read_text("utf-8"))["encoder_attention_heads"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{config}: must hold encoder_attention_heads; fetch it with the weights"
        ) from error


def _hugging_face(tensors: dict[str, FloatArray], n_heads: int) -> EncoderWeights:
    def linear(name: str) -> Linear:
        return Linear(tensors[f"{name}.weight"], tensors[f"{name}.bias"])

    def norm(name: str) -> Norm:
        return Norm(tensors[f"{name}.weight"], tensors[f"{name}.bias"])

    def block(at: str) -> Block:
        q, k, v = (f"{at}.self_attn.{part}_proj" for part in "qkv")
        key_bias = np.zeros_like(tensors[f"{q}.bias"])  # Whisper's keys have none
        return Block(
            attention_norm=norm(f"{at}.self_attn_layer_norm"),
            qkv=Linear(
                np.concatenate([tensors[f"{part}.weight"] for part in (q, k, v)]),
                np.concatenate([tensors[f"{q}.bias"], key_bias, tensors[f"{v}.bias"]]),
            ),
            attention_out=linear(f"{at}.self_attn.out_proj"),
            ffn_norm=norm(f"{at}.final_layer_norm"),
            ffn_in=linear(f"{at}.fc1"),
            ffn_out=linear(f"{at}.fc2"),
        )

    n_blocks = len({key.split(".")[1] for key in tensors if key.startswith("layers.")})
    return EncoderWeights(
        conv1=linear("conv1"),
        conv2=linear("conv2"),
        positions=tensors["embed_positions.weight"],
        blocks=tuple(block(f"layers.{i}") for i in range(n_blocks)),
        final_norm=norm("layer_norm"),
        n_heads=n_heads,
    )


def _from_ct2(checkpoint: Checkpoint) -> EncoderWeights:
    model = read_ct2(checkpoint.weights_path)
    if model.spec != "WhisperSpec":
        raise CheckpointError(f"{model.path}: is a {model.spec or 'nameless'}, not a Whisper model")
    positions = model.floats("encoder/position_encodings/encodings")
    return EncoderWeights(
        conv1=_linear(model, "encoder/conv1"),
        conv2=_linear(model, "encoder/conv2"),
        positions=positions,
        blocks=tuple(_blocks(model)),
        final_norm=_norm(model, "encoder/layer_norm"),
        n_heads=_ct2_heads(model, positions.shape[1]),
    )


def _ct2_heads(model: Ct2Model, width: int) -> int:
    if "encoder/num_heads" in model:
        return int(model.stored("encoder/num_heads").values)
    return width // HEAD_WIDTH


def _linear(model: Ct2Model, name: str) -> Linear:
    return Linear(model.floats(f"{name}/weight"), model.floats(f"{name}/bias"))


def _norm(model: Ct2Model, name: str) -> Norm:
    return Norm(model.floats(f"{name}/gamma"), model.floats(f"{name}/beta"))


def _blocks(model: Ct2Model) -> list[Block]:
    blocks: list[Block] = []
    while f"encoder/layer_{len(blocks)}/ffn/linear_0/weight" in model:
        at = f"encoder/layer_{len(blocks)}"
        blocks.append(
            Block(
                attention_norm=_norm(model, f"{at}/self_attention/layer_norm"),
                qkv=_linear(model, f"{at}/self_attention/linear_0"),
                attention_out=_linear(model, f"{at}/self_attention/linear_1"),
                ffn_norm=_norm(model, f"{at}/ffn/layer_norm"),
                ffn_in=_linear(model, f"{at}/ffn/linear_0"),
                ffn_out=_linear(model, f"{at}/ffn/linear_1"),
            )
        )
    return blocks
