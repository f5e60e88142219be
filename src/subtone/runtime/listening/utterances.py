"""One call's customer, utterance by utterance: cut, encoded once, understood, remembered."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import soxr

from subtone.contracts.inbound import AudioChunk, HeadResult, HeadValue
from subtone.contracts.memory import EmotionFinding, MemoryRecord, Transcription
from subtone.contracts.vocabulary import AudioEncoding, HeadKind, Language, Role
from subtone.contracts.voice_intelligence import Word
from subtone.ingest.wire import StreamText
from subtone.kernel.voice_intelligence.acoustics import decode_payload
from subtone.perception.encoder.windows import SpeechWindow, SpeechWindows
from subtone.perception.encoding import SAMPLE_RATE_HZ, EncodedAudio, FloatArray
from subtone.perception.heads.centre import SpeakerCentre
from subtone.perception.heads.contrast import ContrastFinding, ContrastHead
from subtone.runtime.audio_memory import AudioMemorySystem

GAP_MS: Final = 60  # stamps jitter less; more is a hole, and words on both sides are two utterances
LEAST_MS: Final = 200  # a shorter window is a click


@dataclass(frozen=True, slots=True)
class Sound:
    """A journalled chunk of the customer's track."""

    chunk: AudioChunk
    sample_rate_hz: int

    @property
    def duration_ms(self) -> int:
        """How long it sounds."""
        width = 2 if self.chunk.encoding is AudioEncoding.PCM_S16LE else 1
        return round(1000 * (len(self.chunk.payload) // width) / self.sample_rate_hz)


@dataclass(frozen=True, slots=True)
class Findings:
    """What a stretch of sound led to, on the call's clock."""

    texts: tuple[StreamText, ...] = ()
    heads: tuple[HeadResult, ...] = ()


class Utterances:
    """Understands one call's customer.

    ``understand`` runs on one worker at a time; ``forget`` may be called from the event loop
    while it does, and what it was working on is then thrown away.

    Args:
        call_id: of the call.
        system: encoder and tasks.
        tasks: of the system, run on every utterance.
        contrasts: heads that judge against the caller's own first utterances.
        remember: stores the record of an utterance; None where nothing is remembered.
        max_utterance_ms: longer speech is cut where it is quietest.

    """

    def __init__(
        self,
        call_id: str,
        system: AudioMemorySystem,
        tasks: Sequence[str],
        contrasts: Sequence[ContrastHead],
        remember: Callable[[MemoryRecord], None] | None,
        *,
        max_utterance_ms: int,
        now_ms: Callable[[], int],
    ) -> None:
        self._call_id = call_id
        self._system = system
        self._tasks = tuple(tasks)
        self._contrasts = contrasts
        self._remember = remember
        self._max_utterance_ms = max_utterance_ms
        self._now_ms = now_ms
        self._centre = SpeakerCentre()
        self._cutter: SpeechWindows | None = None
        self._resampler: soxr.ResampleStream | None = None
        self._next_ms = 0
        self._track_id = ""
        self._forgetting = threading.Event()
        self._forgetting_caller = threading.Event()

    def forget(self, *, is_caller_too: bool = False) -> None:
        """Throw away what is being heard, and on demand what is known of how the caller sounds."""
        if is_caller_too:
            self._forgetting_caller.set()
        self._forgetting.set()

    def understand(self, sound: Sequence[Sound | None]) -> Findings:
        """Cut the sound into utterances and find out about those that are complete.

        None is a gap: what was said before it is complete.
        """
        if self._forgetting.is_set():
            self._forgetting.clear()
            self._cutter = None
            if self._forgetting_caller.is_set():
                self._forgetting_caller.clear()
                self._centre = SpeakerCentre()
        windows: list[SpeechWindow] = []
        for heard in sound:
            if heard is None or abs(heard.chunk.t_event_ms - self._next_ms) > GAP_MS:
                windows += self._close()
            if heard is not None:
                windows += self._feed(heard)
        texts: list[StreamText] = []
        heads: list[HeadResult] = []
        for window in windows:
            if len(window.samples) * 1000 < LEAST_MS * SAMPLE_RATE_HZ:
                continue
            utterance = self._encode(window)
            found = self._system.understand(utterance, self._tasks, self._centre)
            if self._forgetting.is_set():
                return Findings()
            self._keep(utterance, found)
            texts += texts_of(found.get("transcription"))
            heads += self._contrast(utterance)
            heads += self._emotion(found.get("emotion"), utterance)
            self._centre = self._centre.add(utterance)
        return Findings(tuple(texts), tuple(heads))

    def _feed(self, heard: Sound) -> Sequence[SpeechWindow]:
        chunk, rate_hz = heard.chunk, heard.sample_rate_hz
        self._track_id = chunk.track_id
        samples = decode_payload(chunk.encoding, chunk.payload)
        if self._cutter is None:
            self._cutter = SpeechWindows(chunk.t_event_ms, self._max_utterance_ms)
            self._resampler = None
            if rate_hz != SAMPLE_RATE_HZ:
                self._resampler = soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32")
        self._next_ms = chunk.t_event_ms + heard.duration_ms
        return list(self._cutter.feed(self._at_16_khz(samples)))

    def _at_16_khz(self, samples: FloatArray, *, is_last: bool = False) -> FloatArray:
        if self._resampler is None:
            return samples
        wide: FloatArray = self._resampler.resample_chunk(samples, last=is_last)
        return wide

    def _close(self) -> Sequence[SpeechWindow]:
        if self._cutter is None:
            return ()
        tail = self._at_16_khz(np.zeros(0, np.float32), is_last=True)
        windows = [*self._cutter.feed(tail), *self._cutter.end()]
        self._cutter = None
        return windows

    def _encode(self, window: SpeechWindow) -> EncodedAudio:
        encoder = self._system.encoder
        return self._system.alone(encoder.encode_window(window.samples, window.t_event_ms))

    def _keep(self, utterance: EncodedAudio, found: Mapping[str, Any]) -> None:
        if self._remember is not None:
            self._remember(
                self._system.record_of(
                    utterance,
                    found,
                    record_id=f"{self._call_id[:150]}/{utterance.windows[0].t_event_ms}",
                    call_id=self._call_id,
                    role=Role.CUSTOMER,
                    t_seen_ms=self._now_ms(),
                    source=f"call:{self._call_id}"[:200],
                    has_consent=True,
                )
            )

    def _contrast(self, utterance: EncodedAudio) -> list[HeadResult]:
        found: list[HeadResult] = []
        for head in self._contrasts:
            contrast: ContrastFinding | None = head(utterance, self._centre)
            if contrast is not None:
                found.append(
                    HeadResult(
                        **self._stamps(utterance),
                        head=contrast.head,
                        values=contrast.values,
                        confidence=contrast.confidence,
                        reliability=contrast.reliability,
                        model=contrast.model,
                    )
                )
        return found

    def _emotion(self, emotion: EmotionFinding | None, utterance: EncodedAudio) -> list[HeadResult]:
        """The class probabilities; nothing where the head heard nothing, or knew no normal yet."""
        if emotion is None or not emotion.probabilities:
            return []
        return [
            HeadResult(
                **self._stamps(utterance),
                head=HeadKind.EMOTION,
                values=tuple(
                    HeadValue(label=p.label, value=p.probability) for p in emotion.probabilities
                ),
                confidence=emotion.confidence,
                reliability=emotion.reliability,
                model=emotion.model,
            )
        ]

    def _stamps(self, utterance: EncodedAudio) -> dict[str, Any]:
        return {
            "call_id": self._call_id,
            "track_id": self._track_id,
            "t_start_ms": utterance.windows[0].t_event_ms,
            "t_event_ms": utterance.windows[-1].t_end_ms,
            "t_seen_ms": self._now_ms(),
        }


def texts_of(said: Transcription | None) -> list[StreamText]:
    """Each recognised segment as the customer's words, on the call's clock."""
    if said is None:
        return []
    language = {"en": Language.EN, "zh": Language.ZH}.get(said.language or "")
    return [
        StreamText(
            text_id=f"heard-{segment.t_event_ms}",
            role=Role.CUSTOMER,
            t_stream_ms=segment.t_event_ms,
            t_end_ms=segment.t_end_ms,
            text=segment.text,
            words=tuple(
                Word(t_event_ms=w.t_event_ms, t_end_ms=w.t_end_ms, text=w.text)
                for w in segment.words
            ),
            language=language,
        )
        for segment in said.segments
        if segment.text.strip()
    ]
