"""The graph in ONNX Runtime: which provider, how many threads, one run for all layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from subtone.perception.encoder.graph import Precision, build_graph
from subtone.perception.encoder.weights import EncoderWeights
from subtone.perception.encoding import FloatArray
from subtone.perception.errors import PerceptionError, memory_extra

DEVICES = ("auto", "cpu", "cuda")
_CUDA = "CUDAExecutionProvider"


class EncoderSession:
    """One encoder ready to run; ``run`` may be called from several threads.

    The graph is built in memory on each start: measured on base 0.06 s (int8) to 0.23 s
    (float32), less than reading a cached one and nothing to go stale.

    Args:
        weights: the encoder.
        precision: None takes float16 on a GPU and int8 on a CPU. float32 is exact anywhere;
            float16 is for a GPU only, and int8 runs its products on the CPU.
        device: ``auto`` takes a GPU that ONNX Runtime can use, else the CPU.
        threads: of the CPU; 0 is one per core.

    Raises PerceptionError for a device or a precision this machine does not have.

    """

    def __init__(
        self, weights: EncoderWeights, precision: Precision | None, device: str, threads: int
    ) -> None:
        with memory_extra():
            import onnxruntime
        self.provider = _provider(device, onnxruntime.get_available_providers())
        fastest = Precision.FLOAT16 if self.provider == _CUDA else Precision.INT8
        self.precision = fastest if precision is None else Precision(precision)
        if self.precision is Precision.FLOAT16 and self.provider != _CUDA:
            raise PerceptionError(
                "float16 computes on a GPU only; on a CPU choose int8 (fast) or float32 (exact)"
            )
        model, tensors = build_graph(weights, self.precision)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        # Without VNNI, u8 * s8 saturates; this makes such a CPU take the slower exact kernel.
        options.add_session_config_entry("session.x64quantprecision", "1")
        self._tensors = [onnxruntime.OrtValue.ortvalue_from_numpy(v) for v in tensors.values()]
        options.add_external_initializers(list(tensors), self._tensors)
        providers = [self.provider] + ["CPUExecutionProvider"] * (self.provider == _CUDA)
        self._session: Any = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=providers
        )

    def run(self, mels: FloatArray) -> list[FloatArray]:
        """Every layer's states (batch, frames, width) of log-mels (batch, n_mels, 2 * frames)."""
        states: list[FloatArray] = self._session.run(None, {"log_mel": np.ascontiguousarray(mels)})
        return states


def _provider(device: str, available: list[str]) -> str:
    if device not in DEVICES:
        raise PerceptionError(f"device {device!r}: use one of {', '.join(DEVICES)}")
    if device == "cuda" and _CUDA not in available:
        raise PerceptionError(
            "no GPU that ONNX Runtime can use; install onnxruntime-gpu, or choose device cpu"
        )
    return _CUDA if device != "cpu" and _CUDA in available else "CPUExecutionProvider"
