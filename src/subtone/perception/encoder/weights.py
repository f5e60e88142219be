"""One encoder's weights, whatever files they came from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from subtone.perception.encoding import FloatArray
from subtone.perception.errors import CheckpointError

CONV_TAPS = 3
HEAD_WIDTH = 64  # of every published Whisper


@dataclass(frozen=True, eq=False)
class Linear:
    """y = x @ weight.T + bias; weight is (out, in) float32, bias (out,)."""

    weight: FloatArray
    bias: FloatArray


@dataclass(frozen=True, eq=False)
class Norm:
    """Layer normalisation: scale and shift, both (width,)."""

    gamma: FloatArray
    beta: FloatArray


@dataclass(frozen=True, eq=False)
class Block:
    """One pre-norm transformer block; ``qkv`` is query, key and value stacked."""

    attention_norm: Norm
    qkv: Linear
    attention_out: Linear
    ffn_norm: Norm
    ffn_in: Linear
    ffn_out: Linear


@dataclass(frozen=True, eq=False)
class EncoderWeights:
    """Whisper's encoder: two convolutions, positions, blocks, final norm.

    ``conv1`` is (width, n_mels, 3), ``conv2`` (width, width, 3), ``positions``
    (most frames, width), all float32.
    """

    conv1: Linear
    conv2: Linear
    positions: FloatArray
    blocks: tuple[Block, ...]
    final_norm: Norm
    n_heads: int

    @property
    def n_mels(self) -> int:
        """Mel bands of the input: 80, or 128 from large-v3 on."""
        return int(self.conv1.weight.shape[1])

    @property
    def width(self) -> int:
        """Values of one frame's state."""
        return int(self.positions.shape[1])

    def require_consistent(self, source: str) -> None:
        """Raise CheckpointError where a shape does not fit or a value is not finite."""
        if self.positions.ndim != 2 or self.conv1.weight.ndim != 3:
            raise CheckpointError(
                f"{source}: its positions or convolutions are no Whisper encoder's"
            )
        width = self.width
        arrays = {"positions": (self.positions, self.positions.shape)}
        arrays |= _linear("first convolution", self.conv1, width, self.n_mels, CONV_TAPS)
        arrays |= _linear("second convolution", self.conv2, width, width, CONV_TAPS)
        arrays |= _norm("final norm", self.final_norm, width)
        for i, block in enumerate(self.blocks):
            inner = block.ffn_in.weight.shape[0]
            arrays |= _norm(f"block {i} attention norm", block.attention_norm, width)
            arrays |= _linear(f"block {i} attention", block.qkv, 3 * width, width)
            arrays |= _linear(f"block {i} attention output", block.attention_out, width, width)
            arrays |= _norm(f"block {i} feed-forward norm", block.ffn_norm, width)
            arrays |= _linear(f"block {i} feed-forward", block.ffn_in, inner, width)
            arrays |= _linear(f"block {i} feed-forward output", block.ffn_out, width, inner)
        for name, (array, shape) in arrays.items():
            if array.shape != shape:
                raise CheckpointError(
                    f"{source}: {name} has shape {array.shape} where {shape} belongs"
                )
            if not np.isfinite(array).all():
                raise CheckpointError(f"{source}: {name} holds NaN or infinity; fetch it again")
        if not self.blocks or self.n_heads < 1 or width % self.n_heads:
            raise CheckpointError(
                f"{source}: {len(self.blocks)} blocks of width {width} with {self.n_heads} heads "
                "are no Whisper encoder"
            )


_Shapes = dict[str, tuple[FloatArray, tuple[int, ...]]]


def _linear(name: str, linear: Linear, out: int, *rest: int) -> _Shapes:
    return {name: (linear.weight, (out, *rest)), f"{name} bias": (linear.bias, (out,))}


def _norm(name: str, norm: Norm, width: int) -> _Shapes:
    return {f"{name} scale": (norm.gamma, (width,)), f"{name} shift": (norm.beta, (width,))}
