"""What was said: decoded from the shared encoding, guarded, with word times."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from subtone.contracts.memory import RecognisedSegment, Transcription
from subtone.contracts.voice_intelligence import Word
from subtone.perception.encoding import FRAMES_PER_SECOND, EncodedAudio, EncodedWindow
from subtone.perception.language import DetectLanguage
from subtone.perception.tasks import Needs
from subtone.perception.transcription.decoder import WhisperDecoder
from subtone.perception.transcription.guards import Decoded, GuardLimits, refusal
from subtone.perception.transcription.tokens import TIMESTAMP_STEP_MS

_FRAME_MS = 1000 // FRAMES_PER_SECOND
# A loop is stopped where no speech of that length could go on: 8 characters of 3 tokens a
# second and some; half of Whisper's context at the most, as in openai/whisper.
_LEAST_TOKENS = 16
_TOKENS_PER_S = 30
_MOST_TOKENS = 224
_MOST_MEDIAN_MS = 700


@dataclass(frozen=True)
class Stretch:
    """Text tokens and the part of their window they belong to, in ms from its start."""

    start_ms: int
    end_ms: int
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class Transcribe:
    """The task ``transcription``.

    Each window is decoded at the first temperature whose text passes the guards; a stretch
    that passes at none is left out and its guard named in ``Transcription.refused``.

    Args:
        decoder: of the same checkpoint as the encoder.
        language: a code such as ``en``; None asks the model (an English-only one is not asked).
        beam_size: 1 is greedy.
        temperatures: tried in order; 0 is the search, the others sample. Only ``(0.0,)``
            gives the same text each time.
        has_words: whether words get times.
        has_timestamps: whether the model marks segments inside a window; without, a window
            is one segment.
        limits: where the guards refuse.

    """

    decoder: WhisperDecoder
    language: str | None = None
    beam_size: int = 5
    temperatures: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    has_words: bool = True
    has_timestamps: bool = False
    limits: GuardLimits = field(default_factory=GuardLimits)

    name = "transcription"
    needs = Needs(decoder=True)

    def __call__(self, encoded: EncodedAudio) -> Transcription:
        """The text of a recording. Raises PerceptionError for another model's encoding."""
        language = self.language
        if language is None and encoded.windows:
            found = DetectLanguage(self.decoder)(encoded)
            likeliest = found.probabilities[0].label if found.probabilities else None
            language = found.language or likeliest  # to decode at all, one must be taken
        segments: list[RecognisedSegment] = []
        refused: list[str] = []
        for window in encoded.windows:
            decoded, reason = self._decode(window, language)
            if reason is not None:
                refused.append(reason)
            elif decoded.text.strip():
                segments.extend(self._segments(window, decoded, language))
        return Transcription(
            language=language,
            segments=tuple(segments),
            model=encoded.encoder,
            refused=tuple(refused),
        )

    def _spoken(self, language: str | None) -> str | None:
        return language if self.decoder.is_multilingual else None

    def _decode(self, window: EncodedWindow, language: str | None) -> tuple[Decoded, str | None]:
        prompt = self.decoder.tokens.prompt(
            self._spoken(language), has_timestamps=self.has_timestamps
        )
        duration_s = (window.t_end_ms - window.t_event_ms) / 1000
        reasons: Counter[str] = Counter()
        for temperature in self.temperatures:
            decoded = self.decoder.generate(
                window,
                prompt,
                beam_size=self.beam_size,
                temperature=temperature,
                most_tokens=min(_LEAST_TOKENS + round(_TOKENS_PER_S * duration_s), _MOST_TOKENS),
            )
            reason = refusal(decoded, duration_s, self.limits)
            if reason is None:
                return decoded, None
            reasons[reason] += 1
            if reason == "no_speech":
                break  # another temperature hears no more
        return decoded, reasons.most_common(1)[0][0]

    def _segments(
        self, window: EncodedWindow, decoded: Decoded, language: str | None
    ) -> Iterator[RecognisedSegment]:
        tokens = self.decoder.tokens
        duration_ms = window.t_end_ms - window.t_event_ms
        stretches = split_at_timestamps(decoded.tokens, tokens.first_timestamp, duration_ms)
        text = [t for stretch in stretches for t in stretch.tokens if t < tokens.end]
        words = self._words(window, text, language) if self.has_words and text else []
        used = 0
        for stretch in stretches:
            said = tokens.text(stretch.tokens).strip()
            used += sum(token < tokens.end for token in stretch.tokens)
            own = tuple(word for end, word in words if end <= used)
            words = [(end, word) for end, word in words if end > used]
            if not said:
                continue
            yield RecognisedSegment(
                t_event_ms=window.t_event_ms + stretch.start_ms,
                t_end_ms=window.t_event_ms + stretch.end_ms,
                text=said,
                words=own,
                confidence=min(math.exp(decoded.log_probability), 1.0),
            )

    def _words(
        self, window: EncodedWindow, text: Sequence[int], language: str | None
    ) -> list[tuple[int, Word]]:
        """Each word, with the number of text tokens up to its end."""
        tokens = self.decoder.tokens
        start = tokens.start_sequence(self._spoken(language))
        frames = self.decoder.align(window, start, text).first_frames
        spans: list[tuple[int, int, int, str]] = []
        at = 0
        for word in tokens.words(text):
            begin, at = at, at + word.n_tokens
            if word.text.strip():
                times = (window.t_event_ms + frames[i] * _FRAME_MS for i in (begin, at))
                t_event_ms, t_end_ms = (min(t, window.t_end_ms) for t in times)
                spans.append((at, t_event_ms, t_end_ms, word.text.strip()))
        if spans:
            at, t_event_ms, t_end_ms, first = spans[0]
            most_ms = _longest_word_ms([end_ms - start_ms for _, start_ms, end_ms, _ in spans])
            spans[0] = (at, max(t_event_ms, t_end_ms - most_ms), t_end_ms, first)
        return [
            (at, Word(t_event_ms=start_ms, t_end_ms=end_ms, text=said))
            for at, start_ms, end_ms, said in spans
        ]


def _longest_word_ms(durations_ms: list[int]) -> int:
    """How long the first word of a window may be, as in openai/whisper ``timing.py``.

    An alignment begins with the window, so the silence ahead of the first word is given to it.
    """
    heard_ms = [duration_ms for duration_ms in durations_ms if duration_ms] or [_MOST_MEDIAN_MS]
    return round(2 * min(median(heard_ms), _MOST_MEDIAN_MS))


def split_at_timestamps(
    tokens: Sequence[int], first_timestamp: int, duration_ms: int
) -> list[Stretch]:
    """Text between timestamp tokens; without any, one stretch as long as the window."""
    stretches: list[Stretch] = []
    start_ms, text = 0, list[int]()
    for token in tokens:
        if token < first_timestamp:
            text.append(token)
            continue
        at_ms = min((token - first_timestamp) * TIMESTAMP_STEP_MS, duration_ms)
        if text:
            stretches.append(Stretch(start_ms, max(at_ms, start_ms), tuple(text)))
            text = []
        start_ms = at_ms
    if text:
        stretches.append(Stretch(start_ms, duration_ms, tuple(text)))
    return stretches
