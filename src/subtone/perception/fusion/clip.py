"""Image and text encoders of CLIP's kind from ONNX files: the two halves exported apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from subtone.perception.fusion.images import ImagePreparation, pixels, read_preparation
from subtone.perception.fusion.vectors import ModalityVector, precomputed
from subtone.perception.heads.errors import HeadError, missing_extra
from subtone.perception.heads.graph import Graph, Port

MAX_TOKENS: Final = 77  # CLIP's context


class OnnxImageEncoder:
    """A vision model: (1, 3, height, width) floats in, the first rank-2 output is the vector.

    preparation: preprocessor_config.json; None looks for it beside the model, and without
    one prepares as CLIP does. space: which vectors it may be compared with.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        space: str,
        preparation: Path | str | None = None,
        threads: int = 1,
    ) -> None:
        self._graph = Graph(path, threads)
        self._space = space
        self.size_bytes = self._graph.size_bytes
        beside = self._graph.path.with_name("preprocessor_config.json")
        chosen = preparation if preparation is not None else (beside if beside.exists() else None)
        self._preparation = ImagePreparation() if chosen is None else read_preparation(chosen)
        inputs = self._graph.inputs
        if len(inputs) != 1 or not inputs[0].is_float or len(inputs[0].shape) != 4:
            raise self._graph.refusal(
                "one input of pixels (batch, 3, height, width): the vision half"
            )
        self._input = inputs[0].name
        self._output = _vector_output(self._graph)

    def encode(self, image: bytes) -> ModalityVector:
        """The image's vector. Raises HeadError."""
        shaped = pixels(image, self._preparation)
        vector = self._graph.run({self._input: shaped[None]}, self._output.name).reshape(-1)
        return precomputed("image", vector, space=self._space, width=len(vector))


class OnnxTextEncoder:
    """A text model: token ids (and their mask) in, the first rank-2 output is the vector.

    tokenizer: tokenizer.json; None looks for it beside the model. Texts longer than
    ``max_tokens`` are cut.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        space: str,
        tokenizer: Path | str | None = None,
        max_tokens: int = MAX_TOKENS,
        threads: int = 1,
    ) -> None:
        self._graph = Graph(path, threads)
        self._space = space
        self.size_bytes = self._graph.size_bytes
        self._inputs = {port.name: port for port in self._graph.inputs}
        if not {"input_ids"} <= set(self._inputs) <= {"input_ids", "attention_mask"}:
            raise self._graph.refusal("input_ids, with attention_mask or without: the text half")
        self._output = _vector_output(self._graph)
        size = self._inputs["input_ids"].shape[-1]
        self._tokenizer = _tokenizer(
            Path(tokenizer) if tokenizer else self._graph.path.with_name("tokenizer.json"),
            max_tokens if size is None else size,
            is_fixed=size is not None,
        )

    def encode(self, text: str) -> ModalityVector:
        """The text's vector. Raises HeadError for a text without a token."""
        tokens = self._tokenizer.encode(text)
        if not text.strip() or not tokens.ids:
            raise HeadError("text", "holds no words", "leave a missing modality out")
        values = {"input_ids": tokens.ids, "attention_mask": tokens.attention_mask}
        feed = {name: _integers(values[name], port) for name, port in self._inputs.items()}
        vector = self._graph.run(feed, self._output.name).reshape(-1)
        return precomputed("text", vector, space=self._space, width=len(vector))


def _vector_output(graph: Graph) -> Port:
    vectors = [port for port in graph.outputs if port.is_float and len(port.shape) == 2]
    if not vectors:
        raise graph.refusal("a vector (batch, width) out, as CLIP's projected embeddings")
    return vectors[0]


def _integers(values: list[int], port: Port) -> np.ndarray[Any, Any]:
    return np.array([values], np.int32 if port.kind == "tensor(int32)" else np.int64)


def _tokenizer(path: Path, tokens: int, *, is_fixed: bool) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise missing_extra("tokenizers", "memory") from error
    try:
        found = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise HeadError(
            path.name, f"is no tokenizer ({error})", "put the model's tokenizer.json there"
        ) from error
    found.enable_truncation(tokens)
    if not is_fixed:
        found.no_padding()
    elif found.padding is None:
        raise HeadError(
            path.name,
            f"says nothing about padding, and the model takes exactly {tokens} tokens",
            "export the model with an open number of tokens",
        )
    else:
        found.enable_padding(**{**found.padding, "length": tokens})
    return found
