"""Guards against text nobody said; each names the reason it refuses a stretch for.

Compression ratio, mean log-probability and no-speech probability with the thresholds of
openai/whisper ``transcribe.py``; loops and impossible rates beside them, since a short loop
compresses too little to be caught.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from subtone.perception.transcription.tokens import is_unspaced

_MOST_NGRAM = 12
_SLACK_S = 0.4  # the gate may leave out a soft end of the last word


@dataclass(frozen=True)
class GuardLimits:
    """Where text stops being believable."""

    most_compression: float = 2.4
    least_log_probability: float = -1.0  # mean of the tokens
    most_no_speech: float = 0.6  # only together with a low log-probability
    most_repeats: int = 4  # of one phrase in a row
    most_characters_per_s: float = 30.0  # fast English speech has about 20
    most_unspaced_per_s: float = 12.0  # characters of scripts without spaces; fast Chinese: 8


@dataclass(frozen=True)
class Decoded:
    """One decoding of one window."""

    tokens: tuple[int, ...]  # text and timestamps, without the end
    text: str
    log_probability: float  # mean of the tokens
    no_speech: float


def compression_ratio(text: str) -> float:
    """Bytes of the text over its bytes after zlib; loops compress well."""
    encoded = text.encode("utf-8")
    return len(encoded) / len(zlib.compress(encoded)) if encoded else 0.0


def longest_run(tokens: Sequence[int]) -> int:
    """How often one phrase of up to 12 tokens stands in a row, at the most."""
    most = 1 if tokens else 0
    for size in range(1, min(_MOST_NGRAM, len(tokens) // 2) + 1):
        matched = 0
        for a, b in zip(tokens, tokens[size:], strict=False):
            matched = matched + 1 if a == b else 0
            most = max(most, matched // size + 1)
    return most


def refusal(decoded: Decoded, speech_s: float, limits: GuardLimits) -> str | None:
    """Why this text cannot be trusted for a stretch of that length; None where it can."""
    has_low_probability = decoded.log_probability < limits.least_log_probability
    if decoded.no_speech > limits.most_no_speech and has_low_probability:
        return "no_speech"
    if longest_run(decoded.tokens) > limits.most_repeats:
        return "repetition"
    if compression_ratio(decoded.text) > limits.most_compression:
        return "compression"
    if has_low_probability:
        return "log_probability"
    unspaced = sum(map(is_unspaced, decoded.text))
    spaced = len(decoded.text.strip()) - unspaced
    needed_s = spaced / limits.most_characters_per_s + unspaced / limits.most_unspaced_per_s
    if needed_s > speech_s + _SLACK_S:
        return "speech_rate"
    return None
