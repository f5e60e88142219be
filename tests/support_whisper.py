"""Whisper beside the code under test: a plain reference encoder, and small checkpoints to break.

The reference follows the published architecture (Radford et al. 2022) in float32 NumPy and
shares no line with the package.
"""

from __future__ import annotations

import json
import struct
from math import erf
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

Array = Any  # arrays of whatever type a file holds

WIDTH, HEADS, BLOCKS, MELS, FRAMES = 64, 2, 2, 80, 1500
_erf = np.vectorize(erf, otypes=[np.float32])


def reference_states(weights: dict[str, Array], mel: Array, n_heads: int) -> list[Array]:
    """Hidden states (frames, width) of one log-mel (n_mels, 2 * frames), as Hugging Face's."""
    w = {name: values.astype(np.float32) for name, values in weights.items()}

    def linear(x: Array, name: str) -> Array:
        return x @ w[f"{name}.weight"].T + w.get(f"{name}.bias", np.float32(0.0))

    def norm(x: Array, name: str) -> Array:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
        return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]

    def gelu(x: Array) -> Array:
        return x * 0.5 * (1.0 + _erf(x / np.sqrt(2.0)))

    def conv(x: Array, name: str, stride: int) -> Array:
        padded = np.pad(x, ((0, 0), (1, 1)))
        kernel = w[f"{name}.weight"]
        taps = [kernel[:, :, k] @ padded[:, k : k + x.shape[1]] for k in range(3)]
        return (sum(taps) + w[f"{name}.bias"][:, None])[:, ::stride]

    x = gelu(conv(gelu(conv(mel, "conv1", 1)), "conv2", 2)).T
    x = x + w["embed_positions.weight"][: len(x)]
    states = [x]
    n_blocks = len({name.split(".")[1] for name in w if name.startswith("layers.")})
    for i in range(n_blocks):
        at = f"layers.{i}"
        normed = norm(x, f"{at}.self_attn_layer_norm")
        q, k, v = (
            linear(normed, f"{at}.self_attn.{part}_proj").reshape(len(x), n_heads, -1)
            for part in "qkv"
        )
        scores = np.einsum("qhd,khd->hqk", q, k) / np.sqrt(q.shape[2])
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        heard = np.einsum("hqk,khd->qhd", shares, v).reshape(len(x), -1)
        x = x + linear(heard, f"{at}.self_attn.out_proj")
        inner = gelu(linear(norm(x, f"{at}.final_layer_norm"), f"{at}.fc1"))
        x = x + linear(inner, f"{at}.fc2")
        states.append(x)
    states[-1] = norm(x, "layer_norm")
    return states


def reference_weights(folder: Path) -> dict[str, Array]:
    """Tensors of an encoder-only safetensors folder."""
    return dict(load_file(folder / "model.safetensors"))


def random_weights(seed: int = 3) -> dict[str, Array]:
    """A whole small encoder in Hugging Face's names."""
    rng = np.random.default_rng(seed)

    def values(*shape: int) -> Array:
        return (rng.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)

    weights = {
        "conv1.weight": values(WIDTH, MELS, 3),
        "conv2.weight": values(WIDTH, WIDTH, 3),
        "embed_positions.weight": values(FRAMES, WIDTH),
    }
    norms = ["layer_norm"]
    linears = {"conv1": WIDTH, "conv2": WIDTH}
    for i in range(BLOCKS):
        at = f"layers.{i}"
        norms += [f"{at}.self_attn_layer_norm", f"{at}.final_layer_norm"]
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            weights[f"{at}.self_attn.{part}.weight"] = values(WIDTH, WIDTH)
            if part != "k_proj":
                linears[f"{at}.self_attn.{part}"] = WIDTH
        weights[f"{at}.fc1.weight"] = values(4 * WIDTH, WIDTH)
        weights[f"{at}.fc2.weight"] = values(WIDTH, 4 * WIDTH)
        linears |= {f"{at}.fc1": 4 * WIDTH, f"{at}.fc2": WIDTH}
    for name in norms:
        weights[f"{name}.weight"] = 1.0 + values(WIDTH)
        weights[f"{name}.bias"] = values(WIDTH)
    return weights | {f"{name}.bias": values(width) for name, width in linears.items()}


