"""ONNX graphs: what they are said to take, and whose fault a failure is."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from subtone.perception.heads.errors import HeadError
from subtone.perception.heads.graph import Graph, Port
from support_graphs import float_input, node, write_graph


def logarithm(path: Path) -> Graph:
    return Graph(
        write_graph(
            path,
            [node("Log", ["x"], "y")],
            inputs={"x": float_input("batch", 2)},
            outputs={"y": ("batch", 2)},
            metadata={"framework": "made-up"},
        )
    )


def test_a_graph_knows_its_ports_its_size_and_its_exporters_words(tmp_path: Path) -> None:
    graph = logarithm(tmp_path / "log.onnx")
    assert graph.inputs == (Port(name="x", shape=(None, 2), kind="tensor(float)"),)
    assert graph.outputs[0].name == "y"
    assert graph.size_bytes == (tmp_path / "log.onnx").stat().st_size
    assert graph.metadata["framework"] == "made-up"
    found = graph.run({"x": np.array([[1.0, np.e]], np.float32)}, "y")
    assert found == pytest.approx(np.array([[0.0, 1.0]]))


def test_values_that_are_not_finite_are_the_models_fault(tmp_path: Path) -> None:
    with pytest.raises(HeadError, match=r"log\.onnx: gave values that are not finite"):
        logarithm(tmp_path / "log.onnx").run({"x": -np.ones((1, 2), np.float32)}, "y")


def test_a_failing_run_names_what_it_was_given(tmp_path: Path) -> None:
    with pytest.raises(HeadError, match=r"failed on inputs of \[\(1, 3\)\]"):
        logarithm(tmp_path / "log.onnx").run({"x": np.ones((1, 3), np.float32)}, "y")


def test_half_precision_models_are_fed_halves(tmp_path: Path) -> None:
    path = write_graph(
        tmp_path / "half.onnx",
        [node("Cast", ["x"], "y", to=TensorProto.FLOAT)],
        inputs={"x": (("batch", 2), TensorProto.FLOAT16)},
        outputs={"y": ("batch", 2)},
    )
    found = Graph(path).run({"x": np.array([[0.5, 2.0]], np.float32)}, "y")
    assert found.tolist() == [[0.5, 2.0]]


def test_without_the_extra_the_error_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(HeadError, match=r"run: pip install subtone\[memory\]"):
        Graph(tmp_path / "any.onnx")
