"""The same encoder with random weights: what its shape alone gives away."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from subtone.perception.checkpoints import Checkpoint
from subtone.perception.encoder.loading import load_weights
from subtone.perception.encoder.weights import Linear
from subtone.perception.encoding import FloatArray
from subtone.perception.errors import memory_extra


def save_untrained(checkpoint: Checkpoint, folder: Path, seed: int) -> Path:
    """Write an encoder of the checkpoint's shape whose weights are normal, fan-in scaled.

    Biases are 0, norms do nothing, positions are the checkpoint's own (Whisper's are fixed
    sinusoids). Gives the folder, which ``WhisperEncoder`` opens.
    """
    with memory_extra():
        from safetensors.numpy import save_file
    weights = load_weights(checkpoint)
    rng = np.random.default_rng([seed, 101])

    def drawn(linear: Linear) -> FloatArray:
        fan_in = int(np.prod(linear.weight.shape[1:]))
        values = rng.standard_normal(linear.weight.shape) / np.sqrt(fan_in)
        return np.asarray(values, np.float32)

    tensors: dict[str, FloatArray] = {"embed_positions.weight": weights.positions}

    def put(name: str, weight: FloatArray) -> None:
        tensors[f"{name}.weight"] = weight
        tensors[f"{name}.bias"] = np.zeros(len(weight), np.float32)

    put("conv1", drawn(weights.conv1))
    put("conv2", drawn(weights.conv2))
    put("layer_norm", np.ones(weights.width, np.float32))
    for i, block in enumerate(weights.blocks):
        at = f"layers.{i}"
        for part, weight in zip("qkv", np.split(drawn(block.qkv), 3), strict=True):
            put(f"{at}.self_attn.{part}_proj", weight)
        put(f"{at}.self_attn.out_proj", drawn(block.attention_out))
        put(f"{at}.fc1", drawn(block.ffn_in))
        put(f"{at}.fc2", drawn(block.ffn_out))
        for norm in ("self_attn_layer_norm", "final_layer_norm"):
            put(f"{at}.{norm}", np.ones(weights.width, np.float32))
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "model.safetensors")
    heads = json.dumps({"encoder_attention_heads": weights.n_heads})
    (folder / "config.json").write_text(heads, encoding="utf-8")
    return folder
