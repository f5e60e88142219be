"""The server's side of one AudioHook session, without its socket.

A client opens, sends audio as binary messages and control as JSON, and closes; the server
answers ``opened``, ``pong``, ``updated``, ``closed``. A client that breaks the protocol gets
``disconnect`` with the reason and may still close in order. The stream's clock is the
protocol's position: samples received plus samples the client says it dropped.

Source: the protocol's reference implementation (see ``messages``) and a recorded session of
its client. Two differences: message types it does not know are counted and ignored instead of
refused, and ``update`` is answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from subtone.contracts.base import MAX_CALL_MS
from subtone.ingest.audiohook.media import (
    SAMPLE_RATE_HZ,
    choose_media,
    encoding_of,
    sample_count,
    split_channels,
    tracks_of,
)
from subtone.ingest.audiohook.messages import (
    MAX_MESSAGE_BYTES,
    NULL_UUID,
    AudioHookError,
    ClientError,
    Close,
    Dtmf,
    Envelope,
    Gap,
    MediaOffer,
    Nothing,
    Open,
    Parameters,
    Update,
    is_uuid,
    parse_duration_samples,
    parse_envelope,
    parse_parameters,
    server_message,
)
from subtone.ingest.audiohook.rates import TokenBucket
from subtone.ingest.wire import (
    Received,
    SignalKind,
    StreamClosed,
    StreamEvent,
    StreamMedia,
    StreamOpened,
    StreamSignal,
)

PROVIDER = "genesys-audiohook"

# A position this far beyond the samples received means that audio was lost without a word.
MAX_UNEXPLAINED_LEAD_MS = 1_000
# Dropped audio is real time that passed: in all no more than the session has lasted, and this.
MAX_GAP_LEAD_MS = 30_000
# After ``disconnect`` the client has its documented 10 s, and few words, to close.
CLOSE_GRACE_MS = 10_000
MAX_LAST_MESSAGES = 1_000

_CONTROL_RATE = TokenBucket(capacity=100, refill_per_s=20)  # clients send one ping in 5 s
_AUDIO_RATE_MS = TokenBucket(capacity=60_000, refill_per_s=2_000)  # twice real time
_MIN_AUDIO_COST_MS = 5  # so that a flood of tiny messages is one too


class State(StrEnum):
    """Where a session stands."""

    WAITING = "waiting"  # for ``open``
    ACTIVE = "active"
    PAUSED = "paused"
    PROBING = "probing"  # the client only tests the connection; there is no call
    LEAVING = "leaving"  # ``disconnect`` was sent
    CLOSED = "closed"


class ServerRequest(StrEnum):
    """What the server may ask of the client in the middle of a session."""

    PAUSE = "pause"
    RESUME = "resume"
    RECONNECT = "reconnect"  # a hint: close with reason ``reconnect`` and open a new session
    COMPLETE = "complete"  # close now


# Where each message means something; elsewhere it is counted and ignored.
LISTENING: Mapping[str, frozenset[State]] = MappingProxyType(
    {
        "open": frozenset({State.WAITING}),
        "ping": frozenset({State.WAITING, State.ACTIVE, State.PAUSED, State.PROBING}),
        "paused": frozenset({State.ACTIVE}),
        "resumed": frozenset({State.PAUSED}),
        "discarded": frozenset({State.ACTIVE, State.PAUSED}),
        "update": frozenset({State.ACTIVE, State.PAUSED}),
        # Keys pressed in a pause are what the pause is for: card numbers.
        "dtmf": frozenset({State.ACTIVE}),
        "error": frozenset({State.ACTIVE, State.PAUSED}),
        "close": frozenset({State.WAITING, State.ACTIVE, State.PAUSED, State.PROBING}),
    }
)

_PARAMETERS: Mapping[str, type[Parameters]] = MappingProxyType(
    {
        "open": Open,
        "ping": Nothing,
        "paused": Nothing,
        "resumed": Gap,
        "discarded": Gap,
        "update": Update,
        "dtmf": Dtmf,
        "error": ClientError,
        "close": Close,
    }
)

_IN_CALL = frozenset({State.ACTIVE, State.PAUSED})


class AudioHookCodec:
    """One session; a ``wire.SocketCodec``.

    Args:
        organization_id: ``Audiohook-Organization-Id`` of the authenticated upgrade.
        session_id: its ``Audiohook-Session-Id``.

    Raises:
        AudioHookError: one of them is no UUID; refuse the upgrade.

    """

    def __init__(self, *, organization_id: str, session_id: str) -> None:
        if not is_uuid(organization_id) or not is_uuid(session_id):
            raise AudioHookError("Audiohook-Organization-Id and -Session-Id must be UUIDs")
        self._organization_id = organization_id
        self._session_id = session_id
        self._state = State.WAITING
        self._seq = 0
        self._clientseq = 0
        self._media: MediaOffer | None = None
        self._position = 0  # in samples
        self._gap_samples = 0
        self._position_error_samples = 0
        self._t_opened_ms = 0
        self._t_left_ms = 0
        self._last_message_count = 0
        self._ignored_count = 0
        self._fault: AudioHookError | None = None
        self._control_rate = _CONTROL_RATE
        self._audio_rate_ms = _AUDIO_RATE_MS

    @property
    def state(self) -> State:
        """Where the session stands."""
        return self._state

    @property
    def ignored_count(self) -> int:
        """Messages that meant nothing: of an unknown type, or not in this state."""
        return self._ignored_count

    @property
    def position_ms(self) -> int:
        """The stream's clock: audio received and audio known to be dropped."""
        return _ms(self._position)

    @property
    def position_error_ms(self) -> int:
        """The client's last position minus ours, before any correction."""
        return _ms(self._position_error_samples)

    @property
    def fault(self) -> AudioHookError | None:
        """Why the client was disconnected, where it broke the protocol."""
        return self._fault

    def receive(self, message: str | bytes, t_seen_ms: int) -> Received:
        """Take one whole message.

        A broken message is answered by ``disconnect``; the client then closes.

        Raises:
            AudioHookError: the client goes on after the end, or too long after
                ``disconnect``; close the socket.

        """
        if self._state is State.CLOSED:
            raise AudioHookError("The client sent a message after the session was closed")
        if self._state is State.LEAVING:
            return self._hear_last_words(message, t_seen_ms)
        try:
            self._limit(message, t_seen_ms)
            if isinstance(message, bytes):
                return self._take_audio(message, t_seen_ms)
            return self._take_control(parse_envelope(message), t_seen_ms)
        except AudioHookError as fault:
            self._fault = fault
            return self._leave("error", t_seen_ms, info=f"Client Error: {fault}")

    def ask(self, request: ServerRequest, t_seen_ms: int) -> Received:
        """What to send for a request of ours; nothing outside a call."""
        if self._state not in _IN_CALL:
            return Received()
        if request is ServerRequest.COMPLETE:
            return self._leave("completed", t_seen_ms)
        return Received(replies=(self._say(request.value),))

    def disconnect(self, t_seen_ms: int) -> Received:
        """The socket is gone; the client cannot take the session up again, only a new one."""
        del t_seen_ms
        events = self._end_call("connection_lost")
        self._state = State.CLOSED
        return Received(events=events, is_over=True)

    # --- control ------------------------------------------------------------------------------

    def _take_control(self, message: Envelope, t_seen_ms: int) -> Received:
        if message.seq != self._clientseq + 1:
            raise AudioHookError("Invalid seq value (not monotonically increasing)")
        self._clientseq = message.seq
        if message.serverseq > self._seq:
            raise AudioHookError("Invalid serverseq value")
        if message.id != self._session_id:
            raise AudioHookError("Session identifier mismatch")
        position = parse_duration_samples(message.position, SAMPLE_RATE_HZ)
        kind = _PARAMETERS.get(message.type)
        if kind is None:
            return self._ignore()
        parameters = parse_parameters(message.parameters, kind)
        if self._state not in LISTENING[message.type]:
            return self._ignore()
        match parameters:
            case Open():
                return self._open(parameters, position, t_seen_ms)
            case Gap():
                return self._take_gap(message.type, parameters, t_seen_ms)
            case _:
                lost = self._reconcile(position, t_seen_ms)
                rest = self._answer(message.type, parameters)
                return Received(
                    events=(*lost, *rest.events), replies=rest.replies, is_over=rest.is_over
                )

    def _answer(self, kind: str, parameters: Parameters) -> Received:
        match parameters:
            case Close(reason=reason):
                return self._close(reason)
            case Update():
                return Received(events=self._update(parameters), replies=(self._say("updated"),))
            case Dtmf(digit=digit):
                return self._signal(SignalKind.DTMF, digit.upper())
            case ClientError(code=code):
                return self._signal(SignalKind.PEER_ERROR, str(code))
        if kind == "ping":
            return Received(replies=(self._say("pong"),))
        self._state = State.PAUSED
        return self._signal(SignalKind.PAUSED)

    def _open(self, parameters: Open, position: int, t_seen_ms: int) -> Received:
        if parameters.organization_id != self._organization_id:
            self._fault = AudioHookError("The organization is not the one that was authenticated")
            return self._leave("unauthorized", t_seen_ms)
        media = choose_media(parameters.media)
        is_probe = parameters.conversation_id == NULL_UUID
        if media is None and not is_probe:
            raise AudioHookError("No acceptable media: PCMU or L16 at 8000 Hz is needed")
        opened = self._say(
            "opened", {"startPaused": False, "media": () if media is None else (media,)}
        )
        if media is None or is_probe:
            self._state = State.PROBING
            return Received(replies=(opened,))
        self._state = State.ACTIVE
        self._media = media
        self._position = position
        self._t_opened_ms = t_seen_ms
        event = StreamOpened(
            provider=PROVIDER,
            stream_id=self._session_id,
            call_id=parameters.conversation_id,
            tracks=tracks_of(media),
            attributes=_attributes(parameters),
        )
        return Received(events=(event,), replies=(opened,))

    def _update(self, parameters: Update) -> tuple[StreamEvent, ...]:
        told = [] if parameters.language is None else [f"language={parameters.language}"]
        if parameters.participant is not None:
            told.append("participant")
        return self._signal(SignalKind.MARK, " ".join(told)).events if told else ()

    def _close(self, reason: str) -> Received:
        events = self._end_call(reason)
        self._state = State.CLOSED
        return Received(events=events, replies=(self._say("closed"),), is_over=True)

    # --- media and its clock ------------------------------------------------------------------

    def _take_audio(self, payload: bytes, t_seen_ms: int) -> Received:
        if self._state is State.PROBING:
            return self._ignore()
        if self._state is not State.ACTIVE or self._media is None:
            raise AudioHookError(f"Received audio in state {self._state.name}")
        count = sample_count(payload, self._media)
        if not count:
            return self._ignore()
        cost_ms = max(_MIN_AUDIO_COST_MS, _ms(count))
        self._audio_rate_ms = _affordable(self._audio_rate_ms.spend(cost_ms, t_seen_ms))
        t_stream_ms = self.position_ms
        self._move(count)
        encoding = encoding_of(self._media)
        events = tuple(
            StreamMedia(
                track_id=channel,
                t_stream_ms=t_stream_ms,
                encoding=encoding,
                sample_rate_hz=SAMPLE_RATE_HZ,
                payload=samples,
            )
            for channel, samples in split_channels(payload, self._media)
        )
        return Received(events=events)

    def _take_gap(self, kind: str, gap: Gap, t_seen_ms: int) -> Received:
        end = parse_duration_samples(gap.start, SAMPLE_RATE_HZ)
        end += parse_duration_samples(gap.discarded, SAMPLE_RATE_HZ)
        if kind == "discarded":
            return Received(events=self._skip_to(end, t_seen_ms))
        events = self._skip_to(end, t_seen_ms)
        self._state = State.ACTIVE
        return Received(events=(*events, *self._signal(SignalKind.RESUMED).events))

    def _reconcile(self, position: int, t_seen_ms: int) -> tuple[StreamEvent, ...]:
        """Compare the client's clock with ours; in a pause its clock may stand or run."""
        if self._state is not State.ACTIVE:
            return ()
        self._position_error_samples = position - self._position
        if self.position_error_ms <= MAX_UNEXPLAINED_LEAD_MS:
            return ()
        return self._skip_to(position, t_seen_ms)

    def _skip_to(self, position: int, t_seen_ms: int) -> tuple[StreamEvent, ...]:
        """Move the clock over audio that will not come; it never moves back."""
        count = position - self._position
        if count <= 0:
            return ()
        lasted_ms = t_seen_ms - self._t_opened_ms
        if _ms(self._gap_samples + count) > lasted_ms + MAX_GAP_LEAD_MS:
            raise AudioHookError("Invalid position: more audio discarded than time has passed")
        event = self._signal(SignalKind.DISCARDED, str(_ms(count)))
        self._gap_samples += count
        self._move(count)
        return event.events

    def _move(self, count: int) -> None:
        if _ms(self._position + count) > MAX_CALL_MS:
            raise AudioHookError("The session is longer than 7 days")
        self._position += count

    # --- limits and endings -------------------------------------------------------------------

    def _limit(self, message: str | bytes, t_seen_ms: int) -> None:
        # Text is counted in characters, as the reference does; the socket has counted its bytes.
        if len(message) > MAX_MESSAGE_BYTES:
            raise AudioHookError(f"Message too large, {MAX_MESSAGE_BYTES} bytes allowed")
        if isinstance(message, str):
            self._control_rate = _affordable(self._control_rate.spend(1, t_seen_ms))

    def _hear_last_words(self, message: str | bytes, t_seen_ms: int) -> Received:
        """After ``disconnect`` only ``close`` counts; sequence numbers may be what was wrong."""
        self._last_message_count += 1
        is_late = t_seen_ms - self._t_left_ms > CLOSE_GRACE_MS
        if is_late or self._last_message_count > MAX_LAST_MESSAGES:
            raise AudioHookError("The client did not close after disconnect")
        if isinstance(message, bytes) or len(message) > MAX_MESSAGE_BYTES:
            return self._ignore()
        envelope = parse_envelope(message)
        if envelope.type != "close":
            return self._ignore()
        self._clientseq = envelope.seq
        return self._close(parse_parameters(envelope.parameters, Close).reason)

    def _leave(self, reason: str, t_seen_ms: int, *, info: str | None = None) -> Received:
        why = reason if self._fault is None else f"{reason}: {self._fault}"
        events = self._end_call(why)
        self._state = State.LEAVING
        self._t_left_ms = t_seen_ms
        told = {"reason": reason} if info is None else {"reason": reason, "info": info}
        return Received(events=events, replies=(self._say("disconnect", told),))

    def _end_call(self, reason: str) -> tuple[StreamEvent, ...]:
        return (StreamClosed(reason=reason),) if self._state in _IN_CALL else ()

    def _ignore(self) -> Received:
        self._ignored_count += 1
        return Received()

    def _signal(self, kind: SignalKind, detail: str = "") -> Received:
        event = StreamSignal(kind=kind, t_stream_ms=self.position_ms, detail=detail)
        return Received(events=(event,))

    def _say(self, kind: str, parameters: Mapping[str, object] = MappingProxyType({})) -> str:
        self._seq += 1
        return server_message(kind, self._session_id, self._seq, self._clientseq, dict(parameters))


def _affordable(bucket: TokenBucket | None) -> TokenBucket:
    if bucket is None:
        raise AudioHookError("Rate limit exceeded")
    return bucket


def _attributes(parameters: Open) -> tuple[tuple[str, str], ...]:
    """What identifies the call; names and numbers of people stay out."""
    found = [("organizationId", parameters.organization_id)]
    if parameters.language is not None:
        found.append(("language", parameters.language))
    found.extend(("continuedSession", session.id) for session in parameters.continued_sessions)
    return tuple(found)


def _ms(samples: int) -> int:
    return samples * 1_000 // SAMPLE_RATE_HZ
