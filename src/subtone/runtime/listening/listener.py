"""A call's customer heard the way a running server hears, event by event and at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from subtone.contracts.inbound import (
    AudioChunk,
    CallEnded,
    CallStarted,
    ConsentChanged,
    HeadResult,
    InboundEvent,
    Paused,
    Resumed,
    Track,
    TrackJoined,
)
from subtone.contracts.vocabulary import Role
from subtone.perception.heads.contrast import ContrastHead
from subtone.perception.heads.errors import HeadError
from subtone.runtime.audio_memory import AudioMemorySystem
from subtone.runtime.config_tree import PerceptionConfig
from subtone.runtime.listening.utterances import Sound, Utterances

MAX_UTTERANCE_MS: Final = round(PerceptionConfig().max_utterance_s * 1000.0)

Findings = tuple[HeadResult, ...]


class Listener:
    """An encoder with contrast heads, for any number of calls.

    Args:
        system: the encoder.
        contrasts: heads that judge against the caller's own first utterances.
        max_utterance_ms: longer speech is cut where it is quietest; a server's default.

    Raises HeadError where there is no head to listen with.

    """

    def __init__(
        self,
        system: AudioMemorySystem,
        contrasts: Sequence[ContrastHead],
        max_utterance_ms: int = MAX_UTTERANCE_MS,
    ) -> None:
        if not contrasts:
            raise HeadError(
                system.encoder.space,
                "there is no arousal or valence head to listen with",
                "take the checkpoint base, which heads are shipped for, or name the files of "
                "heads that were trained on this one",
            )
        self._system = system
        self._contrasts = tuple(contrasts)
        self._max_utterance_ms = max_utterance_ms

    def listen(self, events: Iterable[InboundEvent]) -> Iterator[tuple[InboundEvent, Findings]]:
        """Each event of one call with what is found out by it; how sound is cut changes nothing.

        A finding's ``t_event_ms`` is its utterance's end, some way back: an utterance is
        complete only after a silence. ``t_seen_ms`` is that of the event which completed it.
        Raises HeadError for a head that was made for another encoder.
        """
        call: _Call | None = None
        for event in events:
            if isinstance(event, CallStarted):
                call = _Call(self._system, self._contrasts, self._max_utterance_ms, event.call_id)
            yield event, () if call is None else call.hear(event)


class _Call:
    """What of one call may be heard, and what is being heard."""

    def __init__(
        self,
        system: AudioMemorySystem,
        contrasts: Sequence[ContrastHead],
        max_utterance_ms: int,
        call_id: str,
    ) -> None:
        self._track: Track | None = None  # the first of the customer's
        self._is_allowed = True
        self._is_paused = False
        self._seen_ms = 0
        self._utterances = Utterances(
            call_id,
            system,
            (),
            contrasts,
            None,
            max_utterance_ms=max_utterance_ms,
            now_ms=lambda: self._seen_ms,
        )

    def hear(self, event: InboundEvent) -> Findings:
        self._seen_ms = event.t_seen_ms
        match event:
            case CallStarted():
                self._join(event.tracks)
            case TrackJoined():
                self._join((event.track,))
            case ConsentChanged():
                self._is_allowed = event.is_voice_emotion_allowed
                self._utterances.forget(is_caller_too=True)
            case Paused() | Resumed():
                self._is_paused = isinstance(event, Paused)
                self._utterances.forget()
            case AudioChunk():
                return self._take(event)
            case CallEnded():
                return self._utterances.understand([None]).heads
            case _:
                pass
        return ()

    def _join(self, tracks: Sequence[Track]) -> None:
        customers = (track for track in tracks if track.role is Role.CUSTOMER)
        self._track = self._track or next(customers, None)

    def _take(self, chunk: AudioChunk) -> Findings:
        track = self._track
        is_heard = self._is_allowed and not self._is_paused
        if track is None or chunk.track_id != track.track_id or not is_heard:
            return ()
        sound = None if chunk.is_concealed else Sound(chunk, track.sample_rate_hz)
        return self._utterances.understand([sound]).heads
