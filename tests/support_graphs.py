"""Tiny ONNX graphs in the shapes of real models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Shape = Sequence[int | str]


def write_graph(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    *,
    inputs: Mapping[str, tuple[Shape, int]],
    outputs: Mapping[str, Shape],
    weights: Mapping[str, NDArray[Any]] = {},
    metadata: Mapping[str, str] = {},
) -> Path:
    """inputs: name to (shape, kind); outputs are floats."""
    graph = helper.make_graph(
        list(nodes),
        "tiny",
        [helper.make_tensor_value_info(n, kind, list(s)) for n, (s, kind) in inputs.items()],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, list(s)) for n, s in outputs.items()],
        [numpy_helper.from_array(np.asarray(w), name) for name, w in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, dict(metadata))
    onnx.save(model, path)
    return path


def float_input(*shape: int | str) -> tuple[Shape, int]:
    return shape, TensorProto.FLOAT


def integer_input(*shape: int | str) -> tuple[Shape, int]:
    return shape, TensorProto.INT64


def mean_of(
    source: str, result: str, axes: Sequence[int], *, keeps: bool = False
) -> onnx.NodeProto:
    return helper.make_node("ReduceMean", [source], [result], axes=list(axes), keepdims=int(keeps))


def node(kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(kind, list(inputs), [output], **attributes)


def emotion_graph(path: Path, labels: int, *, has_mask: bool = False) -> Path:
    """Logits = mean square of the waveform times (0, 1, 2, ...), the mask's mean added."""
    nodes = [
        node("Mul", ["input_values", "input_values"], "square"),
        mean_of("square", "power", [1], keeps=True),
    ]
    inputs = {"input_values": float_input("batch", "samples")}
    last = "power"
    if has_mask:
        inputs["attention_mask"] = integer_input("batch", "samples")
        nodes += [
            node("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT),
            mean_of("mask", "masked", [1], keeps=True),
            node("Mul", ["power", "masked"], "heard"),
        ]
        last = "heard"
    nodes.append(node("Mul", [last, "steps"], "logits"))
    return write_graph(
        path,
        nodes,
        inputs=inputs,
        outputs={"logits": ("batch", labels)},
        weights={"steps": np.arange(labels, dtype=np.float32)},
    )