def save_safetensors(folder: Path, weights: dict[str, Array], before: str = "") -> Path:
    """A Hugging Face folder with these weights."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({before + name: values for name, values in weights.items()},
              folder / "model.safetensors")  # fmt: skip
    (folder / "config.json").write_text(json.dumps({"encoder_attention_heads": HEADS}))
    return folder


def save_ct2(folder: Path, weights: dict[str, Array], *, is_int8: bool = False) -> Path:
    """The same weights as a CTranslate2 folder (encoder half only)."""
    variables: dict[str, Array] = {"encoder/num_heads": np.array(HEADS, np.int16)}

    def put(name: str, values: Array) -> None:
        if is_int8 and name.endswith("weight"):
            flat = np.abs(values).reshape(len(values), -1)
            scale = (127.0 / flat.max(axis=1)).astype(np.float32)
            shaped = scale.reshape(-1, *[1] * (values.ndim - 1))
            variables[name] = np.round(values * shaped).astype(np.int8)
            variables[f"{name}_scale"] = scale
        else:
            variables[name] = values

    def linear(name: str, weight: Array, bias: Array) -> None:
        put(f"{name}/weight", weight)
        put(f"{name}/bias", bias)

    def norm(name: str, source: str) -> None:
        variables[f"{name}/gamma"] = weights[f"{source}.weight"]
        variables[f"{name}/beta"] = weights[f"{source}.bias"]

    def plain(name: str, source: str) -> None:
        linear(name, weights[f"{source}.weight"], weights[f"{source}.bias"])

    plain("encoder/conv1", "conv1")
    plain("encoder/conv2", "conv2")
    variables["encoder/position_encodings/encodings"] = weights["embed_positions.weight"]
    norm("encoder/layer_norm", "layer_norm")
    for i in range(BLOCKS):
        at, source = f"encoder/layer_{i}", f"layers.{i}"
        norm(f"{at}/self_attention/layer_norm", f"{source}.self_attn_layer_norm")
        norm(f"{at}/ffn/layer_norm", f"{source}.final_layer_norm")
        parts = [f"{source}.self_attn.{part}_proj" for part in "qkv"]
        biases = [weights.get(f"{part}.bias", np.zeros(WIDTH, np.float32)) for part in parts]
        linear(
            f"{at}/self_attention/linear_0",
            np.concatenate([weights[f"{part}.weight"] for part in parts]),
            np.concatenate(biases),
        )
        plain(f"{at}/self_attention/linear_1", f"{source}.self_attn.out_proj")
        plain(f"{at}/ffn/linear_0", f"{source}.fc1")
        plain(f"{at}/ffn/linear_1", f"{source}.fc2")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.bin").write_bytes(ct2_bytes(variables))
    (folder / "config.json").write_text("{}")
    (folder / "tokenizer.json").write_text("{}")
    return folder


_TYPES = {"f4": 0, "i1": 1, "i2": 2, "i4": 3, "f2": 4, "u2": 5}


def ct2_bytes(
    variables: dict[str, Array],
    *,
    version: int = 6,
    spec: str = "WhisperSpec",
    aliases: dict[str, str] | None = None,
) -> bytes:
    """A ``model.bin``."""

    def string(text: str) -> bytes:
        raw = text.encode() + b"\0"
        return struct.pack("<H", len(raw)) + raw

    parts = [struct.pack("<I", version), string(spec), struct.pack("<II", 3, len(variables))]
    for name, values in variables.items():
        raw = np.ascontiguousarray(values).tobytes()
        type_id = _TYPES[values.dtype.str[1:]]
        parts += [string(name), struct.pack("<B", values.ndim)]
        parts += [struct.pack("<I", size) for size in values.shape]
        parts += [struct.pack("<BI", type_id, len(raw)), raw]
    parts.append(struct.pack("<I", len(aliases or {})))
    for alias, target in (aliases or {}).items():
        parts += [string(alias), string(target)]
    return b"".join(parts)
