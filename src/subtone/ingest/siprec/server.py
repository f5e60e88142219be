"""The session recording server without sockets or clock (RFC 7866): messages in, actions out.

The shell feeds datagrams and framed messages with the receiver's stamp, sends what comes back,
runs the timers and opens the RTP sockets that are asked for. A request that opens nothing is
refused without remembering it (RFC 3261 §8.2.7): its response is derived from it, so a repeated
request gets the same bytes and a flood takes no memory.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from subtone.ingest.siprec.actions import Output, ServerSettings
from subtone.ingest.siprec.answer import accept_offer, answer_sdp
from subtone.ingest.siprec.bodies import RecordingBody, is_marked_as_recording, recording_body
from subtone.ingest.siprec.dialog import (
    MIN_SESSION_EXPIRES_S,
    Dialog,
    MediaRequested,
    PendingOffer,
    RecordingClosed,
    RecordingOpened,
    RecordingSignal,
    RecordingUpdated,
    farewell,
    is_on_hold,
    media_of,
    opened_dialog,
    ports_assigned,
    ports_missing,
    refreshed,
    session_interval,
    stream_opened,
    tracks_of,
)
from subtone.ingest.siprec.digest import Verdict, challenges, verify
from subtone.ingest.siprec.outbox import ALLOW, Exchange, Outbox
from subtone.ingest.siprec.replies import ACCEPTED_TYPES, ALLOWED, SUPPORTED, Peer, keyed, local_tag
from subtone.ingest.siprec.sdp import Media
from subtone.ingest.siprec.sip import Request, Response, SipError, identity_of, parse_message
from subtone.ingest.siprec.transactions import Timer, TimerName
from subtone.ingest.wire import SignalKind, StreamClosed, StreamSignal

_ACCEPTED_REQUIRES: Final = (*SUPPORTED, "100rel")  # nothing between 100 and 200 is ever sent
_KNOWN_METHODS: Final = (
    *ALLOWED,
    *("REGISTER", "PRACK", "SUBSCRIBE", "NOTIFY", "PUBLISH", "REFER", "MESSAGE"),
)


class SessionRecordingServer:
    """All recording sessions of one server.

    Args:
        settings: the operator's.

    """

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._dialogs: dict[str, Dialog] = {}
        self._calls: dict[tuple[str, str], str] = {}  # Call-ID and remote tag -> dialog
        self._out = Outbox(settings)

    @property
    def recording_count(self) -> int:
        """Recordings that run or wait for their sockets."""
        return len(self._dialogs)

    def receive(self, datagram: bytes, peer: Peer, now_ms: int) -> Output:
        """Take one datagram; a keep-alive of line ends or zeros is nothing.

        Raises:
            SipError: it is no SIP message and there is nobody to tell.

        """
        if not datagram.strip(b"\r\n\0"):
            return Output()
        try:
            message = parse_message(datagram)
        except SipError as error:
            return self.refuse_malformed(error, peer)
        return self.handle(message, peer, now_ms)

    def refuse_malformed(self, error: SipError, peer: Peer) -> Output:
        """Answer a message that could not be read, where it says enough to be answered.

        Raises:
            SipError: it does not; the same error.

        """
        self._out.malformed(error, peer)
        return self._out.flush()

    def handle(self, message: Request | Response, peer: Peer, now_ms: int) -> Output:
        """Take one message.

        Raises:
            SipError: a request without the fields an answer needs.

        """
        if isinstance(message, Response):
            self._out.answered(message)
            return self._out.flush()
        try:
            identity = identity_of(message)
        except SipError as error:
            return self.refuse_malformed(error, peer)
        exchange = Exchange(message, identity, peer, now_ms)
        if message.method == "ACK":
            self._take_ack(exchange)
        elif message.method == "CANCEL":
            self._cancel(exchange)
        elif not self._out.repeat(exchange.key):
            self._take_request(exchange)
        return self._out.flush()

    def accept(self, dialog: str, ports: tuple[int, ...], now_ms: int) -> Output:
        """The sockets asked for are open; without effect when the client has given up.

        Args:
            dialog: from ``MediaRequested``.
            ports: as many RTP ports as were asked for.
            now_ms: the receiver's stamp.

        Raises:
            ValueError: another number of ports.

        """
        known = self._dialogs.get(dialog)
        if known is not None and known.pending is not None:
            self._answer_offer(known, known.pending, ports, now_ms)
        return self._out.flush()

    def refuse(self, dialog: str, now_ms: int) -> Output:
        """No sockets: 503; a recording that already ran goes on as it was."""
        known = self._dialogs.get(dialog)
        if known is not None and known.pending is not None:
            self._refuse_pending(known, known.pending, 503, now_ms, "no media ports")
        return self._out.flush()

    def hang_up(self, dialog: str, reason: str, now_ms: int) -> Output:
        """End a recording from this side, with BYE once it was answered."""
        known = self._dialogs.get(dialog)
        if known is not None and known.pending is not None:
            self._refuse_pending(known, known.pending, 503, now_ms, reason)
            known = self._dialogs.get(dialog)
        if known is not None:
            self._bye(known, reason, now_ms)
        return self._out.flush()

    def expire(self, timer: Timer) -> Output:
        """A timer has come."""
        if timer.name is TimerName.SESSION:
            dialog = self._dialogs.get(timer.key)
            if dialog is not None and dialog.expires_ms == timer.due_ms:
                self._bye(dialog, "session timer expired", timer.due_ms)
        elif self._out.expire(timer):
            for dialog in [*self._dialogs.values()]:
                if dialog.last_invite is not None and dialog.last_invite[1] == timer.key:
                    self._bye(dialog, "the answer was never acknowledged", timer.due_ms)
        return self._out.flush()

    def _take_request(self, exchange: Exchange) -> None:
        request, identity = exchange.request, exchange.identity
        if request.method not in ALLOWED:
            status = 405 if request.method in _KNOWN_METHODS else 501
            self._out.reply(exchange, status, extra=ALLOW)
            return
        if not self._is_admitted(exchange):
            return
        unknown = [t for t in request.headers.tokens("require") if t not in _ACCEPTED_REQUIRES]
        if unknown:
            self._out.reply(exchange, 420, extra=(("unsupported", ", ".join(unknown)),))
            return
        try:
            body = recording_body(request)
        except SipError as error:
            extra = (("accept", ACCEPTED_TYPES),) if error.status == 415 else ()
            self._out.reply(exchange, error.status, reason=error.cause, extra=extra)
            return
        interval = session_interval(request)
        if interval is not None and interval.is_too_small:
            self._out.reply(exchange, 422, extra=(("min-se", str(MIN_SESSION_EXPIRES_S)),))
        elif request.method == "OPTIONS" and not identity.to_tag:
            self._out.reply(exchange, 200, extra=self._out.abilities(exchange.peer))
        elif request.method == "INVITE" and not identity.to_tag:
            self._open(exchange, body)
        else:
            self._find_dialog(exchange, body)

    def _is_admitted(self, exchange: Exchange) -> bool:
        digest, secret = self._settings.digest, self._settings.secret
        if digest is None or exchange.peer.is_trusted:
            return True
        call_id, now_ms = exchange.identity.call_id, exchange.now_ms
        verdict = verify(exchange.request, digest, call_id, secret, now_ms)
        if verdict is Verdict.GENUINE:
            return True
        asked = challenges(digest, call_id, secret, now_ms, is_stale=verdict is Verdict.STALE)
        self._out.reply(exchange, 401, extra=tuple(("www-authenticate", value) for value in asked))
        return False

    def _open(self, exchange: Exchange, body: RecordingBody) -> None:
        settings, request = self._settings, exchange.request
        is_recording = body.has_metadata or is_marked_as_recording(request)
        if exchange.call in self._calls:
            self._out.reply(exchange, 482)
        elif not (settings.accepts_plain_calls or is_recording):
            self._out.reply(exchange, 403)
        elif body.offer is None:
            self._out.reply(exchange, 488, reason="No Session Description")
        elif not any(accept_offer(body.offer, b"")):
            self._out.reply(exchange, 488, reason="No Stream Can Be Received")
        elif len(self._dialogs) >= settings.max_recordings or self._out.is_crowded:
            self._out.reply(exchange, 503, extra=self._out.retry_after)
        else:
            tag = local_tag(request, settings.secret)
            dialog = opened_dialog(request, exchange.identity, tag, exchange.target)
            self._take_offer(exchange, dialog, body, body.offer)

    def _find_dialog(self, exchange: Exchange, body: RecordingBody) -> None:
        cseq = exchange.identity.cseq
        dialog = self._dialogs.get(exchange.identity.to_tag)
        if dialog is None or (dialog.call_id, dialog.remote_tag) != exchange.call:
            self._out.reply(exchange, 481)
        elif cseq <= dialog.remote_cseq:
            self._out.reply(exchange, 500, reason="CSeq Out of Order")
        elif self._out.is_crowded:
            self._out.reply(exchange, 503, extra=self._out.retry_after)
        else:
            dialog = replace(dialog, remote_cseq=cseq, peer=exchange.target)
            self._dialogs[dialog.key] = dialog
            self._in_dialog(exchange, dialog, body)

    def _in_dialog(self, exchange: Exchange, dialog: Dialog, body: RecordingBody) -> None:
        is_refresh = exchange.request.method in ("INVITE", "UPDATE")
        if is_refresh and dialog.pending is not None:
            self._out.finish(exchange, 500, extra=(("retry-after", "1"),))
        elif is_refresh and body.offer is not None:
            if any(accept_offer(body.offer, b"")):
                self._take_offer(exchange, dialog, body, body.offer)
            else:
                self._out.finish(exchange, 488, reason="No Stream Can Be Received")
        elif is_refresh:
            self._amend(self._refresh(dialog, exchange), body, exchange.now_ms)
            # A re-INVITE without an offer is given the agreement as one (RFC 3261 §14.2).
            answer = dialog.answer if exchange.request.method == "INVITE" else b""
            self._finish_offer(exchange, dialog.key, answer)
        elif exchange.request.method == "BYE":
            if dialog.pending is not None:
                self._final(dialog.pending, 487, exchange.now_ms)
            self._out.finish(exchange, 200)
            self._close(dialog, "the client ended it")
        else:
            self._amend(dialog, body, exchange.now_ms)
            self._out.finish(exchange, 200)

    def _take_offer(
        self, exchange: Exchange, dialog: Dialog, body: RecordingBody, offer: tuple[Media, ...]
    ) -> None:
        key_secret = keyed(self._settings.secret, "media", dialog.key).encode()
        pending = PendingOffer(
            request=exchange.request,
            identity=exchange.identity,
            peer=exchange.peer,
            transaction=exchange.key,
            offer=offer,
            accepted=accept_offer(offer, key_secret),
            metadata=body.amended(dialog.metadata),
            metadata_fault=body.metadata_fault,
        )
        dialog = replace(dialog, pending=pending)
        self._dialogs[dialog.key] = dialog
        self._calls[exchange.call] = dialog.key
        missing = ports_missing(dialog, pending.accepted)
        if missing == 0:
            self._answer_offer(dialog, pending, (), exchange.now_ms)
            return
        if exchange.request.method == "INVITE":
            self._out.trying(exchange)
        else:
            self._out.begin(exchange)
        self._out.events.append(MediaRequested(dialog=dialog.key, port_count=missing))

    def _answer_offer(
        self, before: Dialog, pending: PendingOffer, fresh: tuple[int, ...], now_ms: int
    ) -> None:
        settings = self._settings
        if len(fresh) != ports_missing(before, pending.accepted):
            raise ValueError(f"{len(fresh)} ports given; accept as many as MediaRequested says")
        ports = ports_assigned(before, pending.accepted, fresh)
        version = before.answer_version + 1
        answer = answer_sdp(
            pending.offer,
            pending.accepted,
            ports,
            host=settings.media_host,
            session_number=int(keyed(settings.secret, "sdp", before.key)[:8], 16),
            version=version,
        )
        exchange = Exchange(pending.request, pending.identity, pending.peer, now_ms)
        dialog = replace(
            before,
            offer=pending.offer,
            accepted=pending.accepted,
            ports=ports,
            answer=answer,
            answer_version=version,
            metadata=pending.metadata,
            opened_ms=now_ms if before.opened_ms is None else before.opened_ms,
            pending=None,
        )
        dialog = self._refresh(dialog, exchange)
        self._finish_offer(exchange, dialog.key, answer)
        if before.opened_ms is None:
            media = media_of(dialog, settings.hints)
            opened = stream_opened(dialog, media, pending.request, settings.call_id_from)
            self._out.events.append(RecordingOpened(dialog=dialog.key, opened=opened, media=media))
            if is_on_hold(dialog):
                self._signal(dialog, SignalKind.PAUSED, now_ms)
        else:
            self._tell_changes(before, dialog, now_ms)
        if pending.metadata_fault:
            self._signal(dialog, SignalKind.PEER_ERROR, now_ms, pending.metadata_fault)

    def _finish_offer(self, exchange: Exchange, key: str, answer: bytes) -> None:
        """The 2xx to an INVITE or UPDATE; an INVITE's waits for its ACK."""
        extra = self._out.session_fields(exchange)
        self._out.finish(exchange, 200, extra=extra, body=answer)
        if exchange.request.method == "INVITE":
            invite = (exchange.identity.cseq, exchange.key)
            self._dialogs[key] = replace(self._dialogs[key], last_invite=invite)

    def _amend(self, dialog: Dialog, body: RecordingBody, now_ms: int) -> None:
        """Take metadata that came without an offer, or beside one that waits for its ports."""
        waiting = dialog.pending
        if waiting is not None:
            waiting = replace(waiting, metadata=body.amended(waiting.metadata))
        after = replace(dialog, metadata=body.amended(dialog.metadata), pending=waiting)
        self._dialogs[dialog.key] = after
        if dialog.opened_ms is not None:
            self._tell_changes(dialog, after, now_ms)
            if body.metadata_fault:
                self._signal(dialog, SignalKind.PEER_ERROR, now_ms, body.metadata_fault)

    def _tell_changes(self, before: Dialog, after: Dialog, now_ms: int) -> None:
        media = media_of(after, self._settings.hints)
        if media != media_of(before, self._settings.hints):
            tracks = tracks_of(media)
            self._out.events.append(RecordingUpdated(dialog=after.key, media=media, tracks=tracks))
        if is_on_hold(after) != is_on_hold(before):
            kind = SignalKind.PAUSED if is_on_hold(after) else SignalKind.RESUMED
            self._signal(after, kind, now_ms)

    def _signal(self, dialog: Dialog, kind: SignalKind, now_ms: int, detail: str = "") -> None:
        opened_ms = now_ms if dialog.opened_ms is None else dialog.opened_ms
        signal = StreamSignal(kind=kind, t_stream_ms=max(0, now_ms - opened_ms), detail=detail)
        self._out.events.append(RecordingSignal(dialog=dialog.key, signal=signal))

    def _cancel(self, exchange: Exchange) -> None:
        for dialog in [*self._dialogs.values()]:
            pending = dialog.pending
            if pending is not None and pending.transaction == exchange.key:
                self._out.reply(exchange, 200)
                self._refuse_pending(dialog, pending, 487, exchange.now_ms, "the client gave up")
                return
        # Too late: the INVITE has its final answer and the CANCEL changes nothing (§9.2).
        self._out.reply(exchange, 481 if self._out.transaction(exchange.key) is None else 200)

    def _take_ack(self, exchange: Exchange) -> None:
        key, cseq = exchange.key, exchange.identity.cseq
        dialog = self._dialogs.get(exchange.identity.to_tag)
        if dialog is not None and (dialog.call_id, dialog.remote_tag) == exchange.call:
            invite = dialog.last_invite
            key = invite[1] if invite is not None and invite[0] == cseq else key
        self._out.acknowledge(key, exchange.now_ms)

    def _refuse_pending(
        self, dialog: Dialog, pending: PendingOffer, status: int, now_ms: int, reason: str
    ) -> None:
        self._final(pending, status, now_ms)
        if dialog.opened_ms is None:
            self._close(dialog, reason)
        else:
            self._dialogs[dialog.key] = replace(dialog, pending=None)

    def _final(self, pending: PendingOffer, status: int, now_ms: int) -> None:
        exchange = Exchange(pending.request, pending.identity, pending.peer, now_ms)
        extra = self._out.retry_after if status == 503 else ()
        self._out.finish(exchange, status, extra=extra)

    def _bye(self, dialog: Dialog, reason: str, now_ms: int) -> None:
        branch = "z9hG4bK" + keyed(self._settings.secret, "bye", dialog.key)
        self._out.request(farewell(dialog, self._out.place, branch), dialog.peer, now_ms)
        self._close(dialog, reason)

    def _close(self, dialog: Dialog, reason: str) -> None:
        del self._dialogs[dialog.key]
        del self._calls[dialog.call_id, dialog.remote_tag]
        closed = StreamClosed(reason=reason)
        self._out.events.append(RecordingClosed(dialog=dialog.key, closed=closed))

    def _refresh(self, dialog: Dialog, exchange: Exchange) -> Dialog:
        dialog = refreshed(dialog, exchange.request, exchange.now_ms)
        self._dialogs[dialog.key] = dialog
        if dialog.expires_ms is not None:
            self._out.timers.append(Timer(dialog.key, TimerName.SESSION, dialog.expires_ms))
        return dialog
