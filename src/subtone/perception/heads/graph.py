"""An ONNX graph from a path that a person gave: opened once, its inputs known by shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subtone.perception.heads.errors import HeadError, missing_extra


@dataclass(frozen=True, kw_only=True)
class Port:
    """One input or output of a graph; a size is None where the graph leaves it open."""

    name: str
    shape: tuple[int | None, ...]
    kind: str  # as ONNX Runtime names it: "tensor(float)", "tensor(int64)", ...

    @property
    def is_float(self) -> bool:
        """Whether it takes or gives float32 or float16."""
        return self.kind in ("tensor(float)", "tensor(float16)")


class Graph:
    """Runs an ONNX graph on the CPU. Raises HeadError where the file is not one."""

    def __init__(self, path: Path | str, threads: int = 1) -> None:
        try:
            import onnxruntime as ort
        except ImportError as error:
            raise missing_extra("onnxruntime", "memory") from error
        self.path = Path(path)
        self.name = self.path.name
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        if not self.path.is_file():
            raise HeadError(self.name, "is not there", "check the path of the ONNX file")
        try:
            self._session: Any = ort.InferenceSession(
                str(self.path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's errors share no base class
            reason = str(error).splitlines()[0][:200]
            raise HeadError(
                self.name, f"ONNX Runtime cannot open it ({reason})", "export the model again"
            ) from error
        self.inputs = tuple(_port(node) for node in self._session.get_inputs())
        self.outputs = tuple(_port(node) for node in self._session.get_outputs())

    @property
    def size_bytes(self) -> int:
        """The file and the weights stored beside it, as a measure of memory."""
        beside = (self.path.with_name(f"{self.name}{end}") for end in ("_data", ".data"))
        return sum(p.stat().st_size for p in (self.path, *beside) if p.exists())

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the exporter wrote beside the graph."""
        found: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map
        return found

    def run(self, feed: Mapping[str, NDArray[Any]], output: str) -> NDArray[np.float32]:
        """One output as finite float32; raises HeadError where the graph fails or gives NaN."""
        kinds = {port.name: port.kind for port in self.inputs}
        ready = {
            name: value.astype(np.float16) if kinds[name] == "tensor(float16)" else value
            for name, value in feed.items()
        }
        try:
            (result,) = self._session.run([output], ready)
        except Exception as error:  # ONNX Runtime's errors share no base class
            reason = str(error).splitlines()[0][:200]
            raise HeadError(
                self.name,
                f"failed on inputs of {[v.shape for v in feed.values()]} ({reason})",
                "the model is at fault, or was exported for other sizes",
            ) from error
        values: NDArray[np.float32] = np.asarray(result, np.float32)
        if not np.isfinite(values).all():
            raise HeadError(self.name, "gave values that are not finite", "the model is at fault")
        return values

    def refusal(self, wanted: str) -> HeadError:
        """The error for a graph of another shape, naming what it has."""
        inputs = ", ".join(f"{p.name} {list(p.shape)}" for p in self.inputs)
        outputs = ", ".join(f"{p.name} {list(p.shape)}" for p in self.outputs)
        return HeadError(
            self.name, f"takes {inputs} and gives {outputs}", f"export a model with {wanted}"
        )


def _port(node: Any) -> Port:
    shape = tuple(size if isinstance(size, int) else None for size in node.shape)
    return Port(name=node.name, shape=shape, kind=node.type)
