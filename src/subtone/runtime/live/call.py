"""One live call: streams of any peer, joined by call id, as the kernel's inbound events.

The call's clock starts when its first stream is seen. Each stream keeps its own clock; where
it lies on the call's is fixed when it opens, by arrival, and from then on only its media
time counts. A stream that comes back under another id goes on with the same tracks, so the
caller's baseline and the session's state survive a reconnect.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import soxr

from subtone.contracts.inbound import (
    AnswerDetected,
    AudioChunk,
    CallEnded,
    CallStarted,
    ChatMessage,
    ConsentChanged,
    HeadResult,
    InboundEvent,
    Intervention,
    Paused,
    Resumed,
    Tick,
    Track,
    TrackJoined,
    TranscriptSegment,
)
from subtone.contracts.vocabulary import AmdVerdict, AudioEncoding, Role
from subtone.ingest.files import analysis_rate_hz
from subtone.ingest.wire import (
    SignalKind,
    StreamClosed,
    StreamEvent,
    StreamMedia,
    StreamOpened,
    StreamSignal,
    StreamText,
    StreamTrack,
    WireError,
)
from subtone.runtime.live.ledger import CallLedger, Said

KERNEL_RATES_HZ = (8_000, 16_000)
_VERDICTS = {  # what Twilio calls machine_start, machine_end_beep and so on is a machine
    "human": AmdVerdict.HUMAN,
    "fax": AmdVerdict.FAX,
    "unknown": AmdVerdict.UNKNOWN,
}
MAX_CALL_ID_CHARS = 200  # of every contract
JOIN_TOLERANCE_MS = 20  # stamps jitter this far inside one chunk; the kernel bears 40 ms


@dataclass
class Pending:
    """Media of one track that waits for the next batch: contiguous, one encoding."""

    t_event_ms: int
    encoding: AudioEncoding
    rate_hz: int
    is_concealed: bool
    payload: bytearray = field(default_factory=bytearray)

    @property
    def end_ms(self) -> int:
        """Media time after the last waiting sample."""
        width = 2 if self.encoding is AudioEncoding.PCM_S16LE else 1
        return self.t_event_ms + len(self.payload) // width * 1000 // self.rate_hz


class LiveCall:
    """Turns stream events into inbound events, in the order they may be journalled and fed."""

    def __init__(
        self,
        call_id: str,
        t_seen_ms: int,
        *,
        is_agent_voice_scored: bool,
        is_amd_enabled: bool,
        has_text: bool = False,
    ) -> None:
        """A call that nothing is known of yet. Raises WireError for an id that cannot be one."""
        if not 0 < len(call_id) <= MAX_CALL_ID_CHARS:
            raise WireError(f"a call's id has 1 to {MAX_CALL_ID_CHARS} characters")
        self.call_id = call_id
        self.is_over = False
        self.last_seen_ms = t_seen_ms
        self._opened_seen_ms = t_seen_ms
        self._is_agent_voice_scored = is_agent_voice_scored
        self._is_amd_enabled = is_amd_enabled
        self._has_text = has_text
        self._origins_ms: dict[str, int] = {}  # of each open stream on the call's clock
        self._tracks: dict[str, Track] = {}
        self._resamplers: dict[str, soxr.ResampleStream] = {}
        self._pending: dict[str, Pending] = {}
        self._ready: list[InboundEvent] = []
        self._is_started = False
        self.has_streamed = False
        self.is_paused = False
        self.is_voice_allowed = True
        self.said: dict[str, Said] = {}  # every text taken, by id: none is taken twice

    @classmethod
    def restored(cls, ledger: CallLedger) -> LiveCall:
        """A call taken up again after a restart: its clock, tracks and known texts go on.

        Raises ValueError for a ledger that does not begin with CallStarted.
        """
        started = ledger.started
        if started is None:
            raise ValueError("the call's events do not begin with CallStarted")
        call = cls(
            started.call_id,
            started.t_seen_ms,
            is_agent_voice_scored=started.is_agent_voice_scored,
            is_amd_enabled=started.is_amd_enabled,
            has_text=started.has_text,
        )
        call._is_started = True
        call._tracks = dict(ledger.tracks)
        call.said = dict(ledger.said)
        call.has_streamed = bool(call._tracks)
        call.is_paused = ledger.is_paused
        call.is_voice_allowed = ledger.is_voice_allowed
        call.last_seen_ms = ledger.last_seen_ms
        return call

    def now_ms(self, t_seen_ms: int) -> int:
        """Where the receiver's clock stands on the call's."""
        return max(0, t_seen_ms - self._opened_seen_ms)

    @property
    def is_streaming(self) -> bool:
        """Whether any stream is open."""
        return bool(self._origins_ms)

    def receive(self, stream_id: str, event: StreamEvent, t_seen_ms: int) -> None:
        """Take one event of one stream; collect what it means for the call."""
        if self.is_over:
            return
        self.last_seen_ms = t_seen_ms
        match event:
            case StreamOpened():
                self._open(event, t_seen_ms)
            case StreamMedia():
                self._hear(stream_id, event)
            case StreamText():
                self._read(stream_id, event, t_seen_ms)
            case StreamSignal():
                self._note(stream_id, event, t_seen_ms)
            case StreamClosed():
                self._origins_ms.pop(stream_id, None)

    def intervene(self, kind: str, t_seen_ms: int) -> None:
        """A person stepped in now."""
        t_ms = self.now_ms(t_seen_ms)
        self._begin(t_seen_ms)
        self._put(
            Intervention(call_id=self.call_id, t_event_ms=t_ms, t_seen_ms=t_seen_ms, kind=kind)
        )

    def found(self, result: HeadResult) -> None:
        """A model beside the kernel has something to say."""
        if not self.is_over:
            self._put(result)

    @property
    def customer_track(self) -> Track | None:
        """The track whose voice may be understood: the first of the customer's."""
        return next((t for t in self._tracks.values() if t.role is Role.CUSTOMER), None)

    def consent(self, is_voice_emotion_allowed: bool, t_seen_ms: int) -> None:
        """The customer's standing on voice analysis changed now."""
        self.is_voice_allowed = is_voice_emotion_allowed
        self._begin(t_seen_ms)
        self._put(
            ConsentChanged(
                call_id=self.call_id,
                t_event_ms=self.now_ms(t_seen_ms),
                t_seen_ms=t_seen_ms,
                is_voice_emotion_allowed=is_voice_emotion_allowed,
            )
        )

    def pause(self, is_paused: bool, t_seen_ms: int) -> None:
        """Stop or go on with recording and analysis now, whatever the streams say."""
        self._begin(t_seen_ms)
        self._pause(is_paused, self.now_ms(t_seen_ms), t_seen_ms)

    def tick(self, t_seen_ms: int) -> None:
        """Let time pass, so that moments close although nothing comes."""
        if self._is_started and not self.is_over:
            t_ms = self.now_ms(t_seen_ms)
            self._put(Tick(call_id=self.call_id, t_event_ms=t_ms, t_seen_ms=t_seen_ms))

    def end(self, reason: str, t_seen_ms: int) -> None:
        """The call is over."""
        if self.is_over:
            return
        self._begin(t_seen_ms)
        t_ms = self.now_ms(t_seen_ms)
        self._put(
            CallEnded(call_id=self.call_id, t_event_ms=t_ms, t_seen_ms=t_seen_ms, reason=reason)
        )
        self.is_over = True

    def take(self) -> list[InboundEvent]:
        """Everything collected since the last take, media last joined into whole chunks."""
        self._flush()
        ready, self._ready = self._ready, []
        return ready

    def _begin(self, t_seen_ms: int, tracks: tuple[Track, ...] = ()) -> None:
        if self._is_started:
            return
        self._is_started = True
        self._tracks |= {track.track_id: track for track in tracks}
        self._ready.append(
            CallStarted(
                call_id=self.call_id,
                t_event_ms=0,
                t_seen_ms=t_seen_ms,
                tracks=tracks,
                is_agent_voice_scored=self._is_agent_voice_scored,
                is_amd_enabled=self._is_amd_enabled,
                has_text=self._has_text or not tracks,
            )
        )

    def _open(self, event: StreamOpened, t_seen_ms: int) -> None:
        self._origins_ms[event.stream_id] = self.now_ms(t_seen_ms)
        self.has_streamed = True
        tracks = tuple(_kernel_track(track) for track in event.tracks)
        self._begin(t_seen_ms, tracks)
        for track in tracks:
            self._resamplers.pop(track.track_id, None)  # a reconnect starts a new resampling
            if track.track_id in self._tracks:
                continue
            self._tracks[track.track_id] = track
            t_ms = self.now_ms(t_seen_ms)
            self._put(
                TrackJoined(call_id=self.call_id, t_event_ms=t_ms, t_seen_ms=t_seen_ms, track=track)
            )

    def _hear(self, stream_id: str, media: StreamMedia) -> None:
        origin_ms = self._origins_ms.get(stream_id)
        track = self._tracks.get(media.track_id)
        if origin_ms is None or track is None or self.is_paused:
            return  # a stream that never opened or has closed; of a pause nothing is kept
        t_ms = origin_ms + media.t_stream_ms
        encoding, payload = media.encoding, media.payload
        if media.sample_rate_hz not in KERNEL_RATES_HZ:
            encoding, payload = AudioEncoding.PCM_S16LE, self._resampled(track, media)
        waiting = self._pending.get(track.track_id)
        if waiting is not None and (
            waiting.encoding is not encoding
            or waiting.is_concealed is not media.is_concealed
            or abs(waiting.end_ms - t_ms) > JOIN_TOLERANCE_MS
        ):
            self._flush()
            waiting = None
        if waiting is None:
            waiting = Pending(t_ms, encoding, track.sample_rate_hz, media.is_concealed)
            self._pending[track.track_id] = waiting
        waiting.payload += payload

    def _resampled(self, track: Track, media: StreamMedia) -> bytes:
        if media.encoding is not AudioEncoding.PCM_S16LE:
            raise WireError(f"{media.encoding} at {media.sample_rate_hz} Hz: G.711 is 8000 Hz")
        resampler = self._resamplers.get(track.track_id)
        if resampler is None:
            resampler = soxr.ResampleStream(
                media.sample_rate_hz, track.sample_rate_hz, 1, dtype="int16"
            )
            self._resamplers[track.track_id] = resampler
        samples = np.frombuffer(media.payload[: len(media.payload) // 2 * 2], "<i2")
        resampled: bytes = resampler.resample_chunk(samples).astype("<i2").tobytes()
        return resampled

    def _read(self, stream_id: str, said: StreamText, t_seen_ms: int) -> None:
        if said.text_id in self.said or self.is_paused:
            return  # sent again, or in a pause, of which nothing is kept
        self._begin(t_seen_ms)
        origin_ms = self._origins_ms.get(stream_id, 0)
        stamps: dict[str, Any] = {"call_id": self.call_id, "t_seen_ms": t_seen_ms}
        t_ms = origin_ms + said.t_stream_ms
        self.said[said.text_id] = Said.of(t_ms, said.role, said.text)
        if said.t_end_ms is None:
            self._put(
                ChatMessage(
                    **stamps,
                    t_event_ms=t_ms,
                    message_id=said.text_id,
                    role=said.role,
                    text=said.text,
                    language=said.language,
                )
            )
            return
        self._put(
            TranscriptSegment(
                **stamps,
                t_event_ms=t_ms,
                t_end_ms=max(t_ms, origin_ms + said.t_end_ms),
                segment_id=said.text_id,
                role=said.role,
                text=said.text,
                words=tuple(
                    msgspec.structs.replace(
                        word,
                        t_event_ms=origin_ms + word.t_event_ms,
                        t_end_ms=origin_ms + word.t_end_ms,
                    )
                    for word in said.words
                ),
                language=said.language,
            )
        )

    def _note(self, stream_id: str, signal: StreamSignal, t_seen_ms: int) -> None:
        if signal.kind is SignalKind.AMD:
            self._begin(t_seen_ms)
            self._put(
                AnswerDetected(
                    call_id=self.call_id,
                    t_event_ms=self.now_ms(t_seen_ms),  # the peer counts from an answer of its own
                    t_seen_ms=t_seen_ms,
                    verdict=_VERDICTS.get(signal.detail, AmdVerdict.MACHINE),
                    answered_by=signal.detail,
                )
            )
        t_ms = self._origins_ms.get(stream_id, 0) + signal.t_stream_ms
        if signal.kind in (SignalKind.PAUSED, SignalKind.RESUMED):
            self._pause(signal.kind is SignalKind.PAUSED, t_ms, t_seen_ms)

    def _pause(self, is_paused: bool, t_ms: int, t_seen_ms: int) -> None:
        self.is_paused = is_paused
        kind = Paused if is_paused else Resumed
        self._put(kind(call_id=self.call_id, t_event_ms=t_ms, t_seen_ms=t_seen_ms))

    def _put(self, event: InboundEvent) -> None:
        """Media heard before an event stays before it."""
        self._flush()
        self._ready.append(event)

    def _flush(self) -> None:
        for track_id, waiting in self._pending.items():
            if waiting.payload:
                self._ready.append(
                    AudioChunk(
                        call_id=self.call_id,
                        t_event_ms=waiting.t_event_ms,
                        t_seen_ms=self.last_seen_ms,
                        track_id=track_id,
                        encoding=waiting.encoding,
                        payload=bytes(waiting.payload),
                        is_concealed=waiting.is_concealed,
                    )
                )
        self._pending.clear()


def _kernel_track(track: StreamTrack) -> Track:
    return Track(
        track_id=track.track_id,
        role=track.role,
        sample_rate_hz=analysis_rate_hz(track.sample_rate_hz),
    )
