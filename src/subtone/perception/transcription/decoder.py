"""CTranslate2's Whisper decoder on states that were encoded elsewhere."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from subtone.perception.checkpoints import Checkpoint, open_checkpoint, require_recorded
from subtone.perception.encoding import EncodedWindow
from subtone.perception.errors import CheckpointError, PerceptionError, memory_extra
from subtone.perception.transcription.guards import Decoded
from subtone.perception.transcription.tokens import WhisperTokens

_MEL_FRAMES_PER_STATE = 2


@dataclass(frozen=True)
class Alignment:
    """Where the decoder attended: per text token its first state frame and its probability."""

    first_frames: tuple[int, ...]  # one more than tokens: the last is the end
    probabilities: tuple[float, ...]


class WhisperDecoder:
    """Decodes encoded windows; loaded on first use, unloadable, safe to share between threads.

    Args:
        checkpoint: a published name, a local folder, or an opened checkpoint.
        compute_type: as CTranslate2 names it; ``auto`` is the fastest this machine has.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: of the CPU; 0 lets CTranslate2 choose.

    Raises CheckpointError for a checkpoint without a decoder.

    """

    def __init__(
        self,
        checkpoint: Checkpoint | Path | str,
        *,
        compute_type: str = "auto",
        device: str = "auto",
        threads: int = 0,
    ) -> None:
        if not isinstance(checkpoint, Checkpoint):
            checkpoint = open_checkpoint(checkpoint)
        if not checkpoint.has_decoder:
            raise CheckpointError(
                f"{checkpoint.folder}: holds an encoder without a decoder; transcription and "
                "language need a CTranslate2 checkpoint, such as `subtone models pull base`"
            )
        self.checkpoint = checkpoint
        self._options = {
            "compute_type": compute_type, "device": device, "intra_threads": threads
        }  # fmt: skip
        self._lock = threading.RLock()
        self._model: Any = None
        self._tokens: WhisperTokens | None = None

    @property
    def is_loaded(self) -> bool:
        """Whether its weights are in memory."""
        return self._model is not None

    @property
    def tokens(self) -> WhisperTokens:
        """The checkpoint's tokenizer."""
        with self._lock:
            if self._tokens is None:
                self._tokens = WhisperTokens(self.checkpoint.folder)
            return self._tokens

    @property
    def is_multilingual(self) -> bool:
        """Whether it knows more than English."""
        with self._ready() as model:
            return bool(model.is_multilingual)

    def load(self) -> None:
        """Bring the weights into memory; nothing when they are there."""
        with self._lock:
            if self._model is None:
                self._model = self._open()

    def unload(self) -> None:
        """Give the memory back; the next use loads again."""
        with self._lock:
            self._model = None

    def __enter__(self) -> WhisperDecoder:
        self.load()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.unload()

    def _open(self) -> Any:
        with memory_extra():
            import ctranslate2
        require_recorded(self.checkpoint)
        try:
            return ctranslate2.models.Whisper(str(self.checkpoint.folder), **self._options)
        except (RuntimeError, ValueError) as error:
            raise CheckpointError(
                f"{self.checkpoint.folder}: CTranslate2 cannot load it ({error}); run "
                "`subtone models verify` on it"
            ) from error

    @contextmanager
    def _ready(self) -> Iterator[Any]:
        """The model; it stays whole for this caller whoever unloads meanwhile."""
        with self._lock:
            self.load()
            model = self._model
        try:
            yield model
        except (RuntimeError, ValueError) as error:
            if isinstance(error, PerceptionError):
                raise
            raise PerceptionError(
                f"{self.checkpoint.name}: the decoder refused this encoding ({error}); "
                "encode with the encoder of the same checkpoint"
            ) from error

    def generate(
        self,
        window: EncodedWindow,
        prompt: Sequence[int],
        *,
        beam_size: int = 5,
        temperature: float = 0.0,
        most_tokens: int = 224,
    ) -> Decoded:
        """One decoding.

        A temperature above 0 samples, and no two samplings are alike: CTranslate2's random
        numbers belong to its worker threads and cannot be set again.
        """
        search: dict[str, Any] = {"beam_size": beam_size}
        if temperature > 0.0:
            search = {"beam_size": 1, "sampling_topk": 0, "sampling_temperature": temperature}
        with self._ready() as model:
            result = model.generate(
                _view(window),
                [list(prompt)],
                max_length=len(prompt) + most_tokens,
                return_scores=True,
                return_no_speech_prob=True,
                **search,
            )[0]
        tokens = tuple(token for token in result.sequences_ids[0] if token != self.tokens.end)
        return Decoded(
            tokens=tokens,
            text=self.tokens.text(tokens),
            # the score is a mean that leaves the end token out; openai/whisper counts it
            log_probability=float(result.scores[0]) * len(tokens) / (len(tokens) + 1),
            no_speech=float(result.no_speech_prob),
        )

    def languages(self, window: EncodedWindow) -> dict[str, float]:
        """Probability by language code, likeliest first; a multilingual checkpoint only."""
        with self._ready() as model:
            found = model.detect_language(_view(window))[0]
        shares = {token.strip("<|>"): float(share) for token, share in found}
        return dict(sorted(shares.items(), key=lambda pair: -pair[1]))

    def align(self, window: EncodedWindow, start: Sequence[int], text: Sequence[int]) -> Alignment:
        """Times of text tokens by dynamic time warping over the decoder's attention.

        Cross-attention heads come from the checkpoint's config.json (Jain et al.; openai/
        whisper ``timing.py``), the upper half of the layers where it names none.
        """
        with self._ready() as model:
            found = model.align(
                _view(window),
                list(start),
                [list(text)],
                [window.valid_frames * _MEL_FRAMES_PER_STATE],
            )[0]
        first: dict[int, int] = {}
        for token, frame in found.alignments:
            first.setdefault(token, frame)
        frames = [first.get(i, window.valid_frames) for i in range(len(text) + 1)]
        bounded = np.minimum(np.maximum.accumulate(frames), window.valid_frames)
        return Alignment(tuple(bounded.tolist()), tuple(float(p) for p in found.text_token_probs))


def _view(window: EncodedWindow) -> Any:
    with memory_extra():
        import ctranslate2
    if not math.isfinite(float(window.decoder_states.sum())):
        raise PerceptionError("an encoding holds NaN or infinity; run `subtone models check`")
    return ctranslate2.StorageView.from_array(np.ascontiguousarray(window.decoder_states[None]))
